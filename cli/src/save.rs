//! A decoded picture as an image file, turned upright, with as much of its metadata as the format holds.
//!
//! PNG holds all of it. What another format cannot hold is said, once per kind.

use anyhow::{Context, bail};
use image::DynamicImage;
use image::metadata::Orientation;
use lic_codec::format::BitDepth;
use lic_codec::{Colour, Metadata, Picture, Samples};
use lic_datasets::{Channels, Photo, PhotoSamples};

use crate::exit::Usage;
use crate::picture::Format;

/// Keyword of the PNG text chunk that carries XMP.
const XMP_KEYWORD: &str = "XML:com.adobe.xmp";

/// The file, and what could not be kept in it. The orientation is applied to the pixels.
pub fn to_file(picture: Picture, format: Format) -> anyhow::Result<(Vec<u8>, Vec<String>)> {
    let (image, mut metadata) = upright(picture)?;
    let grey = !image.color().has_color();
    if format == Format::Pgm && !grey {
        bail!(Usage("the picture is RGB, a .pgm file holds grey only: write .ppm".to_owned()));
    }
    let mut warnings = lose(&mut metadata, grey, format);
    let pnm = !matches!(format, Format::Png | Format::Webp);
    if pnm && image.color().has_alpha() {
        warnings
            .push(format!("transparency cannot be kept in {}: the colours are written without it", format.extension()));
    }
    let deep = image.as_flat_samples_u8().is_none();
    if deep && format == Format::Webp {
        warnings.push("webp has 8 bits per sample: the picture is rounded".to_owned());
    }
    let file = match format {
        Format::Png => to_png(&image, metadata),
        Format::Webp => to_webp(image, metadata),
        Format::Ppm | Format::Pgm | Format::Pnm => Ok(to_pnm(image, grey && format != Format::Ppm)),
    };
    Ok((file.with_context(|| format!("cannot write it as {}", format.extension()))?, warnings))
}

/// The picture as it is to be seen. An orientation that a writer has left in EXIF does not count and would turn it again.
fn upright(mut picture: Picture) -> anyhow::Result<(DynamicImage, Metadata)> {
    let channels = match picture.colour {
        Colour::Rgb => Channels::Rgb,
        Colour::Grey => Channels::Grey,
        other => bail!("cannot write a picture of colour model {other:?}"),
    };
    // The formats that hold alpha want colours that are independent of it.
    picture.unpremultiply();
    let Picture { width, height, pixels, alpha, mut metadata, .. } = picture;
    let pixels = samples(pixels);
    let alpha = alpha.map(|alpha| samples(alpha.samples));
    let photo = Photo { alpha, ..Photo::new(width, height, channels, pixels) };
    let mut image = photo.into_image().context("the decoder returned too few samples")?;
    if let Some(orientation) = Orientation::from_exif(std::mem::replace(&mut metadata.orientation, 1)) {
        image.apply_orientation(orientation);
    }
    if let Some(exif) = &mut metadata.exif {
        let _ = Orientation::remove_from_exif_chunk(exif);
    }
    Ok((image, metadata))
}

/// Image files have 8 or 16 bits per sample: those between become 16.
fn samples(samples: Samples) -> PhotoSamples {
    match samples {
        Samples::Eight(samples) => PhotoSamples::Eight(samples),
        Samples::Deep(BitDepth::Sixteen, samples) => PhotoSamples::Sixteen(samples),
        other => PhotoSamples::Sixteen(other.to_sixteen().into_owned()),
    }
}

