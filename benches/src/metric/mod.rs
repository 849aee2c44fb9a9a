//! How alike two pictures are.
//!
//! `psnr` and `ms_ssim` are our own, because the field's numbers depend on their details; `perceptual` has the two
//! metrics of JPEG XL from crates. Each metric has an axis of rising quality on which curves are compared.

mod ms_ssim;
mod perceptual;
mod psnr;

use std::fmt;
use std::str::FromStr;

use lic_codec::Picture;
use serde::{Deserialize, Serialize};

pub use psnr::psnr;

/// A metric of a decoded picture against its original, both with 8 bits per sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Metric {
    /// Peak signal-to-noise ratio over all samples, in dB; infinite for equal pictures, and then no point of a curve.
    #[serde(rename = "psnr")]
    Psnr,
    /// Multi-scale structural similarity, at most 1.
    #[serde(rename = "ms-ssim")]
    MsSsim,
    /// SSIMULACRA2, at most 100.
    #[serde(rename = "ssimulacra2")]
    Ssimulacra2,
    /// Butteraugli's distance, 3-norm at 80 nits: 0 is equal.
    #[serde(rename = "butteraugli")]
    Butteraugli,
}

/// Why a metric has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// The two are not of one shape.
    #[error("the decoded picture has {decoded} pixels, the original {original}: they cannot be compared")]
    Shape {
        /// Size of the original, in words.
        original: String,
        /// Size of the decoded picture, in words.
        decoded: String,
    },
    /// The picture is too small for a metric.
    #[error(
        "{metric} needs sides of at least {least} pixels, this picture has {width}x{height}: leave it out, or choose other metrics with --metric"
    )]
    TooSmall {
        /// The metric.
        metric: Metric,
        /// Shortest side it takes.
        least: u32,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The crate that computes it failed.
    #[error("{metric}: {message}")]
    Failed {
        /// The metric.
        metric: Metric,
        /// What the crate says.
        message: String,
    },
}

/// There is no such metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no metric {name:?}, choose from psnr, ms-ssim, ssimulacra2, butteraugli")]
pub struct UnknownMetric {
    name: String,
}

impl Metric {
    /// All metrics.
    pub const ALL: [Self; 4] = [Self::Psnr, Self::MsSsim, Self::Ssimulacra2, Self::Butteraugli];

    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Psnr => "psnr",
            Self::MsSsim => "ms-ssim",
            Self::Ssimulacra2 => "ssimulacra2",
            Self::Butteraugli => "butteraugli",
        }
    }

    /// The name, as in a text.
    pub fn title(self) -> &'static str {
        match self {
            Self::Psnr => "PSNR-RGB",
            Self::MsSsim => "MS-SSIM",
            Self::Ssimulacra2 => "SSIMULACRA2",
            Self::Butteraugli => "Butteraugli 3-norm",
        }
    }

    /// What the axis of rising quality shows.
    pub fn axis_title(self) -> &'static str {
        match self {
            Self::Psnr => "PSNR-RGB, dB",
            Self::MsSsim => "MS-SSIM, dB (-10 log10(1 - x))",
            Self::Ssimulacra2 => "SSIMULACRA2",
            Self::Butteraugli => "minus Butteraugli distance (3-norm, 80 nits)",
        }
    }

    /// A value (for means: the mean over images) on the axis of rising quality: decibels of the distance from 1 for MS-SSIM,
    /// which else saturates; the negative distance for Butteraugli; others as they are.
    pub fn axis(self, value: f64) -> f64 {
        match self {
            Self::Psnr | Self::Ssimulacra2 => value,
            Self::MsSsim => -10.0 * (1.0 - value).log10(),
            Self::Butteraugli => -value,
        }
    }

    /// Whether `a` means a worse picture than `b`.
    pub fn is_worse(self, a: f64, b: f64) -> bool {
        if self == Self::Butteraugli { a > b } else { a < b }
    }

    /// The metric of two pictures of one shape.
    ///
    /// # Errors
    /// The shapes differ, or the picture is too small: MS-SSIM needs 161 pixels a side, SSIMULACRA2 and Butteraugli 8.
    pub fn measure(self, original: &Picture, decoded: &Picture) -> Result<f64, MetricError> {
        let shape = |p: &Picture| (p.width, p.height, p.colour, p.pixels.len());
        let words = |p: &Picture| format!("{}x{}x{}", p.width, p.height, p.channels());
        let different = || MetricError::Shape { original: words(original), decoded: words(decoded) };
        if shape(original) != shape(decoded) {
            return Err(different());
        }
        let least = match self {
            Self::Psnr => 1,
            Self::MsSsim => ms_ssim::LONGEST_TOO_SHORT_SIDE + 1,
            Self::Ssimulacra2 | Self::Butteraugli => perceptual::SHORTEST_SIDE,
        };
        let &Picture { width, height, .. } = original;
        if width.min(height) < least {
            return Err(MetricError::TooSmall { metric: self, least, width, height });
        }
        let failed = |message| MetricError::Failed { metric: self, message };
        match self {
            Self::Psnr => psnr(&original.pixels.to_eight(), &decoded.pixels.to_eight()).ok_or_else(different),
            Self::MsSsim => Ok(ms_ssim::ms_ssim(
                &original.pixels.to_eight(),
                &decoded.pixels.to_eight(),
                width as usize,
                original.channels(),
            )),
            Self::Ssimulacra2 => perceptual::ssimulacra2(original, decoded).map_err(failed),
            Self::Butteraugli => perceptual::butteraugli_distance(original, decoded).map_err(failed),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(name: &str) -> Result<Self, UnknownMetric> {
        let known = Self::ALL.into_iter().find(|metric| metric.name() == name);
        known.ok_or_else(|| UnknownMetric { name: name.to_owned() })
    }
}
