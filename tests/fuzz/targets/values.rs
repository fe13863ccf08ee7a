//! libFuzzer's entry to [`panda_fuzz::values`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| panda_fuzz::values(data));
