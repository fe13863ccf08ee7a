//! What may strangers' bytes do to the decisions? Be read, or be refused with a reason; never stop a function, never say more than they say.
//!
//! A target takes bytes and panics where a law is broken. libFuzzer plays the targets (`make fuzz`); the workspace's own tests include this
//! module and play every seed, and changes of every seed, in a moment.

mod commands;
mod events;
pub mod json;
mod policies;
mod preflight;
mod texts;

pub use self::{
    commands::{journal, panda},
    events::{events, recovery},
    policies::{calendar, tags, values},
    preflight::preflight,
    texts::{redaction, reports},
};

/// A target.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name: of the binary, of the folder of its own seeds, and of the function.
    pub name: &'static str,
    /// Takes any bytes; panics where a law is broken.
    pub play: fn(&[u8]),
    /// Whether it reads JSON, so that the sample events are seeds too.
    pub reads_json: bool,
}

/// Every target.
pub const TARGETS: [Target; 10] = [
    Target { name: "events", play: events, reads_json: true },
    Target { name: "recovery", play: recovery, reads_json: true },
    Target { name: "panda", play: panda, reads_json: true },
    Target { name: "preflight", play: preflight, reads_json: true },
    Target { name: "journal", play: journal, reads_json: true },
    Target { name: "tags", play: tags, reads_json: false },
    Target { name: "calendar", play: calendar, reads_json: false },
    Target { name: "values", play: values, reads_json: false },
    Target { name: "redaction", play: redaction, reads_json: false },
    Target { name: "reports", play: reports, reads_json: false },
];

/// Bytes as text, whatever they are.
fn text(data: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(data)
}

/// Changes JSON as JSON half of the time, so that most of what a decoder sees gets past the parser.
#[macro_export]
macro_rules! mutate_as_json {
    () => {
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            let changed = data.get(..size).and_then(|data| $crate::json::mutated(data, u64::from(seed)));
            match changed.filter(|changed| seed % 2 == 0 && changed.len() <= max_size.min(data.len())) {
                Some(changed) => {
                    data[..changed.len()].copy_from_slice(&changed);
                    changed.len()
                }
                None => libfuzzer_sys::fuzzer_mutate(data, size, max_size),
            }
        });
    };
}
