//! A rate-distortion curve: a few measured points. What lies in between depends on the interpolation.

use serde::Serialize;

use crate::interpolate::{Interpolant, Method};

/// A point of a rate-distortion curve, usually a mean over the images of a set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Bits per pixel.
    pub bpp: f64,
    /// Quality on an axis that rises with it ([`Metric::axis`](crate::metric::Metric::axis)): dB for PSNR.
    pub quality: f64,
}

/// Points in the order of their quality, at least [`LEAST_POINTS`].
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    points: Vec<Point>,
}

/// Between fewer points than this everything is interpolation.
pub const LEAST_POINTS: usize = 3;

/// Why points form no curve.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CurveError {
    /// Too few points to say anything about what lies between them.
    #[error("a curve needs at least {LEAST_POINTS} points, better 4 or more, and there are {0}")]
    TooFew(usize),
    /// A rate that is not positive, or a number that is none.
    #[error("{bpp} bpp at quality {quality} is no point of a curve: the rate must be positive, both finite")]
    Impossible {
        /// Bits per pixel.
        bpp: f64,
        /// Quality.
        quality: f64,
    },
    /// Two points of the same quality.
    #[error("two points have the same quality {quality}")]
    SameQuality {
        /// Quality.
        quality: f64,
    },
}

impl Curve {
    /// A curve through points in any order.
    ///
    /// # Errors
    /// There are too few, one is impossible, or two have the same quality.
    pub fn new(points: impl IntoIterator<Item = Point>) -> Result<Self, CurveError> {
        let mut points: Vec<Point> = points.into_iter().collect();
        if let Some(&Point { bpp, quality }) =
            points.iter().find(|p| !(p.bpp > 0.0 && p.bpp.is_finite() && p.quality.is_finite()))
        {
            return Err(CurveError::Impossible { bpp, quality });
        }
        points.sort_by(|a, b| a.quality.total_cmp(&b.quality));
        if let Some(pair) = points.windows(2).find(|pair| pair[0].quality == pair[1].quality) {
            return Err(CurveError::SameQuality { quality: pair[0].quality });
        }
        if points.len() < LEAST_POINTS {
            return Err(CurveError::TooFew(points.len()));
        }
        Ok(Self { points })
    }

    /// The points, by rising quality.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// log10 of bits per pixel as a function of the quality. `None` if the method needs more points.
    pub fn log_rate(&self, method: Method) -> Option<Interpolant> {
        let pairs: Vec<(f64, f64)> = self.points.iter().map(|p| (p.quality, p.bpp.log10())).collect();
        Interpolant::new(method, &pairs)
    }

    /// Quality as a function of log10 of bits per pixel. `None` if the rate does not rise, or the method needs more points.
    pub fn quality(&self, method: Method) -> Option<Interpolant> {
        let pairs: Vec<(f64, f64)> = self.points.iter().map(|p| (p.bpp.log10(), p.quality)).collect();
        Interpolant::new(method, &pairs)
    }

    /// Whether more quality always takes more bits.
    pub fn is_rising(&self) -> bool {
        self.points.windows(2).all(|pair| pair[0].bpp < pair[1].bpp)
    }

    /// The quality the interpolated curve reaches at a rate; at its ends for rates beyond. `None` if the rate does not rise
    /// with the quality, so that the answer would not be unique, or the method needs more points.
    pub fn quality_at(&self, bpp: f64, method: Method) -> Option<f64> {
        let log_rate = self.log_rate(method).filter(|_| self.is_rising())?;
        let [mut low, mut high] = log_rate.domain();
        let wanted = bpp.log10();
        // Bisection down to the last bit: a rising PCHIP through rising points has one answer.
        for _ in 0..64 {
            let middle = 0.5 * (low + high);
            if log_rate.value(middle) < wanted { low = middle } else { high = middle }
        }
        Some(0.5 * (low + high))
    }
}
