//! Colour profiles, EXIF, XMP and orientation on their way from image to .lic to image.

use std::fs;
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{ImageDecoder, ImageEncoder, ImageReader, RgbImage};
use moxcms::ColorProfile;

use crate::fixture::{folder, lic, lic_with_model, picture};

const XMP: &str = "<x:xmpmeta xmlns:x='adobe:ns:meta/' tiff:Orientation='6'/>";

/// EXIF that says nothing but an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08".to_vec();
    tiff.extend([0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]);
    tiff
}

fn display_p3() -> Vec<u8> {
    ColorProfile::new_display_p3().encode().expect("a profile")
}

/// Saves a PNG with everything that PNG can carry.
fn save_with(path: &Path, image: &RgbImage, icc: Option<Vec<u8>>, cicp: Option<[u8; 4]>, orientation: u8) {
    let mut info = png::Info::with_size(image.width(), image.height());
    info.icc_profile = icc.map(Into::into);
    info.exif_metadata = Some(exif(orientation).into());
    let file = fs::File::create(path).expect("a writable folder");
    let mut encoder = png::Encoder::with_info(file, info).expect("an encoder");
    encoder.set_color(png::ColorType::Rgb);
    encoder.add_itxt_chunk("XML:com.adobe.xmp".to_owned(), XMP.to_owned()).expect("text");
    let mut writer = encoder.write_header().expect("a header");
    if let Some(cicp) = cicp {
        writer.write_chunk(png::chunk::cICP, &cicp).expect("a chunk");
    }
    writer.write_image_data(image.as_raw()).expect("samples");
    writer.finish().expect("an end");
}

/// ICC, EXIF and XMP of an image file.
fn metadata(path: &Path) -> [Option<Vec<u8>>; 3] {
    let reader = ImageReader::open(path).expect("a file").with_guessed_format().expect("readable");
    let mut decoder = reader.into_decoder().expect("an image");
    let found = [decoder.icc_profile(), decoder.exif_metadata(), decoder.xmp_metadata()];
    found.map(|found| found.expect("readable"))
}

fn sections(folder: &Path, file: &str) -> Vec<String> {
    let info = lic(folder, ["info", file, "--json"]).well().json();
    let names = info["parts"].as_array().expect("a list").iter().map(|part| part["part"].as_str().expect("a name"));
    names.filter(|name| !["header", "tile index", "tiles"].contains(name)).map(str::to_owned).collect()
}

#[test]
fn png_and_webp_give_back_all_they_can_hold() {
    let here = folder("metadata");
    // Made once: a profile says in which second it was made.
    let profile = display_p3();
    save_with(&here.join("in.png"), &picture(60, 40).into_rgb8(), Some(profile.clone()), None, 1);
    let ended = lic_with_model(&here, "encode", &["in.png", "a.lic"]).well();
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
    assert_eq!(sections(&here, "a.lic"), ["ICC profile", "EXIF", "XMP"]);
    for name in ["back.png", "back.webp"] {
        let ended = lic_with_model(&here, "decode", &["a.lic", name]).well();
        assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
        assert_eq!(metadata(&here.join(name)), [Some(profile.clone()), Some(exif(1)), Some(XMP.into())], "{name}");
    }
    let ended = lic_with_model(&here, "decode", &["a.lic", "back.ppm"]).well();
    for lost in ["the ICC profile", "EXIF", "XMP"] {
        assert!(ended.stderr.contains(&format!("{lost} cannot be kept in ppm")), "{}", ended.stderr);
    }
}

#[test]
fn strip_leaves_out_what_does_not_show_and_nothing_else() {
    let here = folder("strip");
    save_with(&here.join("in.png"), &picture(60, 40).into_rgb8(), Some(display_p3()), Some([12, 13, 0, 1]), 6);
    lic_with_model(&here, "encode", &["in.png", "a.lic", "--strip"]).well();
    assert_eq!(sections(&here, "a.lic"), ["ICC profile", "CICP", "orientation"]);
}

#[test]
fn samples_stay_as_stored_and_the_decoded_image_is_turned_once() {
    let here = folder("orientation");
    let upright = picture(60, 40).into_rgb8();
    // Stored on its side: turning by a quarter clockwise (6) makes it upright.
    let stored = image::imageops::rotate270(&upright);
    save_with(&here.join("in.png"), &stored, None, None, 6);
    lic_with_model(&here, "encode", &["in.png", "a.lic", "-q90"]).well();
    let info = lic(&here, ["info", "a.lic", "--json"]).well().json();
    assert_eq!((&info["width"], &info["height"], &info["orientation"]), (&40.into(), &60.into(), &6.into()));
    lic_with_model(&here, "decode", &["a.lic", "back.png"]).well();
    let back = image::open(here.join("back.png")).expect("an image").into_rgb8();
    assert_eq!(back.dimensions(), (60, 40));
    let psnr = lic_benches::psnr(upright.as_raw(), back.as_raw()).expect("images of one size");
    assert!(psnr > 25.0, "{psnr} dB");
    let [_, exif, _] = metadata(&here.join("back.png"));
    assert_eq!(Orientation::from_exif_chunk(&exif.expect("EXIF")), Some(Orientation::NoTransforms));
}

