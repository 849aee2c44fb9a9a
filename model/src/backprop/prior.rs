//! The prior, forwards and backwards, for one sample: [`crate::prior::Prior`] with the rate of its latent ([`crate::rate`]).
//!
//! Everything stays in the latent's own order [h, w, y]; where burn moves it into passes, here a pass visits its positions and channels.

use std::ops::Range;

use rayon::prelude::*;

use super::block::Block;
use super::context::{Context, ContextKept, Head, Phase, positions};
use super::density::Density;
use super::grid::Rounder;
use super::hyper::{HyperAnalysis, HyperAnalysisKept, HyperSynthesis, HyperSynthesisKept};
use super::kernels::{self, add, terms};
use super::layer::Size;
use super::pool::{Pool, Work};
use super::{Layout, Missing, Noise};
use crate::net::Precision;
use crate::preset::z_knot;
use crate::prior::Grid;

/// Hyperprior, contexts and gains.
#[derive(Debug)]
pub(super) struct Prior {
    hyper_analysis: HyperAnalysis,
    hyper: HyperSynthesis,
    contexts: Vec<Context>,
    heads: Vec<Head>,
    density: Density,
    log_gain: Range<usize>,
    log_deviation: Range<usize>,
}

/// One sample: its quality, the size of its latent, and what stands in for rounding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample<'a> {
    pub(super) knot: usize,
    pub(super) size: Size,
    pub(super) noise: Noise<'a>,
    pub(super) grid: Option<&'a Grid>,
    /// What a bit counts in the loss.
    pub(super) bit: f32,
}

/// What the forward pass found.
#[derive(Debug)]
pub(super) struct Coded {
    scales: Scales,
    /// Decoded latent [h, w, y].
    pub(super) y_hat: Vec<f32>,
    /// Bits of latent and hyper-latent.
    pub(super) bits: f64,
    whitened: Vec<f32>,
    analysis: HyperAnalysisKept,
    z_hat: Vec<f32>,
    /// The gradient of the hyper-latent by its own bits.
    d_z: Vec<f32>,
    synthesis: HyperSynthesisKept,
    contexts: Vec<ContextKept>,
    phases: Vec<Vec<Phase>>,
    /// Latent in quantisation steps [h, w, y].
    pub(super) steps: Vec<f32>,
    decoded: Vec<f32>,
    /// Gradients of residuals and log-scales [h, w, y].
    pub(super) d_residual: Vec<f32>,
    pub(super) d_log_scale: Vec<f32>,
}

/// Per channel of a sample's quality: gain, whitened gain and its logarithm, reciprocal of the deviation.
#[derive(Debug)]
struct Scales {
    gain: Vec<f32>,
    whitened: Vec<f32>,
    log_whitened: Vec<f32>,
    whitening: Vec<f32>,
}

impl Prior {
    pub(super) fn find(layout: &Layout<'_>) -> Result<Self, Missing> {
        Ok(Self {
            hyper_analysis: HyperAnalysis::find(layout)?,
            hyper: HyperSynthesis::find(layout)?,
            contexts: (1..4).map(|pass| Context::find(layout, pass)).collect::<Result<_, _>>()?,
            heads: (0..4).map(|pass| Head::find(layout, pass)).collect::<Result<_, _>>()?,
            density: Density::find(layout)?,
            log_gain: layout.find("prior.log_gain")?.0,
            log_deviation: layout.find("prior.log_deviation")?.0,
        })
    }

    pub(super) fn load(&mut self, weights: &[f32], precision: Precision) {
        self.hyper_analysis.load(weights, precision);
        self.hyper.load(weights, precision);
        self.contexts.par_iter_mut().for_each(|context| context.load(weights, precision));
        self.heads.par_iter_mut().for_each(|head| head.load(weights, precision));
    }

    pub(super) fn blocks(&self) -> impl Iterator<Item = &Block> {
        let (analysis, synthesis) = (&self.hyper_analysis, &self.hyper);
        let hyper = [&analysis.block1, &analysis.block2, &synthesis.block1, &synthesis.block2];
        hyper.into_iter().chain(self.contexts.iter().flat_map(|context| &context.blocks))
    }

