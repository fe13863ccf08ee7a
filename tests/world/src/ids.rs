//! Which name does a new thing get? Deterministic, in AWS's shapes, with a counter at the end for people to read.

/// An id that follows from a name alone, for what must not change the ids of others (FNV-1a).
pub(crate) fn uuid_of(name: &str) -> String {
    let hash =
        |start: u64| name.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let (high, low) = (hash(0xcbf2_9ce4_8422_2325), hash(0x6c62_272e_07bb_0142));
    let clock = 0x8000 | (low >> 48) & 0x3fff;
    let (time, node) = (high >> 32, low & 0xffff_ffff_ffff);
    format!("{time:08x}-{:04x}-4{:03x}-{clock:04x}-{node:012x}", (high >> 16) & 0xffff, high & 0xfff)
}

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

    /// `d-` and nine capitals or digits.
    pub(crate) fn deployment(&mut self) -> String {
        const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        self.made += 1;
        let mut rest = self.made;
        let mut id = String::from("d-");
        for _ in 0..4 {
            id.push(char::from(*self.rng.choice(DIGITS).unwrap_or(&b'0')));
        }
        for power in (0..5_u32).rev() {
            let digit = usize::try_from(rest / 36_u64.pow(power) % 36).unwrap_or(0);
            rest %= 36_u64.pow(power).max(1);
            id.push(DIGITS.get(digit).map_or('0', |digit| char::from(*digit)));
        }
        id
    }

    /// A public address from the documentation range 198.51.100.0/24, then the benchmarking range 198.18.0.0/15.
    pub(crate) fn public_ip(&mut self) -> String {
        self.made += 1;
        let n = self.made;
        if n < 250 { format!("198.51.100.{n}") } else { format!("198.18.{}.{}", (n >> 8) & 0xff, n & 0xff) }
    }
}
