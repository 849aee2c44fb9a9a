//! Rounding of the prior's activations to the integer grid, with the values that [`crate::prior::Taps`] makes in burn; its gradients are none of what was
//! clipped, those here pass as if nothing had been.

use super::kernels::round_to;
use crate::prior::{ACTIVATION_MAX, Grid};

/// The rounding of one site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounder(Option<f32>);

impl Rounder {
    /// That of a site; nothing without a grid or without an entry in it.
    pub(crate) fn at(grid: Option<&Grid>, site: &str) -> Self {
        Self(grid.and_then(|grid| grid.get(site).copied()))
    }

    /// Leaves values alone.
    pub(crate) const OFF: Self = Self(None);

    pub(crate) fn rounds(self) -> bool {
        self.0.is_some()
    }

    /// Rounds `values` to whole steps and clips them.
    pub(crate) fn round(self, values: &mut [f32]) {
        if let Some(steps) = self.0 {
            round_to(values, steps, ACTIVATION_MAX / steps);
        }
    }
}