#[test]
fn code_points_come_back_in_png_and_are_missed_in_webp() {
    let here = folder("cicp");
    save_with(&here.join("in.png"), &picture(20, 20).into_rgb8(), None, Some([9, 16, 0, 1]), 1);
    lic_with_model(&here, "encode", &["in.png", "a.lic"]).well();
    lic_with_model(&here, "decode", &["a.lic", "back.png"]).well();
    let file = fs::File::open(here.join("back.png")).expect("written");
    let reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().expect("a PNG");
    let cicp = reader.info().coding_independent_code_points.expect("code points");
    assert_eq!((cicp.color_primaries, cicp.transfer_function), (9, 16));
    let ended = lic_with_model(&here, "decode", &["a.lic", "back.webp"]).well();
    assert!(ended.stderr.contains("CICP cannot be kept in webp"), "{}", ended.stderr);
    lic_with_model(&here, "encode", &["in.png", "b.lic", "--to-srgb"]).with(3, &["in.png", "high dynamic range", "16"]);
}

#[test]
fn to_srgb_converts_the_samples_and_drops_the_profile() {
    let here = folder("to-srgb");
    // By the matrices of Display P3 and sRGB this green is (85.1, 154.7, 96.5) in sRGB.
    let flat = RgbImage::from_pixel(48, 48, image::Rgb([102, 153, 102]));
    for (name, icc, cicp) in [("icc.png", Some(display_p3()), None), ("cicp.png", None, Some([12, 13, 0, 1]))] {
        save_with(&here.join(name), &flat, icc, cicp, 1);
        lic_with_model(&here, "encode", &[name, "a.lic", "--to-srgb", "--strip", "-q100"]).well();
        assert!(sections(&here, "a.lic").is_empty());
        lic_with_model(&here, "decode", &["a.lic", "back.png"]).well();
        let back = image::open(here.join("back.png")).expect("an image").into_rgb8();
        let mean = |c: usize| back.pixels().map(|p| f64::from(p.0[c])).sum::<f64>() / (48.0 * 48.0);
        let (expected, found) = ([85.1, 154.7, 96.5], [mean(0), mean(1), mean(2)]);
        assert!(expected.iter().zip(found).all(|(e, f): (&f64, f64)| (e - f).abs() < 2.5), "{name}: {found:?}");
    }
    // sRGB already: the same file with and without.
    flat.save(here.join("plain.png")).expect("written");
    lic_with_model(&here, "encode", &["plain.png", "b.lic"]).well();
    lic_with_model(&here, "encode", &["plain.png", "c.lic", "--to-srgb"]).well();
    assert_eq!(fs::read(here.join("b.lic")).expect("written"), fs::read(here.join("c.lic")).expect("written"));
}

#[test]
fn to_srgb_leaves_no_word_of_adobe_rgb_in_exif() {
    let here = folder("to-srgb-exif");
    // EXIF as cameras write it: directories of one, two and one entries; uncalibrated, and the index of Adobe RGB.
    let mut exif = b"MM\0\x2a\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0".to_vec();
    exif.extend(b"\0\x02\xa0\x01\0\x03\0\0\0\x01\xff\xff\0\0\xa0\x05\0\x04\0\0\0\x01\0\0\0\x38\0\0\0\0");
    exif.extend(b"\0\x01\0\x01\0\x02\0\0\0\x04R03\0\0\0\0\0");
    let mut encoder = PngEncoder::new(fs::File::create(here.join("in.png")).expect("a writable folder"));
    encoder.set_exif_metadata(exif.clone()).expect("PNG carries EXIF");
    picture(20, 20).into_rgb8().write_with_encoder(encoder).expect("written");
    lic_with_model(&here, "encode", &["in.png", "kept.lic"]).well();
    assert_eq!(sections(&here, "kept.lic"), ["ICC profile", "EXIF"]);
    lic_with_model(&here, "encode", &["in.png", "a.lic", "--to-srgb"]).well();
    lic_with_model(&here, "decode", &["a.lic", "back.png"]).well();
    let [icc, kept, _] = metadata(&here.join("back.png"));
    assert!(icc.is_none() && kept.is_some_and(|kept| kept.len() == exif.len() && kept != exif));
    lic_with_model(&here, "encode", &["back.png", "again.lic"]).well();
    assert_eq!(sections(&here, "again.lic"), ["EXIF"]);
}

#[test]
fn a_profile_that_cannot_be_used_is_an_error_only_where_it_is_needed() {
    let here = folder("bad-profile");
    let mut icc = vec![0; 132];
    icc[16..20].copy_from_slice(b"RGB ");
    icc[36..40].copy_from_slice(b"acsp");
    save_with(&here.join("in.png"), &picture(20, 20).into_rgb8(), Some(icc), None, 1);
    lic_with_model(&here, "encode", &["in.png", "a.lic"]).well();
    lic_with_model(&here, "encode", &["in.png", "a.lic", "--to-srgb"]).with(3, &["in.png", "ICC profile"]);
}

#[test]
fn the_size_and_the_xmp_of_a_turned_picture_are_those_of_what_is_written() {
    let here = folder("turned");
    save_with(&here.join("in.png"), &picture(60, 40).into_rgb8(), None, None, 6);
    lic_with_model(&here, "encode", &["in.png", "a.lic"]).well();
    let record = lic_with_model(&here, "decode", &["a.lic", "back.png", "--json"]).well().json();
    assert_eq!((&record["width"], &record["height"]), (&40.into(), &60.into()));
    assert_eq!(image::image_dimensions(here.join("back.png")).expect("an image"), (40, 60));
    let [_, _, xmp] = metadata(&here.join("back.png"));
    assert_eq!(String::from_utf8(xmp.expect("XMP")).expect("text"), XMP.replace("'6'", "'1'"));
}
