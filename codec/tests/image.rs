//! The traits of the `image` crate, the hooks, and the two example programs.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use image::error::ImageError;
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageDecoderRect, ImageEncoder, ImageReader, Limits};
use lic_codec::image::{LicDecoder, LicEncoder, register};
use lic_codec::{Alpha, Colour, Decoder, DeviceChoice, EncodeOptions, Encoder, Model, Picture, View};

const TYPES: [ColorType; 8] = [
    ColorType::L8,
    ColorType::La8,
    ColorType::L16,
    ColorType::La16,
    ColorType::Rgb8,
    ColorType::Rgba8,
    ColorType::Rgb16,
    ColorType::Rgba16,
];

/// A smooth picture with transparency, if its type has that.
fn drawn(kind: ColorType) -> DynamicImage {
    let pixel = |x: u32, y: u32| image::Rgba([x as u8 * 3, y as u8 * 4, 128, 255 - x as u8]);
    let image = DynamicImage::ImageRgba8(image::RgbaImage::from_fn(70, 50, pixel));
    match kind {
        ColorType::L8 => image.into_luma8().into(),
        ColorType::La8 => image.into_luma_alpha8().into(),
        ColorType::L16 => image.into_luma16().into(),
        ColorType::La16 => image.into_luma_alpha16().into(),
        ColorType::Rgb8 => image.into_rgb8().into(),
        ColorType::Rgb16 => image.into_rgb16().into(),
        ColorType::Rgba16 => image.into_rgba16().into(),
        _ => image,
    }
}

fn encoded(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let writer = LicEncoder::with_options(&mut bytes, EncodeOptions { quality: 95.0, ..EncodeOptions::default() });
    writer.write_image(image.as_bytes(), image.width(), image.height(), image.color().into()).unwrap();
    bytes
}

#[test]
fn every_type_of_pixel_comes_back() {
    for kind in TYPES {
        let image = drawn(kind);
        let bytes = encoded(&image);
        let decoder = LicDecoder::new(Cursor::new(&bytes)).unwrap();
        assert_eq!((decoder.dimensions(), decoder.color_type()), ((70, 50), kind));
        let found = DynamicImage::from_decoder(decoder).unwrap();
        assert_eq!(found.color(), kind);
        let worst = |a: &DynamicImage, b: &DynamicImage| {
            let (a, b) = (a.to_rgba16(), b.to_rgba16());
            let differences = a.pixels().zip(b.pixels()).map(|(a, b)| {
                let colours = (0..3).map(|c| a[c].abs_diff(b[c])).max();
                (colours.unwrap_or(0), a[3].abs_diff(b[3]))
            });
            differences.fold((0, 0), |(c, a), (colour, alpha)| (c.max(colour), a.max(alpha)))
        };
        let (colours, alpha) = worst(&image, &found);
        assert!(colours < 16 * 257, "{kind:?}: colours differ by {colours} of 65535");
        assert_eq!(alpha, 0, "{kind:?}");
    }
}

#[test]
fn a_picture_that_comes_in_bands_has_the_samples_of_one_decoded_whole() {
    let (width, height) = (150u32, 139u32);
    let colours: Vec<u8> =
        (0..3 * width * height).map(|i| (i / 3 % width) as u8 / 2 + (i / 3 / width) as u8 / 2).collect();
    let alpha: Vec<u8> = (0..width * height).map(|i| 255 - (i / width) as u8).collect();
    // Premultiplied: no colour is brighter than its alpha.
    let colours = colours.iter().enumerate().map(|(i, &colour)| colour.min(alpha[i / 3])).collect::<Vec<u8>>();
    let mut picture = Picture::new(width, height, Colour::Rgb, colours).unwrap();
    picture.alpha = Some(Alpha { samples: alpha.into(), premultiplied: true });
    let model = Model::embedded().unwrap();
    let options = EncodeOptions { tile: 64, ..EncodeOptions::default() };
    let file = Encoder::new(&model, DeviceChoice::Cpu).unwrap().encode(&picture, &options).unwrap().bytes;
    let decoder = Arc::new(Decoder::new(&model, DeviceChoice::Cpu).unwrap());
    let mut rows = decoder.rows(file.as_slice(), &View::default()).unwrap();
    assert!(rows.next_band().unwrap().unwrap().height < height, "one band only");

    let mut whole = decoder.decode(&file).unwrap().picture;
    whole.unpremultiply();
    let (colours, alpha) = (whole.pixels.to_eight(), whole.alpha.as_ref().unwrap().samples.to_eight());
    let joined = colours.chunks_exact(3).zip(alpha.iter()).flat_map(|(colour, alpha)| [colour, &[*alpha]].concat());
    let expected: Vec<u8> = joined.collect();
    let reader = || LicDecoder::with_decoder(Cursor::new(&file), decoder.clone()).unwrap();
    let mut found = vec![0; expected.len()];
    reader().read_image(&mut found).unwrap();
    assert!(found == expected);
    // Bytes between rows stay as they are.
    let (row, pitch) = (4 * width as usize, 4 * width as usize + 5);
    let mut found = vec![7; pitch * height as usize];
    reader().read_rect(0, 0, width, height, &mut found, pitch).unwrap();
    for (found, expected) in found.chunks_exact(pitch).zip(expected.chunks_exact(row)) {
        assert!(found[..row] == *expected && found[row..] == [7; 5]);
    }
}

