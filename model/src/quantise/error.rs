//! Why a checkpoint does not become a weight file, or a weight file a network.

use half::f16;
use lic_shaders::LayerError;

use crate::checkpoint::CheckpointError;
use crate::load::ParamError;
use crate::preset::ConfigError;
use crate::train::DataError;
use crate::weights::{GridError, WeightsError};

/// Why a checkpoint cannot be quantised.
#[derive(Debug, thiserror::Error)]
pub enum QuantiseError {
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its tensors do not fit its description.
    #[error(transparent)]
    Params(#[from] ParamError),
    /// A weight is no number.
    #[error("tensor {name} of the checkpoint holds {value}: its training has diverged, quantise an earlier checkpoint")]
    NotFinite {
        /// Tensor name.
        name: String,
        /// The first such value.
        value: f32,
    },
    /// A weight of a transform is larger than those of a weight file can be.
    #[error(
        "tensor {name} gets {value} in the weight file, where at most {} is possible: quantise an earlier checkpoint",
        f16::MAX
    )]
    Large {
        /// Tensor name, as in the checkpoint.
        name: String,
        /// The first such value, with the latent's deviation folded in.
        value: f32,
    },
    /// The calibration photos.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A layer's weights.
    #[error("layer {layer}: {source}")]
    Layer {
        /// Layer name.
        layer: String,
        /// The reason.
        source: LayerError,
    },
    /// The weight file.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// There is no grid yet.
    #[error("the checkpoint's training has not reached its quantised stage: give a folder of photos with --calibrate")]
    NoGrid,
    /// The grid lacks a site: the checkpoint is of another version of the prior.
    #[error("the checkpoint has no integer grid for {0}")]
    NoSite(String),
}

/// Why training cannot go on from a weight file.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The file.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Its description is absurd.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// So is its grid.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// Its tensors do not fit its own description.
    #[error(transparent)]
    Params(#[from] ParamError),
    /// Files from before this field cannot be trained on.
    #[error("the weight file does not record the integer grid of its prior: only newer files can be trained on")]
    NoGrid,
    /// The grid lacks a site.
    #[error("the weight file's integer grid has no entry for {0}")]
    NoSite(String),
    /// A tensor is missing, of another type, or shorter than its layer.
    #[error("tensor {name} of the weight file is missing, of another type or too short")]
    Tensor {
        /// Tensor name.
        name: String,
    },
}
