//! Runs `lic_fuzz::decode` on libFuzzer's inputs, in one thread: handing work over takes longer than the work.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().expect("the first pool"),
    |data: &[u8]| lic_fuzz::decode::check(data)
);