#[test]
fn image_opens_files_by_content_and_by_name_after_registering() {
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(register)).collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    assert!(register());
    let folder = tempfile::tempdir().unwrap();
    let bytes = encoded(&drawn(ColorType::Rgb8));
    let named = folder.path().join("named.LIC");
    let other = folder.path().join("without-extension");
    std::fs::write(&named, &bytes).unwrap();
    std::fs::write(&other, &bytes).unwrap();
    assert_eq!(image::open(&named).unwrap().width(), 70);
    let reader = ImageReader::open(&other).unwrap().with_guessed_format().unwrap();
    assert_eq!(reader.decode().unwrap().height(), 50);
    assert_eq!(image::load_from_memory(&bytes).unwrap().color(), ColorType::Rgb8);
}

#[test]
fn metadata_have_one_source_of_truth() {
    let image = drawn(ColorType::Rgb8);
    let mut bytes = Vec::new();
    let mut writer = LicEncoder::new(&mut bytes);
    writer.set_exif_metadata(exif_with(6)).unwrap();
    writer.set_icc_profile(b"a profile".to_vec()).unwrap();
    writer.write_image(image.as_bytes(), 70, 50, image.color().into()).unwrap();
    let mut decoder = LicDecoder::new(Cursor::new(&bytes)).unwrap();
    assert_eq!(decoder.orientation().unwrap(), Orientation::Rotate90);
    let exif = decoder.exif_metadata().unwrap().unwrap();
    assert_eq!(Orientation::from_exif_chunk(&exif), Some(Orientation::NoTransforms));
    assert_eq!(decoder.icc_profile().unwrap().unwrap(), b"a profile");
    assert_eq!(decoder.xmp_metadata().unwrap(), None);
    assert_eq!(decoder.dimensions(), (70, 50));
}

