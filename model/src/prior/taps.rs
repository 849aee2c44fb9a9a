//! What happens to the prior's activations on their way: nothing, measurement of their range, or rounding to the integer grid.
//!
//! Every activation that the integer prior stores has a named site. The float network calls [`Taps::at`] there. That one hook serves plain
//! training, calibration and quantisation-aware training (straight-through rounding: Bengio et al., arXiv 1308.3432).

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use lic_shaders::arithmetic;

use crate::weights::Grid;

/// Largest magnitude of an activation of the integer prior.
pub const ACTIVATION_MAX: f32 = arithmetic::ACTIVATION_MAX as f32;

/// Largest magnitude seen at each site, in float units.
pub type Ranges = BTreeMap<String, f32>;

/// The hook on the prior's activations.
#[derive(Debug)]
pub enum Taps<'a> {
    /// Leaves activations alone.
    Off,
    /// Records ranges.
    Observe(&'a mut Ranges),
    /// Rounds to the grid and clips to +-4095 steps. Rounding passes gradients as if it had not happened; clipping, which is burn's clamp, does so inside the
    /// range and passes none to what it clipped. [`crate::backprop`], with which `lic train` trains on the CPU, rounds and clips alike but passes gradients
    /// to what it clipped, too.
    Round(&'a Grid),
}

impl Taps<'_> {
    /// Passes the activation of a site through the hook.
    pub fn at<const D: usize>(&mut self, site: &str, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Off => x,
            Self::Observe(ranges) => {
                let max = x.clone().without_autodiff().abs().max().into_scalar::<f32>();
                let entry = ranges.entry(site.to_owned()).or_insert(0.0);
                *entry = entry.max(max);
                x
            }
            Self::Round(grid) => match grid.get(site) {
                Some(&steps) => {
                    let limit = ACTIVATION_MAX / steps;
                    let x = x.clamp(-limit, limit);
                    let plain = x.clone().detach();
                    let error = plain.clone().mul_scalar(steps).round().div_scalar(steps) - plain;
                    x + error
                }
                None => x,
            },
        }
    }
}
