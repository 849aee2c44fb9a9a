//! A network that is only asked: the forward pass of [`Engine`] on a batch, without a loss.

use rayon::prelude::*;

use super::kernels::scale_columns;
use super::layer::depth_to_space;
use super::pool::Work;
use super::prior::Sample;
use super::{Engine, Noise};
use crate::net::Precision;
use crate::train::Batch;

/// What a network makes of one crop; rows are positions.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Outputs of the stages in the order of the pass.
    pub(crate) stages: [Vec<f32>; 4],
    /// Latent in quantisation steps [h, w, y].
    pub(crate) latent: Vec<f32>,
    /// Latent minus predicted mean, in quantisation steps [h, w, y].
    pub(crate) residual: Vec<f32>,
    /// Natural logarithm of the predicted scale, in quantisation steps [h, w, y].
    pub(crate) log_scale: Vec<f32>,
}

impl Engine {
    /// The answers of the network that was last loaded on the crops of a batch, with latents rounded; `weights` are those that were loaded.
    pub(crate) fn ask(&self, weights: &[f32], batch: &Batch) -> Vec<Answer> {
        (0..batch.knots.len()).into_par_iter().map(|i| self.answer(weights, batch, i)).collect()
    }

    /// Takes weights to be asked with, in f32.
    pub(crate) fn prepare(&mut self, weights: &[f32]) {
        self.load(weights, Precision::F32);
    }

    fn answer(&self, weights: &[f32], batch: &Batch, i: usize) -> Answer {
        let side = batch.side / 8;
        let (size, half) = ([side; 2], [side / 2; 2]);
        let positions = half[0] * half[1];
        let [y, z] = self.channels;
        // The prior adds up the bits' gradients by its density, which nobody reads here.
        let mut work = Work { gradient: vec![0.0; weights.len()], ..Work::default() };
        let quiet = vec![0.0; positions * y.max(z)];
        let (z, y) = (&quiet[..positions / 16 * z], &quiet[..positions * y]);
        let noise = Noise { z, y, batch: 1, sample: 0, positions: positions / 4 };
        let knot = batch.knots[i];
        let sample = Sample { knot, size: half, noise, grid: None, bit: 0.0 };
        let patches = &batch.patches[i * side * side * 192..][..side * side * 192];
        let (latent, analysis) = self.analysis.forward(patches, size, &mut work.pool);
        let coded = self.prior.forward(&latent, sample, weights, &mut work);
        let [residual, log_scale] = self.prior.predicted(&coded, half, &mut work.pool);
        let gain = weights[self.synthesis.gain_row(knot)].iter().map(|log| log.exp()).collect();
        let (_, synthesis) = self.synthesis.forward(&coded.y_hat, gain, size, &mut work.pool);
        let first = depth_to_space(&analysis.deep, self.analysis.width(), size, &mut work.pool);
        let mut in_steps = latent;
        let log_gain = &weights[self.prior.gain_row(knot)];
        scale_columns(&mut in_steps, &log_gain.iter().map(|log| log.exp()).collect::<Vec<_>>());
        Answer {
            stages: [first, analysis.last, synthesis.before_up, synthesis.last],
            latent: in_steps,
            residual,
            log_scale,
        }
    }
}
