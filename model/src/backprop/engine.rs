//! The step of a whole batch: weights are packed once, samples are shared out among threads, gradients are added up.

use rayon::prelude::*;

use super::addition::{Added, Addition, Seen, add_some};
use super::block::Block;
use super::filters::Filter;
use super::kernels::{add, errors};
use super::pool::Work;
use super::prior::{Prior, Sample};
use super::transform::{Analysis, Synthesis};
use super::{Layout, Missing, Noise};
use crate::net::Precision;
use crate::params::Slot;
use crate::preset::{ModelConfig, lambda};
use crate::prior::{Grid, uniform_noise};
use crate::train::{Batch, LOSS_SCALE, StepReport, latent_noise_seed, mix};

/// A network's layers with this step's weights, and the memory that steps work in.
#[derive(Debug)]
pub struct Engine {
    pub(super) analysis: Analysis,
    pub(super) synthesis: Synthesis,
    pub(super) prior: Prior,
    /// Of the latent and the hyper-latent.
    pub(super) channels: [usize; 2],
    workers: Vec<Work>,
}

/// What a step depends on beside weights and crops.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    /// Seed of the run and number of the step: its noise.
    pub(crate) place: [u64; 2],
    pub(crate) grid: Option<&'a Grid>,
    /// Of the operands of products; on a grid of the transforms' alone.
    pub(crate) precision: Precision,
    pub(crate) addition: Option<&'a dyn Addition>,
    /// What decoders do behind the synthesis, of all knots, if it is part of the loss.
    pub(crate) filters: Option<&'a [Filter]>,
}

/// What a sample measured.
#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    bpp: f64,
    mse: f64,
    loss: f64,
    added: f64,
}

impl Engine {
    /// The layers of a network of this configuration whose parameters lie at `slots`.
    ///
    /// # Errors
    /// `slots` are another network's.
    pub fn new(config: &ModelConfig, slots: &[Slot]) -> Result<Self, Missing> {
        let layout = Layout { config, slots };
        Ok(Self {
            analysis: Analysis::find(&layout)?,
            synthesis: Synthesis::find(&layout)?,
            prior: Prior::find(&layout)?,
            channels: [config.y, config.z],
            workers: Vec::new(),
        })
    }

    /// Takes weights; `transforms` and `prior` are the precisions of the operands of their products.
    pub(crate) fn load(&mut self, weights: &[f32], transforms: Precision, prior: Precision) {
        self.analysis.load(weights, transforms);
        self.synthesis.load(weights, transforms);
        self.prior.load(weights, prior);
    }

    /// Loss and gradient of `weights` on a batch, as [`crate::train::step`] computes them; the gradient, in the order of the slots, replaces what
    /// `gradient` holds. Sums depend in their last bits on the number of threads.
    /// `precision` is that of the operands of products, but of the prior's on a grid, which are f32: finer than bf16, the grid would mean nothing in it.
    pub fn step(
        &mut self,
        weights: &[f32],
        batch: &Batch,
        place: [u64; 2],
        grid: Option<&Grid>,
        precision: Precision,
        gradient: &mut Vec<f32>,
    ) -> StepReport {
        self.step_towards(weights, batch, Setting { place, grid, precision, addition: None, filters: None }, gradient)
    }

    /// The same for a loss with an addition. Parameters of the addition's own lie behind the network's.
    pub(crate) fn step_towards(
        &mut self,
        weights: &[f32],
        batch: &Batch,
        setting: Setting<'_>,
        gradient: &mut Vec<f32>,
    ) -> StepReport {
        let [seed, step] = setting.place;
        let prior = if setting.grid.is_some() { Precision::F32 } else { setting.precision };
        self.load(weights, setting.precision, prior);
        let samples = batch.knots.len();
        let side = batch.side / 8;
        let positions = (side / 2) * (side / 2);
        let [y, z] = self.channels;
        let z_noise = uniform_noise(mix(seed, step, u64::MAX), samples * positions / 16 * z);
        let y_noise = uniform_noise(latent_noise_seed(seed, step), samples * positions * y);
        let share = samples.div_ceil(rayon::current_num_threads().max(1)).max(1);
        let used = samples.div_ceil(share);
        let mut workers = std::mem::take(&mut self.workers);
        workers.resize_with(used.max(workers.len()), Work::default);
        let run = |(index, worker): (usize, &mut Work)| -> Vec<Measured> {
            worker.gradient.clear();
            worker.gradient.resize(weights.len(), 0.0);
            let range = index * share..((index + 1) * share).min(samples);
            let measured = range.map(|i| {
                let noise = Noise {
                    z: &z_noise[i * positions / 16 * z..][..positions / 16 * z],
                    y: &y_noise,
                    batch: samples,
                    sample: i,
                    positions: positions / 4,
                };
                self.sample(weights, batch, i, noise, setting, worker)
            });
            let measured = measured.collect();
            self.blocks().for_each(|block| block.finish(&mut worker.gradient));
            measured
        };
        let measured: Vec<Vec<Measured>> = workers[..used].par_iter_mut().enumerate().map(run).collect();
        let mut report = StepReport::default();
        for sample in measured.iter().flatten() {
            report.loss += sample.loss / samples as f64;
            report.bpp += sample.bpp / samples as f64;
            report.mse += sample.mse / samples as f64;
            report.added += sample.added;
        }
        gradient.resize(weights.len(), 0.0);
        const CHUNK: usize = 1 << 14;
        gradient.par_chunks_mut(CHUNK).enumerate().for_each(|(i, out)| {
            out.fill(0.0);
            for worker in &workers[..used] {
                add(out, &worker.gradient[i * CHUNK..][..out.len()]);
            }
        });
        self.workers = workers;
        report
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.analysis.blocks().chain(self.synthesis.blocks()).chain(self.prior.blocks())
    }

