//! One evaluation of a tile: forward with the caller's rounding, backward to its latents and hyper-latents.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use lic_shaders::order::phase;

use super::Setting;
use super::bands::Bands;
use crate::backprop::context::{ContextKept, Phase, positions};
use crate::backprop::hyper::HyperSynthesisKept;
use crate::backprop::kernels::add;
use crate::backprop::pool::{Pool, Work};
use crate::prior::GROUP_OF_PHASE;

/// Where a tile lies in its window, in latents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Rows and columns of the window.
    pub window: [usize; 2],
    /// The tile's rows in it.
    pub rows: Range<usize>,
    /// The tile's columns in it.
    pub columns: Range<usize>,
}

impl Extent {
    /// Rows and columns of the tile.
    pub fn tile(&self) -> [usize; 2] {
        [self.rows.len(), self.columns.len()]
    }
}

/// What a pass's latents are decoded as. Planes [rows, columns, y] of the tile, 0 outside of the pass.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Decoded values, in quantisation steps.
    pub decoded: Vec<f32>,
    /// Bits by which the pass's rate rises per step of a mean.
    pub by_mean: Vec<f32>,
    /// Bits by which it rises per unit of a log-scale.
    pub by_log_scale: Vec<f32>,
}

/// What an evaluation found.
#[derive(Clone, Debug)]
pub struct Step {
    /// Distortion of the window, in bits.
    pub distortion: f64,
    /// Derivative of distortion and of later passes' rate with respect to every decoded latent, [rows, columns, y]; its own rate is not in it.
    pub by_latent: Vec<f32>,
    /// The same with respect to every hyper-latent, [ceil(rows/4), ceil(columns/4), z].
    pub by_hyper: Vec<f32>,
}

/// A tile with the fixed latents around it, at a quality.
#[derive(Debug)]
pub struct Window<'a> {
    setting: &'a Setting<'a>,
    extent: Extent,
    bands: Bands<'a>,
    /// Memory of one evaluation for the next.
    work: Mutex<Work>,
}

/// What the forward pass of the prior leaves for its backward pass.
struct Coded {
    hyper: HyperSynthesisKept,
    contexts: Vec<ContextKept>,
    phases: Vec<Vec<Phase>>,
    choices: Vec<Choice>,
}

impl<'a> Window<'a> {
    /// `around` [rows, columns, y] are the window's latents in quantisation steps (what it holds inside of the tile does not matter), `target` and `weight`
    /// [2 rows, 2 columns, 192] its patches and how many bits a squared error of each of their numbers is worth.
    pub fn new(setting: &'a Setting<'a>, extent: Extent, around: Vec<f32>, target: &[f32], weight: &[f32]) -> Self {
        let bands = Bands::new(setting, &extent, around, target, weight);
        let mut work = Work::default();
        // One evaluation at a time, unlike the samples of a training step.
        work.pool.shared = true;
        Self { setting, bands, extent, work: Mutex::new(work) }
    }

    /// Compares with other patches [2 rows, 2 columns, 192] of the window from here on.
    pub fn aim_at(&mut self, target: &[f32]) {
        self.bands.aim_at(target);
    }

    /// Calls `each` with the places, in a plane [rows, columns, y] of the tile, of every run of channels that a pass decodes.
    pub fn in_pass(&self, pass: usize, each: impl FnMut(Range<usize>)) {
        in_pass(pass, self.extent.tile(), self.setting.of.config.y, each);
    }

    /// Evaluates the tile with these hyper-latents; `choose` says what the latents of a pass are decoded as, given means and log-scales
    /// [rows, columns, y] in quantisation steps, which are 0 outside of the pass.
    pub fn step(&self, hyper: &[f32], choose: impl FnMut(usize, &[f32], &[f32]) -> Choice) -> Step {
        // Not held while it is used: a thread that waits for others may be given other work.
        let mut work = std::mem::take(&mut *self.work.lock().unwrap_or_else(PoisonError::into_inner));
        let (decoded, coded) = self.predict(hyper, choose, &mut work.pool);
        let rate = || self.rate_gradient(hyper, coded, &mut work);
        let ((mut by_latent, by_hyper), (distortion, by_error)) = rayon::join(rate, || self.bands.gradient(&decoded));
        add(&mut by_latent, &by_error);
        *self.work.lock().unwrap_or_else(PoisonError::into_inner) = work;
        Step { distortion, by_latent, by_hyper }
    }

