//! Runs `lic_fuzz::header` on libFuzzer's inputs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lic_fuzz::header::check(data));