/// Takes away what a format cannot hold, and says so.
fn lose(metadata: &mut Metadata, grey: bool, format: Format) -> Vec<String> {
    let mut lost = Vec::new();
    let mut lose = |name: &'static str, there: bool| {
        if there {
            lost.push(name);
        }
    };
    let Metadata { icc, cicp, exif, xmp, .. } = metadata;
    match format {
        Format::Png => {}
        Format::Webp => {
            lose("CICP", cicp.take().is_some());
            // WebP has no grey, and a grey profile for colours would be wrong.
            lose("the grey ICC profile", grey && icc.take().is_some());
        }
        Format::Ppm | Format::Pgm | Format::Pnm => {
            lose("the ICC profile", icc.take().is_some());
            lose("CICP", cicp.take().is_some());
            lose("EXIF", exif.take().is_some());
            lose("XMP", xmp.take().is_some());
        }
    }
    if xmp.as_ref().is_some_and(|xmp| std::str::from_utf8(xmp).is_err()) {
        *xmp = None;
        lose("XMP that is not UTF-8", true);
    }
    lost.iter().map(|what| format!("{what} cannot be kept in {}", format.extension())).collect()
}

fn to_png(image: &DynamicImage, metadata: Metadata) -> anyhow::Result<Vec<u8>> {
    let mut info = png::Info::with_size(image.width(), image.height());
    info.icc_profile = metadata.icc.map(Into::into);
    info.exif_metadata = metadata.exif.map(Into::into);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::with_info(&mut file, info)?;
    encoder.set_color(match (image.color().has_color(), image.color().has_alpha()) {
        (false, false) => png::ColorType::Grayscale,
        (false, true) => png::ColorType::GrayscaleAlpha,
        (true, false) => png::ColorType::Rgb,
        (true, true) => png::ColorType::Rgba,
    });
    let deep = image.as_flat_samples_u16();
    encoder.set_depth(if deep.is_some() { png::BitDepth::Sixteen } else { png::BitDepth::Eight });
    // As `image` does.
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::Adaptive);
    if let Some(xmp) = metadata.xmp {
        encoder.add_itxt_chunk(XMP_KEYWORD.to_owned(), String::from_utf8(xmp)?)?;
    }
    let mut writer = encoder.write_header()?;
    if let Some(cicp) = metadata.cicp {
        let body = [cicp.primaries, cicp.transfer, cicp.matrix, cicp.full_range];
        writer.write_chunk(png::chunk::cICP, &body)?;
    }
    match deep {
        // PNG is big-endian.
        Some(samples) => {
            let bytes: Vec<u8> = samples.as_slice().iter().flat_map(|sample| sample.to_be_bytes()).collect();
            writer.write_image_data(&bytes)?;
        }
        None => writer.write_image_data(image.as_bytes())?,
    }
    writer.finish()?;
    Ok(file)
}

fn to_webp(image: DynamicImage, metadata: Metadata) -> anyhow::Result<Vec<u8>> {
    let (width, height) = (image.width(), image.height());
    let (samples, colour) = if image.color().has_alpha() {
        (image.into_rgba8().into_raw(), image_webp::ColorType::Rgba8)
    } else {
        (image.into_rgb8().into_raw(), image_webp::ColorType::Rgb8)
    };
    let mut file = Vec::new();
    let mut encoder = image_webp::WebPEncoder::new(&mut file);
    encoder.set_icc_profile(metadata.icc.unwrap_or_default());
    encoder.set_exif_metadata(metadata.exif.unwrap_or_default());
    encoder.set_xmp_metadata(metadata.xmp.unwrap_or_default());
    encoder.encode(&samples, width, height, colour)?;
    Ok(file)
}

/// A graymap or a pixmap, written here because `image` writes no pixmaps of 16 bits.
fn to_pnm(image: DynamicImage, grey: bool) -> Vec<u8> {
    let (width, height) = (image.width(), image.height());
    let deep = image.as_flat_samples_u8().is_none();
    let (kind, most) = (if grey { "P5" } else { "P6" }, if deep { 65535 } else { 255 });
    let big_endian = |samples: Vec<u16>| samples.iter().flat_map(|sample| sample.to_be_bytes()).collect();
    let samples: Vec<u8> = match (grey, deep) {
        (true, false) => image.into_luma8().into_raw(),
        (false, false) => image.into_rgb8().into_raw(),
        (true, true) => big_endian(image.into_luma16().into_raw()),
        (false, true) => big_endian(image.into_rgb16().into_raw()),
    };
    [format!("{kind}\n{width} {height}\n{most}\n").into_bytes(), samples].concat()
}
