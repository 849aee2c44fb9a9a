//! Bjontegaard deltas: the mean distance between two rate-distortion curves.
//!
//! G. Bjontegaard, "Calculation of average PSNR differences between RD-curves", VCEG-M33 (2001), with PCHIP instead of one
//! polynomial, as JCT-VC's and JVET's common test conditions do, unless asked otherwise. BD-rate integrates log10 of the rate
//! over the quality; the common interval only is looked at, or a part of it. The numbers equal those of the Python package
//! bjontegaard 1.3.0.

use serde::Serialize;

use crate::curve::Curve;
use crate::interpolate::{Interpolant, Method};

/// Below this share of common interval to whole interval a figure says little; the default of the package bjontegaard.
pub const LEAST_OVERLAP: f64 = 0.75;

/// Fewer points than this inside the interval make a figure depend on the interpolation.
pub const FEW_POINTS: usize = 4;

/// The warning of [`Bd::falls`].
pub(crate) const FALLS: &str = "on one of the curves the rate does not always rise with the quality";

/// Where two curves are compared; always within the qualities both have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Interval {
    /// Wherever both are known.
    Common,
    /// Between two qualities, in units of the axis: dB for PSNR.
    Quality(f64, f64),
    /// Between the qualities that the tested curve reaches at two rates in bits per pixel.
    Rate(f64, f64),
}

/// A Bjontegaard delta with what is needed to judge it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bd {
    /// BD-rate: the tested codec's mean difference in rate at equal quality in percent, negative if it needs less.
    /// BD-PSNR and the like: the mean difference in quality at equal rate in units of the axis, positive if it is better.
    pub value: f64,
    /// Start and end of the integral: quality for BD-rate, log10 of bits per pixel for the difference in quality.
    pub interval: [f64; 2],
    /// Length of the common interval by that from the lowest to the highest point of both curves, 0..=1. Of an interval
    /// that was asked for: the share of it that both curves cover.
    pub overlap: f64,
    /// Points of the anchor's curve inside the interval.
    pub anchor_points: usize,
    /// Points of the tested curve inside the interval.
    pub test_points: usize,
    /// Whether on a curve more quality sometimes takes fewer bits: a codec does not work so, or points are noisy.
    pub falls: bool,
}

impl Bd {
    /// Whether it rests on less than [`LEAST_OVERLAP`].
    pub fn overlaps_little(&self) -> bool {
        self.overlap < LEAST_OVERLAP
    }

    /// Whether one of the curves has fewer than [`FEW_POINTS`] in the interval.
    pub fn has_few_points(&self) -> bool {
        self.anchor_points.min(self.test_points) < FEW_POINTS
    }

    /// Whether it says little, for one reason or the other.
    pub fn is_weak(&self) -> bool {
        self.overlaps_little() || self.has_few_points()
    }

    /// What a reader should hear about the figure, in words; empty if nothing.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.overlaps_little() {
            warnings.push(format!("the curves overlap by only {:.0} %", 100.0 * self.overlap));
        }
        for (whose, points) in [("the anchor", self.anchor_points), ("the tested curve", self.test_points)] {
            if points < FEW_POINTS {
                warnings.push(format!("{whose} has only {points} points in the interval"));
            }
        }
        if self.falls {
            warnings.push(FALLS.to_owned());
        }
        warnings
    }
}

/// Why two curves cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BdError {
    /// They have no quality (rate) in common, or none inside the interval.
    #[error("the curves do not overlap, or not in the interval: it would start at {low:.3} and end at {high:.3}")]
    NoOverlap {
        /// Where the common interval would start.
        low: f64,
        /// Where it would end.
        high: f64,
    },
    /// The tested curve has none of the rates that were asked for, or no quality there that the anchor has.
    #[error("between these rates there is nothing to compare: the tested curve goes from {low:.3} to {high:.3} bpp")]
    NoRates {
        /// The lowest rate of the tested curve.
        low: f64,
        /// Its highest.
        high: f64,
    },
    /// A curve on which more bits give less quality: neither a difference in quality nor an interval of rates is defined.
    #[error("a curve's rate does not rise with its quality, so its quality at a rate is not defined")]
    NotRising,
    /// The interpolation needs more points.
    #[error("{} interpolation needs at least {} points", method.name(), method.least_points())]
    TooFew {
        /// The interpolation.
        method: Method,
    },
}

