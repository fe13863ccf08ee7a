//! libFuzzer's entry to [`panda_fuzz::tags`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| panda_fuzz::tags(data));
