//! libFuzzer's entry to [`panda_fuzz::recovery`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| panda_fuzz::recovery(data));
panda_fuzz::mutate_as_json!();
