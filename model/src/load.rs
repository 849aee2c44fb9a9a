//! What can be wrong with the tensors of a weight file, and the check of its description before anything of its size is allocated.

use std::collections::BTreeMap;

use crate::preset::{ConfigError, ModelConfig};
use crate::weights::{WeightFile, WeightsError};

/// Named tensors of one part: shape and values.
pub type Named = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Why parameters do not fit a module.
#[derive(Debug, thiserror::Error)]
pub enum ParamError {
    /// The module needs a tensor the file has not.
    #[error("tensor {0} is missing")]
    Missing(String),
    /// The file has a tensor that would change what the model computes if the model knew it.
    #[error("tensor {0} is none of this model's: its description and its tensors do not fit")]
    Unknown(String),
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
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Checks that nothing is left of the tensors below `prefix` when a model has taken its own: ids cover tensors, not the description that says which are used.
///
/// # Errors
/// [`ParamError::Unknown`].
pub(crate) fn check_none_left(prefix: &str, left: Named) -> Result<(), ParamError> {
    left.into_keys().next().map_or(Ok(()), |name| Err(ParamError::Unknown(format!("{prefix}{name}"))))
}

impl WeightFile<'_> {
    /// The model's numbers, unless they ask for more than the file holds.
    ///
    /// # Errors
    /// [`LoadError::Config`].
    pub fn checked_config(&self) -> Result<ModelConfig, LoadError> {
        self.info.config.checked(self.elements())?;
        Ok(self.info.config)
    }
}
