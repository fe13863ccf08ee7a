//! libFuzzer's entry to [`panda_fuzz::events`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| panda_fuzz::events(data));
panda_fuzz::mutate_as_json!();
