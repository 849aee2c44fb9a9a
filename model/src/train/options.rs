//! What a run is told: data, length, precision, device.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::data::SMALLEST_SCALE;
use super::run::CHECKPOINT;
use super::{Behind, Budget, Schedule, TrainError};
use crate::net::Precision;
use crate::preset::Preset;

/// What computes the loss and its gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernels {
    /// burn's automatic differentiation on [`Options::device`].
    Burn,
    /// [`crate::backprop`], on the CPU; burn still validates.
    Own,
}

/// What turns gradients into steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimiser {
    /// Adam.
    #[default]
    Adam,
    /// Adam in the eigenbases of each matrix's gradients.
    Soap,
}

impl fmt::Display for Optimiser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Adam => "adam",
            Self::Soap => "soap",
        })
    }
}

/// Settings of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Network size.
    pub preset: Preset,
    /// Folder of training photos.
    pub data: PathBuf,
    /// Folder of validation photos.
    pub valid: Option<PathBuf>,
    /// Folder for `checkpoint.safetensors` and `log.jsonl`.
    pub out: PathBuf,
    /// Learning rate and length.
    pub schedule: Schedule,
    /// Crops per step.
    pub batch: usize,
    /// Side of a crop in pixels, a multiple of 64.
    pub side: u32,
    /// Crops are scaled down by a random factor between this and 1.
    pub smallest_scale: f32,
    /// Determines initial weights, crops and noise.
    pub seed: u64,
    /// Go on from the checkpoint in `out`, if there is one: it knows what it began with, so `from`, `additions` and `revive` are not looked at then.
    pub resume: bool,
    /// Weight file or checkpoint, of this preset or a smaller one, to begin with in place of the KLT start.
    pub from: Option<PathBuf>,
    /// Weight file or checkpoint of this preset, which `from`, of a smaller one, is grown into in place of a new network ([`crate::grow::grow`]).
    pub additions: Option<PathBuf>,
    /// Put new hidden units in the places of those of `from` whose gates are shut.
    pub revive: bool,
    /// Learning rate of the blocks of which a twentieth or more are such units, relative to the others'; a resumed run keeps its own.
    pub revived_rate: f32,
    /// Filters behind the synthesis that are part of the loss, and of validation; with our own kernels only.
    pub filters: Option<Arc<Behind>>,
    /// What turns gradients into steps.
    pub optimiser: Optimiser,
    /// Minutes between checkpoints.
    pub checkpoint_minutes: f64,
    /// Minutes between validations; one more is made at the end.
    pub validate_minutes: f64,
    /// Format of the operands of products, with burn of all activations. It is f32 always in validation and calibration, and on the integer grid: there
    /// with our own kernels in the prior alone, with burn everywhere but in the products of SOAP.
    pub precision: Precision,
    /// Device with autodiff.
    pub device: Device,
    /// What computes steps.
    pub kernels: Kernels,
    /// Set from any thread, it ends the run after the step at hand, with a checkpoint and [`TrainError::Stopped`]. Clones share it.
    pub stop: Arc<AtomicBool>,
}

impl Options {
    /// The defaults for `preset`.
    pub fn new(preset: Preset, data: PathBuf, out: PathBuf, budget: Budget, device: Device) -> Self {
        Self {
            preset,
            data,
            valid: None,
            out,
            schedule: Schedule { budget, peak: 1e-3, warmup: 300, cooldown: 1.0, quantised_share: 0.1 },
            batch: 8,
            side: 256,
            smallest_scale: SMALLEST_SCALE,
            seed: 0,
            resume: false,
            from: None,
            additions: None,
            revive: false,
            revived_rate: 1.0,
            filters: None,
            optimiser: Optimiser::Adam,
            checkpoint_minutes: 5.0,
            validate_minutes: 20.0,
            precision: Precision::F32,
            device,
            kernels: Kernels::Burn,
            stop: Arc::default(),
        }
    }

    /// Checks that a run may begin in its folder, or go on, before anything is written there.
    ///
    /// # Errors
    /// There is a run that is not to be resumed, or an option lacks the one that it needs.
    pub(crate) fn check_start(&self) -> Result<(), TrainError> {
        let exists = self.out.join(CHECKPOINT).exists();
        if exists && !self.resume {
            return Err(TrainError::Exists(self.out.clone()));
        }
        // A run that goes on knows these from its beginning.
        if exists {
            return Ok(());
        }
        if self.revive && self.from.is_none() {
            return Err(TrainError::Revive);
        }
        let rate = self.revived_rate;
        require(
            self.revive || rate == 1.0,
            "--revived-rate",
            rate,
            "1 without --revive: no block gets new hidden units",
        )?;
        if self.additions.is_some() && self.from.is_none() {
            return Err(TrainError::Additions);
        }
        Ok(())
    }

