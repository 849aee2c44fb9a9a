//! A decoded picture as an image file, turned upright, with as much of its metadata as the format holds. The bytes are `sink.rs`.
//!
//! PNG holds all of it. What another format cannot hold is said, once per kind. PNG and PNM are written as rows come; pictures that must be
//! turned, and WebP, are put together first.

use anyhow::{Context, bail};
use image::DynamicImage;
use image::metadata::Orientation;
use lic_codec::format::BitDepth;
use lic_codec::{Alpha, Colour, Metadata, Picture, RowReader, Samples};
use lic_datasets::{Channels, Photo, PhotoSamples};

use crate::draft::SharedDraft;
use crate::exit::Usage;
use crate::picture::Format;
use crate::sink::Sink;

/// What was written.
pub struct Saved {
    /// Width and height, as turned.
    pub size: [u32; 2],
    /// What could not be kept.
    pub lost: Vec<String>,
}

/// Longest side of a WebP file that all programs read (libwebp's `WEBP_MAX_DIMENSION`).
const WEBP_SIDE: u32 = 16383;

/// Decodes all rows into a file. The orientation is applied to the pixels.
pub fn write(rows: &mut RowReader<'_>, format: Format, out: &SharedDraft) -> anyhow::Result<Saved> {
    let grey = rows.header().colour == Colour::Grey;
    if format == Format::Pgm && !grey {
        bail!(Usage("the picture is RGB, a .pgm file holds grey only: write .ppm".to_owned()));
    }
    let [width, height] = rows.size();
    if format == Format::Webp && width.max(height) > WEBP_SIDE {
        bail!(Usage(format!(
            "the picture has {width}x{height} pixels, a .webp file at most {WEBP_SIDE} a side: write .png, or make it smaller with --scale"
        )));
    }
    let (mut metadata, deep) = (rows.metadata().clone(), rows.header().depth != BitDepth::Eight);
    let turned = Orientation::from_exif(std::mem::replace(&mut metadata.orientation, 1));
    let turned = turned.filter(|&turned| turned != Orientation::NoTransforms);
    if let Some(exif) = &mut metadata.exif {
        // What a writer has left in EXIF does not count, and would turn the picture again.
        let _ = Orientation::remove_from_exif_chunk(exif);
    }
    if let Some(xmp) = metadata.xmp.as_mut().filter(|_| turned.is_some()) {
        upright(xmp);
    }
    let mut warnings = lose(&mut metadata, grey, format);
    let pnm = !matches!(format, Format::Png | Format::Webp);
    if pnm && rows.has_alpha() {
        warnings
            .push(format!("transparency cannot be kept in {}: the colours are written without it", format.extension()));
    }
    if deep && format == Format::Webp {
        warnings.push("webp has 8 bits per sample: the picture is rounded".to_owned());
    }
    let failed = || format!("cannot write it as {}", format.extension());
    let size = if turned.is_some() || format == Format::Webp {
        let mut image = whole(rows)?;
        image.apply_orientation(turned.unwrap_or(Orientation::NoTransforms));
        let size = [image.width(), image.height()];
        let mut sink = Sink::begin(out.clone(), format, &image, size, metadata).with_context(failed)?;
        sink.rows(image).and_then(|()| sink.finish()).with_context(failed)?;
        size
    } else {
        let size = rows.size();
        let (mut sink, mut metadata) = (None, Some(metadata));
        while let Some(band) = rows.next_band()? {
            let image = image(size[0], band.height, rows.header().colour, band.pixels, band.alpha)?;
            if let Some(metadata) = metadata.take() {
                sink = Some(Sink::begin(out.clone(), format, &image, size, metadata).with_context(failed)?);
            }
            if let Some(sink) = &mut sink {
                sink.rows(image).with_context(failed)?;
            }
        }
        if let Some(sink) = sink {
            sink.finish().with_context(failed)?;
        }
        size
    };
    Ok(Saved { size, lost: warnings })
}

/// The name of the orientation in XMP, with the prefix that all programs use.
const XMP_ORIENTATION: &[u8] = b"tiff:Orientation";

/// Makes XMP say that a picture is upright, in both ways of writing it: `tiff:Orientation="6"` and `<tiff:Orientation>6<`.
fn upright(xmp: &mut [u8]) {
    let names = xmp.windows(XMP_ORIENTATION.len()).enumerate().filter(|(_, window)| *window == XMP_ORIENTATION);
    let ends: Vec<usize> = names.map(|(start, _)| start + XMP_ORIENTATION.len()).collect();
    for end in ends {
        let value = xmp.iter_mut().skip(end).find(|byte| !b" \t\r\n=\"'>".contains(byte));
        if let Some(digit @ b'2'..=b'8') = value {
            *digit = b'1';
        }
    }
}

/// All rows of a picture.
fn whole(rows: &mut RowReader<'_>) -> anyhow::Result<DynamicImage> {
    let picture = rows.collect()?;
    image(picture.width, picture.height, picture.colour, picture.pixels, picture.alpha)
}

/// Rows of a picture; the formats that hold alpha want colours that are independent of it.
fn image(
    width: u32,
    height: u32,
    colour: Colour,
    pixels: Samples,
    alpha: Option<Alpha>,
) -> anyhow::Result<DynamicImage> {
    let channels = match colour {
        Colour::Rgb => Channels::Rgb,
        Colour::Grey => Channels::Grey,
        other => bail!("cannot write a picture of colour model {other:?}"),
    };
    let mut picture = Picture::new(width, height, colour, pixels)?;
    picture.alpha = alpha;
    picture.unpremultiply();
    let alpha = picture.alpha.map(|alpha| samples(alpha.samples));
    let photo = Photo { alpha, ..Photo::new(width, height, channels, samples(picture.pixels)) };
    photo.into_image().context("the decoder returned too few samples")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xmp_of_a_turned_picture_says_upright() {
        let text = |xmp: &str| {
            let mut xmp = xmp.as_bytes().to_vec();
            upright(&mut xmp);
            String::from_utf8(xmp).unwrap()
        };
        assert_eq!(text("a tiff:Orientation=\"6\" x=\"6\""), "a tiff:Orientation=\"1\" x=\"6\"");
        let element = "<tiff:Orientation> 8 </tiff:Orientation>\n<b>8</b>";
        assert_eq!(text(element), "<tiff:Orientation> 1 </tiff:Orientation>\n<b>8</b>");
        assert_eq!(text("tiff:Orientation"), "tiff:Orientation");
        assert_eq!(text("tiff:OrientationX=\"6\""), "tiff:OrientationX=\"6\"");
    }
}
