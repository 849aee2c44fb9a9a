//! Wrong arguments and wrong files: each is named, with what to do, and has its exit code.

use std::fs;

use image::RgbaImage;

use crate::fixture::{folder, lic, lic_with_model, picture, save};

#[test]
fn wrong_arguments_end_with_two() {
    let here = folder("arguments");
    save(&here, "a.png", 8, 8);
    lic(&here, ["encode", "a.png"]).with(2, &["only one file", "--out-dir"]);
    lic(&here, ["encode", "a.png", "b.png", "c.png"]).with(2, &["3 files", "--out-dir"]);
    lic(&here, ["encode", "a.png", "a.png"]).with(2, &["a.png is input and output"]);
    lic(&here, ["encode", "a.png", "a.lic", "-q", "101"]).with(2, &["101", "from 0 to 100"]);
    lic(&here, ["encode", "a.png", "a.lic", "-q", "-5"]).with(2, &["-5", "from 0 to 100"]);
    lic(&here, ["encode", "a.png", "a.lic", "--target-size", "60k"]).with(2, &["60k", "whole number of bytes"]);
    lic(&here, ["decode", "a.lic", "a.png", "--region", "-1,0,5,5"]).with(2, &["-1,0,5,5", "four numbers"]);
    lic(&here, ["encode", "a.png", "a.lic", "--tile=100"]).with(2, &["100", "multiple of 64"]);
    lic(&here, ["encode", "a.png", "a.lic", "--target-bpp=1", "--target-size=9"])
        .with(2, &["--target-bpp", "--target-size"]);
    lic(&here, ["encode", "a.png", "a.lic", "-q", "5", "--target-psnr=30"]).with(2, &["--quality", "--target-psnr"]);
    lic(&here, ["encode", "a.png", "a.lic", "--target-bpp=-1"]).with(2, &["above 0"]);
    lic(&here, ["encode", "a.png", "-", "--json"]).with(2, &["--json"]);
    lic(&here, ["encode", "a.png", "x/a.webp", "--out-dir=out"]).with(2, &["a.png and x/a.webp would both become"]);
    lic(&here, ["decode", "a.lic", "a.jpg"]).with(2, &["a.jpg", ".png", "--format"]);
    lic_with_model(&here, "encode", &["a.png", "."]).with(2, &["is a folder", "--out-dir"]);
    lic_with_model(&here, "decode", &["a.lic", "."]).with(2, &["is a folder", "--out-dir"]);
}

#[test]
fn missing_files_are_named() {
    let here = folder("missing");
    lic_with_model(&here, "encode", &["nowhere.png", "a.lic"]).with(1, &["nowhere.png"]);
    lic_with_model(&here, "decode", &["nowhere.lic", "a.png"]).with(1, &["nowhere.lic"]);
    lic(&here, ["info", "nowhere.lic"]).with(1, &["nowhere.lic"]);
    save(&here, "a.png", 8, 8);
    lic_with_model(&here, "encode", &["a.png", "no/such/folder.lic"])
        .with(1, &["no/such/folder.lic: there is no folder no/such"]);
    lic(&here, ["encode", "a.png", "a.lic", "--model", "no.safetensors"]).with(4, &["--model", "no.safetensors"]);
}

#[test]
fn images_that_are_not_supported_yet_say_how_to_go_on() {
    let here = folder("unsupported");
    picture(9, 9).to_rgb16().save(here.join("deep.png")).expect("written");
    let mut glass: RgbaImage = picture(9, 9).to_rgba8();
    glass.get_pixel_mut(3, 3).0[3] = 7;
    glass.save(here.join("glass.png")).expect("written");
    // Metrics know opaque pictures only.
    lic_with_model(&here, "bd-rate", &["--dataset=.", "--codec=jpeg", "--no-cache"])
        .with(3, &["deep.png", "8 bits", "-depth 8"]);
    fs::remove_file(here.join("deep.png")).expect("removed");
    lic_with_model(&here, "bd-rate", &["--dataset=.", "--codec=jpeg", "--no-cache"])
        .with(3, &["glass.png", "transparent"]);
    picture(9, 9).save(here.join("a.png")).expect("written");
    lic_with_model(&here, "encode", &["a.png", "a.lic"]).well();
    lic_with_model(&here, "encode", &["a.lic", "b.lic"]).with(2, &["lic decode"]);
    fs::write(here.join("moving.gif"), b"GIF89a\0\0").expect("written");
    lic_with_model(&here, "encode", &["moving.gif", "a.lic"]).with(3, &["moving.gif", "animated", "PNG"]);
}

#[test]
fn what_is_no_lic_file_is_named_for_what_it_is() {
    let here = folder("not-lic");
    save(&here, "a.png", 8, 8);
    fs::copy(here.join("a.png"), here.join("png.lic")).expect("copied");
    fs::write(here.join("empty.lic"), b"").expect("written");
    lic_with_model(&here, "decode", &["png.lic", "b.png"]).with(3, &["png.lic", "PNG"]);
    lic_with_model(&here, "decode", &["empty.lic", "b.png"]).with(3, &["empty.lic", "empty"]);
    lic(&here, ["info", "png.lic"]).with(3, &["png.lic", "PNG"]);
}

#[test]
fn damaged_files_are_refused() {
    let here = folder("damaged");
    save(&here, "in.png", 40, 40);
    lic_with_model(&here, "encode", &["in.png", "good.lic"]).well();
    let good = fs::read(here.join("good.lic")).expect("written");
    fs::write(here.join("short.lic"), &good[..good.len() - 5]).expect("written");
    let mut flipped = good;
    let last = flipped.len() - 6;
    flipped[last] ^= 0x10;
    fs::write(here.join("flipped.lic"), &flipped).expect("written");
    lic_with_model(&here, "decode", &["short.lic", "a.png"]).with(3, &["short.lic", "truncated"]);
    lic_with_model(&here, "decode", &["flipped.lic", "a.png"]).with(3, &["flipped.lic", "damaged"]);
    lic(&here, ["info", "flipped.lic"]).with(3, &["damaged"]);
    assert!(!here.join("a.png").exists());
}
