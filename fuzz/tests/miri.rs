//! The container's checks on the seeds, for Miri, which takes too long for everything else:
//! `cd fuzz && MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test --test miri`.

#[test]
fn the_container_is_parsed_without_undefined_behaviour() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/header");
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        lic_fuzz::header::check(&std::fs::read(entry.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds >= 10);
}
