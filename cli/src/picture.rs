//! Between image files and the codec's pictures.

use std::io::Cursor;
use std::path::Path;

use anyhow::{Context, bail};
use clap::ValueEnum;
use image::codecs::pnm::{PnmEncoder, PnmSubtype, SampleEncoding};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageFormat};
use lic_codec::{Colour, Picture};
use lic_datasets::{Channels, Photo};

use crate::exit::Usage;

/// Formats that `lic decode` writes; all lossless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// PNG.
    Png,
    /// Lossless WebP, at most 16383 pixels a side.
    Webp,
    /// Portable pixmap, always RGB.
    Ppm,
    /// Portable graymap, for grey pictures only.
    Pgm,
    /// Pixmap or graymap, as the picture is.
    Pnm,
}

impl Format {
    /// The format a file name asks for.
    pub fn of(path: &Path) -> Result<Self, Usage> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        Self::from_str(extension, true).map_err(|_| {
            Usage(format!(
                "cannot tell from the name {} what to write: name it .png, .webp, .ppm, .pgm or .pnm, or say --format",
                path.display()
            ))
        })
    }

    /// The extension of files of this format.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Ppm => "ppm",
            Self::Pgm => "pgm",
            Self::Pnm => "pnm",
        }
    }
}

/// What a user calls the colours of a picture.
pub fn colour_name(colour: Colour) -> &'static str {
    match colour {
        Colour::Rgb => "RGB",
        Colour::Grey => "grey",
        _ => "other colours",
    }
}

/// A picture as an image file; `orientation` (1..=8, as in EXIF) is applied to the pixels.
pub fn to_file(picture: Picture, orientation: u8, format: Format) -> anyhow::Result<Vec<u8>> {
    let channels = match picture.colour {
        Colour::Rgb => Channels::Rgb,
        Colour::Grey => Channels::Grey,
        other => bail!("cannot write a picture of colour model {other:?}"),
    };
    let Picture { width, height, pixels, .. } = picture;
    let photo = Photo { width, height, channels, pixels, has_icc: false, has_exif: false, has_xmp: false };
    let mut image = photo.into_image().context("the decoder returned too few samples")?;
    if let Some(orientation) = Orientation::from_exif(orientation) {
        image.apply_orientation(orientation);
    }
    // WebP and PPM have no grey.
    if matches!(format, Format::Webp | Format::Ppm) {
        image = DynamicImage::ImageRgb8(image.into_rgb8());
    }
    if format == Format::Pgm && channels == Channels::Rgb {
        bail!(Usage("the picture is RGB, a .pgm file holds grey only: write .ppm".to_owned()));
    }
    let mut bytes = Cursor::new(Vec::new());
    let written = match format {
        Format::Png => image.write_to(&mut bytes, ImageFormat::Png),
        Format::Webp => image.write_to(&mut bytes, ImageFormat::WebP),
        // Left alone, `image` writes the newer format PAM, which few programs read.
        Format::Ppm | Format::Pgm | Format::Pnm => {
            let encoding = SampleEncoding::Binary;
            let grey = image.color() == ColorType::L8;
            let subtype = if grey { PnmSubtype::Graymap(encoding) } else { PnmSubtype::Pixmap(encoding) };
            image.write_with_encoder(PnmEncoder::new(&mut bytes).with_subtype(subtype))
        }
    };
    written.with_context(|| format!("cannot write it as {}", format.extension()))?;
    Ok(bytes.into_inner())
}
