//! The codec's pictures and the image formats that `lic decode` writes. How they are written is `save.rs`.

use std::path::Path;

use clap::ValueEnum;
use lic_codec::format::Cicp;
use lic_codec::{Colour, Metadata, Picture};
use lic_datasets::{Photo, PhotoMetadata};

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

/// The codec's picture of a photo, with all that belongs to it.
pub fn of_photo(mut photo: Photo) -> Result<Picture, lic_codec::Error> {
    let metadata = metadata_of(std::mem::take(&mut photo.metadata));
    let mut picture = lic_benches::run::picture_of(photo)?;
    picture.metadata = metadata;
    Ok(picture)
}

/// The codec's metadata of a photo's.
pub fn metadata_of(metadata: PhotoMetadata) -> Metadata {
    let PhotoMetadata { icc, cicp, exif, xmp, orientation } = metadata;
    let cicp = cicp.map(|[primaries, transfer]| Cicp { primaries, transfer, matrix: 0, full_range: 1 });
    Metadata { icc, cicp, exif, xmp, orientation }
}
