//! Target `image_hook`: the `image` crate's traits on any bytes, with any limits.
//!
//! The first bytes choose the limits, the rest is a file. A rest that does not start like one is pixels for `LicEncoder`.

use std::io::Cursor;

use arbitrary::{Result, Unstructured};
use image::error::ImageError;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageDecoderRect, ImageEncoder, Limits};
use lic_codec::EncodeOptions;
use lic_codec::format::SIGNATURE;
use lic_codec::image::{LicDecoder, LicEncoder};

use super::model::{DECODER, ENCODER, ids};
use super::repair::repair;

/// Most bytes of samples that this program wants to hold.
const MOST_BYTES: u64 = 1 << 17;

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

/// Reads the file in `data`, or writes one and reads that.
pub fn check(data: &[u8]) {
    let u = &mut Unstructured::new(data);
    let Ok((limits, wrong_length)) = limits(u) else { return };
    let rest = u.bytes(u.len()).unwrap_or_default();
    if rest.starts_with(&SIGNATURE) {
        let _ = read(rest, &limits, wrong_length);
        if let Some(repaired) = repair(rest, Some(ids())).filter(|repaired| repaired != rest) {
            let _ = read(&repaired, &limits, wrong_length);
        }
    } else {
        let _ = write(&mut Unstructured::new(rest), &limits);
    }
}

/// Each is there or not; small ones are likely.
fn limits(u: &mut Unstructured<'_>) -> Result<(Limits, bool)> {
    let mut limits = Limits::no_limits();
    let [flags, width, height, memory]: [u8; 4] = u.arbitrary()?;
    limits.max_image_width = (flags & 1 != 0).then_some(width.into());
    limits.max_image_height = (flags & 2 != 0).then_some(height.into());
    limits.max_alloc = (flags & 4 != 0).then_some(u64::from(memory) << 10);
    Ok((limits, flags & 8 != 0))
}

/// Reads a file; whatever happens happens without a panic and within the limits.
fn read(file: &[u8], limits: &Limits, wrong_length: bool) -> std::result::Result<Vec<u8>, ImageError> {
    let mut decoder = LicDecoder::with_decoder(Cursor::new(file), DECODER.clone())?;
    let (width, height) = decoder.dimensions();
    let total = decoder.total_bytes();
    assert_eq!(total, u64::from(width) * u64::from(height) * u64::from(decoder.color_type().bytes_per_pixel()));
    decoder.set_limits(limits.clone())?;
    assert!(limits.max_image_width.is_none_or(|most| width <= most), "the limit of the width does not hold");
    assert!(limits.max_image_height.is_none_or(|most| height <= most), "the limit of the height does not hold");
    assert!(limits.max_alloc.is_none_or(|most| total <= most), "the limit of the memory does not hold");
    let _ = (decoder.icc_profile()?, decoder.exif_metadata()?, decoder.xmp_metadata()?, decoder.orientation()?);
    if total > MOST_BYTES {
        return Ok(Vec::new());
    }
    // A rectangle that the file's bytes choose.
    let choice = crc32fast::hash(file);
    let (x, y) = (choice % width, (choice >> 8) % height);
    let (wide, high) = (1 + (choice >> 16) % (width - x), 1 + (choice >> 24) % (height - y));
    let sample = usize::from(decoder.color_type().bytes_per_pixel());
    let (row, pitch) = (wide as usize * sample, wide as usize * sample + choice as usize % 3);
    let mut part = vec![0; pitch * high as usize];
    let rectangle = decoder.read_rect(x, y, wide, high, &mut part, pitch);
    let mut pixels = vec![0; total as usize + usize::from(wrong_length)];
    let read = decoder.read_image(&mut pixels);
    assert!(!(wrong_length && read.is_ok()), "a wrong buffer was filled");
    read?;
    rectangle.expect("a rectangle of a good file within the limits");
    let lines = pixels.chunks_exact(width as usize * sample).skip(y as usize);
    for (line, part) in lines.zip(part.chunks_exact(pitch)) {
        assert_eq!(line[x as usize * sample..][..row], part[..row], "a rectangle differs from its picture");
    }
    Ok(pixels)
}

/// Writes a picture and reads it without limits.
fn write(u: &mut Unstructured<'_>, limits: &Limits) -> Result<()> {
    let kind = *u.choose(&TYPES)?;
    let (width, height): (u32, u32) = (u.int_in_range(0..=34)?, u.int_in_range(0..=34)?);
    let orientation = Orientation::from_exif(u.int_in_range(1..=8)?);
    let quality = f32::from(u.int_in_range(0..=100u8)?);
    let exif: Option<Vec<u8>> = u.arbitrary()?;
    let wrong: u8 = u.arbitrary()?;
    let rest = u.bytes(u.len()).unwrap_or_default();
    let length = (width * height) as usize * usize::from(kind.bytes_per_pixel()) + usize::from(wrong == 7);
    let pixels: Vec<u8> = rest.iter().copied().chain([0, 255]).cycle().take(length).collect();
    let mut file = Vec::new();
    let options = EncodeOptions { quality, ..EncodeOptions::default() };
    let mut encoder = LicEncoder::with_encoder(&mut file, options, ENCODER.clone());
    if let Some(orientation) = orientation {
        encoder.set_orientation(orientation);
    }
    let plain = exif.is_none();
    if let Some(exif) = exif {
        let _ = encoder.set_exif_metadata(exif);
    }
    let written = encoder.write_image(&pixels, width, height, kind.into());
    let sensible = width > 0 && height > 0 && wrong != 7;
    assert!(!sensible || !plain || written.is_ok(), "a sensible picture was refused: {written:?}");
    assert!(sensible || written.is_err(), "a senseless picture was written");
    if written.is_ok() {
        let unlimited = read(&file, &Limits::no_limits(), false).expect("an own file is read");
        // Alpha that says nothing is not kept.
        let opaque = pixels.len() / usize::from(kind.channel_count()) * usize::from(kind.channel_count() - 1);
        assert!([pixels.len(), opaque].contains(&unlimited.len()));
        let _ = read(&file, limits, false);
    }
    Ok(())
}
