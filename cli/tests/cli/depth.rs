//! Images of 16 bits per sample on their way through a .lic file.

use image::{ColorType, DynamicImage, ImageBuffer};

use crate::fixture::{folder, lic, lic_with_model, psnr};

/// A slope that 8 bits cannot say.
fn slope() -> DynamicImage {
    DynamicImage::ImageRgb16(ImageBuffer::from_fn(90, 60, |x, y| {
        image::Rgb([20000 + 31 * x as u16, 30000 + 17 * y as u16, 40000 - 13 * x as u16])
    }))
}

#[test]
fn sixteen_bits_come_back_in_formats_that_hold_them() {
    let here = folder("deep");
    slope().save(here.join("in.png")).expect("written");
    lic_with_model(&here, "encode", &["in.png", "a.lic", "-q", "100"]).well();
    let info = lic(&here, ["info", "a.lic", "--json"]).well().json();
    assert_eq!(info["bits_per_sample"], 16);
    for (name, colour) in
        [("back.png", ColorType::Rgb16), ("back.ppm", ColorType::Rgb16), ("back.pnm", ColorType::Rgb16)]
    {
        let ended = lic_with_model(&here, "decode", &["a.lic", name]).well();
        assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
        let back = image::open(here.join(name)).expect("an image");
        assert_eq!(back.color(), colour, "{name}");
        assert!(psnr(&here.join("in.png"), &here.join(name)) > 30.0);
    }
    let ended = lic_with_model(&here, "decode", &["a.lic", "back.webp"]).well();
    assert!(ended.stderr.contains("8 bits per sample"), "{}", ended.stderr);
    assert!(psnr(&here.join("in.png"), &here.join("back.webp")) > 30.0);
}

#[test]
fn deep_alpha_and_deep_grey_come_back() {
    let here = folder("deep-alpha");
    let mut glass = slope().into_rgba16();
    glass.enumerate_pixels_mut().for_each(|(x, _, pixel)| pixel.0[3] = 700 * x as u16 + 1);
    DynamicImage::ImageRgba16(glass.clone()).save(here.join("in.png")).expect("written");
    lic_with_model(&here, "encode", &["in.png", "a.lic"]).well();
    lic_with_model(&here, "decode", &["a.lic", "back.png"]).well();
    let back = image::open(here.join("back.png")).expect("an image");
    assert_eq!(back.color(), ColorType::Rgba16);
    let alpha = |image: &ImageBuffer<image::Rgba<u16>, Vec<u16>>| image.pixels().map(|p| p.0[3]).collect::<Vec<u16>>();
    assert_eq!(alpha(&back.into_rgba16()), alpha(&glass));

    DynamicImage::ImageLuma16(slope().into_luma16()).save(here.join("grey.png")).expect("written");
    lic_with_model(&here, "encode", &["grey.png", "g.lic"]).well();
    for name in ["grey-back.png", "grey-back.pgm"] {
        lic_with_model(&here, "decode", &["g.lic", name]).well();
        assert_eq!(image::open(here.join(name)).expect("an image").color(), ColorType::L16, "{name}");
    }
}

#[test]
fn to_srgb_converts_sixteen_bits() {
    let here = folder("deep-srgb");
    let flat: ImageBuffer<image::Rgb<u16>, Vec<u16>> =
        ImageBuffer::from_pixel(48, 48, image::Rgb([102, 153, 102].map(|sample| 257 * sample)));
    let mut info = png::Info::with_size(48, 48);
    info.icc_profile = Some(moxcms::ColorProfile::new_display_p3().encode().expect("a profile").into());
    let file = std::fs::File::create(here.join("in.png")).expect("a writable folder");
    let mut encoder = png::Encoder::with_info(file, info).expect("an encoder");
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Sixteen);
    let mut writer = encoder.write_header().expect("a header");
    let bytes: Vec<u8> = flat.as_raw().iter().flat_map(|sample| sample.to_be_bytes()).collect();
    writer.write_image_data(&bytes).expect("samples");
    writer.finish().expect("an end");
    lic_with_model(&here, "encode", &["in.png", "a.lic", "--to-srgb", "-q100"]).well();
    lic_with_model(&here, "decode", &["a.lic", "back.png"]).well();
    let back = image::open(here.join("back.png")).expect("an image").into_rgb16();
    let mean = |c: usize| back.pixels().map(|p| f64::from(p.0[c]) / 257.0).sum::<f64>() / (48.0 * 48.0);
    // As in `metadata.rs`.
    let (expected, found) = ([85.1, 154.7, 96.5], [mean(0), mean(1), mean(2)]);
    assert!(expected.iter().zip(found).all(|(e, f): (&f64, f64)| (e - f).abs() < 2.5), "{found:?}");
}
