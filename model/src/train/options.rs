//! What a run is told: data, length, precision, device.

use std::fmt;
use std::path::PathBuf;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::data::SMALLEST_SCALE;
use super::{Budget, Schedule};
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
    /// Go on from the checkpoint in `out`.
    pub resume: bool,
    /// Weight file or checkpoint, of this preset or a smaller one, to begin with in place of the KLT start.
    pub from: Option<PathBuf>,
    /// Put new hidden units in the places of those of `from` whose gates are shut.
    pub revive: bool,
    /// Learning rate of the blocks with such units, relative to the others'.
    pub revived_rate: f32,
    /// What turns gradients into steps.
    pub optimiser: Optimiser,
    /// Minutes between checkpoints.
    pub checkpoint_minutes: f64,
    /// Minutes between validations; one more is made at the end.
    pub validate_minutes: f64,
    /// Format of the activations; the stage on the integer grid, validation and calibration are f32 always.
    pub precision: Precision,
    /// Device with autodiff.
    pub device: Device,
    /// What computes steps.
    pub kernels: Kernels,
}

impl Options {
    /// Defaults of section 8 of the design for `preset`.
    pub fn new(preset: Preset, data: PathBuf, out: PathBuf, budget: Budget, device: Device) -> Self {
        Self {
            preset,
            data,
            valid: None,
            out,
            schedule: Schedule { budget, peak: 1e-3, warmup: 300, quantised_share: 0.1 },
            batch: 8,
            side: 256,
            smallest_scale: SMALLEST_SCALE,
            seed: 0,
            resume: false,
            from: None,
            revive: false,
            revived_rate: 1.0,
            optimiser: Optimiser::Adam,
            checkpoint_minutes: 5.0,
            validate_minutes: 20.0,
            precision: Precision::F32,
            device,
            kernels: Kernels::Burn,
        }
    }
}
