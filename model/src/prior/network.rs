//! The whole float prior: latent in, decoded latent and its probability parameters out, in one differentiable pass.
//!
//! Differs from decoding in one thing: here the latent is known, so the four passes only look back at what a decoder would have.

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, TensorData};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::hyper::knot_rows;
use super::passes::{GROUP_OF_PHASE, from_passes, to_passes};
use super::{ContextPass, Head, HyperAnalysis, HyperSynthesis, Taps, ZDensity};
use crate::net::Init;
use crate::preset::{KNOTS, ModelConfig, lambda, z_knot};

/// What stands in for rounding when the rate of the hyper-latent is computed.
#[derive(Clone, Copy, Debug)]
pub enum Rounding {
    /// Uniform noise from this seed: training.
    Noise(u64),
    /// Real rounding: evaluation.
    Hard,
}

/// Everything the loss or an evaluation needs.
#[derive(Debug)]
pub struct PriorOutput {
    /// Decoded latent in the transforms' units [batch, h, w, y]; rounding is straight-through.
    pub y_hat: Tensor<4>,
    /// Latent minus predicted mean, not rounded, in quantisation steps [16, batch, positions, y/4] in pass order.
    pub residual: Tensor<4>,
    /// Natural logarithm of the predicted scale, in quantisation steps, same shape.
    pub log_scale: Tensor<4>,
    /// Bits of the hyper-latent [batch].
    pub z_bits: Tensor<1>,
}

/// Hyperprior, context model, gains.
#[derive(Module, Debug)]
pub struct Prior {
    /// y -> z.
    pub hyper_analysis: HyperAnalysis,
    /// z -> features.
    pub hyper: HyperSynthesis,
    /// Passes 1 to 3.
    pub passes: Vec<ContextPass>,
    /// Heads of passes 0 to 3.
    pub heads: Vec<Head>,
    /// Density of z.
    pub density: ZDensity,
    /// Natural logarithm of the gain [64, y]: quantisation steps per unit of the transforms' latent.
    pub log_gain: Param<Tensor<2>>,
    /// Natural logarithm of the latent's standard deviation [1, y]: a constant from the KLT start, not trained.
    pub log_deviation: Param<Tensor<2>>,
}

impl Prior {
    /// Randomly initialised; gains balance rate and distortion of an orthonormal transform at high rate (step
    /// `sqrt(26 / (255^2 lambda))` for pixels in 0..=1).
    pub fn new(config: &ModelConfig, init: &mut Init) -> Self {
        let mut gains = Vec::with_capacity(KNOTS * config.y);
        for knot in 0..KNOTS {
            let log_gain = -(26.0 / (255.0 * 255.0 * lambda(knot))).sqrt().ln();
            gains.extend(std::iter::repeat_n(log_gain as f32, config.y));
        }
        Self {
            hyper_analysis: HyperAnalysis::new(config, init),
            hyper: HyperSynthesis::new(config, init),
            passes: (0..3).map(|_| ContextPass::new(config, init)).collect(),
            heads: (0..4).map(|_| Head::new(config, init)).collect(),
            density: ZDensity::new(config.z, init),
            log_gain: init.tensor([KNOTS, config.y], gains),
            log_deviation: init.constant([1, config.y], 0.0).set_require_grad(false),
        }
    }

    /// Natural logarithms of the gains [batch, 1, 1, y], one knot per sample.
    pub fn log_gains(&self, knots: &[usize]) -> Tensor<4> {
        let rows: Vec<i64> = knots.iter().map(|&k| k as i64).collect();
        let table = &self.log_gain;
        knot_rows(table, Tensor::from_data(TensorData::new(rows, [knots.len()]), &table.val().device()))
    }

