//! Reading images: what is accepted, what is refused, and that nothing is lost silently.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ImageEncoder, ImageFormat, Rgb, RgbImage};
use lic_datasets::{Channels, Photo, PhotoError};

/// 3x2 pixels, all different.
fn small() -> RgbImage {
    RgbImage::from_fn(3, 2, |x, y| Rgb([x as u8 * 50, y as u8 * 90, 7]))
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("encoding to memory");
    bytes.into_inner()
}

/// EXIF that says nothing but an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08".to_vec();
    tiff.extend([0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]);
    tiff
}

#[test]
fn lossless_formats_are_read_exactly_whatever_their_name() {
    let image = DynamicImage::ImageRgb8(small());
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Pnm] {
        let photo = Photo::read(&encoded(&image, format)).expect("a valid image");
        assert_eq!(photo.pixels, small().into_raw(), "{format:?}");
        assert_eq!((photo.width, photo.height, photo.channels), (3, 2, Channels::Rgb));
    }
}

#[test]
fn grey_stays_grey() {
    let photo =
        Photo::read(&encoded(&DynamicImage::ImageRgb8(small()).to_luma8().into(), ImageFormat::Png)).expect("valid");
    assert_eq!((photo.channels, photo.pixels.len()), (Channels::Grey, 6));
}

#[test]
fn opaque_alpha_is_dropped_and_transparency_refused() {
    let mut image = DynamicImage::ImageRgb8(small()).to_rgba8();
    let photo = Photo::read(&encoded(&image.clone().into(), ImageFormat::Png)).expect("opaque");
    assert_eq!(photo.pixels, small().into_raw());
    image.get_pixel_mut(1, 1).0[3] = 254;
    assert!(matches!(Photo::read(&encoded(&image.into(), ImageFormat::Png)), Err(PhotoError::Transparent)));
}

#[test]
fn sixteen_bits_are_refused_with_a_hint() {
    let image = DynamicImage::ImageRgb16(DynamicImage::ImageRgb8(small()).to_rgb16());
    let error = Photo::read(&encoded(&image, ImageFormat::Png)).expect_err("16 bits");
    assert!(error.to_string().contains("16 bits") && error.to_string().contains("-depth 8"), "{error}");
}

#[test]
fn the_orientation_of_exif_is_applied_to_the_pixels() {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif(6)).expect("PNG carries EXIF");
    encoder.write_image(&small(), 3, 2, image::ExtendedColorType::Rgb8).expect("encoding to memory");
    let photo = Photo::read(&bytes).expect("a valid image");
    assert!(photo.has_exif);
    assert_eq!((photo.width, photo.height), (2, 3));
    assert_eq!(photo.pixels, image::imageops::rotate90(&small()).into_raw());
}

#[test]
fn profiles_and_exif_are_noticed() {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif(1)).expect("JPEG carries EXIF");
    encoder.set_icc_profile(vec![1; 200]).expect("JPEG carries ICC");
    encoder.encode_image(&small()).expect("encoding to memory");
    let photo = Photo::read(&bytes).expect("a valid image");
    assert!(photo.has_icc && photo.has_exif);
    let plain = Photo::read(&encoded(&DynamicImage::ImageRgb8(small()), ImageFormat::Png)).expect("a valid image");
    assert!(!plain.has_icc && !plain.has_exif);
}

#[test]
fn xmp_is_noticed() {
    let plain = encoded(&DynamicImage::ImageRgb8(small()), ImageFormat::Jpeg);
    assert!(!Photo::read(&plain).expect("a valid image").has_xmp);
    // An APP1 segment after the start marker; its length counts itself.
    let packet = [b"http://ns.adobe.com/xap/1.0/\0".as_slice(), b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"].concat();
    let length = (packet.len() as u16 + 2).to_be_bytes();
    let bytes = [&plain[..2], &[0xff, 0xe1], &length, &packet, &plain[2..]].concat();
    assert!(Photo::read(&bytes).expect("a valid image").has_xmp);
}

#[test]
fn a_huge_header_is_refused_before_anything_is_allocated() {
    let error = Photo::read(b"P6\n70000 1\n255\n").expect_err("too wide");
    assert!(matches!(error, PhotoError::TooLarge { width: 70000, height: 1 }), "{error}");
}

#[test]
fn other_content_is_named_for_what_it_is() {
    assert!(matches!(Photo::read(b""), Err(PhotoError::UnknownFormat)));
    assert!(matches!(Photo::read(b"just some text, no image"), Err(PhotoError::UnknownFormat)));
    let error = Photo::read(b"GIF89a\0\0").expect_err("a GIF");
    assert!(error.to_string().contains("Gif"), "{error}");
}

#[test]
fn truncated_images_are_errors() {
    let bytes = encoded(&DynamicImage::ImageRgb8(small()), ImageFormat::Png);
    for length in 8..bytes.len() - 12 {
        assert!(Photo::read(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
}
