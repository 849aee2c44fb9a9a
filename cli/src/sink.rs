//! Image files written row by row. What of a picture a format can hold is `save.rs`.

use std::io::Write;

use anyhow::Context;
use image::DynamicImage;
use lic_codec::Metadata;

use crate::draft::SharedDraft;
use crate::guard::SOFTWARE;
use crate::picture::Format;

/// Keyword of the PNG text chunk that carries XMP.
const XMP_KEYWORD: &str = "XML:com.adobe.xmp";

/// A file that is being written.
pub enum Sink {
    /// Compressed as rows come.
    Png(Box<png::StreamWriter<'static, SharedDraft>>),
    /// A pixmap, or a graymap; written here because `image` writes no pixmaps of 16 bits.
    Pnm {
        /// Where to.
        out: SharedDraft,
        /// Whether it is a graymap.
        grey: bool,
    },
    /// All rows are one.
    Webp {
        /// Where to.
        out: SharedDraft,
        /// For its chunks.
        metadata: Box<Metadata>,
    },
}

impl Sink {
    /// Writes what comes before the rows of a picture of a size; `like` has its kind of pixels. The metadata must be what the format holds.
    pub fn begin(
        mut out: SharedDraft,
        format: Format,
        like: &DynamicImage,
        [width, height]: [u32; 2],
        metadata: Metadata,
    ) -> anyhow::Result<Self> {
        let deep = like.as_flat_samples_u8().is_none();
        match format {
            Format::Png => Ok(Self::Png(Box::new(begin_png(out, like, deep, [width, height], metadata)?))),
            Format::Webp => Ok(Self::Webp { out, metadata: Box::new(metadata) }),
            Format::Ppm | Format::Pgm | Format::Pnm => {
                let grey = !like.color().has_color() && format != Format::Ppm;
                let (kind, most) = (if grey { "P5" } else { "P6" }, if deep { 65535 } else { 255 });
                write!(out, "{kind}\n{width} {height}\n{most}\n")?;
                Ok(Self::Pnm { out, grey })
            }
        }
    }

    /// Writes the next rows.
    pub fn rows(&mut self, rows: DynamicImage) -> anyhow::Result<()> {
        match self {
            Self::Png(writer) => match rows.as_flat_samples_u16() {
                Some(samples) => writer.write_all(&big_endian(samples.as_slice()))?,
                None => writer.write_all(rows.as_bytes())?,
            },
            Self::Pnm { out, grey } => {
                let deep = rows.as_flat_samples_u8().is_none();
                let samples = match (*grey, deep) {
                    (true, false) => rows.into_luma8().into_raw(),
                    (false, false) => rows.into_rgb8().into_raw(),
                    (true, true) => big_endian(&rows.into_luma16()),
                    (false, true) => big_endian(&rows.into_rgb16()),
                };
                out.write_all(&samples)?;
            }
            Self::Webp { out, metadata } => write_webp(out.clone(), rows, std::mem::take(metadata.as_mut()))?,
        }
        Ok(())
    }

    /// Ends the file.
    pub fn finish(self) -> anyhow::Result<()> {
        if let Self::Png(writer) = self {
            writer.finish()?;
        }
        Ok(())
    }
}

/// Netpbm and PNG are big-endian.
fn big_endian(samples: &[u16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_be_bytes()).collect()
}

fn begin_png(
    out: SharedDraft,
    like: &DynamicImage,
    deep: bool,
    [width, height]: [u32; 2],
    metadata: Metadata,
) -> anyhow::Result<png::StreamWriter<'static, SharedDraft>> {
    let mut info = png::Info::with_size(width, height);
    info.icc_profile = metadata.icc.filter(|icc| !icc.is_empty()).map(Into::into);
    info.exif_metadata = metadata.exif.map(Into::into);
    let mut encoder = png::Encoder::with_info(out, info)?;
    encoder.set_color(match (like.color().has_color(), like.color().has_alpha()) {
        (false, false) => png::ColorType::Grayscale,
        (false, true) => png::ColorType::GrayscaleAlpha,
        (true, false) => png::ColorType::Rgb,
        (true, true) => png::ColorType::Rgba,
    });
    encoder.set_depth(if deep { png::BitDepth::Sixteen } else { png::BitDepth::Eight });
    // As `image` does.
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::Adaptive);
    let [keyword, text] = SOFTWARE;
    encoder.add_text_chunk(keyword.to_owned(), text.to_owned())?;
    if let Some(xmp) = metadata.xmp {
        encoder.add_itxt_chunk(XMP_KEYWORD.to_owned(), String::from_utf8(xmp)?)?;
    }
    let mut writer = encoder.write_header()?;
    if let Some(cicp) = metadata.cicp {
        let body = [cicp.primaries, cicp.transfer, cicp.matrix, cicp.full_range];
        writer.write_chunk(png::chunk::cICP, &body)?;
    }
    writer.into_stream_writer_with_size(1 << 20).context("no row can be written")
}

fn write_webp(out: SharedDraft, image: DynamicImage, metadata: Metadata) -> anyhow::Result<()> {
    let (width, height) = (image.width(), image.height());
    let (samples, colour) = if image.color().has_alpha() {
        (image.into_rgba8().into_raw(), image_webp::ColorType::Rgba8)
    } else {
        (image.into_rgb8().into_raw(), image_webp::ColorType::Rgb8)
    };
    let mut encoder = image_webp::WebPEncoder::new(out);
    encoder.set_icc_profile(metadata.icc.unwrap_or_default());
    encoder.set_exif_metadata(metadata.exif.unwrap_or_default());
    encoder.set_xmp_metadata(metadata.xmp.unwrap_or_default());
    encoder.encode(&samples, width, height, colour)?;
    Ok(())
}
