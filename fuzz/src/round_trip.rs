//! Target `round_trip`: any small picture with any options is refused for a reason or comes back as promised.

use arbitrary::{Arbitrary, Result, Unstructured};
use lic_codec::format::{Cicp, Header, LicFile};
use lic_codec::{
    Alpha, Colour, Effort, EncodeOptions, Error, Frame, Metadata, Picture, Samples, Target, quality_index,
};

use super::model::{DECODER, ENCODER, MODEL};
use super::wrap::DEPTHS;

/// Encodes a picture that the bytes describe, and decodes the file.
pub fn check(data: &[u8]) {
    let u = &mut Unstructured::new(data);
    if let Ok((options, picture)) = options(u).and_then(|options| Ok((options, picture(u)?))) {
        round_trip(&picture, &options);
    }
}

/// Mostly sensible options.
fn options(u: &mut Unstructured<'_>) -> Result<EncodeOptions> {
    let tile = match u.int_in_range(0..=15)? {
        0 => u.arbitrary()?,
        1..=7 => 64,
        8..=10 => 128,
        _ => 1024,
    };
    let target = match u.int_in_range(0..=255)? {
        0 => Some(Target::Bytes(u.int_in_range(0..=2000)?)),
        1 => Some(Target::BitsPerPixel(u.arbitrary()?)),
        2 => Some(Target::Psnr(u.arbitrary()?)),
        _ => None,
    };
    let effort = *u.choose(&[Effort::Optimised, Effort::Nearest])?;
    let quality = self::quality(u)?;
    let alpha_quality = if u.arbitrary()? { Some(self::quality(u)?) } else { None };
    Ok(EncodeOptions { quality, tile, target, effort, alpha_quality })
}

fn quality(u: &mut Unstructured<'_>) -> Result<f32> {
    let number: u8 = u.arbitrary()?;
    if number > 250 { u.arbitrary() } else { Ok(f32::from(number) / 2.5) }
}

/// A picture that is right but perhaps for a sample above its depth or a piece of metadata.
fn picture(u: &mut Unstructured<'_>) -> Result<Picture> {
    // Mostly small; larger ones have several tiles.
    let [wide, high] = if u.ratio(1, 8)? { [70, 65] } else { [34, 30] };
    let (width, height) = (u.int_in_range(1..=wide)?, u.int_in_range(1..=high)?);
    let colour = *u.choose(&[Colour::Rgb, Colour::Grey])?;
    let depth = *u.choose(&DEPTHS)?;
    let metadata = metadata(u)?;
    let [has_alpha, premultiplied]: [bool; 2] = u.arbitrary()?;
    let rest = u.bytes(u.len())?;
    let mut bytes = rest.iter().copied().chain(std::iter::once(7)).cycle();
    // Eight pixels of one sample each, so that few bytes make a picture.
    let mut samples = |count: usize| match depth.bits() {
        8 => Samples::Eight((0..count.div_ceil(8)).flat_map(|_| [bytes.next().unwrap_or(0); 8]).take(count).collect()),
        bits => {
            let mut sample =
                || u16::from_be_bytes([bytes.next().unwrap_or(0), bytes.next().unwrap_or(0)]) >> (16 - bits);
            Samples::Deep(depth, (0..count.div_ceil(8)).flat_map(|_| [sample(); 8]).take(count).collect())
        }
    };
    let pixels = width as usize * height as usize;
    let colours = samples(pixels * if colour == Colour::Grey { 1 } else { 3 });
    let mut picture = Picture::new(width, height, colour, colours).expect("the number of samples is right");
    picture.alpha = has_alpha.then(|| Alpha { samples: samples(pixels), premultiplied });
    picture.metadata = metadata;
    Ok(picture)
}

fn metadata(u: &mut Unstructured<'_>) -> Result<Metadata> {
    fn body(u: &mut Unstructured<'_>, start: &[u8]) -> Result<Option<Vec<u8>>> {
        let kind: u8 = u.arbitrary()?;
        Ok(match kind {
            0..=169 => None,
            170..=249 => Some([start, &kind.to_string().repeat(kind as usize % 60).into_bytes()].concat()),
            _ => Some(<[u8; 4]>::arbitrary(u)?.to_vec()),
        })
    }
    let icc = body(u, b"")?;
    let exif = body(u, b"II*\0")?;
    let xmp = body(u, b"<x:xmpmeta/>")?;
    let cicp = match u.int_in_range(0..=9)? {
        0 => Some(Cicp {
            primaries: u.arbitrary()?,
            transfer: u.arbitrary()?,
            matrix: u.arbitrary()?,
            full_range: u.arbitrary()?,
        }),
        1 => Some(Cicp { primaries: u.arbitrary()?, transfer: u.arbitrary()?, matrix: 0, full_range: 1 }),
        _ => None,
    };
    let orientation = match u.int_in_range(0..=9)? {
        0 => u.arbitrary()?,
        n => u8::min(n, 8),
    };
    Ok(Metadata { icc, cicp, exif, xmp, orientation })
}

