//! What a loss adds to the rate-distortion loss of one sample: the interface of [`crate::distill`]'s losses to [`super::Engine`].
//!
//! Where burn's losses name the tensors that they look at and differentiation finds the way back, here a loss is shown what the forward pass found and says
//! itself what its gradients there are.

use super::Work;
use super::kernels::add;

/// What the forward pass of one sample found; rows are positions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    /// Outputs of the stages in the order of the pass: analysis at 1/8 and 1/16, synthesis at 1/16 and 1/8.
    pub(crate) stages: [&'a [f32]; 4],
    /// Latent before its gain [h, w, y].
    pub(crate) latent: &'a [f32],
    /// Latent minus predicted mean, in quantisation steps [h, w, y].
    pub(crate) residual: &'a [f32],
    /// Natural logarithm of the predicted scale, in quantisation steps, without a lower bound [h, w, y].
    pub(crate) log_scale: &'a [f32],
    /// Logarithm of the gain at the sample's quality [y].
    pub(crate) log_gain: &'a [f32],
}

/// A sample's part of what is added, and its gradients by everything in [`Seen`]; empty where there are none.
#[derive(Debug, Default)]
pub(crate) struct Added {
    /// Not scaled by [`crate::train::LOSS_SCALE`], which the gradients are.
    pub(crate) value: f64,
    pub(crate) stages: [Vec<f32>; 4],
    pub(crate) latent: Vec<f32>,
    pub(crate) residual: Vec<f32>,
    pub(crate) log_scale: Vec<f32>,
    pub(crate) log_gain: Vec<f32>,
}

/// A loss beside the rate-distortion loss.
pub(crate) trait Addition: Sync {
    /// Its part and gradients of the batch's `sample`th crop. Gradients of parameters of its own go into the work's.
    fn add(&self, sample: usize, seen: Seen<'_>, work: &mut Work) -> Added;
}

/// Adds a gradient, if there is one.
pub(super) fn add_some(into: &mut [f32], gradient: &[f32]) {
    if !gradient.is_empty() {
        add(into, gradient);
    }
}
