//! [`Picture`]: 8-bit samples in memory, the codec's input and output. How they become network input is `patches.rs`.

use crate::alpha::{Alpha, divide};
use crate::error::Error;
use crate::format::ColourModel;
use crate::metadata::Metadata;

/// An image with 8 bits per sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels, 1..=65535.
    pub width: u32,
    /// Height in pixels, 1..=65535.
    pub height: u32,
    /// What the samples of a pixel mean.
    pub colour: ColourModel,
    /// Samples [height, width, channels], without gaps.
    pub pixels: Vec<u8>,
    /// How opaque the pixels are; without it all are.
    pub alpha: Option<Alpha>,
    /// What belongs to the samples: colour profile, orientation, EXIF, XMP.
    pub metadata: Metadata,
}

impl Picture {
    /// A picture of `pixels` [height, width, channels], opaque, upright and in sRGB.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if a side is not in 1..=65535 or the number of samples does not fit.
    pub fn new(width: u32, height: u32, colour: ColourModel, pixels: Vec<u8>) -> Result<Self, Error> {
        let picture = Self { width, height, colour, pixels, alpha: None, metadata: Metadata::default() };
        picture.size()?;
        Ok(picture)
    }

    /// Samples per pixel: 3 for RGB, 1 for grey.
    pub fn channels(&self) -> usize {
        channels(self.colour)
    }

    /// Width and height, after checking everything: the fields are public.
    pub(crate) fn size(&self) -> Result<[u16; 2], Error> {
        let side = |what, value: u32| match u16::try_from(value) {
            Ok(side) if side > 0 => Ok(side),
            _ => Err(Error::InvalidInput { what, found: value.into(), expected: u16::MAX.into() }),
        };
        let width = side("the picture's width", self.width)?;
        let height = side("the picture's height", self.height)?;
        let expected = u64::from(width) * u64::from(height) * self.channels() as u64;
        if self.pixels.len() as u64 != expected {
            return Err(Error::InvalidInput {
                what: "the number of samples",
                found: self.pixels.len() as u64,
                expected,
            });
        }
        if let Some(alpha) = &self.alpha {
            let (found, expected) = (alpha.samples.len() as u64, u64::from(width) * u64::from(height));
            if found != expected {
                return Err(Error::InvalidInput { what: "the number of alpha samples", found, expected });
            }
        }
        Ok([width, height])
    }

    /// Makes colours that were multiplied by alpha independent of it ("straight"): each is divided by alpha, rounded, at most the
    /// greatest value; where alpha is 0 they become 0. Nothing happens to other pictures.
    pub fn unpremultiply(&mut self) {
        let channels = self.channels();
        if let Some(alpha) = self.alpha.as_mut().filter(|alpha| alpha.premultiplied) {
            divide(&mut self.pixels, &alpha.samples, channels);
            alpha.premultiplied = false;
        }
    }

    /// Peak signal-to-noise ratio in dB over all colour samples, whatever alpha says; infinite for equal pictures, NaN for pictures of different shapes.
    pub fn psnr(&self, other: &Self) -> f64 {
        let shape = |p: &Self| (p.width, p.height, p.colour, p.pixels.len());
        if shape(self) != shape(other) || self.pixels.is_empty() {
            return f64::NAN;
        }
        let squares = |(&a, &b): (&u8, &u8)| u64::from(a.abs_diff(b)).pow(2);
        let sum: u64 = self.pixels.iter().zip(&other.pixels).map(squares).sum();
        let mean = sum as f64 / self.pixels.len() as f64;
        10.0 * (255.0f64.powi(2) / mean).log10()
    }
}

/// Samples per pixel.
pub(crate) fn channels(colour: ColourModel) -> usize {
    match colour {
        ColourModel::Rgb => 3,
        ColourModel::Grey => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_impossible_shape_are_refused() {
        let new = |w, h, n| Picture::new(w, h, ColourModel::Rgb, vec![0; n]);
        assert!(new(2, 3, 18).is_ok());
        for (w, h, n) in [(2, 3, 17), (2, 3, 19), (0, 3, 0), (3, 0, 0), (65536, 1, 65536 * 3)] {
            assert!(matches!(new(w, h, n), Err(Error::InvalidInput { .. })));
        }
    }

    #[test]
    fn psnr_of_a_known_error() {
        let grey = |v| Picture::new(2, 1, ColourModel::Grey, vec![v, 100]).unwrap();
        // Mean squared error 2: 10 log10(65025 / 2).
        assert!((grey(100).psnr(&grey(102)) - 45.1205).abs() < 1e-3);
        assert_eq!(grey(7).psnr(&grey(7)), f64::INFINITY);
        let wide = Picture::new(1, 2, ColourModel::Grey, vec![1, 2]).unwrap();
        assert!(grey(1).psnr(&wide).is_nan());
    }
}
