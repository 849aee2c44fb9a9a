//! `lic bd-rate`.

use std::fs;

use lic_datasets::KODAK;

use crate::fixture::{folder, lic, lic_with_model, psnr, save};

#[test]
fn means_are_those_of_real_files() {
    let here = folder("bd-rate");
    fs::create_dir(here.join("set")).expect("a folder");
    save(&here, "set/a.png", 96, 64);
    save(&here, "set/b.png", 64, 64);
    let json = lic_with_model(&here, "bd-rate", &["--dataset=set", "--qualities=80,20", "--json"]).well().json();
    let (mut bpp, mut decibels) = (0.0, 0.0);
    for (name, pixels) in [("a", 96.0 * 64.0), ("b", 64.0 * 64.0)] {
        let (png, file) = (format!("set/{name}.png"), format!("{name}.lic"));
        lic_with_model(&here, "encode", &[&png, &file, "-q", "20"]).well();
        lic_with_model(&here, "decode", &[&file, "back.png"]).well();
        bpp += 8.0 * fs::metadata(here.join(&file)).expect("written").len() as f64 / pixels / 2.0;
        decibels += psnr(&here.join(&png), &here.join("back.png")) / 2.0;
    }
    let mean = &json["means"][0];
    assert_eq!(mean["quality"], 20.0);
    assert!((mean["bpp"].as_f64().expect("a number") - bpp).abs() < 1e-9, "{mean}, expected {bpp}");
    assert!((mean["psnr"].as_f64().expect("a number") - decibels).abs() < 1e-9, "{mean}, expected {decibels}");
    assert_eq!(json["per_image"].as_array().map(Vec::len), Some(2));
}

#[test]
fn other_images_than_kodak_are_not_compared_with_curves_of_kodak() {
    let here = folder("bd-rate-anchors");
    save(&here, "a.png", 64, 64);
    let ended = lic_with_model(&here, "bd-rate", &["--dataset=.", "--qualities=20,80"]).well();
    assert!(ended.stderr.contains("not exactly the 24 images of Kodak"), "{}", ended.stderr);
    assert!(!String::from_utf8_lossy(&ended.stdout).contains("against"));
    lic(&here, ["bd-rate", "--dataset=.", "--anchor=jpeg"]).with(2, &["--anchor", "measured on"]);
}

#[test]
fn altered_images_of_kodak_are_named() {
    let here = folder("bd-rate-altered");
    for (name, _) in KODAK.files {
        save(&here, name, 8, 8);
    }
    lic(&here, ["bd-rate", "--dataset=.", "--anchor=jpeg"]).with(2, &["altered", "kodim24.png"]);
}

#[test]
fn wrong_folders_and_lists_are_named() {
    let here = folder("bd-rate-wrong");
    lic(&here, ["bd-rate", "--dataset=nowhere"]).with(1, &["--dataset", "nowhere"]);
    lic(&here, ["bd-rate", "--dataset=."]).with(1, &["no images"]);
    lic(&here, ["bd-rate", "--dataset=.", "--qualities=20,120"]).with(2, &["--qualities", "120"]);
    fs::write(here.join("a.png"), b"no image").expect("written");
    lic_with_model(&here, "bd-rate", &["--dataset=."]).with(3, &["a.png"]);
}
