//! [`EncodeOptions`]: what a caller may choose about a file, and what its qualities mean.

use crate::effort::Effort;
use crate::error::Error;
use crate::format::header::DEFAULT_TILE;
use crate::prior::QualityIndex;
use crate::target::Target;

/// How to encode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EncodeOptions {
    /// 0..=100; not used if there is a target.
    pub quality: f32,
    /// Tile edge in pixels: a multiple of 64 in 64..=4096 (of 128 for models with attention, unless there is one tile only).
    pub tile: u32,
    /// What to reach instead of a quality.
    pub target: Option<Target>,
    /// How much time to spend on a smaller file.
    pub effort: Effort,
    /// Quality 0..=100 of the alpha plane; without it the plane is kept exactly. Does not depend on quality or target.
    pub alpha_quality: Option<f32>,
}

impl Default for EncodeOptions {
    /// Quality 50, tiles of 1024 pixels, no target, optimised rounding, exact alpha.
    fn default() -> Self {
        Self { quality: 50.0, tile: DEFAULT_TILE.into(), target: None, effort: Effort::default(), alpha_quality: None }
    }
}

/// The quality index of a quality 0..=100.
///
/// # Errors
/// [`Error::InvalidOption`] outside of that range.
pub fn quality_index(quality: f32) -> Result<QualityIndex, Error> {
    let invalid = Error::InvalidOption { what: "the quality", value: quality.into(), allowed: "0..=100" };
    if !(0.0..=100.0).contains(&quality) {
        return Err(invalid);
    }
    QualityIndex::new((quality * 2.52).round() as u8).ok_or(invalid)
}
