//! libFuzzer's entry to [`panda_fuzz::reports`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| panda_fuzz::reports(data));
