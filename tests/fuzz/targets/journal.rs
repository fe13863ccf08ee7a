//! libFuzzer's entry to [`panda_fuzz::journal`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| panda_fuzz::journal(data));
panda_fuzz::mutate_as_json!();
