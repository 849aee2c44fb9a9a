//! What can be wrong with the tensors of a weight file, and the check of its description before anything of its size is allocated.

use std::collections::BTreeMap;

use crate::preset::ModelConfig;
use crate::weights::{WeightFile, WeightsError};

/// Named tensors of one part: shape and values.
pub type Named = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Why parameters do not fit a module.
#[derive(Debug, thiserror::Error)]
pub enum ParamError {
    /// The module needs a tensor the file has not.
    #[error("tensor {0} is missing")]
    Missing(String),
    /// A tensor has another shape than the module's.
    #[error("tensor {name} has shape {found:?}, the model needs {expected:?}")]
    Shape {
        /// Tensor name.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape in the module.
        expected: Vec<usize>,
    },
}

/// Why transforms cannot be built from a weight file.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Its tensors do not fit its own description.
    #[error(transparent)]
    Params(#[from] ParamError),
    /// The description is absurd.
    #[error("impossible model description: {0:?}")]
    Config(ModelConfig),
}

/// Most channels of any layer that a weight file may ask for.
const MOST_CHANNELS: usize = 4096;

/// Most blocks of a stage that a weight file may ask for.
const MOST_BLOCKS: usize = 64;

impl WeightFile<'_> {
    /// The model's numbers, unless they ask for more than the file holds.
    ///
    /// # Errors
    /// [`LoadError::Config`].
    pub fn checked_config(&self) -> Result<ModelConfig, LoadError> {
        let config = self.info.config;
        let channels = [config.c8, config.c16, config.y, config.z, config.hidden];
        let plain = channels.iter().all(|&c| c > 0 && c % 4 == 0 && c <= MOST_CHANNELS);
        let heads =
            config.head_width.is_none_or(|w| w > 0 && [config.c8, config.c16].iter().all(|c| c % w == 0 && c / w >= 2));
        let within = plain && heads && config.blocks8 <= MOST_BLOCKS && config.blocks16 <= MOST_BLOCKS;
        if within && config.least_parameters() <= self.elements() { Ok(config) } else { Err(LoadError::Config(config)) }
    }
}
