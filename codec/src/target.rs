//! Targets: which quality reaches a file size or a PSNR.
//!
//! Bytes and PSNR rise with the quality index, though not at every single step, so the search bisects and then looks once
//! beyond the border it found.

use std::fmt;

use crate::encoder::Encoded;
use crate::error::Error;
use crate::prior::QualityIndex;

/// What an encoder shall reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// Size of the whole file in bits per pixel, at most.
    BitsPerPixel(f64),
    /// Size of the whole file in bytes, at most.
    Bytes(u64),
    /// PSNR in dB over all colour samples, at least.
    Psnr(f64),
}

impl Target {
    /// Refuses numbers that no file can have.
    pub(crate) fn check(self) -> Result<(), Error> {
        let (what, value) = match self {
            Self::BitsPerPixel(bits) => ("the target in bits per pixel", bits),
            Self::Bytes(bytes) => ("the target in bytes", bytes as f64),
            Self::Psnr(db) => ("the target PSNR in dB", db),
        };
        if value.is_finite() && value > 0.0 {
            return Ok(());
        }
        Err(Error::InvalidOption { what, value, allowed: "a number above 0" })
    }
}

/// How a target was met.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TargetOutcome {
    /// What was asked for.
    pub wanted: Target,
    /// What was reached, in the unit of the target.
    pub reached: f64,
    /// How many times the picture was coded.
    pub trials: u32,
    /// Why the target was missed: nothing if a size is at or within 3 % below it, or a PSNR at or above it.
    pub miss: Option<Miss>,
}

/// Why a target was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Miss {
    /// Even the lowest quality takes more bytes.
    LowestQuality,
    /// Even the highest quality takes fewer bytes, or has a lower PSNR.
    HighestQuality,
    /// One step of quality leads from more than 3 % below the size to above it.
    CoarseSteps,
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LowestQuality => "even the lowest quality takes more",
            Self::HighestQuality => "even the highest quality does not reach it",
            Self::CoarseSteps => "one step of quality leads from more than 3 % below it to above it",
        })
    }
}

/// Sizes may be this much below the target.
const TOLERANCE: f64 = 0.03;

/// The best file for a target; `trial` codes at a quality and returns the file with its bytes or PSNR. A size is never
/// exceeded unless the lowest quality does.
pub(crate) fn search(
    wanted: Target,
    pixels: u64,
    mut trial: impl FnMut(QualityIndex) -> Result<(Encoded, f64), Error>,
) -> Result<(Encoded, TargetOutcome), Error> {
    let steps = i32::from(QualityIndex::MAX.get());
    // Sizes: good at low qualities, the highest good one is wanted. PSNR the other way round, so count from the top.
    let (limit, is_size, per_unit) = match wanted {
        Target::BitsPerPixel(bits) => {
            let bytes_per_unit = pixels as f64 / 8.0;
            ((bits * bytes_per_unit).floor(), true, bytes_per_unit)
        }
        Target::Bytes(bytes) => (bytes as f64, true, 1.0),
        Target::Psnr(db) => (db, false, 1.0),
    };
    let mut trials = 0;
    let mut run = |step: i32| {
        trials += 1;
        let t = if is_size { step } else { steps - step };
        let quality = u8::try_from(t).ok().and_then(QualityIndex::new);
        let (encoded, score) = trial(quality.unwrap_or(QualityIndex::MAX))?;
        let good = if is_size { score <= limit } else { score >= limit };
        Ok::<_, Error>((encoded, score, good))
    };

    let (mut good_step, mut bad_step) = (-1, steps + 1);
    let mut best = None;
    let mut last_bad = None;
    while bad_step - good_step > 1 {
        let step = (good_step + bad_step).div_euclid(2);
        let (encoded, score, good) = run(step)?;
        if good {
            good_step = step;
            best = Some((encoded, score));
        } else {
            bad_step = step;
            last_bad = Some((encoded, score));
        }
    }
    let enough = |score: f64| is_size && score >= (1.0 - TOLERANCE) * limit;
    if let Some((_, score)) = best
        && !enough(score)
        && good_step + 2 <= steps
    {
        let (encoded, score, good) = run(good_step + 2)?;
        if good {
            best = Some((encoded, score));
        }
    }
    let miss = match &best {
        None if is_size => Some(Miss::LowestQuality),
        None => Some(Miss::HighestQuality),
        Some((_, score)) if !is_size || enough(*score) => None,
        Some(_) if good_step == steps => Some(Miss::HighestQuality),
        Some(_) => Some(Miss::CoarseSteps),
    };
    // One of both ran; if nothing was good, the last bad step is the outermost one.
    let (encoded, score) = match best.or(last_bad) {
        Some(found) => found,
        None => {
            let (encoded, score, _) = run(0)?;
            (encoded, score)
        }
    };
    let outcome = TargetOutcome { wanted, reached: score / per_unit, trials, miss };
    Ok((encoded, outcome))
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
