//! Which name does a new thing get? Deterministic, in AWS's shapes, with a counter at the end for people to read.

/// Maker of ids. The leading random digits keep the order of ids from telling their age, as on AWS.
#[derive(Debug)]
pub(crate) struct Ids {
    rng: fastrand::Rng,
    made: u64,
}

impl Ids {
    pub(crate) fn new(rng: fastrand::Rng) -> Self {
        Self { rng, made: 0 }
    }

    /// `i-0…`, `eipalloc-0…`: seventeen hexadecimal digits.
    pub(crate) fn resource(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}-0{:04x}{:012x}", self.rng.u16(..), self.made)
    }

    /// Activity ids, tokens, request ids.
    pub(crate) fn uuid(&mut self) -> String {
        let high = self.rng.u64(..);
        self.made += 1;
        format!("{:08x}-{:04x}-4{:03x}-8000-{:012x}", high >> 32, (high >> 16) & 0xffff, high & 0xfff, self.made)
    }

    /// A public address from the documentation range 198.51.100.0/24, then the benchmarking range 198.18.0.0/15.
    pub(crate) fn public_ip(&mut self) -> String {
        self.made += 1;
        let n = self.made;
        if n < 250 { format!("198.51.100.{n}") } else { format!("198.18.{}.{}", (n >> 8) & 0xff, n & 0xff) }
    }
}
