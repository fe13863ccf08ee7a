//! libFuzzer's entry to [`panda_fuzz::preflight`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| panda_fuzz::preflight(data));
panda_fuzz::mutate_as_json!();
