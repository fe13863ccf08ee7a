//! libFuzzer's entry to [`panda_fuzz::panda`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| panda_fuzz::panda(data));
panda_fuzz::mutate_as_json!();
