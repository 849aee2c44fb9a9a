//! Decoding part of a picture, or all of it smaller.

use std::fs;

use image::{DynamicImage, GenericImageView};

use crate::fixture::{folder, lic, lic_with_input, lic_with_model, save};

fn open(path: &std::path::Path) -> DynamicImage {
    image::open(path).expect("an image")
}

#[test]
fn a_region_is_cut_from_the_picture_whatever_the_format() {
    let here = folder("region");
    save(&here, "in.png", 300, 200);
    lic_with_model(&here, "encode", &["in.png", "out.lic", "--tile", "64"]).well();
    lic_with_model(&here, "decode", &["out.lic", "whole.png"]).well();
    let whole = open(&here.join("whole.png"));
    for name in ["part.png", "part.webp", "part.ppm"] {
        let ended = lic_with_model(&here, "decode", &["out.lic", name, "--region", "130,90,100,50"]).well();
        assert!(ended.stderr.contains(&format!("read -> {name}: 100x50 RGB")), "{}", ended.stderr);
        assert_eq!(open(&here.join(name)).into_rgb8(), whole.crop_imm(130, 90, 100, 50).into_rgb8());
    }
    // Only what is needed is read: the first tile lies before most of the file.
    let ended = lic_with_model(&here, "decode", &["out.lic", "part.png", "--region", "0,0,8,8", "--json"]).well();
    let read = ended.json()["bytes"].as_u64().expect("a number");
    assert!(read <= fs::metadata(here.join("out.lic")).unwrap().len() && ended.json()["bpp"].is_null());
}

#[test]
fn pictures_become_smaller() {
    let here = folder("scale");
    save(&here, "in.png", 301, 200);
    lic_with_model(&here, "encode", &["in.png", "out.lic"]).well();
    for (arguments, size) in [
        (&["--scale", "1/2"][..], (151, 100)),
        (&["--scale", "1/4"], (76, 50)),
        (&["--scale", "1/8"], (38, 25)),
        (&["--preview"], (38, 25)),
        (&["--thumbnail", "38"], (38, 25)),
        (&["--thumbnail", "39"], (76, 50)),
        (&["--thumbnail", "128"], (151, 100)),
        (&["--thumbnail", "999"], (301, 200)),
        (&["--preview", "--region", "9,9,8,8"], (2, 2)),
        (&["--scale", "1/4", "--region", "9,9,8,9"], (2, 3)),
    ] {
        lic_with_model(&here, "decode", &[&["out.lic", "small.png"], arguments].concat()).well();
        assert_eq!(open(&here.join("small.png")).dimensions(), size, "{arguments:?}");
    }
}

#[test]
fn regions_and_scales_that_make_no_sense_are_named() {
    let here = folder("no-view");
    save(&here, "in.png", 30, 20);
    lic_with_model(&here, "encode", &["in.png", "out.lic"]).well();
    let decode = |arguments: &[&str]| lic_with_model(&here, "decode", &[&["out.lic", "x.png"], arguments].concat());
    decode(&["--region", "20,0,20,5"]).with(2, &["region", "20x5", "20,0", "30x20"]);
    for wrong in ["1,2,3", "a,b,c,d", "0,0,0,5", "-1,0,5,5", "0,0,5,5,5"] {
        decode(&[&format!("--region={wrong}")]).with(2, &["four numbers"]);
    }
    decode(&["--scale", "1/3"]).with(2, &["1/2, 1/4 or 1/8"]);
    decode(&["--scale", "1/2", "--preview"]).with(2, &["cannot be used with"]);
    decode(&["--thumbnail", "9", "--region", "0,0,8,8"]).with(2, &["cannot be used with"]);
    assert!(!here.join("x.png").exists());
}

#[test]
fn more_pixels_than_the_user_wants_to_decode_are_refused() {
    let here = folder("max-pixels");
    save(&here, "in.png", 30, 20);
    lic_with_model(&here, "encode", &["in.png", "out.lic"]).well();
    let decode = |most: &str| lic_with_model(&here, "decode", &["out.lic", "x.png", "--max-pixels", most]);
    decode("599").with(3, &["out.lic", "600 pixels", "599 of --max-pixels"]);
    assert!(!here.join("x.png").exists());
    decode("600").well();
}

#[test]
fn a_broken_stream_leaves_nothing_behind() {
    let here = folder("broken-stream");
    save(&here, "in.png", 500, 400);
    lic(&here, ["encode", "in.png", "out.lic", "--tile", "64", "--device", "cpu"]).well();
    let file = fs::read(here.join("out.lic")).expect("written");
    for output in ["x.png", "-"] {
        let cut = &file[..file.len() - 20];
        let ended = lic_with_input(&here, ["decode", "-", output, "--device", "cpu"], cut).with(3, &["truncated"]);
        assert!(ended.stdout.is_empty());
    }
    let left: Vec<_> = fs::read_dir(&here).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
