//! A PNG file read row by row, for pictures that are too large to be in memory: [`PhotoRows`]. Differs from [`Photo`] in nothing but that:
//! samples and metadata are the same.
//!
//! Only PNG, because it is the one format read here whose library gives rows; not interlaced, because then the last row is there only at the end.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::ImageFormat;

use super::chunks::{Chunks, is_animated};
use super::samples::split;
use super::{Channels, Lost, PhotoError, PhotoMetadata, PhotoSamples, size};

/// A picture whose rows are still in the file.
pub struct PhotoRows {
    /// Width in pixels, 1..=65535.
    pub width: u32,
    /// Height in pixels, 1..=65535.
    pub height: u32,
    /// Samples per pixel.
    pub channels: Channels,
    /// Whether samples have 16 bits instead of 8.
    pub deep: bool,
    /// Whether the file has alpha, even if all of it is opaque.
    pub has_alpha: bool,
    /// What belongs to the samples.
    pub metadata: PhotoMetadata,
    /// What the file said but is left out.
    pub lost: Vec<Lost>,
    reader: png::Reader<BufReader<File>>,
    /// Rows that were read.
    y: u32,
}

impl std::fmt::Debug for PhotoRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PhotoRows").field("width", &self.width).field("height", &self.height).finish_non_exhaustive()
    }
}

/// Rows [rows, width, channels], with their alpha [rows, width].
pub type PhotoBand = (PhotoSamples, Option<PhotoSamples>);

impl PhotoRows {
    /// Opens a file, if it is a PNG of more than `pixels` pixels whose rows can be read one after the other; `None` for any other file, even
    /// a damaged one, about which [`Photo`](super::Photo) has more to say, and for what is no file but a pipe: it is read twice.
    ///
    /// # Errors
    /// [`PhotoError::Io`], [`PhotoError::TooLarge`], [`PhotoError::TooFewBytes`], [`PhotoError::Damaged`].
    pub fn open(path: &Path, pixels: u64) -> Result<Option<Self>, PhotoError> {
        // Not even opened: a pipe whose reader goes away breaks.
        let file = std::fs::metadata(path)?;
        if !file.is_file() {
            return Ok(None);
        }
        let mut decoder = png::Decoder::new(BufReader::new(File::open(path)?));
        // Palettes become colours, few bits become 8, a transparent colour becomes alpha: as `image` has it.
        decoder.set_transformations(png::Transformations::EXPAND);
        let Ok(reader) = decoder.read_info() else { return Ok(None) };
        let info = reader.info();
        let (width, height) = (info.width, info.height);
        if info.interlaced || is_animated(info) || u64::from(width) * u64::from(height) <= pixels {
            return Ok(None);
        }
        size::check_edges((width, height))?;
        size::check_file((width, height), size::least_of_png(info), file.len())?;
        let (colour, depth) = reader.output_color_type();
        let (channels, has_alpha) = match colour {
            png::ColorType::Grayscale => (Channels::Grey, false),
            png::ColorType::GrayscaleAlpha => (Channels::Grey, true),
            png::ColorType::Rgb => (Channels::Rgb, false),
            png::ColorType::Rgba => (Channels::Rgb, true),
            png::ColorType::Indexed => return Ok(None),
        };
        let deep = match depth {
            png::BitDepth::Eight => false,
            png::BitDepth::Sixteen => true,
            _ => return Ok(None),
        };
        let Some(chunks) = Chunks::read(BufReader::new(File::open(path)?))? else { return Ok(None) };
        let (metadata, lost) = chunks.metadata(channels)?;
        Ok(Some(Self { width, height, channels, deep, has_alpha, metadata, lost, reader, y: 0 }))
    }

    /// The next rows, at most `count`; `None` after the last.
    ///
    /// # Errors
    /// [`PhotoError::Damaged`].
    pub fn next(&mut self, count: u32) -> Result<Option<PhotoBand>, PhotoError> {
        let count = count.min(self.height - self.y);
        if count == 0 {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        for _ in 0..count {
            let row = self.reader.next_row().map_err(|error| damaged(error.to_string()))?;
            let row = row.ok_or_else(|| damaged("it ends before its last row".to_owned()))?;
            bytes.extend_from_slice(row.data());
        }
        self.y += count;
        if !self.deep {
            let (pixels, alpha) = self.split(bytes, u8::MAX);
            return Ok(Some((PhotoSamples::Eight(pixels), alpha.map(PhotoSamples::Eight))));
        }
        let samples = bytes.as_chunks::<2>().0.iter().map(|&pair| u16::from_be_bytes(pair)).collect();
        let (pixels, alpha) = self.split(samples, u16::MAX);
        Ok(Some((PhotoSamples::Sixteen(pixels), alpha.map(PhotoSamples::Sixteen))))
    }

    /// Colours and alpha of interleaved samples. Unlike that of a whole picture, opaque alpha stays: the next rows may have other.
    fn split<T: Copy + PartialEq>(&self, samples: Vec<T>, opaque: T) -> (Vec<T>, Option<Vec<T>>) {
        if !self.has_alpha {
            return (samples, None);
        }
        let pixels = samples.len() / (self.channels.count() + 1);
        let (colours, alpha) = match self.channels {
            Channels::Grey => split::<_, 2, 1>(&samples, opaque),
            Channels::Rgb => split::<_, 4, 3>(&samples, opaque),
        };
        (colours, Some(alpha.unwrap_or_else(|| vec![opaque; pixels])))
    }
}

/// As the decoder of whole pictures says it.
fn damaged(message: String) -> PhotoError {
    let format = image::error::ImageFormatHint::Exact(ImageFormat::Png);
    PhotoError::Damaged(image::ImageError::Decoding(image::error::DecodingError::new(format, message)))
}
