//! libFuzzer's entry to [`panda_fuzz::redaction`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| panda_fuzz::redaction(data));