    /// The elements of the gains' logarithms of a knot.
    pub(super) fn gain_row(&self, knot: usize) -> Range<usize> {
        let channels = self.log_deviation.len();
        let start = self.log_gain.start + knot * channels;
        start..start + channels
    }

    fn scales(&self, knot: usize, weights: &[f32]) -> Scales {
        let (log_gain, log_deviation) = (&weights[self.gain_row(knot)], &weights[self.log_deviation.clone()]);
        let log_whitened: Vec<f32> =
            log_gain.iter().zip(log_deviation).map(|(gain, deviation)| gain + deviation).collect();
        Scales {
            gain: log_gain.iter().map(|log| log.exp()).collect(),
            whitened: log_whitened.iter().map(|log| log.exp()).collect(),
            log_whitened,
            whitening: log_deviation.iter().map(|log| (-log).exp()).collect(),
        }
    }

    /// Latent [h, w, y] -> what a decoder has of it, and the bits.
    pub(super) fn forward(&self, y: &[f32], sample: Sample<'_>, weights: &[f32], work: &mut Work) -> Coded {
        let Sample { knot, size, noise, grid, bit } = sample;
        let channels = self.log_deviation.len();
        let group = channels / 4;
        let scales = self.scales(knot, weights);
        let scaled = |factors: &[f32], pool: &mut Pool| {
            let mut out = pool.take(y.len());
            for (row, out) in y.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
                out.iter_mut().zip(row).zip(factors).for_each(|((out, y), factor)| *out = y * factor);
            }
            out
        };
        let whitened = scaled(&scales.whitening, &mut work.pool);
        let (z, analysis) =
            self.hyper_analysis.forward(&whitened, &weights[self.hyper_analysis.stem.row(knot)], size, &mut work.pool);
        let mut z_hat = work.pool.take(z.len());
        z_hat.iter_mut().zip(&z).for_each(|(out, z)| *out = z.round_ties_even());
        let mut z_noisy = work.pool.take(z.len());
        z_noisy.iter_mut().zip(&z).zip(noise.z).for_each(|((out, z), noise)| *out = z + noise);
        let mut d_z = work.pool.zeros(z.len());
        let mut bits = self.density.bits(&z_noisy, z_knot(4 * knot), bit, weights, &mut d_z, &mut work.gradient);
        work.pool.give(z);
        work.pool.give(z_noisy);
        Rounder::at(grid, "z").round(&mut z_hat);
        let (features, synthesis) =
            self.hyper.forward(&z_hat, &weights[self.hyper.up1.row(knot)], size, grid, &mut work.pool);

