//! Reading images: what is accepted, what is refused, and that nothing is lost silently.

use std::io::Cursor;

use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageEncoder, ImageFormat, Rgb, RgbImage};
use lic_datasets::{Channels, Lost, Photo, PhotoError, PhotoMetadata, PhotoSamples};

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
        assert_eq!(photo.pixels, small().into_raw().into(), "{format:?}");
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
fn opaque_alpha_is_dropped_and_transparency_kept_apart_from_the_colours() {
    let mut image = DynamicImage::ImageRgb8(small()).to_rgba8();
    let photo = Photo::read(&encoded(&image.clone().into(), ImageFormat::Png)).expect("opaque");
    assert_eq!(photo.pixels, small().into_raw().into());
    assert_eq!(photo.alpha, None);
    assert!(photo.plain().is_ok());
    image.get_pixel_mut(1, 1).0[3] = 254;
    let photo = Photo::read(&encoded(&image.clone().into(), ImageFormat::Png)).expect("a valid image");
    assert_eq!(
        (&photo.pixels, photo.alpha.clone()),
        (&small().into_raw().into(), Some(vec![255, 255, 255, 255, 254, 255].into()))
    );
    assert_eq!(photo.clone().into_image(), Some(image.clone().into()));
    assert!(matches!(photo.plain(), Err(PhotoError::Transparent)));
    let grey = DynamicImage::ImageRgba8(image).to_luma_alpha8();
    let photo = Photo::read(&encoded(&grey.clone().into(), ImageFormat::Png)).expect("a valid image");
    assert_eq!(
        (photo.channels, photo.pixels.len(), photo.alpha.as_ref().map(PhotoSamples::len)),
        (Channels::Grey, 6, Some(6))
    );
    assert_eq!(photo.into_image(), Some(grey.into()));
}

#[test]
fn alpha_is_turned_with_the_colours() {
    let mut image = DynamicImage::ImageRgb8(small()).to_rgba8();
    image.get_pixel_mut(0, 1).0[3] = 9;
    let mut photo = Photo::read(&encoded(&image.into(), ImageFormat::Png)).expect("a valid image");
    photo.metadata.orientation = 6;
    assert_eq!(photo.upright().alpha, Some(vec![9, 255, 255, 255, 255, 255].into()));
}

#[test]
fn sixteen_bits_are_kept_with_and_without_alpha() {
    let image = image::ImageBuffer::from_fn(3, 2, |x, y| image::Rgba([1000 + x as u16, 60000, 9, 65535 - y as u16]));
    let photo = Photo::read(&encoded(&DynamicImage::ImageRgba16(image.clone()), ImageFormat::Png)).expect("valid");
    assert_eq!(photo.alpha, Some(PhotoSamples::Sixteen(vec![65535, 65535, 65535, 65534, 65534, 65534])));
    let PhotoSamples::Sixteen(pixels) = &photo.pixels else { panic!("16 bits became {:?}", photo.pixels) };
    assert_eq!(pixels[3..6], [1001, 60000, 9]);
    assert_eq!(photo.clone().into_image(), Some(DynamicImage::ImageRgba16(image.clone())));
    let grey = DynamicImage::ImageRgba16(image).to_luma16();
    let photo = Photo::read(&encoded(&grey.clone().into(), ImageFormat::Png)).expect("a valid image");
    assert_eq!((photo.channels, photo.clone().into_image()), (Channels::Grey, Some(grey.into())));
    assert!(matches!(photo.plain(), Err(PhotoError::Deep)));
}

#[test]
fn pixmaps_of_ten_and_twelve_bits_reach_from_black_to_white() {
    for most in [1023u16, 4095] {
        let half = most.div_ceil(2);
        let samples = [0, half, most].map(u16::to_be_bytes).concat();
        let bytes = [format!("P5\n3 1\n{most}\n").into_bytes(), samples].concat();
        let PhotoSamples::Sixteen(samples) = Photo::read(&bytes).expect("a valid image").pixels else {
            panic!("the depth is lost")
        };
        assert!(samples[0] == 0 && samples[1].abs_diff(32768) < 40 && samples[2] == 65535, "{samples:?}");
    }
}

#[test]
fn the_orientation_of_exif_is_moved_out_of_it_and_upright_applies_it() {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif(6)).expect("PNG carries EXIF");
    encoder.write_image(&small(), 3, 2, image::ExtendedColorType::Rgb8).expect("encoding to memory");
    let photo = Photo::read(&bytes).expect("a valid image");
    assert_eq!((photo.width, photo.height, &photo.pixels), (3, 2, &small().into_raw().into()));
    assert_eq!((photo.metadata.orientation, photo.metadata.exif.clone()), (6, Some(exif(1))));
    let photo = photo.upright();
    assert_eq!((photo.width, photo.height, photo.metadata.orientation), (2, 3, 1));
    assert_eq!(photo.pixels, image::imageops::rotate90(&small()).into_raw().into());
}

