//! Runs `lic_fuzz::round_trip` on libFuzzer's inputs, in one thread: handing work over takes longer than the work.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().expect("the first pool"),
    |data: &[u8]| lic_fuzz::round_trip::check(data)
);