/// Mean difference in rate of `test` against `anchor` at equal quality, in percent.
///
/// # Errors
/// The curves have no quality in common, an interval of rates is asked for on a curve that does not rise, or there are too
/// few points for the method.
pub fn bd_rate(anchor: &Curve, test: &Curve, interval: Interval, method: Method) -> Result<Bd, BdError> {
    let log_rate = |curve: &Curve| curve.log_rate(method).ok_or(BdError::TooFew { method });
    let (anchor_rate, test_rate) = (log_rate(anchor)?, log_rate(test)?);
    let wanted = match interval {
        Interval::Common => None,
        Interval::Quality(low, high) => Some([low, high]),
        Interval::Rate(low, high) => {
            let at = |bpp| test.quality_at(bpp, method).ok_or(BdError::NotRising);
            Some([at(low)?, at(high)?])
        }
    };
    let mut bd = mean_difference(&anchor_rate, &test_rate, wanted).map_err(|error| match (error, interval) {
        (BdError::NoOverlap { .. }, Interval::Rate(..)) => {
            let [low, high] = [test.points().first(), test.points().last()].map(|end| end.map_or(0.0, |end| end.bpp));
            BdError::NoRates { low, high }
        }
        _ => error,
    })?;
    if let Interval::Rate(low, high) = interval {
        // Where the tested curve ends before these rates, `wanted` does too.
        bd.overlap *= covered(test, low, high);
    }
    let count = |curve: &Curve| curve.points().iter().filter(|p| inside(p.quality, bd.interval)).count();
    let value = 100.0 * (10f64.powf(bd.value) - 1.0);
    let falls = !anchor.is_rising() || !test.is_rising();
    Ok(Bd { value, anchor_points: count(anchor), test_points: count(test), falls, ..bd })
}

/// Mean difference in quality of `test` against `anchor` at equal rate over the common rates: BD-PSNR in dB for PSNR.
///
/// # Errors
/// The curves have no rate in common, one of them does not rise, or there are too few points for the method.
pub fn bd_quality(anchor: &Curve, test: &Curve, method: Method) -> Result<Bd, BdError> {
    if !anchor.is_rising() || !test.is_rising() {
        return Err(BdError::NotRising);
    }
    let quality = |curve: &Curve| curve.quality(method).ok_or(BdError::TooFew { method });
    let bd = mean_difference(&quality(anchor)?, &quality(test)?, None)?;
    let count = |curve: &Curve| curve.points().iter().filter(|p| inside(p.bpp.log10(), bd.interval)).count();
    Ok(Bd { anchor_points: count(anchor), test_points: count(test), ..bd })
}

/// The mean of `test - anchor` over the common domain, or its part inside `wanted`; points are not counted yet.
fn mean_difference(anchor: &Interpolant, test: &Interpolant, wanted: Option<[f64; 2]>) -> Result<Bd, BdError> {
    let ([a_low, a_high], [t_low, t_high]) = (anchor.domain(), test.domain());
    let whole = wanted.unwrap_or([a_low.min(t_low), a_high.max(t_high)]);
    let low = a_low.max(t_low).max(whole[0]);
    let high = a_high.min(t_high).min(whole[1]);
    // Written so that a NaN counts as no overlap.
    if low.partial_cmp(&high) != Some(std::cmp::Ordering::Less) {
        return Err(BdError::NoOverlap { low, high });
    }
    let value = (test.integral(low, high) - anchor.integral(low, high)) / (high - low);
    let overlap = (high - low) / (whole[1] - whole[0]);
    Ok(Bd { value, interval: [low, high], overlap, anchor_points: 0, test_points: 0, falls: false })
}

/// The share of an interval of rates, on a logarithmic scale, that a rising curve covers.
fn covered(curve: &Curve, low: f64, high: f64) -> f64 {
    let rates = || curve.points().iter().map(|point| point.bpp);
    let (first, last) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
    (last.min(high) / first.max(low)).ln() / (high / low).ln()
}

fn inside(x: f64, [low, high]: [f64; 2]) -> bool {
    // The ends of the interval are points of a curve, exactly for rates up to rounding.
    let slack = 1e-9 * (high - low);
    x >= low - slack && x <= high + slack
}
