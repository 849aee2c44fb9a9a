//! Why a distillation stops before its end.

use std::path::PathBuf;

use super::CacheError;
use crate::load::ParamError;
use crate::train::{DataError, TrainError};

/// Why distillation stopped.
#[derive(Debug, thiserror::Error)]
pub enum DistillError {
    /// A phase's training.
    #[error(transparent)]
    Train(#[from] Box<TrainError>),
    /// The photos.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The teacher's tensors do not fit its own description.
    #[error("the teacher: {0}")]
    Params(#[from] ParamError),
    /// The teacher's stored outputs.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The file of channel entropies, or a folder.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// Channels are weighed by their bits.
    #[error("no channel of the teacher's latent carries any bits: it has not been trained")]
    NoBits,
    /// Other than so many crops for each part of the quality axis.
    #[error("--crops {0}: it must be a multiple of 8, at least 8")]
    Crops(u64),
}

impl From<TrainError> for DistillError {
    fn from(error: TrainError) -> Self {
        Self::Train(Box::new(error))
    }
}