/// The first 128 bytes of an ICC profile for these colours, and some more.
fn icc(colours: &[u8; 4]) -> Vec<u8> {
    let mut icc = vec![0; 200];
    icc[16..20].copy_from_slice(colours);
    icc[36..40].copy_from_slice(b"acsp");
    icc
}

/// A JPEG with these segments after its start marker.
fn jpeg_with(segments: &[(u8, &[u8])]) -> Vec<u8> {
    let plain = encoded(&DynamicImage::ImageRgb8(small()), ImageFormat::Jpeg);
    let mut bytes = plain[..2].to_vec();
    for (marker, body) in segments {
        // The length counts itself.
        bytes.extend([&[0xff, *marker], &(body.len() as u16 + 2).to_be_bytes()[..], body].concat());
    }
    [&bytes, &plain[2..]].concat()
}

const XMP_OF_JPEG: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

#[test]
fn what_a_jpeg_says_beside_its_samples_is_taken_over() {
    let packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>".as_slice();
    let bytes = jpeg_with(&[
        (0xe1, &[b"Exif\0\0".as_slice(), &exif(3)].concat()),
        (0xe1, &[XMP_OF_JPEG, packet].concat()),
        (0xe2, &[b"ICC_PROFILE\0\x01\x01".as_slice(), &icc(b"RGB ")].concat()),
    ]);
    let photo = Photo::read(&bytes).expect("a valid image");
    let expected = PhotoMetadata {
        icc: Some(icc(b"RGB ")),
        cicp: None,
        exif: Some(exif(1)),
        xmp: Some(packet.to_vec()),
        orientation: 3,
    };
    assert_eq!((photo.metadata, photo.lost), (expected, vec![]));
}

#[test]
fn the_profile_of_a_webp_is_taken_over_and_one_for_other_samples_said() {
    let webp = |icc: Vec<u8>| {
        let mut bytes = Vec::new();
        let mut encoder = WebPEncoder::new_lossless(&mut bytes);
        encoder.set_icc_profile(icc).expect("WebP carries profiles");
        encoder.write_image(&small(), 3, 2, image::ExtendedColorType::Rgb8).expect("encoding to memory");
        Photo::read(&bytes).expect("a valid image")
    };
    let photo = webp(icc(b"RGB "));
    assert_eq!((photo.metadata.icc, photo.lost), (Some(icc(b"RGB ")), vec![]));
    let photo = webp(icc(b"GRAY"));
    let lost = Lost::ForeignIcc { profile: "GRAY".to_owned(), samples: "RGB" };
    assert_eq!((photo.metadata.icc, photo.lost), (None, vec![lost]));
}

#[test]
fn an_image_that_says_nothing_has_no_metadata() {
    let photo = Photo::read(&jpeg_with(&[])).expect("a valid image");
    assert_eq!((photo.metadata, photo.lost), (PhotoMetadata::default(), vec![]));
}

#[test]
fn what_is_damaged_or_for_other_samples_is_left_out_and_said() {
    let bytes = jpeg_with(&[
        (0xe1, b"Exif\0\0nothing"),
        (0xe1, &[XMP_OF_JPEG, b"<\xff".as_slice()].concat()),
        (0xe2, &[b"ICC_PROFILE\0\x01\x01".as_slice(), &icc(b"CMYK")].concat()),
    ]);
    let photo = Photo::read(&bytes).expect("a valid image");
    assert_eq!(photo.metadata, PhotoMetadata::default());
    let icc = Lost::ForeignIcc { profile: "CMYK".to_owned(), samples: "RGB" };
    assert_eq!(photo.lost, [icc, Lost::DamagedExif, Lost::DamagedXmp]);
    let bytes = jpeg_with(&[(0xe2, &[b"ICC_PROFILE\0\x01\x01".as_slice(), &[1; 200]].concat())]);
    assert_eq!(Photo::read(&bytes).expect("a valid image").lost, [Lost::DamagedIcc]);
}

/// A PNG with a cICP chunk.
fn png_with_cicp(body: &[u8; 4]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 3, 2);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_chunk(png::chunk::cICP, body).expect("a chunk");
    writer.write_image_data(small().as_raw()).expect("samples");
    writer.finish().expect("an end");
    bytes
}

#[test]
fn code_points_of_a_png_are_taken_over_if_they_are_of_full_range_rgb() {
    let photo = Photo::read(&png_with_cicp(&[12, 13, 0, 1])).expect("a valid image");
    assert_eq!((photo.metadata.cicp, photo.lost), (Some([12, 13]), vec![]));
    let photo = Photo::read(&png_with_cicp(&[9, 16, 0, 0])).expect("a valid image");
    assert_eq!((photo.metadata.cicp, photo.lost), (None, vec![Lost::ForeignCicp([9, 16, 0, 0])]));
}