/// Big-endian TIFF with one entry.
fn exif_with(orientation: u8) -> Vec<u8> {
    [b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", &[orientation][..], &[0; 6]].concat()
}

/// A picture that is written after some calls.
fn written(prepare: impl FnOnce(&mut LicEncoder<&mut Vec<u8>>)) -> Vec<u8> {
    let image = drawn(ColorType::L8);
    let mut bytes = Vec::new();
    let mut writer = LicEncoder::new(&mut bytes);
    prepare(&mut writer);
    writer.write_image(image.as_bytes(), 70, 50, image.color().into()).unwrap();
    bytes
}

fn orientation_of(bytes: &[u8]) -> Orientation {
    LicDecoder::new(Cursor::new(bytes)).unwrap().orientation().unwrap()
}

#[test]
fn exif_that_says_upright_keeps_the_orientation_that_was_set() {
    let first = written(|writer| writer.set_exif_metadata(exif_with(6)).unwrap());
    assert_eq!(orientation_of(&first), Orientation::Rotate90);
    // From one file to another, in both orders.
    let mut decoder = LicDecoder::new(Cursor::new(&first)).unwrap();
    let (orientation, exif) = (decoder.orientation().unwrap(), decoder.exif_metadata().unwrap().unwrap());
    let copied = written(|writer| {
        writer.set_orientation(orientation);
        writer.set_exif_metadata(exif.clone()).unwrap();
    });
    assert_eq!(orientation_of(&copied), Orientation::Rotate90);
    let copied = written(|writer| {
        writer.set_exif_metadata(exif.clone()).unwrap();
        writer.set_orientation(orientation);
    });
    assert_eq!(orientation_of(&copied), Orientation::Rotate90);
    // One that says something goes before what was set, but not before what is set later.
    let turned = written(|writer| {
        writer.set_orientation(Orientation::Rotate180);
        writer.set_exif_metadata(exif_with(6)).unwrap();
    });
    assert_eq!(orientation_of(&turned), Orientation::Rotate90);
    let turned = written(|writer| {
        writer.set_exif_metadata(exif_with(6)).unwrap();
        writer.set_orientation(Orientation::NoTransforms);
    });
    assert_eq!(orientation_of(&turned), Orientation::NoTransforms);
}

#[test]
fn exif_as_in_jpeg_is_taken_without_its_prefix_and_what_is_no_tiff_is_refused_at_once() {
    let bytes = written(|writer| writer.set_exif_metadata([b"Exif\0\0", &exif_with(8)[..]].concat()).unwrap());
    let mut decoder = LicDecoder::new(Cursor::new(&bytes)).unwrap();
    assert_eq!(decoder.orientation().unwrap(), Orientation::Rotate270);
    assert_eq!(decoder.exif_metadata().unwrap().unwrap(), exif_with(1));
    let bytes = written(|writer| {
        for wrong in [&b""[..], b"Exif\0\0", b"Exif\0\0Exif\0\0II*\0", b"II\0*", b"exif"] {
            let error = writer.set_exif_metadata(wrong.to_vec()).unwrap_err();
            assert!(error.to_string().contains("does not start like TIFF"), "{error}");
        }
    });
    assert_eq!(LicDecoder::new(Cursor::new(&bytes)).unwrap().exif_metadata().unwrap(), None);
}

#[test]
fn limits_hold_whatever_asks() {
    let bytes = encoded(&drawn(ColorType::Rgba8));
    let small_side = |limits: &mut Limits| limits.max_image_width = Some(69);
    let small_height = |limits: &mut Limits| limits.max_image_height = Some(49);
    let little_memory = |limits: &mut Limits| limits.max_alloc = Some(20_000);
    let changes: [&dyn Fn(&mut Limits); 3] = [&small_side, &small_height, &little_memory];
    for change in changes {
        let mut limits = Limits::no_limits();
        change(&mut limits);
        let mut decoder = LicDecoder::new(Cursor::new(&bytes)).unwrap();
        assert!(matches!(decoder.set_limits(limits.clone()), Err(ImageError::Limits(_))), "{limits:?}");
        register();
        let mut reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format().unwrap();
        reader.limits(limits.clone());
        assert!(matches!(reader.decode(), Err(ImageError::Limits(_))), "{limits:?}");
    }
    let mut decoder = LicDecoder::new(Cursor::new(&bytes)).unwrap();
    let limits = Limits::default();
    decoder.set_limits(limits).unwrap();
    assert_eq!(DynamicImage::from_decoder(decoder).unwrap().width(), 70);
}

#[test]
fn buffers_and_files_that_are_wrong_are_errors() {
    let bytes = encoded(&drawn(ColorType::Rgb8));
    let open = |bytes: &[u8]| LicDecoder::new(Cursor::new(bytes.to_vec()));
    let wrong = open(&bytes).unwrap().read_image(&mut [0; 7]);
    assert!(matches!(wrong, Err(ImageError::Parameter(_))));
    let wrong = LicEncoder::new(Vec::new()).write_image(&[0; 7], 2, 1, ColorType::Rgb8.into());
    assert!(matches!(wrong, Err(ImageError::Parameter(_))));
    // 2^65 bytes are not none.
    let wrong = LicEncoder::new(Vec::new()).write_image(&[], 1 << 31, 1 << 31, ColorType::Rgba16.into());
    assert!(matches!(wrong, Err(ImageError::Parameter(_))));
    let wrong = LicEncoder::new(Vec::new()).write_image(&[0; 24], 2, 1, ColorType::Rgb32F.into());
    assert!(matches!(wrong, Err(ImageError::Unsupported(_))));
    assert!(matches!(open(b"\x89PNG\r\n"), Err(ImageError::Decoding(_))));
    let cut = open(&bytes[..bytes.len() - 1]).unwrap();
    let mut pixels = vec![0; cut.total_bytes() as usize];
    assert!(matches!(cut.read_image(&mut pixels), Err(ImageError::Decoding(_))));
}

#[test]
fn a_decoder_of_the_callers_is_used() {
    let bytes = encoded(&drawn(ColorType::Rgb8));
    let decoder = Arc::new(Decoder::new(&Model::embedded().unwrap(), DeviceChoice::Cpu).unwrap());
    let own = LicDecoder::with_decoder(Cursor::new(&bytes), decoder).unwrap();
    let shared = LicDecoder::new(Cursor::new(&bytes)).unwrap();
    assert_eq!(DynamicImage::from_decoder(own).unwrap(), DynamicImage::from_decoder(shared).unwrap());
}

#[test]
fn rectangles_are_cut_from_the_picture() {
    for kind in TYPES {
        let bytes = encoded(&drawn(kind));
        let whole = DynamicImage::from_decoder(LicDecoder::new(Cursor::new(&bytes)).unwrap()).unwrap();
        let mut decoder = LicDecoder::new(Cursor::new(&bytes)).unwrap();
        // One decoder gives as many as are asked for, and a row may be longer than the rectangle.
        for (x, y, width, height, more) in [(0, 0, 70, 50, 0), (69, 49, 1, 1, 8), (10, 20, 30, 7, 5)] {
            let row = width as usize * usize::from(kind.bytes_per_pixel());
            let mut buffer = vec![7; (row + more) * height as usize - more];
            decoder.read_rect(x, y, width, height, &mut buffer, row + more).unwrap();
            let found: Vec<u8> = buffer.chunks(row + more).flat_map(|line| &line[..row]).copied().collect();
            assert!(found == whole.crop_imm(x, y, width, height).as_bytes(), "{kind:?} {width}x{height} at {x},{y}");
            let between = buffer.chunks(row + more).flat_map(|line| &line[row..]);
            assert!(between.copied().all(|byte| byte == 7));
        }
    }
}

#[test]
fn rectangles_and_buffers_that_do_not_fit_are_errors() {
    let bytes = encoded(&drawn(ColorType::Rgb8));
    let mut decoder = LicDecoder::new(Cursor::new(&bytes)).unwrap();
    let mut read = |x, y, width, height, length, pitch| {
        let found = decoder.read_rect(x, y, width, height, &mut vec![0; length], pitch);
        assert!(matches!(found, Err(ImageError::Parameter(_))), "{found:?}");
    };
    read(60, 0, 11, 1, 33, 33);
    read(0, 50, 1, 1, 3, 3);
    read(0, 0, 0, 1, 0, 0);
    read(u32::MAX, 0, 2, 1, 6, 6);
    read(0, 0, 10, 2, 59, 30);
    read(0, 0, 10, 2, 60, 29);
    read(0, 0, 10, 2, 60, usize::MAX);
    let limits = |max_alloc| {
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(max_alloc);
        limits
    };
    let mut decoder = LicDecoder::new(Cursor::new(&bytes)).unwrap();
    decoder.set_limits(limits(1 << 20)).unwrap();
    decoder.read_rect(0, 0, 1, 1, &mut [0; 3], 3).unwrap();
}

/// A program that cargo built beside this test.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap().join("examples");
    folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

#[test]
fn the_examples_convert_and_make_thumbnails() {
    let folder = tempfile::tempdir().unwrap();
    let png = folder.path().join("drawn.png");
    drawn(ColorType::Rgb8).save(&png).unwrap();
    let run = |name: &str, arguments: &[&Path]| {
        let output = Command::new(example(name)).args(arguments).output();
        let output = output.expect("the example (built by `cargo test --workspace`, but not for `--test image` alone)");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    };
    let lic = run("convert", &[Path::new("60"), &png]);
    assert_eq!(lic, png.with_extension("lic"));
    let thumbnails = folder.path().join("small");
    std::fs::create_dir(&thumbnails).unwrap();
    let small = run("thumbnails", &[Path::new("35"), &lic, &thumbnails]);
    let small = image::open(small).unwrap();
    assert_eq!((small.width(), small.height()), (35, 25));
}
