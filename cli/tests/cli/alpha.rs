//! Transparency from image to .lic to image.

use std::fs;

use image::{DynamicImage, GrayAlphaImage, RgbaImage};

use crate::fixture::{folder, lic, lic_with_model, picture};

/// A picture that fades out to the right.
fn glass(width: u32, height: u32) -> RgbaImage {
    let mut image = picture(width, height).into_rgba8();
    image.enumerate_pixels_mut().for_each(|(x, _, pixel)| pixel.0[3] = (x * 255 / width) as u8);
    image
}

fn alpha(image: &DynamicImage) -> Vec<u8> {
    image.to_rgba8().pixels().map(|pixel| pixel.0[3]).collect()
}

#[test]
fn png_and_webp_give_transparency_back_exactly() {
    let here = folder("alpha");
    let original = glass(70, 50);
    original.save(here.join("in.png")).expect("written");
    lic_with_model(&here, "encode", &["in.png", "a.lic", "-q0"]).well();
    let info = lic(&here, ["info", "a.lic"]).well();
    assert!(String::from_utf8_lossy(&info.stdout).contains("alpha, lossless"));
    for name in ["back.png", "back.webp"] {
        let ended = lic_with_model(&here, "decode", &["a.lic", name]).well();
        assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
        let back = image::open(here.join(name)).expect("an image");
        assert_eq!(alpha(&back), alpha(&original.clone().into()), "{name}");
    }
    let ended = lic_with_model(&here, "decode", &["a.lic", "back.ppm"]).well();
    assert!(ended.stderr.contains("transparency cannot be kept in ppm"), "{}", ended.stderr);
    assert_eq!(image::open(here.join("back.ppm")).expect("an image").color(), image::ColorType::Rgb8);
}

#[test]
fn grey_pictures_with_alpha_stay_grey() {
    let here = folder("grey-alpha");
    let original: GrayAlphaImage = DynamicImage::ImageRgba8(glass(30, 20)).to_luma_alpha8();
    original.save(here.join("in.png")).expect("written");
    lic_with_model(&here, "encode", &["in.png", "a.lic"]).well();
    for (name, colour) in [("back.png", image::ColorType::La8), ("back.pgm", image::ColorType::L8)] {
        lic_with_model(&here, "decode", &["a.lic", name]).well();
        assert_eq!(image::open(here.join(name)).expect("an image").color(), colour);
    }
}

#[test]
fn lossy_alpha_has_a_quality_of_its_own() {
    let here = folder("lossy-alpha");
    glass(200, 150).save(here.join("in.png")).expect("written");
    for (name, quality) in [("low.lic", "--alpha-quality=0"), ("high.lic", "--alpha-quality=90")] {
        lic_with_model(&here, "encode", &["in.png", name, quality]).well();
    }
    let size = |name: &str| fs::metadata(here.join(name)).expect("written").len();
    assert!(size("low.lic") < size("high.lic"));
    let info = lic(&here, ["info", "high.lic"]).well();
    assert!(String::from_utf8_lossy(&info.stdout).contains("alpha, quality 90"));
    lic_with_model(&here, "encode", &["in.png", "a.lic", "--alpha-quality=101"]).with(2, &["101", "from 0 to 100"]);
}

#[test]
fn an_opaque_alpha_channel_costs_nothing() {
    let here = folder("opaque");
    picture(40, 30).save(here.join("rgb.png")).expect("written");
    DynamicImage::from(picture(40, 30).into_rgba8()).save(here.join("rgba.png")).expect("written");
    lic_with_model(&here, "encode", &["rgb.png", "rgb.lic"]).well();
    lic_with_model(&here, "encode", &["rgba.png", "rgba.lic"]).well();
    assert_eq!(fs::read(here.join("rgb.lic")).expect("written"), fs::read(here.join("rgba.lic")).expect("written"));
}
