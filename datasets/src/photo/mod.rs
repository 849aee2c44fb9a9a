//! Reading one image: PNG, JPEG, WebP or PNM, recognised by its content and never by its name.
//!
//! What comes out are the samples as they are stored, with everything that belongs to them ([`PhotoMetadata`]); what a viewer
//! shows is [`Photo::upright`]. Palettes become colours, and inks (CMYK) become sRGB.

mod chunks;
mod cmyk;
mod error;
mod exif;
mod metadata;
mod read;
mod rows;
mod samples;
mod segments;
mod size;

use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer};

pub use error::PhotoError;
pub use exif::exif_to_srgb;
pub use metadata::{Lost, PhotoMetadata};
pub use rows::{PhotoBand, PhotoRows};
pub use samples::PhotoSamples;
use samples::{joined, split};

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

/// An image of 8 or 16 bits per sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// Width in pixels, 1..=65535.
    pub width: u32,
    /// Height in pixels, 1..=65535.
    pub height: u32,
    /// Samples per pixel.
    pub channels: Channels,
    /// Samples [height, width, channels].
    pub pixels: PhotoSamples,
    /// How opaque every pixel is [height, width], of the colours' depth and independent of them; nothing if all are opaque.
    pub alpha: Option<PhotoSamples>,
    /// What belongs to the samples.
    pub metadata: PhotoMetadata,
    /// What the file said but is left out.
    pub lost: Vec<Lost>,
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
        read::read(bytes)
    }

    /// A photo of opaque samples [height, width, channels] and nothing else. Nothing is checked.
    pub fn new(width: u32, height: u32, channels: Channels, pixels: impl Into<PhotoSamples>) -> Self {
        let metadata = PhotoMetadata::default();
        Self { width, height, channels, pixels: pixels.into(), alpha: None, metadata, lost: Vec::new() }
    }

    /// The photo as a viewer turns it: the orientation is applied to the samples and becomes 1.
    pub fn upright(mut self) -> Self {
        let orientation = Orientation::from_exif(self.metadata.orientation);
        self.metadata.orientation = 1;
        let Some(orientation) = orientation.filter(|&turn| turn != Orientation::NoTransforms) else { return self };
        let (metadata, lost) = (std::mem::take(&mut self.metadata), std::mem::take(&mut self.lost));
        // `None` if a caller has made up samples that do not fit: there is nothing to turn.
        let Some(mut image) = self.into_image() else {
            return Self { metadata, lost, ..Self::new(0, 0, Channels::Grey, Vec::new()) };
        };
        image.apply_orientation(orientation);
        Self { metadata, lost, ..Self::from_image(image) }
    }

    /// The photo, if it is opaque and has 8 bits per sample: for programs that know nothing else.
    ///
    /// # Errors
    /// [`PhotoError::Transparent`] or [`PhotoError::Deep`].
    pub fn plain(self) -> Result<Self, PhotoError> {
        match (&self.pixels, &self.alpha) {
            (PhotoSamples::Sixteen(_), _) => Err(PhotoError::Deep),
            (_, Some(_)) => Err(PhotoError::Transparent),
            _ => Ok(self),
        }
    }

    /// Takes an image apart.
    fn from_image(image: DynamicImage) -> Self {
        let (width, height) = (image.width(), image.height());
        let channels = if image.color().has_color() { Channels::Rgb } else { Channels::Grey };
        let eight =
            |(pixels, alpha): (Vec<u8>, Option<Vec<u8>>)| (PhotoSamples::Eight(pixels), alpha.map(PhotoSamples::Eight));
        let sixteen = |(pixels, alpha): (Vec<u16>, Option<Vec<u16>>)| {
            (PhotoSamples::Sixteen(pixels), alpha.map(PhotoSamples::Sixteen))
        };
        let (pixels, alpha) = match image {
            DynamicImage::ImageLuma8(image) => eight((image.into_raw(), None)),
            DynamicImage::ImageRgb8(image) => eight((image.into_raw(), None)),
            DynamicImage::ImageLumaA8(image) => eight(split::<_, 2, 1>(&image, u8::MAX)),
            DynamicImage::ImageRgba8(image) => eight(split::<_, 4, 3>(&image, u8::MAX)),
            DynamicImage::ImageLuma16(image) => sixteen((image.into_raw(), None)),
            DynamicImage::ImageRgb16(image) => sixteen((image.into_raw(), None)),
            DynamicImage::ImageLumaA16(image) => sixteen(split::<_, 2, 1>(&image, u16::MAX)),
            other => sixteen(split::<_, 4, 3>(&other.into_rgba16(), u16::MAX)),
        };
        Self { alpha, ..Self::new(width, height, channels, pixels) }
    }

    /// The image as `image` holds it, to write it in one of its formats. `None` if the samples do not fit width, height,
    /// channels and each other.
    pub fn into_image(self) -> Option<DynamicImage> {
        use PhotoSamples::{Eight, Sixteen};
        let Self { width: w, height: h, channels, pixels, alpha, .. } = self;
        let count = channels.count();
        Some(match (channels, pixels, alpha) {
            (Channels::Grey, Eight(p), None) => ImageBuffer::from_raw(w, h, p).map(DynamicImage::ImageLuma8)?,
            (Channels::Rgb, Eight(p), None) => ImageBuffer::from_raw(w, h, p).map(DynamicImage::ImageRgb8)?,
            (Channels::Grey, Eight(p), Some(Eight(a))) => {
                DynamicImage::ImageLumaA8(ImageBuffer::from_raw(w, h, joined(&p, &a, count))?)
            }
            (Channels::Rgb, Eight(p), Some(Eight(a))) => {
                DynamicImage::ImageRgba8(ImageBuffer::from_raw(w, h, joined(&p, &a, count))?)
            }
            (Channels::Grey, Sixteen(p), None) => ImageBuffer::from_raw(w, h, p).map(DynamicImage::ImageLuma16)?,
            (Channels::Rgb, Sixteen(p), None) => ImageBuffer::from_raw(w, h, p).map(DynamicImage::ImageRgb16)?,
            (Channels::Grey, Sixteen(p), Some(Sixteen(a))) => {
                DynamicImage::ImageLumaA16(ImageBuffer::from_raw(w, h, joined(&p, &a, count))?)
            }
            (Channels::Rgb, Sixteen(p), Some(Sixteen(a))) => {
                DynamicImage::ImageRgba16(ImageBuffer::from_raw(w, h, joined(&p, &a, count))?)
            }
            _ => return None,
        })
    }
}
