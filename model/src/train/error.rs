//! Why a run stops before its end.

use std::path::PathBuf;

use super::{DataError, Optimiser};
use crate::backprop::Missing;
use crate::checkpoint::CheckpointError;
use crate::distill::CacheError;
use crate::grow::GrowError;
use crate::load::{LoadError, ParamError};
use crate::preset::Preset;
use crate::quantise::RestoreError;

/// Why training stopped.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The photos.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint's tensors.
    #[error(transparent)]
    Params(#[from] ParamError),
    /// There are no kernels of our own for the network.
    #[error(transparent)]
    Kernels(#[from] Missing),
    /// What a teacher said before.
    #[error(transparent)]
    Teacher(#[from] CacheError),
    /// A checkpoint or weight file cannot be read.
    #[error("cannot use {}: {source}", path.display())]
    Read {
        /// The weight file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A weight file cannot be turned back into a network.
    #[error("cannot use {}: {source}", path.display())]
    Restore {
        /// The weight file.
        path: PathBuf,
        /// The reason.
        source: RestoreError,
    },
    /// The filters of a file cannot be used.
    #[error("--filters {}: {source}", path.display())]
    Filters {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: LoadError,
    },
    /// A weight file has no filters.
    #[error("--filters {}: it has none; lic quantize --fit fits them", .0.display())]
    NoFilters(PathBuf),
    /// Only our own kernels know the filters.
    #[error("--filters needs --device cpu: burn's training has no filters behind the synthesis")]
    FiltersWithBurn,
    /// The model to begin with does not fit in the preset.
    #[error("cannot begin with {}: {source}", path.display())]
    Grow {
        /// The weight file or checkpoint.
        path: PathBuf,
        /// The reason.
        source: GrowError,
    },
    /// The folder already holds a run.
    #[error("{} already holds a checkpoint: add --resume to go on with it, or choose another folder", .0.display())]
    Exists(PathBuf),
    /// Another process writes into the folder.
    #[error("another run is writing into {}: stop it first, or choose another folder", .0.display())]
    Running(PathBuf),
    /// The checkpoint is of another preset.
    #[error(
        "the checkpoint is of preset {found}, not {asked}: resume it with --preset {found}, or choose another folder"
    )]
    Preset {
        /// Preset of the checkpoint.
        found: Preset,
        /// Preset asked for.
        asked: Preset,
    },
    /// The checkpoint's moments are another optimiser's.
    #[error(
        "the checkpoint is of optimiser {found}, not {asked}: resume it with --optimiser {found}, or choose another folder"
    )]
    Optimiser {
        /// Optimiser of the checkpoint.
        found: Optimiser,
        /// Optimiser asked for.
        asked: Optimiser,
    },
    /// The run that is resumed began with another setting that its crops or its noise depend on.
    #[error(
        "the run began with {flag} {found}, not {asked}: resume it with {found}, or begin another in another folder"
    )]
    Changed {
        /// Name of the setting on the command line.
        flag: &'static str,
        /// What the run began with.
        found: String,
        /// What it would go on with.
        asked: String,
    },
    /// The checkpoint has what a teacher is compared with, which a run without one would lose.
    #[error(
        "the checkpoint is of a phase of a distillation: go on with it by lic distill --resume, or choose another folder"
    )]
    Phase,
    /// Nothing is grown that could have additions.
    #[error("--additions needs --from with a smaller model: it is for what that one lacks")]
    Additions,
    /// The additions are of another size.
    #[error("--additions {}: it is no model of preset {asked}", path.display())]
    OtherAdditions {
        /// The file.
        path: PathBuf,
        /// Preset of the run.
        asked: Preset,
    },
    /// There is nothing whose units could be revived.
    #[error("--revive needs --from: what has not learnt yet has no hidden units that have shut")]
    Revive,
    /// A number that means nothing.
    #[error("{flag} {value}: it must be {need}")]
    Setting {
        /// Name of the setting on the command line.
        flag: &'static str,
        /// The number.
        value: String,
        /// What would mean something.
        need: &'static str,
    },
    /// Crops must be multiples of 64 pixels.
    #[error("--crop {0}: the side must be a multiple of 64, at least 64")]
    Side(u32),
    /// Crops are scaled down, and not to nothing.
    #[error("--smallest-scale {0}: it must lie between 0.1 and 1")]
    Scale(f32),
    /// The log or folder cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// [`Options::stop`](super::Options::stop) was set.
    #[error("told to stop after step {0}; with --resume it goes on")]
    Stopped(u64),
    /// The loss is not a number any more.
    #[error("{0} steps in a row gave a gradient that is not finite: lower the learning rate and resume")]
    Diverged(u32),
}