/// Whether options and metadata are such as every encoder must take.
fn is_valid(picture: &Picture, options: &EncodeOptions) -> bool {
    let metadata = &picture.metadata;
    let target = match options.target {
        None => quality_index(options.quality).is_ok(),
        Some(Target::BitsPerPixel(value) | Target::Psnr(value)) => value.is_finite() && value > 0.0,
        Some(Target::Bytes(bytes)) => bytes > 0,
    };
    target
        && options.alpha_quality.is_none_or(|quality| quality_index(quality).is_ok())
        && options.tile.is_multiple_of(64)
        && (64..=4096).contains(&options.tile)
        && (1..=8).contains(&metadata.orientation)
        && metadata.cicp.is_none_or(|cicp| cicp.matrix == 0 && cicp.full_range == 1)
        && metadata.exif.as_ref().is_none_or(|exif| exif.starts_with(b"II*\0") || exif.starts_with(b"MM\0*"))
        && metadata.xmp.as_ref().is_none_or(|xmp| std::str::from_utf8(xmp).is_ok())
}

fn round_trip(picture: &Picture, options: &EncodeOptions) {
    let encoded = match ENCODER.encode(picture, options) {
        Ok(encoded) => encoded,
        Err(error) => {
            assert!(!is_valid(picture, options), "a valid picture was refused: {error}");
            let fair = matches!(error, Error::InvalidOption { .. } | Error::InvalidMetadata { .. });
            assert!(fair, "an unexpected error: {error}");
            return;
        }
    };
    assert!(is_valid(picture, options), "an invalid picture was encoded: {options:?}");
    let header = Header::parse(&encoded.bytes).expect("an own file has a header");
    assert_eq!([header.width, header.height].map(u32::from), [picture.width, picture.height]);
    assert_eq!((header.colour, header.depth), (picture.colour, picture.pixels.depth()));
    assert_eq!((header.quality, u32::from(header.tile_size)), (encoded.quality.get(), options.tile));
    assert_eq!([header.parse_id, header.synthesis_id], [MODEL.parse_id(), MODEL.synthesis_id()]);
    assert!(LicFile::parse(&encoded.bytes).expect("an own file is whole").warnings().is_empty());

    let decoded = DECODER.decode(&encoded.bytes).expect("an own file is decoded");
    assert!(decoded.warnings.is_empty());
    let found = &decoded.picture;
    assert_eq!((found.width, found.height, found.colour), (picture.width, picture.height, picture.colour));
    assert_eq!((found.pixels.len(), found.pixels.depth()), (picture.pixels.len(), picture.pixels.depth()));
    assert_eq!(found.metadata, picture.metadata);
    match (&picture.alpha, &found.alpha) {
        (None, None) => {}
        (Some(alpha), None) => assert!(alpha.is_opaque(), "alpha got lost"),
        (None, Some(_)) => panic!("alpha from nowhere"),
        (Some(alpha), Some(back)) => {
            assert_eq!(alpha.premultiplied, back.premultiplied);
            assert_eq!(alpha.samples.len(), back.samples.len());
            assert!(options.alpha_quality.is_some() || alpha.samples == back.samples, "alpha is not exact");
        }
    }
    if picture.width % 4 == 1 && options.target.is_none() {
        assert!(in_rows(picture, options) == encoded.bytes, "rows become another file");
    }
    if !picture.width.is_multiple_of(4) {
        return;
    }
    let again = DECODER.decode(&encoded.bytes).expect("the second time like the first");
    assert!(again.picture == *found, "decoding twice gives two pictures");
}

/// The file from rows that come in pieces of seven.
fn in_rows(picture: &Picture, options: &EncodeOptions) -> Vec<u8> {
    let frame = Frame {
        width: picture.width,
        height: picture.height,
        colour: picture.colour,
        depth: picture.pixels.depth(),
        alpha: picture.alpha.as_ref().map(|alpha| alpha.premultiplied),
        metadata: picture.metadata.clone(),
    };
    let mut rows = ENCODER.rows(&frame, options).expect("what can be encoded can be encoded in rows");
    let width = picture.width as usize;
    let lines = |samples: &Samples, line: usize, y: usize| {
        let places = y * line..(y * line + 7 * line).min(samples.len());
        match samples {
            Samples::Eight(samples) => Samples::Eight(samples[places].to_vec()),
            Samples::Deep(depth, samples) => Samples::Deep(*depth, samples[places].to_vec()),
        }
    };
    for y in (0..picture.height as usize).step_by(7) {
        let alpha = picture.alpha.as_ref().map(|alpha| lines(&alpha.samples, width, y));
        rows.push(lines(&picture.pixels, width * picture.channels(), y), alpha).expect("rows fit");
    }
    rows.finish().expect("all rows are there").bytes
}
