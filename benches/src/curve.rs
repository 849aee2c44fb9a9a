//! A rate-distortion curve: a few measured points and what is known in between.

use serde::Serialize;

use crate::pchip::Pchip;

/// A point of a rate-distortion curve, usually a mean over the images of a set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Bits per pixel.
    pub bpp: f64,
    /// PSNR in dB.
    pub psnr: f64,
}

/// Points in the order of their quality, at least two.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    points: Vec<Point>,
    /// log10 of the rate over the quality.
    log_rate: Pchip,
}

/// Why points form no curve.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CurveError {
    /// Nothing can be said between fewer than two points.
    #[error("a curve needs at least 2 points, there are {0}")]
    TooFew(usize),
    /// A rate that is not positive, or a number that is none.
    #[error("{bpp} bpp at {psnr} dB is no point of a curve: the rate must be positive, both finite")]
    Impossible {
        /// Bits per pixel.
        bpp: f64,
        /// PSNR in dB.
        psnr: f64,
    },
    /// Two points of the same quality.
    #[error("two points have the same quality of {psnr} dB")]
    SameQuality {
        /// PSNR in dB.
        psnr: f64,
    },
}

impl Curve {
    /// A curve through points in any order.
    ///
    /// # Errors
    /// There are fewer than two, one is impossible, or two have the same quality.
    pub fn new(points: impl IntoIterator<Item = Point>) -> Result<Self, CurveError> {
        let mut points: Vec<Point> = points.into_iter().collect();
        if let Some(&Point { bpp, psnr }) =
            points.iter().find(|p| !(p.bpp > 0.0 && p.bpp.is_finite() && p.psnr.is_finite()))
        {
            return Err(CurveError::Impossible { bpp, psnr });
        }
        points.sort_by(|a, b| a.psnr.total_cmp(&b.psnr));
        if let Some(pair) = points.windows(2).find(|pair| pair[0].psnr == pair[1].psnr) {
            return Err(CurveError::SameQuality { psnr: pair[0].psnr });
        }
        let pairs: Vec<(f64, f64)> = points.iter().map(|p| (p.psnr, p.bpp.log10())).collect();
        let log_rate = Pchip::new(&pairs).ok_or(CurveError::TooFew(points.len()))?;
        Ok(Self { points, log_rate })
    }

    /// The points, by rising quality.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// log10 of bits per pixel as a function of the PSNR.
    pub fn log_rate(&self) -> &Pchip {
        &self.log_rate
    }

    /// Lowest and highest PSNR.
    pub fn quality_range(&self) -> [f64; 2] {
        self.log_rate.domain()
    }

    /// Whether more quality always takes more bits.
    pub fn is_rising(&self) -> bool {
        self.points.windows(2).all(|pair| pair[0].bpp < pair[1].bpp)
    }

    /// The PSNR the interpolated curve reaches at a rate; at its ends for rates beyond. `None` if the rate does not rise
    /// with the quality, so that the answer would not be unique.
    pub fn quality_at(&self, bpp: f64) -> Option<f64> {
        if !self.is_rising() {
            return None;
        }
        let [mut low, mut high] = self.quality_range();
        let wanted = bpp.log10();
        // Bisection down to the last bit: a rising PCHIP through rising points has one answer.
        for _ in 0..64 {
            let middle = 0.5 * (low + high);
            if self.log_rate.value(middle) < wanted { low = middle } else { high = middle }
        }
        Some(0.5 * (low + high))
    }
}