        let steps = scaled(&scales.gain, &mut work.pool);
        let mut decoded = work.pool.take(y.len());
        let mut feedback = work.pool.zeros(y.len());
        let (mut d_residual, mut d_log_scale) = (work.pool.take(y.len()), work.pool.take(y.len()));
        let (mut contexts, mut phases) = (Vec::with_capacity(3), Vec::with_capacity(4));
        let back = Rounder::at(grid, "feedback");
        for (pass, head) in self.heads.iter().enumerate() {
            let found = match self.contexts.get(pass.wrapping_sub(1)) {
                None => head.forward(&features, size, &mut work.pool),
                Some(context) => {
                    let (x, kept) = context.forward(
                        &features,
                        &feedback,
                        &weights[context.input.row(knot)],
                        size,
                        grid,
                        &mut work.pool,
                    );
                    contexts.push(kept);
                    let found = head.forward(&x, size, &mut work.pool);
                    work.pool.give(x);
                    found
                }
            };
            for (phase, found) in found.iter().enumerate() {
                let first = head.group(phase) * group;
                let count = found.mean.len();
                let (mut noisy, mut logs, mut lengths) =
                    (work.pool.take(count), work.pool.take(count), work.pool.take(count));
                let run = first..first + group;
                let (gains, log_gains) = (&scales.whitened[run.clone()], &scales.log_whitened[run]);
                let rows = found.mean.chunks_exact(group).zip(found.log_scale.chunks_exact(group));
                let rows = rows.zip(noisy.chunks_exact_mut(group)).zip(logs.chunks_exact_mut(group));
                for (i, (position, (((mean, log_scale), noisy), logs))) in positions(phase, size).zip(rows).enumerate()
                {
                    let run = position * channels + first..position * channels + first + group;
                    let feedback = &mut feedback[run.clone()];
                    noisy.copy_from_slice(noise.row(4 * pass + phase, i));
                    kernels::decoded(&steps[run.clone()], mean, gains, noisy, &mut decoded[run], feedback);
                    logs.iter_mut().zip(log_scale).zip(log_gains).for_each(|((out, log), gain)| *out = log + gain);
                    back.round(feedback);
                }
                terms(&mut noisy, &mut logs, &mut lengths);
                let rows = noisy.chunks_exact(group).zip(logs.chunks_exact(group)).zip(lengths.chunks_exact(group));
                for (position, ((by_residual, by_log_scale), lengths)) in positions(phase, size).zip(rows) {
                    let run = position * channels + first..position * channels + first + group;
                    bits += f64::from(lengths.iter().sum::<f32>());
                    let of_bit = |out: &mut [f32], by: &[f32]| {
                        out.iter_mut().zip(by).for_each(|(out, by)| *out = bit * by);
                    };
                    of_bit(&mut d_residual[run.clone()], by_residual);
                    of_bit(&mut d_log_scale[run], by_log_scale);
                }
                for buffer in [noisy, logs, lengths] {
                    work.pool.give(buffer);
                }
            }
            phases.push(found);
        }
        let mut y_hat = work.pool.take(y.len());
        for (row, out) in decoded.chunks_exact(channels).zip(y_hat.chunks_exact_mut(channels)) {
            out.iter_mut().zip(row).zip(&scales.gain).for_each(|((out, decoded), gain)| *out = decoded / gain);
        }
        work.pool.give(features);
        work.pool.give(feedback);
        Coded {
            scales,
            y_hat,
            bits,
            whitened,
            analysis,
            z_hat,
            d_z,
            synthesis,
            contexts,
            phases,
            steps,
            decoded,
            d_residual,
            d_log_scale,
        }
    }

    /// Latent minus predicted mean and logarithm of the predicted scale, in quantisation steps [h, w, y].
    pub(super) fn predicted(&self, coded: &Coded, size: Size, pool: &mut Pool) -> [Vec<f32>; 2] {
        let channels = self.log_deviation.len();
        let group = channels / 4;
        let (mut residual, mut log_scale) = (pool.copy(&coded.steps), pool.take(coded.steps.len()));
        for (head, phases) in self.heads.iter().zip(&coded.phases) {
            for (phase, found) in phases.iter().enumerate() {
                let first = head.group(phase) * group;
                let rows = found.mean.chunks_exact(group).zip(found.log_scale.chunks_exact(group));
                for (position, (mean, logs)) in positions(phase, size).zip(rows) {
                    let at = position * channels + first;
                    for k in 0..group {
                        residual[at + k] -= mean[k] * coded.scales.whitened[first + k];
                        log_scale[at + k] = logs[k] + coded.scales.log_whitened[first + k];
                    }
                }
            }
        }
        [residual, log_scale]
    }

    /// The decoded latent's gradient `d_y_hat` -> the latent's, with that of the bits.
    pub(super) fn back(
        &self,
        mut coded: Coded,
        mut d_y_hat: Vec<f32>,
        Sample { knot, size, .. }: Sample<'_>,
        work: &mut Work,
    ) -> Vec<f32> {
        let channels = self.log_deviation.len();
        let group = channels / 4;
        let mut d_log_gain = work.pool.zeros(channels);
        // From here on the gradient of what is decoded, in steps.
        for (d, y_hat) in d_y_hat.chunks_exact_mut(channels).zip(coded.y_hat.chunks_exact(channels)) {
            let of_gains = d_log_gain.iter_mut().zip(&coded.scales.gain);
            for ((d, y_hat), (d_log_gain, gain)) in d.iter_mut().zip(y_hat).zip(of_gains) {
                *d_log_gain -= *d * y_hat;
                *d /= gain;
            }
        }
        let mut d_decoded = d_y_hat;
        let hidden = self.hyper.up2.inputs;
        let mut d_features = work.pool.zeros(size[0] * size[1] * hidden);
        for (pass, head) in self.heads.iter().enumerate().rev() {
            let mut d_context = work.pool.take(d_features.len());
            for (phase, found) in coded.phases.pop().unwrap_or_default().into_iter().enumerate() {
                let first = head.group(phase) * group;
                let (mut d_mean, mut d_scale) = (work.pool.take(found.mean.len()), work.pool.take(found.mean.len()));
                let rows = d_mean
                    .chunks_exact_mut(group)
                    .zip(d_scale.chunks_exact_mut(group))
                    .zip(found.mean.chunks_exact(group));
                for (position, ((d_mean, d_scale), mean)) in positions(phase, size).zip(rows) {
                    let run = position * channels + first..position * channels + first + group;
                    d_scale.copy_from_slice(&coded.d_log_scale[run.clone()]);
                    let by = coded.d_residual[run].iter().zip(&coded.scales.whitened[first..first + group]);
                    d_mean.iter_mut().zip(by).for_each(|(d, (by_residual, gain))| *d = -by_residual * gain);
                    let by = d_mean.iter().zip(mean).zip(&*d_scale);
                    let d_log_gain = d_log_gain[first..first + group].iter_mut();
                    d_log_gain.zip(by).for_each(|(sum, ((d_mean, mean), d_scale))| *sum += d_mean * mean + d_scale);
                }
                head.back(phase, &found, [&d_mean, &d_scale], &mut d_context, size, work);
                found.give(&mut work.pool);
                work.pool.give(d_mean);
                work.pool.give(d_scale);
            }
            match (self.contexts.get(pass.wrapping_sub(1)), coded.contexts.pop()) {
                (Some(context), Some(kept)) => {
                    let d_input = context.back(kept, d_context, knot, size, work);
                    for (position, row) in d_input.chunks_exact(hidden + channels).enumerate() {
                        let (features, feedback) = row.split_at(hidden);
                        add(&mut d_features[position * hidden..][..hidden], features);
                        let phase = position / size[1] % 2 * 2 + position % size[1] % 2;
                        for earlier in &self.heads[..pass] {
                            let first = earlier.group(phase) * group;
                            let (part, at) = (first..first + group, position * channels + first);
                            let of_gains =
                                d_log_gain[part.clone()].iter_mut().zip(&coded.scales.whitened[part.clone()]);
                            let decoded = d_decoded[at..at + group].iter_mut().zip(&coded.decoded[at..at + group]);
                            for ((feedback, (d_log_gain, gain)), (d_decoded, decoded)) in
                                feedback[part].iter().zip(of_gains).zip(decoded)
                            {
                                let d = feedback / gain;
                                *d_decoded += d;
                                *d_log_gain -= d * decoded;
                            }
                        }
                    }
                    work.pool.give(d_input);
                }
                _ => {
                    add(&mut d_features, &d_context);
                    work.pool.give(d_context);
                }
            }
        }
        let d_z_hat = self.hyper.back(coded.synthesis, &coded.z_hat, knot, d_features, size, work);
        add(&mut coded.d_z, &d_z_hat);
        let mut d_y = self.hyper_analysis.back(coded.analysis, &coded.whitened, knot, &coded.d_z, size, work);
        for (position, d_y) in d_y.chunks_exact_mut(channels).enumerate() {
            let run = position * channels..(position + 1) * channels;
            let by = coded.d_residual[run.clone()].iter().zip(&d_decoded[run.clone()]).zip(&coded.steps[run]);
            let factors = coded.scales.whitening.iter().zip(&coded.scales.gain);
            let out = d_log_gain.iter_mut().zip(d_y);
            for ((((by_residual, d_decoded), steps), (whitening, gain)), (d_log_gain, d_y)) in by.zip(factors).zip(out)
            {
                let d_steps = by_residual + d_decoded;
                *d_log_gain += d_steps * steps;
                *d_y = *d_y * whitening + d_steps * gain;
            }
        }
        add(&mut work.gradient[self.gain_row(knot)], &d_log_gain);
        let Coded { y_hat, whitened, z_hat, d_z, steps, decoded, d_residual, d_log_scale, .. } = coded;
        for buffer in
            [y_hat, whitened, z_hat, d_z, steps, decoded, d_residual, d_log_scale, d_decoded, d_log_gain, d_z_hat]
        {
            work.pool.give(buffer);
        }
        d_y
    }
}
