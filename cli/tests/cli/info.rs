//! `lic info`.

use std::fs;

use crate::fixture::{folder, lic, lic_with_model, save};

#[test]
fn the_parts_of_a_file_add_up_to_its_size() {
    let here = folder("info");
    save(&here, "in.png", 100, 70);
    lic_with_model(&here, "encode", &["in.png", "out.lic", "--tile=64"]).well();
    let bytes = fs::metadata(here.join("out.lic")).expect("written").len();
    let ended = lic(&here, ["info", "out.lic", "--json"]).well();
    assert_eq!(String::from_utf8_lossy(&ended.stdout).lines().count(), 1);
    let info = ended.json();
    assert_eq!(info["input"], "out.lic");
    let parts = info["parts"].as_array().expect("a list");
    assert_eq!(parts.iter().map(|part| part["bytes"].as_u64().expect("a number")).sum::<u64>(), bytes);
    assert_eq!((&info["width"], &info["height"], &info["tiles"]), (&100.into(), &70.into(), &4.into()));
    let bpp = info["bpp"].as_f64().expect("a number");
    assert!((bpp - 8.0 * bytes as f64 / 7000.0).abs() < 1e-9);
}

#[test]
fn people_get_the_same_in_words_and_no_weights_are_needed() {
    let here = folder("info-text");
    save(&here, "in.png", 100, 70);
    lic_with_model(&here, "encode", &["in.png", "out.lic"]).well();
    let text = String::from_utf8(lic(&here, ["info", "out.lic"]).well().stdout).expect("UTF-8");
    for part in ["100x70 RGB", "8 bits", "parse id", "header", "tiles"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

#[cfg(unix)]
#[test]
fn what_never_ends_is_refused_at_its_beginning() {
    lic(&folder("info-endless"), ["info", "/dev/zero"]).with(3, &["/dev/zero"]);
}