    /// Latent `y` [batch, h, w, channels] with `h` and `w` multiples of 4, and one knot per sample.
    pub fn forward(&self, y: Tensor<4>, knots: &[usize], rounding: Rounding, taps: &mut Taps<'_>) -> PriorOutput {
        let [batch, h, w, channels] = y.dims();
        let device = y.device();
        let ints = |values: Vec<i64>| {
            let count = values.len();
            Tensor::<1, Int>::from_data(TensorData::new(values, [count]), &device)
        };
        let q = ints(knots.iter().map(|&k| k as i64).collect());
        let z_q = ints(knots.iter().map(|&k| z_knot(4 * k) as i64).collect());

        let log_gain = knot_rows(&self.log_gain, q.clone());
        let log_deviation = self.log_deviation.val().reshape([1, 1, 1, channels]);
        let whitened = y.clone() / log_deviation.clone().exp();
        let z = self.hyper_analysis.forward(whitened, q.clone());
        let z_hat = straight_through_round(z.clone());
        let z_rate = match rounding {
            Rounding::Noise(seed) => {
                let shape = z.dims();
                z + Tensor::from_data(TensorData::new(uniform_noise(seed, shape.iter().product()), shape), &device)
            }
            Rounding::Hard => z_hat.clone(),
        };
        let z_bits = self.density.bits(z_rate, z_q).reshape([batch as i32, -1]).sum_dim(1).reshape([batch]);
        let z_hat = taps.at("z", z_hat);
        let features = self.hyper.forward(z_hat, q.clone(), [h, w], taps);

        // Per pass, phase and sample: whitened gain [16, batch, 1, channels / 4].
        let group = channels / 4;
        let order = ints((0..16).map(|i| GROUP_OF_PHASE[i / 4][i % 4] as i64).collect());
        let log_whitened_gain = (log_gain.clone() + log_deviation)
            .reshape([batch, 4, group])
            .permute([1, 0, 2])
            .select(0, order)
            .reshape([16, batch, 1, group]);
        let whitened_gain = log_whitened_gain.clone().exp();
        let steps = to_passes(y * log_gain.clone().exp());

        let positions = h / 2 * (w / 2);
        let mut decoded: Vec<Tensor<4>> = Vec::with_capacity(4);
        let mut residuals = Vec::with_capacity(4);
        let mut log_scales = Vec::with_capacity(4);
        for pass in 0..4usize {
            let rows = 4 * pass..4 * pass + 4;
            let context = match self.passes.get(pass.wrapping_sub(1)) {
                None => features.clone(),
                Some(network) => {
                    let todo = Tensor::zeros([16 - 4 * pass, batch, positions, group], &device);
                    let known = Tensor::cat(decoded.iter().cloned().chain([todo]).collect(), 0);
                    let feedback = from_passes(known / whitened_gain.clone(), [h, w]);
                    network.forward(features.clone(), feedback, q.clone(), pass, taps)
                }
            };
            let (mean, log_scale) = self.heads[pass].forward(context, pass);
            let residual =
                steps.clone().slice_dim(0, rows.clone()) - mean * whitened_gain.clone().slice_dim(0, rows.clone());
            // mean + round(y - mean): the value is what a decoder has, the gradient is y's.
            let plain = residual.clone().detach();
            decoded.push(steps.clone().slice_dim(0, rows.clone()) + (plain.clone().round() - plain));
            residuals.push(residual);
            log_scales.push(log_scale + log_whitened_gain.clone().slice_dim(0, rows));
        }
        let y_hat = from_passes(Tensor::cat(decoded, 0), [h, w]) / log_gain.exp();
        PriorOutput { y_hat, residual: Tensor::cat(residuals, 0), log_scale: Tensor::cat(log_scales, 0), z_bits }
    }
}

/// Rounds; the gradient passes as if nothing had happened.
fn straight_through_round(x: Tensor<4>) -> Tensor<4> {
    let plain = x.clone().detach();
    x + (plain.clone().round() - plain)
}

/// `count` values of uniform noise in -0.5..0.5, the same for the same seed on every device.
pub fn uniform_noise(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = SmallRng::seed_from_u64(seed);
    (0..count).map(|_| rng.random::<f32>() - 0.5).collect()
}
