//! A network that is only asked: forward passes of [`Engine`] on a batch, without a loss.

use rayon::prelude::*;

use super::pool::Work;
use super::prior::{Coded, Sample};
use super::transform::AnalysisKept;
use super::{Engine, Noise};
use crate::train::Batch;

/// A crop on its way through the network that was last loaded, whose weights are these.
struct Crop<'a> {
    engine: &'a Engine,
    weights: &'a [f32],
    /// Of the patches in each direction.
    side: usize,
    knot: usize,
    work: Work,
    analysis: AnalysisKept,
    coded: Coded,
}

impl Engine {
    /// Of every crop the latent, the latent minus its predicted mean, and the natural logarithm of the predicted scale, in quantisation steps [h, w, y].
    /// `weights` are those that were loaded.
    pub(crate) fn ask_latents(&self, weights: &[f32], batch: &Batch) -> Vec<[Vec<f32>; 3]> {
        self.crops(weights, batch)
            .map(|mut crop| {
                let [residual, log_scale] = self.prior.predicted(&crop.coded, [crop.side / 2; 2], &mut crop.work.pool);
                [crop.coded.steps, residual, log_scale]
            })
            .collect()
    }

    /// Of every crop the outputs of the stages in the order of the pass, with latents rounded; rows are positions. `weights` are those that were loaded.
    pub(crate) fn ask_stages(&self, weights: &[f32], batch: &Batch) -> Vec<[Vec<f32>; 4]> {
        self.crops(weights, batch).map(Crop::stages).collect()
    }

    fn crops<'a>(&'a self, weights: &'a [f32], batch: &'a Batch) -> impl ParallelIterator<Item = Crop<'a>> {
        (0..batch.knots.len()).into_par_iter().map(|i| self.crop(weights, batch, i))
    }

    fn crop<'a>(&'a self, weights: &'a [f32], batch: &Batch, i: usize) -> Crop<'a> {
        let (side, knot) = (batch.side / 8, batch.knots[i]);
        let half = [side / 2; 2];
        let positions = half[0] * half[1];
        let [y, z] = self.channels;
        // The prior adds up the bits' gradients by its density, which nobody reads here.
        let mut work = Work { gradient: vec![0.0; weights.len()], ..Work::default() };
        let quiet = vec![0.0; positions * y.max(z)];
        let (z, y) = (&quiet[..positions / 16 * z], &quiet[..positions * y]);
        let noise = Noise { z, y, batch: 1, sample: 0, positions: positions / 4 };
        let sample = Sample { knot, size: half, noise, grid: None, bit: 0.0 };
        let patches = &batch.patches[i * side * side * 192..][..side * side * 192];
        let (latent, analysis) = self.analysis.forward(patches, [side; 2], &mut work.pool);
        let coded = self.prior.forward(&latent, sample, weights, &mut work);
        Crop { engine: self, weights, side, knot, work, analysis, coded }
    }
}

impl Crop<'_> {
    fn stages(mut self) -> [Vec<f32>; 4] {
        let Engine { analysis, synthesis, .. } = self.engine;
        let (size, pool) = ([self.side; 2], &mut self.work.pool);
        let first = analysis.first_stage(&self.analysis, size, pool);
        let gain = self.weights[synthesis.gain_row(self.knot)].iter().map(|log| log.exp()).collect();
        let (_, kept) = synthesis.forward(&self.coded.y_hat, gain, size, pool);
        [first, self.analysis.last, kept.before_up, kept.last]
    }
}
