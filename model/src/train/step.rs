//! One training step: forward, loss, gradient.

use burn::tensor::{Device, Gradients, Tensor, TensorData};

use super::data::{Batch, mix};
use super::objective::Place;
use crate::net::Sight;
use crate::network::Network;
use crate::params;
use crate::preset::lambda;
use crate::prior::{PriorOutput, Rounding, Taps, uniform_noise};
use crate::rate;

/// Scales the loss so that gradients have a norm near 1, where they are clipped, in a run from the start; 0.3 to 0.7 after 250,000 steps, with 32 crops.
pub(crate) const LOSS_SCALE: f64 = 0.1;

/// What a step measured, averaged over its samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepReport {
    /// `(R + lambda * 255^2 * MSE) / sqrt(lambda)`.
    pub loss: f64,
    /// What the run's loss adds to that: a distance to a teacher.
    pub added: f64,
    /// Estimated bits per pixel.
    pub bpp: f64,
    /// Mean squared error on pixels 0..=255.
    pub mse: f64,
}

/// A forward pass with its rate-distortion loss, for losses that add to it.
#[derive(Debug)]
pub(crate) struct Pass {
    /// [`LOSS_SCALE`] times the loss, as far as its gradient goes; its value means nothing ([`rate::surrogate`]).
    pub(crate) loss: Tensor<1>,
    pub(crate) report: StepReport,
    /// Latent before rounding [batch, h/16, w/16, y].
    pub(crate) latent: Tensor<4>,
    /// Latent minus predicted mean, in quantisation steps, and the log-scale: as in [`PriorOutput`].
    pub(crate) residual: Tensor<4>,
    pub(crate) log_scale: Tensor<4>,
    /// Outputs of the stages in the order of the pass: analysis at 1/8 and 1/16, synthesis at 1/16 and 1/8.
    pub(crate) stages: Vec<Tensor<4>>,
}

impl Pass {
    /// Report and gradients of the loss with `factor` times a distance [1] added.
    pub(crate) fn towards(mut self, distance: Tensor<1>, factor: f64) -> (StepReport, Gradients) {
        self.report.added = factor * f64::from(distance.clone().without_autodiff().into_scalar::<f32>());
        (self.report, (self.loss + distance.mul_scalar(factor * LOSS_SCALE)).backward())
    }
}

/// Loss and gradient (in the order of [`params::slots`]) of `network` on a batch.
pub fn step(network: &Network, batch: &Batch, place: Place<'_>, taps: &mut Taps<'_>) -> (StepReport, Vec<f32>) {
    let pass = rate_distortion(network, batch, place, taps);
    (pass.report, params::gradients(network, &pass.loss.backward()))
}

/// The forward pass of [`step`].
pub(crate) fn rate_distortion(network: &Network, batch: &Batch, place: Place<'_>, taps: &mut Taps<'_>) -> Pass {
    let Place { seed, step, device } = place;
    let samples = batch.knots.len();
    let side = batch.side / 8;
    let pixels = (batch.side * batch.side) as f64;
    let shape = [samples, side, side, 192];
    let patches = Tensor::<4>::from_data(TensorData::new(batch.patches.clone(), shape), device);
    let mut stages = Vec::with_capacity(4);
    let mut keep = |sight: Sight<'_>| {
        if let Sight::Stage(x) = sight {
            stages.push(x.clone());
        }
    };
    let latent = network.analysis.forward_watched(patches.clone(), &mut keep);
    let rounding = Rounding::Noise(mix(seed, step, u64::MAX));
    let PriorOutput { y_hat, residual, log_scale, z_bits } =
        network.prior.forward(latent.clone(), &batch.knots, rounding, taps);
    let gain = network.feature_gain(&batch.knots);
    let decoded = network.synthesis.forward_watched(y_hat, gain, &mut keep);

    let residuals = params::read(residual.clone().without_autodiff());
    let log_scales = params::read(log_scale.clone().without_autodiff());
    let noise = uniform_noise(latent_noise_seed(seed, step), residuals.len());
    let blocks = residual.dims()[0];
    let mut rate = rate::rate(&residuals, &log_scales, Some(&noise), blocks, samples);

    let lambdas: Vec<f64> = batch.knots.iter().map(|&k| lambda(k)).collect();
    let weights: Vec<f32> =
        lambdas.iter().map(|l| (LOSS_SCALE / (samples as f64 * pixels * l.sqrt())) as f32).collect();
    let row = residuals.len() / (blocks * samples);
    for values in [&mut rate.by_residual, &mut rate.by_log_scale] {
        for (chunk, values) in values.chunks_mut(row).enumerate() {
            let weight = weights[chunk % samples];
            values.iter_mut().for_each(|v| *v *= weight);
        }
    }
    let y_rate =
        rate::surrogate(residual.clone(), rate.by_residual) + rate::surrogate(log_scale.clone(), rate.by_log_scale);
    let z_rate = (z_bits.clone() * row_vector(&weights, device)).sum();

    let difference = decoded - patches;
    let squares = (difference.clone() * difference).reshape([samples as i32, -1]).mean_dim(1).reshape([samples]);
    let distortion: Vec<f32> =
        lambdas.iter().map(|l| (LOSS_SCALE * l.sqrt() * 255.0 * 255.0 / samples as f64) as f32).collect();
    let z_bits = params::read(z_bits.without_autodiff());
    let mse = params::read(squares.clone().without_autodiff());

    let mut report = StepReport::default();
    for i in 0..samples {
        let bpp = (rate.bits[i] + f64::from(z_bits[i])) / pixels;
        let mse = f64::from(mse[i]) * 255.0 * 255.0;
        report.loss += (bpp + lambdas[i] * mse) / lambdas[i].sqrt() / samples as f64;
        report.bpp += bpp / samples as f64;
        report.mse += mse / samples as f64;
    }
    let loss = y_rate + z_rate + (squares * row_vector(&distortion, device)).sum();
    Pass { loss, report, latent, residual, log_scale, stages }
}

/// Seed of the noise in place of the latent's rounding; `mix(seed, step, u64::MAX)` is the hyper-latent's.
pub(crate) fn latent_noise_seed(seed: u64, step: u64) -> u64 {
    mix(seed, step, u64::MAX - 1)
}

fn row_vector(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}
