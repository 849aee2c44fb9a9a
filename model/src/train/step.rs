//! One training step: forward, loss, gradient.

use burn::tensor::{Device, Tensor, TensorData};

use super::data::{Batch, mix};
use crate::network::Network;
use crate::params;
use crate::preset::lambda;
use crate::prior::{Rounding, Taps, uniform_noise};
use crate::rate;

/// Scales the loss so that typical gradients have a norm near 1, where they are clipped.
const LOSS_SCALE: f64 = 0.1;

/// What a step measured, averaged over its samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// `(R + lambda * 255^2 * MSE) / sqrt(lambda)`.
    pub loss: f64,
    /// Estimated bits per pixel.
    pub bpp: f64,
    /// Mean squared error on pixels 0..=255.
    pub mse: f64,
}

/// Loss and gradient (in the order of [`params::slots`]) of `network` on a batch. `seed` and `step` determine the noise.
pub fn step(
    network: &Network,
    batch: &Batch,
    seed: u64,
    step: u64,
    device: &Device,
    taps: &mut Taps<'_>,
) -> (StepReport, Vec<f32>) {
    let samples = batch.knots.len();
    let side = batch.side / 8;
    let pixels = (batch.side * batch.side) as f64;
    let shape = [samples, side, side, 192];
    let patches = Tensor::<4>::from_data(TensorData::new(batch.patches.clone(), shape), device);
    let (decoded, coded) =
        network.forward(patches.clone(), &batch.knots, Rounding::Noise(mix(seed, step, u64::MAX)), taps);

    let residual = params::read(coded.residual.clone().without_autodiff());
    let log_scale = params::read(coded.log_scale.clone().without_autodiff());
    let noise = uniform_noise(mix(seed, step, u64::MAX - 1), residual.len());
    let blocks = coded.residual.dims()[0];
    let mut rate = rate::rate(&residual, &log_scale, Some(&noise), blocks, samples);

    let lambdas: Vec<f64> = batch.knots.iter().map(|&k| lambda(k)).collect();
    let weights: Vec<f32> =
        lambdas.iter().map(|l| (LOSS_SCALE / (samples as f64 * pixels * l.sqrt())) as f32).collect();
    let row = residual.len() / (blocks * samples);
    for values in [&mut rate.by_residual, &mut rate.by_log_scale] {
        for (chunk, values) in values.chunks_mut(row).enumerate() {
            let weight = weights[chunk % samples];
            values.iter_mut().for_each(|v| *v *= weight);
        }
    }
    let y_rate =
        rate::surrogate(coded.residual, rate.by_residual) + rate::surrogate(coded.log_scale, rate.by_log_scale);
    let z_rate = (coded.z_bits.clone() * row_vector(&weights, device)).sum();

    let difference = decoded - patches;
    let squares = (difference.clone() * difference).reshape([samples as i32, -1]).mean_dim(1).reshape([samples]);
    let distortion: Vec<f32> =
        lambdas.iter().map(|l| (LOSS_SCALE * l.sqrt() * 255.0 * 255.0 / samples as f64) as f32).collect();
    let z_bits = params::read(coded.z_bits.without_autodiff());
    let mse = params::read(squares.clone().without_autodiff());
    let gradients = (y_rate + z_rate + (squares * row_vector(&distortion, device)).sum()).backward();

    let mut report = StepReport { loss: 0.0, bpp: 0.0, mse: 0.0 };
    for i in 0..samples {
        let bpp = (rate.bits[i] + f64::from(z_bits[i])) / pixels;
        let mse = f64::from(mse[i]) * 255.0 * 255.0;
        report.loss += (bpp + lambdas[i] * mse) / lambdas[i].sqrt() / samples as f64;
        report.bpp += bpp / samples as f64;
        report.mse += mse / samples as f64;
    }
    (report, params::gradients(network, &gradients))
}

fn row_vector(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}