#[test]
fn a_huge_header_is_refused_before_anything_is_allocated() {
    let error = Photo::read(b"P6\n70000 1\n255\n").expect_err("too wide");
    assert!(matches!(error, PhotoError::TooLarge { width: 70000, height: 1 }), "{error}");
}

#[test]
fn other_content_is_named_for_what_it_is() {
    assert!(matches!(Photo::read(b""), Err(PhotoError::NoBytes)));
    assert!(matches!(Photo::read(b"just some text, no image"), Err(PhotoError::UnknownFormat)));
    let error = Photo::read(b"GIF89a\0\0").expect_err("a GIF");
    assert!(error.to_string().contains("GIF images, animated or not"), "{error}");
}

#[test]
fn truncated_images_are_errors() {
    let bytes = encoded(&DynamicImage::ImageRgb8(small()), ImageFormat::Png);
    for length in 8..bytes.len() - 12 {
        assert!(Photo::read(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
}

/// A PNG of a palette: red, opaque; green, half transparent; blue.
fn palette_png(depth: png::BitDepth, rows: &[u8], transparency: Option<&'static [u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 3, 1);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(depth);
    encoder.set_palette(vec![255, 0, 0, 0, 255, 0, 0, 0, 255]);
    if let Some(transparency) = transparency {
        encoder.set_trns(transparency);
    }
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(rows).expect("samples");
    writer.finish().expect("an end");
    bytes
}

#[test]
fn palettes_become_their_colours_and_their_transparency_alpha() {
    let colours = PhotoSamples::Eight(vec![0, 0, 255, 255, 0, 0, 0, 255, 0]);
    for (depth, row) in [(png::BitDepth::Eight, &[2u8, 0, 1][..]), (png::BitDepth::Two, &[0b10_00_01_00])] {
        let photo = Photo::read(&palette_png(depth, row, None)).expect("a valid image");
        assert_eq!((photo.channels, &photo.pixels, photo.alpha), (Channels::Rgb, &colours, None));
        let photo = Photo::read(&palette_png(depth, row, Some(&[255, 128]))).expect("a valid image");
        assert_eq!((photo.pixels, photo.alpha), (colours.clone(), Some(vec![255, 255, 128].into())));
    }
}

#[test]
fn grey_of_few_bits_and_with_a_transparent_level_stays_grey() {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 4, 1);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Two);
    encoder.set_trns(&[0, 1][..]);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&[0b00_01_10_11]).expect("samples");
    writer.finish().expect("an end");
    let photo = Photo::read(&bytes).expect("a valid image");
    let expected = (Channels::Grey, vec![0, 85, 170, 255].into(), Some(vec![255, 0, 255, 255].into()));
    assert_eq!((photo.channels, photo.pixels, photo.alpha), expected);
}

/// A PNG with so many frames of the same picture.
fn animated_png(frames: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 3, 2);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_animated(frames, 0).expect("frames");
    let mut writer = encoder.write_header().expect("a header");
    (0..frames).for_each(|_| writer.write_image_data(small().as_raw()).expect("samples"));
    writer.finish().expect("an end");
    bytes
}

/// An animated WebP that shows a still one twice; what it says of the frames is for decoders that go that far.
fn animated_webp() -> Vec<u8> {
    let chunk = |name: &[u8; 4], body: &[u8]| {
        let padding = vec![0; body.len() % 2];
        [name.as_slice(), &(body.len() as u32).to_le_bytes(), body, &padding].concat()
    };
    let still = encoded(&DynamicImage::ImageRgb8(small()), ImageFormat::WebP);
    let frame = chunk(b"ANMF", &[&[0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 100, 0, 0, 0][..], &still[12..]].concat());
    let header = chunk(b"VP8X", &[0b10, 0, 0, 0, 2, 0, 0, 1, 0, 0]);
    let body = [b"WEBP".as_slice(), &header, &chunk(b"ANIM", &[0; 6]), &frame, &frame].concat();
    chunk(b"RIFF", &body)
}

#[test]
fn animated_images_are_refused_with_a_way_out() {
    for (bytes, name) in [(animated_png(2), "Png"), (animated_webp(), "WebP")] {
        let error = Photo::read(&bytes).expect_err("an animation");
        assert!(matches!(error, PhotoError::Animated { .. }), "{error}");
        assert!(error.to_string().contains(name) && error.to_string().contains("ffmpeg"), "{error}");
    }
    let photo = Photo::read(&animated_png(1)).expect("one frame is a still image");
    assert_eq!(photo.pixels, small().into_raw().into());
}
