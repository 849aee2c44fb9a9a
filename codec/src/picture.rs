//! [`Picture`]: samples in memory, the codec's input and output. How they become network input is `patches.rs`.

use crate::alpha::{Alpha, divide};
use crate::error::Error;
use crate::format::ColourModel;
use crate::metadata::Metadata;
use crate::samples::{Samples, peak};

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels, 1..=65535.
    pub width: u32,
    /// Height in pixels, 1..=65535.
    pub height: u32,
    /// What the samples of a pixel mean.
    pub colour: ColourModel,
    /// Samples [height, width, channels], without gaps.
    pub pixels: Samples,
    /// How opaque the pixels are; without it all are.
    pub alpha: Option<Alpha>,
    /// What belongs to the samples: colour profile, orientation, EXIF, XMP.
    pub metadata: Metadata,
}

impl Picture {
    /// A picture of `pixels` [height, width, channels], opaque, upright and in sRGB.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if a side is not in 1..=65535, or number or size of the samples do not fit.
    pub fn new(width: u32, height: u32, colour: ColourModel, pixels: impl Into<Samples>) -> Result<Self, Error> {
        let picture = Self { width, height, colour, pixels: pixels.into(), alpha: None, metadata: Metadata::default() };
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
            let [found, expected] = [&alpha.samples, &self.pixels].map(|samples| samples.depth().bits().into());
            if found != expected {
                return Err(Error::InvalidInput { what: "the depth of alpha in bits", found, expected });
            }
        }
        for samples in [Some(&self.pixels), self.alpha.as_ref().map(|alpha| &alpha.samples)].into_iter().flatten() {
            samples.check()?;
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

    /// Peak signal-to-noise ratio in dB over all colour samples, whatever alpha says; infinite for equal pictures, NaN for pictures of different shapes or depths.
    pub fn psnr(&self, other: &Self) -> f64 {
        let shape = |p: &Self| (p.width, p.height, p.colour);
        let sum = self.pixels.squared_error(&other.pixels).filter(|_| shape(self) == shape(other));
        let mean = sum.unwrap_or(f64::NAN) / self.pixels.len() as f64;
        10.0 * (f64::from(peak(self.pixels.depth())).powi(2) / mean).log10()
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