    /// Checks that all numbers mean something.
    ///
    /// # Errors
    /// One does not; the error names it.
    pub fn check(&self) -> Result<(), TrainError> {
        self.check_crops()?;
        require(self.batch > 0, "--batch", self.batch, "at least 1")?;
        let Schedule { budget, peak, cooldown, quantised_share, .. } = self.schedule;
        match budget {
            Budget::Steps(steps) => require(steps > 0, "--steps", steps, "at least 1")?,
            Budget::Minutes(minutes) => {
                require(minutes > 0.0 && minutes.is_finite(), "--minutes", minutes, "a number above 0")?;
            }
        }
        require(peak > 0.0 && peak.is_finite(), "--rate", peak, "a number above 0")?;
        require(cooldown > 0.0 && cooldown <= 1.0, "--cooldown", cooldown, "above 0 and at most 1")?;
        require((0.0..=1.0).contains(&quantised_share), "--quantised-share", quantised_share, "between 0 and 1")?;
        if self.filters.is_some() && self.kernels == Kernels::Burn {
            return Err(TrainError::FiltersWithBurn);
        }
        let rate = self.revived_rate;
        require(rate >= 0.0 && rate.is_finite(), "--revived-rate", rate, "a number from 0 on")?;
        for (flag, minutes) in
            [("--checkpoint-minutes", self.checkpoint_minutes), ("--validate-minutes", self.validate_minutes)]
        {
            require(minutes >= 0.0, flag, minutes, "a number from 0 on")?;
        }
        Ok(())
    }

    /// The part of [`Self::check`] that crops depend on: no crop can be drawn with others.
    pub(crate) fn check_crops(&self) -> Result<(), TrainError> {
        if self.side == 0 || !self.side.is_multiple_of(64) {
            return Err(TrainError::Side(self.side));
        }
        if !(0.1..=1.0).contains(&self.smallest_scale) {
            return Err(TrainError::Scale(self.smallest_scale));
        }
        Ok(())
    }
}

/// An error that names a setting of the command line, unless it is `fine`; `need` says what would be.
pub(crate) fn require(
    fine: bool,
    flag: &'static str,
    value: impl fmt::Display,
    need: &'static str,
) -> Result<(), TrainError> {
    if fine { Ok(()) } else { Err(TrainError::Setting { flag, value: value.to_string(), need }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the error begins with, and what is wrong.
    type Case = (&'static str, fn(&mut Options));

    #[test]
    fn numbers_that_mean_nothing_are_refused_by_their_names() {
        let fine = Options::new(Preset::Tiny, PathBuf::new(), PathBuf::new(), Budget::Steps(1), Device::flex());
        fine.check().unwrap();
        let cases: [Case; 20] = [
            ("--steps 0:", |o| o.schedule.budget = Budget::Steps(0)),
            ("--minutes 0:", |o| o.schedule.budget = Budget::Minutes(0.0)),
            ("--minutes -2:", |o| o.schedule.budget = Budget::Minutes(-2.0)),
            ("--minutes NaN:", |o| o.schedule.budget = Budget::Minutes(f64::NAN)),
            ("--minutes inf:", |o| o.schedule.budget = Budget::Minutes(f64::INFINITY)),
            ("--rate 0:", |o| o.schedule.peak = 0.0),
            ("--rate NaN:", |o| o.schedule.peak = f64::NAN),
            ("--rate inf:", |o| o.schedule.peak = f64::INFINITY),
            ("--cooldown 0:", |o| o.schedule.cooldown = 0.0),
            ("--cooldown NaN:", |o| o.schedule.cooldown = f64::NAN),
            ("--quantised-share 1.5:", |o| o.schedule.quantised_share = 1.5),
            ("--quantised-share NaN:", |o| o.schedule.quantised_share = f64::NAN),
            ("--revived-rate -1:", |o| o.revived_rate = -1.0),
            ("--revived-rate NaN:", |o| o.revived_rate = f32::NAN),
            ("--checkpoint-minutes NaN:", |o| o.checkpoint_minutes = f64::NAN),
            ("--checkpoint-minutes -1:", |o| o.checkpoint_minutes = -1.0),
            ("--validate-minutes NaN:", |o| o.validate_minutes = f64::NAN),
            ("--batch 0:", |o| o.batch = 0),
            ("--crop 100:", |o| o.side = 100),
            ("--smallest-scale 0:", |o| o.smallest_scale = 0.0),
        ];
        for (named, change) in cases {
            let mut options = fine.clone();
            change(&mut options);
            let error = options.check().unwrap_err().to_string();
            assert!(error.starts_with(named), "{error} instead of {named}");
        }
    }
}