    /// Goes through the passes; returns the decoded latents.
    fn predict(
        &self,
        hyper: &[f32],
        mut choose: impl FnMut(usize, &[f32], &[f32]) -> Choice,
        pool: &mut Pool,
    ) -> (Vec<f32>, Coded) {
        let (setting, of, size) = (self.setting, self.setting.of, self.extent.tile());
        let channels = of.config.y;
        let group = channels / 4;
        let count = size[0] * size[1] * channels;
        let (features, kept) = of.hyper.forward(hyper, &setting.hyper, size, None, pool);
        let mut decoded = vec![0.0f32; count];
        let mut known = pool.zeros(count);
        let (mut means, mut log_scales) = (pool.zeros(count), pool.zeros(count));
        let mut coded = Coded { hyper: kept, contexts: Vec::new(), phases: Vec::new(), choices: Vec::new() };
        for (pass, head) in of.heads.iter().enumerate() {
            let context = pass.checked_sub(1).and_then(|i| of.contexts.get(i).zip(setting.contexts.get(i)));
            let phases = match context {
                None => head.forward(&features, size, pool),
                Some((context, row)) => {
                    let (x, kept) = context.forward(&features, &known, row, size, None, pool);
                    coded.contexts.push(kept);
                    let phases = head.forward(&x, size, pool);
                    pool.give(x);
                    phases
                }
            };
            for (phase, found) in phases.iter().enumerate() {
                let first = head.group(phase) * group;
                let rows = found.mean.chunks_exact(group).zip(found.log_scale.chunks_exact(group));
                for (position, (mean, log_scale)) in positions(phase, size).zip(rows) {
                    let at = position * channels + first;
                    for k in 0..group {
                        means[at + k] = mean[k] * setting.gain[first + k];
                        log_scales[at + k] = log_scale[k] + setting.log_gain[first + k];
                    }
                }
            }
            let choice = choose(pass, &means, &log_scales);
            self.in_pass(pass, |places| {
                let first = places.start % channels;
                for (i, place) in places.enumerate() {
                    decoded[place] = choice.decoded[place];
                    known[place] = choice.decoded[place] / setting.gain[first + i];
                    (means[place], log_scales[place]) = (0.0, 0.0);
                }
            });
            coded.phases.push(phases);
            coded.choices.push(choice);
        }
        for buffer in [features, known, means, log_scales] {
            pool.give(buffer);
        }
        (decoded, coded)
    }

    /// The derivatives of the passes' rate, as the choices give it, by latents and hyper-latents.
    fn rate_gradient(&self, hyper: &[f32], mut coded: Coded, work: &mut Work) -> (Vec<f32>, Vec<f32>) {
        let (setting, of, size) = (self.setting, self.setting.of, self.extent.tile());
        let channels = of.config.y;
        let (group, hidden) = (channels / 4, of.config.hidden);
        let mut by_latent = vec![0.0f32; size[0] * size[1] * channels];
        let mut d_features = work.pool.zeros(size[0] * size[1] * hidden);
        for (pass, head) in of.heads.iter().enumerate().rev() {
            let mut d = work.pool.take(d_features.len());
            let (phases, choice) = (coded.phases.pop().unwrap_or_default(), coded.choices.pop().unwrap_or_default());
            for (phase, found) in phases.into_iter().enumerate() {
                let first = head.group(phase) * group;
                let (mut d_mean, mut d_scale) = (work.pool.take(found.mean.len()), work.pool.take(found.mean.len()));
                let rows = d_mean.chunks_exact_mut(group).zip(d_scale.chunks_exact_mut(group));
                for (position, (d_mean, d_scale)) in positions(phase, size).zip(rows) {
                    let at = position * channels + first;
                    d_scale.copy_from_slice(&choice.by_log_scale[at..at + group]);
                    let by_mean = choice.by_mean[at..at + group].iter().zip(&setting.gain[first..first + group]);
                    d_mean.iter_mut().zip(by_mean).for_each(|(d, (by_mean, gain))| *d = by_mean * gain);
                }
                head.back(phase, &found, [&d_mean, &d_scale], &mut d, size, work);
                found.give(&mut work.pool);
                work.pool.give(d_mean);
                work.pool.give(d_scale);
            }
            match (pass.checked_sub(1).and_then(|i| of.contexts.get(i)), coded.contexts.pop()) {
                (Some(context), Some(kept)) => {
                    let d_input = context.back(kept, d, 0, size, work);
                    for (row, features) in
                        d_input.chunks_exact(hidden + channels).zip(d_features.chunks_exact_mut(hidden))
                    {
                        add(features, &row[..hidden]);
                    }
                    for earlier in 0..pass {
                        self.in_pass(earlier, |places| {
                            let (position, first) = (places.start / channels, places.start % channels);
                            let row = &d_input[position * (hidden + channels) + hidden..][..channels];
                            for (i, place) in places.enumerate() {
                                by_latent[place] += row[first + i] / setting.gain[first + i];
                            }
                        });
                    }
                    work.pool.give(d_input);
                }
                _ => {
                    add(&mut d_features, &d);
                    work.pool.give(d);
                }
            }
        }
        let by_hyper = of.hyper.back(coded.hyper, hyper, 0, d_features, size, work);
        (by_latent, by_hyper)
    }

    /// Derivative of the distortion alone by the tile's latents, with these decoded latents [rows, columns, y] in quantisation steps.
    pub fn gradient(&self, decoded: &[f32]) -> Vec<f32> {
        self.bands.gradient(decoded).1
    }

    /// Distortion of the window, in bits, with these decoded latents [rows, columns, y] of the tile in quantisation steps.
    pub fn distortion(&self, decoded: &[f32]) -> f64 {
        self.bands.distortion(decoded)
    }
}

/// Calls `each` with the places, in a plane [rows, columns, channels], of every run of channels that a pass decodes.
fn in_pass(pass: usize, [rows, columns]: [usize; 2], channels: usize, mut each: impl FnMut(Range<usize>)) {
    let group = channels / 4;
    for row in 0..rows {
        for column in 0..columns {
            let start = (row * columns + column) * channels + GROUP_OF_PHASE[pass][phase(row, column)] * group;
            each(start..start + group);
        }
    }
}
