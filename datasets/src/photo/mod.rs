//! Reading one image: PNG, JPEG, WebP or PNM, recognised by its content and never by its name.
//!
//! What comes out are the samples as they are stored, with everything that belongs to them ([`PhotoMetadata`]); what a viewer
//! shows is [`Photo::upright`]. What this project cannot carry yet (transparency, more than 8 bits) is refused with a way out.

mod metadata;

use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

pub use metadata::{Lost, PhotoMetadata};

/// Longest edge of an image, in pixels: what the header of a `.lic` file can say.
pub const MAX_EDGE: u32 = 65535;

/// Samples per pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channels {
    /// One sample of grey.
    Grey,
    /// Red, green, blue.
    Rgb,
}

impl Channels {
    /// Number of samples per pixel.
    pub fn count(self) -> usize {
        match self {
            Channels::Grey => 1,
            Channels::Rgb => 3,
        }
    }
}

/// An image of 8 bits per sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// Width in pixels, 1..=65535.
    pub width: u32,
    /// Height in pixels, 1..=65535.
    pub height: u32,
    /// Samples per pixel.
    pub channels: Channels,
    /// Samples [height, width, channels].
    pub pixels: Vec<u8>,
    /// What belongs to the samples.
    pub metadata: PhotoMetadata,
    /// What the file said but is left out.
    pub lost: Vec<Lost>,
}

/// Why an image cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhotoError {
    /// The file cannot be opened or read.
    #[error("cannot read the file: {0}")]
    Io(#[from] std::io::Error),
    /// The content is of no known format.
    #[error("not a PNG, JPEG, WebP or PNM image")]
    UnknownFormat,
    /// A format that is known but not read here.
    #[error("{format:?} images are not read, convert it to PNG first")]
    UnsupportedFormat {
        /// The format.
        format: ImageFormat,
    },
    /// Longer than a `.lic` file can be.
    #[error("{width}x{height} pixels, the longest edge allowed is {MAX_EDGE}")]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// More than 8 bits per sample.
    #[error("{bits} bits per sample are not supported yet, convert it to 8 bits first (ImageMagick: -depth 8)")]
    Deep {
        /// Bits per sample.
        bits: u16,
    },
    /// Pixels that are not opaque.
    #[error(
        "transparent pixels are not supported yet, put it on a background first (ImageMagick: -background white -alpha remove)"
    )]
    Transparent,
    /// The image is damaged, or uses what the reading library does not know.
    #[error("damaged image: {0}")]
    Damaged(#[from] image::ImageError),
}

impl Photo {
    /// Reads a file.
    ///
    /// # Errors
    /// Any [`PhotoError`].
    pub fn open(path: &Path) -> Result<Self, PhotoError> {
        Self::read(&std::fs::read(path)?)
    }

    /// Reads a file that is in memory.
    ///
    /// # Errors
    /// Any [`PhotoError`].
    pub fn read(bytes: &[u8]) -> Result<Self, PhotoError> {
        let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
        let format = reader.format().ok_or(PhotoError::UnknownFormat)?;
        if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP | ImageFormat::Pnm) {
            return Err(PhotoError::UnsupportedFormat { format });
        }
        // The default of 512 MB would refuse photos of 170 megapixels; the edges are limited instead.
        reader.limits(Limits::no_limits());
        let mut decoder = reader.into_decoder()?;
        let (width, height) = decoder.dimensions();
        if width > MAX_EDGE || height > MAX_EDGE {
            return Err(PhotoError::TooLarge { width, height });
        }
        let colour = decoder.color_type();
        let bits = colour.bits_per_pixel() / u16::from(colour.channel_count());
        if bits > 8 {
            return Err(PhotoError::Deep { bits });
        }
        let channels = if colour.has_color() { Channels::Rgb } else { Channels::Grey };
        let (metadata, lost) = PhotoMetadata::read(&mut decoder, format, bytes, channels);
        let image = opaque(DynamicImage::from_decoder(decoder)?)?;
        Ok(Self { width, height, channels, pixels: image.into_bytes(), metadata, lost })
    }

    /// A photo of samples [height, width, channels] and nothing else. Nothing is checked.
    pub fn new(width: u32, height: u32, channels: Channels, pixels: Vec<u8>) -> Self {
        Self { width, height, channels, pixels, metadata: PhotoMetadata::default(), lost: Vec::new() }
    }

    /// The photo as a viewer turns it: the orientation is applied to the samples and becomes 1.
    pub fn upright(mut self) -> Self {
        let orientation = Orientation::from_exif(self.metadata.orientation);
        self.metadata.orientation = 1;
        let Some(orientation) = orientation.filter(|&turn| turn != Orientation::NoTransforms) else { return self };
        let Self { width, height, channels, pixels, metadata, lost } = self;
        // `None` if a caller has made up samples that do not fit: there is nothing to turn.
        let Some(mut image) = Self::new(width, height, channels, pixels).into_image() else {
            return Self { metadata, lost, ..Self::new(0, 0, channels, Vec::new()) };
        };
        image.apply_orientation(orientation);
        let (width, height) = (image.width(), image.height());
        Self { width, height, channels, pixels: image.into_bytes(), metadata, lost }
    }

    /// The image as `image` holds it, to write it in one of its formats. `None` if the number of samples does not fit
    /// width, height and channels.
    pub fn into_image(self) -> Option<DynamicImage> {
        let Self { width, height, pixels, .. } = self;
        match self.channels {
            Channels::Grey => Some(DynamicImage::ImageLuma8(image::GrayImage::from_raw(width, height, pixels)?)),
            Channels::Rgb => Some(DynamicImage::ImageRgb8(image::RgbImage::from_raw(width, height, pixels)?)),
        }
    }
}

/// The image as L8 or Rgb8; an alpha channel is dropped if it says nothing.
fn opaque(image: DynamicImage) -> Result<DynamicImage, PhotoError> {
    let alpha = match &image {
        DynamicImage::ImageLumaA8(pixels) => pixels.pixels().any(|p| p.0[1] != 255),
        DynamicImage::ImageRgba8(pixels) => pixels.pixels().any(|p| p.0[3] != 255),
        _ => false,
    };
    if alpha {
        return Err(PhotoError::Transparent);
    }
    Ok(match image {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageRgb8(_) => image,
        DynamicImage::ImageLumaA8(_) => DynamicImage::ImageLuma8(image.into_luma8()),
        other => DynamicImage::ImageRgb8(other.into_rgb8()),
    })
}
