//! Reading one image that is in memory, with the checks that decoders do not make.

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use super::chunks::Chunks;
use super::metadata::Claims;
use super::segments::Segments;
use super::{Channels, Photo, PhotoError, PhotoMetadata, chunks, cmyk, size};

/// [`Photo::read`].
pub(super) fn read(bytes: &[u8]) -> Result<Photo, PhotoError> {
    if bytes.is_empty() {
        return Err(PhotoError::NoBytes);
    }
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    let format = reader.format().ok_or(PhotoError::UnknownFormat)?;
    let length = bytes.len() as u64;
    let (mut png, mut segments) = (None, None);
    match format {
        ImageFormat::Png => png = Chunks::read(Cursor::new(bytes))?,
        ImageFormat::Jpeg => segments = Some(Segments::read(bytes).ok_or(PhotoError::CutOff { bytes: length })?),
        ImageFormat::WebP | ImageFormat::Pnm => {}
        _ => return Err(PhotoError::UnsupportedFormat { format }),
    }
    if let Some(coding) = segments.as_ref().and_then(Segments::foreign) {
        return Err(PhotoError::ForeignJpeg { coding });
    }
    // One that cannot be told is left to the decoder to complain about.
    let animated = match format {
        ImageFormat::WebP => WebPDecoder::new(Cursor::new(bytes)).is_ok_and(|decoder| decoder.has_animation()),
        _ => png.as_ref().is_some_and(Chunks::animated),
    };
    if animated {
        return Err(PhotoError::Animated { format });
    }
    // The default of 512 MB would refuse photos of 170 megapixels; the checks below take its place. The reader of PNG alone heeds what is left, and not for samples.
    reader.limits(chunks::limits());
    let mut decoder = reader.into_decoder()?;
    let (size, colour) = (decoder.dimensions(), decoder.color_type());
    size::check_edges(size)?;
    let least = match (format, &png) {
        (_, Some(png)) => size::least_of_png(&png.info),
        (ImageFormat::Jpeg, _) => size::least_of_jpeg(size),
        (ImageFormat::Pnm, _) => size::least_of_pnm(bytes, size, colour),
        // A picture of one colour takes a few bytes, whatever its size.
        _ => 0,
    };
    size::check_file(size, least, length)?;
    let copies = segments.as_ref().map_or_else(|| copies(format, colour), Segments::copies);
    size::check_memory(size, decoder.total_bytes().saturating_mul(copies))?;

    let channels = if colour.has_color() { Channels::Rgb } else { Channels::Grey };
    let inks = segments.as_ref().map_or(Ok(None), |segments| cmyk::to_srgb(bytes, segments.has_icc()));
    let (metadata, mut lost) = if let Some(png) = &png {
        png.metadata(channels)?
    } else {
        let claims = segments.as_ref().map_or_else(Claims::default, Segments::claims);
        // A profile of inks says nothing about the colours made of them.
        let profiled = matches!(inks, Ok(None)).then_some(channels);
        PhotoMetadata::read(&mut decoder, claims, profiled)
    };
    let mut photo = Photo::from_image(DynamicImage::from_decoder(decoder)?);
    match inks {
        Ok(Some(rgb)) => photo.pixels = rgb.into(),
        Ok(None) => {}
        Err(problem) => lost.push(problem),
    }
    Ok(Photo { metadata, lost, ..photo })
}

/// How often the samples are in memory at the same time, at most, for formats other than JPEG.
fn copies(format: ImageFormat, colour: ColorType) -> u64 {
    match format {
        // The decoder of lossless ones makes RGBA first.
        ImageFormat::WebP => 3,
        // Colours and alpha are taken apart.
        _ if colour.has_alpha() => 2,
        _ => 1,
    }
}