    /// One sample forwards and backwards; its gradient is added to the worker's.
    fn sample(
        &self,
        weights: &[f32],
        batch: &Batch,
        i: usize,
        noise: Noise<'_>,
        Setting { grid, addition, filters, .. }: Setting<'_>,
        work: &mut Work,
    ) -> Measured {
        let side = batch.side / 8;
        let (size, half) = ([side; 2], [side / 2; 2]);
        let values = side * side * 192;
        let patches = &batch.patches[i * values..][..values];
        let pixels = (batch.side * batch.side) as f64;
        let knot = batch.knots[i];
        let lambda = lambda(knot);
        let samples = batch.knots.len() as f64;
        let bit = (LOSS_SCALE / (samples * pixels * lambda.sqrt())) as f32;
        let sample = Sample { knot, size: half, noise, grid, bit };

        let (latent, mut analysis) = self.analysis.forward(patches, size, &mut work.pool);
        let mut coded = self.prior.forward(&latent, sample, weights, work);
        let gain = weights[self.synthesis.gain_row(knot)].iter().map(|log| log.exp()).collect();
        let (mut decoded, mut synthesis) = self.synthesis.forward(&coded.y_hat, gain, size, &mut work.pool);
        let distortion = (LOSS_SCALE * lambda.sqrt() * 255.0 * 255.0 / samples) as f32;
        let slope = 2.0 * distortion / values as f32;
        let mut squares = [0.0; 192];
        let filter = filters.and_then(|filters| filters.get(knot));
        let picture = [batch.side; 2];
        let filtered = filter.map(|filter| (filter, filter.forward(&mut decoded, size, picture, &mut work.pool)));
        errors(&mut decoded, patches, slope, &mut squares);
        if let Some((filter, kept)) = filtered {
            filter.back(kept, &mut decoded, size, &mut work.pool);
        }
        let squares: f64 = squares.into_iter().map(f64::from).sum();
        let bpp = coded.bits / pixels;
        let mse = squares / values as f64 * 255.0 * 255.0;
        let mut added = Added::default();
        if let Some(addition) = addition {
            let first = self.analysis.first_stage(&analysis, size, &mut work.pool);
            let [residual, log_scale] = self.prior.predicted(&coded, half, &mut work.pool);
            let seen = Seen {
                stages: [&first, &analysis.last, &synthesis.before_up, &synthesis.last],
                latent: &latent,
                residual: &residual,
                log_scale: &log_scale,
                log_gain: &weights[self.prior.gain_row(knot)],
            };
            added = addition.add(i, seen, work);
            [first, residual, log_scale].into_iter().for_each(|buffer| work.pool.give(buffer));
            add_some(&mut coded.d_residual, &added.residual);
            add_some(&mut coded.d_log_scale, &added.log_scale);
            add_some(&mut work.gradient[self.prior.gain_row(knot)], &added.log_gain);
            let [a, b, c, d] = added.stages;
            (analysis.added, synthesis.added) = ([a, b], [c, d]);
        }
        let d_y_hat = self.synthesis.back(synthesis, &coded.y_hat, knot, &decoded, size, work);
        let mut d_latent = self.prior.back(coded, d_y_hat, sample, work);
        add_some(&mut d_latent, &added.latent);
        self.analysis.back(analysis, patches, &d_latent, size, work);
        let Added { latent: added_latent, residual, log_scale, log_gain, value: added, .. } = added;
        for buffer in [latent, decoded, d_latent, added_latent, residual, log_scale, log_gain] {
            work.pool.give(buffer);
        }
        Measured { bpp, mse, loss: (bpp + lambda * mse) / lambda.sqrt(), added }
    }
}
