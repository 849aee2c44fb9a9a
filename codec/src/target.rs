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
    /// The number.
    pub(crate) fn value(self) -> f64 {
        match self {
            Self::BitsPerPixel(value) | Self::Psnr(value) => value,
            Self::Bytes(bytes) => bytes as f64,
        }
    }

    /// Refuses numbers that no file can have.
    pub(crate) fn check(self) -> Result<(), Error> {
        let value = self.value();
        let what = match self {
            Self::BitsPerPixel(_) => "the target in bits per pixel",
            Self::Bytes(_) => "the target in bytes",
            Self::Psnr(_) => "the target PSNR in dB",
        };
        if value.is_finite() && value > 0.0 {
            return Ok(());
        }
        Err(Error::InvalidOption { what, value, allowed: "a number above 0" })
    }
}

/// How a target was met.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
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

/// Qualities that a search begins with, in quarter knots, both included; it goes on beyond them if what it looks for is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    lowest: u8,
    highest: u8,
}

/// Trials of a search that finds the target in a [`Range::near`], at most.
pub(crate) const MOST_NEAR: f64 = 6.0;

impl Range {
    /// All there are.
    pub(crate) const ALL: Self = Self { lowest: 0, highest: QualityIndex::MAX.get() };

    /// Where a search for better latents usually finds the target, if it is met with this quality without. At one quality it makes files 3 to 5 %
    /// larger (mean of Kodak; others it makes smaller), which is three to six steps, and pictures 0.3 to 0.9 dB better, which is five to twenty.
    pub(crate) fn near(target: Target, quality: QualityIndex) -> Self {
        let t = quality.get();
        match target {
            Target::BitsPerPixel(_) | Target::Bytes(_) => {
                Self { lowest: t.saturating_sub(8), highest: t.saturating_add(7).min(Self::ALL.highest) }
            }
            Target::Psnr(_) => Self { lowest: t.saturating_sub(24), highest: t },
        }
    }
}

/// The best file for a target, looked for in a range of qualities first; `trial` codes at a quality and returns the file with its bytes or PSNR. A
/// size is never exceeded unless the lowest quality does.
pub(crate) fn search(
    wanted: Target,
    pixels: u64,
    range: Range,
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
    let mut tried = Vec::new();
    let mut run = |step: i32, tried: &mut Vec<i32>| {
        tried.push(step);
        let t = if is_size { step } else { steps - step };
        let quality = u8::try_from(t).ok().and_then(QualityIndex::new);
        let (encoded, score) = trial(quality.unwrap_or(QualityIndex::MAX))?;
        let good = if is_size { score <= limit } else { score >= limit };
        Ok::<_, Error>((encoded, score, good))
    };

    let (mut good_step, mut bad_step) = (-1, steps + 1);
    let [lowest, highest] = [range.lowest, range.highest].map(i32::from);
    let [mut first, mut last] = if is_size { [lowest, highest] } else { [steps - highest, steps - lowest] };
    let mut further = last - first + 1;
    let mut best = None;
    let mut last_bad = None;
    while bad_step - good_step > 1 {
        let (below, above) = (good_step.max(first - 1), bad_step.min(last + 1));
        if above - below <= 1 {
            // The border is not in the range, but below it if nothing there is good.
            if below > good_step {
                first -= further;
            } else {
                last += further;
            }
            further *= 2;
            continue;
        }
        let step = (below + above).div_euclid(2);
        let (encoded, score, good) = run(step, &mut tried)?;
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
        && !tried.contains(&(good_step + 2))
    {
        let (encoded, score, good) = run(good_step + 2, &mut tried)?;
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
            let (encoded, score, _) = run(0, &mut tried)?;
            (encoded, score)
        }
    };
    let trials = u32::try_from(tried.len()).unwrap_or(u32::MAX);
    let outcome = TargetOutcome { wanted, reached: score / per_unit, trials, miss };
    Ok((encoded, outcome))
}

/// Whether a file that was searched for is the better answer than one that was not. A target that is met is never given up for one that is missed,
/// nor a size that is kept for one that is exceeded.
pub(crate) fn is_better(searched: (&Encoded, &TargetOutcome), simple: (&Encoded, &TargetOutcome)) -> bool {
    let [(new, found), (old, outcome)] = [searched, simple];
    let smaller = new.bytes.len() <= old.bytes.len();
    if let Target::Psnr(_) = outcome.wanted {
        return match (found.miss, outcome.miss) {
            (None, None) => smaller,
            (Some(_), Some(_)) => found.reached >= outcome.reached,
            (found, _) => found.is_none(),
        };
    }
    let within = |outcome: &TargetOutcome| outcome.reached <= outcome.wanted.value();
    match (within(found), within(outcome)) {
        (true, true) => found.miss.is_none() || outcome.miss.is_some(),
        (false, false) => smaller,
        (found, _) => found,
    }
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
