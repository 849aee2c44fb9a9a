//! A checkpoint's averaged weights: as the weight file that ships, and as the float network that the file is compared with.

use std::path::Path;

use burn::tensor::Device;

use super::export::quantise;
use super::{QuantiseError, calibrate};
use crate::checkpoint;
use crate::load::{Named, ParamError};
use crate::network::Network;
use crate::params;
use crate::preset::ModelConfig;
use crate::train::Crops;
use crate::weights::{self, Info};

/// A finished weight file.
#[derive(Clone, Debug)]
pub struct Quantised {
    /// The file.
    pub bytes: Vec<u8>,
    /// Training steps behind it.
    pub steps: u64,
}

/// Reads a checkpoint and quantises its averaged weights; `photos` calibrate a grid, in place of the checkpoint's own if it has one.
///
/// # Errors
/// See [`QuantiseError`].
pub fn checkpoint_to_weights(path: &Path, photos: Option<&Path>) -> Result<Quantised, QuantiseError> {
    let (meta, mut parts) = checkpoint::load(path)?;
    let tensors = parts.remove("average").unwrap_or_default();
    let device = Device::flex();
    // In every case, because it checks all shapes.
    let network = float_network(&meta.config, &tensors, &device)?;
    check_finite(&tensors)?;
    let grid = match (photos, meta.grid) {
        (Some(folder), _) => calibrate(&network, &Crops::load(folder, 256, meta.seed)?, &device),
        (None, Some(grid)) => grid,
        (None, None) => return Err(QuantiseError::NoGrid),
    };
    let info = Info {
        format: weights::FORMAT,
        preset: meta.preset,
        config: meta.config,
        steps: meta.earlier.0 + meta.step,
        seconds: meta.earlier.1 + meta.seconds,
        grid: Some(grid.clone()),
    };
    Ok(Quantised { bytes: quantise(&info, &tensors, &grid)?, steps: info.steps })
}

/// The float network of a checkpoint's averaged weights: what the integers are compared with.
///
/// # Errors
/// The checkpoint cannot be read or is incomplete.
pub fn checkpoint_network(path: &Path, device: &Device) -> Result<Network, QuantiseError> {
    let (meta, mut parts) = checkpoint::load(path)?;
    let tensors = parts.remove("average").unwrap_or_default();
    Ok(float_network(&meta.config, &tensors, device)?)
}

fn float_network(config: &ModelConfig, tensors: &Named, device: &Device) -> Result<Network, ParamError> {
    params::with_named(Network::new(config, 0, device), tensors)
}

/// Refuses weights that are no numbers: as integers they would be zeros, and nobody would know.
fn check_finite(tensors: &Named) -> Result<(), QuantiseError> {
    for (name, (_, values)) in tensors {
        if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
            return Err(QuantiseError::NotFinite { name: name.clone(), value });
        }
    }
    Ok(())
}
