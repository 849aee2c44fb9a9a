//! The frozen float network, and its tables at one quality.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use lic_shaders::transform::at_quality;

use crate::net::{Stream, depth_to_space};
use crate::network::Network;
use crate::params::read;
use crate::preset::ModelConfig;
use crate::prior::{Head, PriorBlock, Taps};
use crate::quantise::{RestoreError, restore_to_run};
use crate::weights::WeightFile;

/// The float network of a weight file with gradients for its inputs, but none for its weights. On the CPU.
#[derive(Debug)]
pub struct Differentiable {
    pub(super) network: Network,
    pub(super) config: ModelConfig,
    pub(super) device: Device,
    heads: Vec<(Tensor<2>, Tensor<1>)>,
}

impl Differentiable {
    /// Restores the network; the prior's weights are what the integers stand for.
    ///
    /// # Errors
    /// See [`RestoreError`].
    pub fn load(file: &WeightFile<'_>) -> Result<Self, RestoreError> {
        let device = Device::flex().autodiff();
        let network = restore_to_run(file, &device)?.no_grad();
        let heads = network.prior.heads.iter().map(all_groups).collect();
        Ok(Self { network, config: file.info.config, device, heads })
    }

    /// The model's numbers.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The network at a quality in quarter knots; `gains` [y] are quantisation steps per unit of the whitened latent.
    pub fn at(&self, quality: u8, gains: &[f32]) -> Setting<'_> {
        let row = |values: Vec<f32>| {
            let channels = values.len();
            self.tensor::<4>(values, [1, 1, 1, channels])
        };
        let knots = |table: &burn::module::Param<Tensor<2>>| row(at_quality(&read(table.val()), quality));
        let prior = &self.network.prior;
        // A channel without gain carries nothing.
        let gains: Vec<f32> = gains.iter().map(|g| g.max(1e-6)).collect();
        let feature_gain = at_quality(&read(self.network.synthesis.log_gain.val().exp()), quality);
        Setting {
            of: self,
            hyper: knots(&prior.hyper.knots),
            contexts: prior.passes.iter().map(|pass| knots(&pass.knots)).collect(),
            log_gain: row(gains.iter().map(|g| g.ln()).collect()),
            gain: row(gains),
            feature_gain: self.tensor(feature_gain, [1, self.config.c8]),
        }
    }

    pub(super) fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }
}

/// A head as one dense layer for the means of all groups, then the log-scales of all groups: every position gets both for every channel, and
/// those of other passes go unused. A fifth more work for a pass, and planes of any size without sorting positions by phase.
fn all_groups(head: &Head) -> (Tensor<2>, Tensor<1>) {
    let [groups, hidden, group] = head.mean.dims();
    let flat = |weight: Tensor<3>| weight.permute([1, 0, 2]).reshape([hidden, groups * group]);
    let weight = Tensor::cat(vec![flat(head.mean.val()), flat(head.scale.val())], 1);
    let bias = |bias: Tensor<2>| bias.reshape([groups * group]);
    (weight, Tensor::cat(vec![bias(head.mean_bias.val()), bias(head.scale_bias.val())], 0))
}

/// A network at one quality.
#[derive(Debug)]
pub struct Setting<'a> {
    pub(super) of: &'a Differentiable,
    /// Bias of the hyper-synthesis [1, 1, 1, 4 hidden].
    hyper: Tensor<4>,
    /// Biases of the passes 1 to 3 [1, 1, 1, hidden].
    contexts: Vec<Tensor<4>>,
    /// Quantisation steps per unit of the latent [1, 1, 1, y], and the natural logarithm.
    gain: Tensor<4>,
    log_gain: Tensor<4>,
    feature_gain: Tensor<2>,
}

impl Setting<'_> {
    /// Hyper-latents [1, rows, columns, z] -> features of a plane of latents of this `size`.
    pub(super) fn features(&self, z: Tensor<4>, [rows, columns]: [usize; 2]) -> Tensor<4> {
        let hyper = &self.of.network.prior.hyper;
        let x = block(&hyper.block1, depth_to_space(hyper.up1.forward(z) + self.hyper.clone()));
        let x = depth_to_space(hyper.up2.forward(x));
        block(&hyper.block2, x.slice_dim(1, 0..rows).slice_dim(2, 0..columns))
    }

    /// Features and the latents decoded so far, in quantisation steps and 0 where none is -> features of a pass.
    pub(super) fn context(&self, pass: usize, features: &Tensor<4>, known: Tensor<4>) -> Tensor<4> {
        let mut passes = self.of.network.prior.passes.iter().zip(&self.contexts);
        // Pass 0 has none.
        let Some((network, bias)) = pass.checked_sub(1).and_then(|i| passes.nth(i)) else {
            return features.clone();
        };
        let x = Tensor::cat(vec![features.clone(), known / self.gain.clone()], 3);
        let x = network.input.forward(x) + bias.clone();
        network.blocks.iter().fold(x, |x, next| block(next, x))
    }

    /// Features of a pass -> means and log-scales in quantisation steps, of all channels.
    pub(super) fn predict(&self, pass: usize, features: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let [batch, rows, columns, hidden] = features.dims();
        let (weight, bias) = &self.of.heads[pass];
        let channels = self.of.config.y;
        let x = features.reshape([batch * rows * columns, hidden]).matmul(weight.clone()) + bias.clone().unsqueeze();
        let part = |at: usize| x.clone().slice_dim(1, at..at + channels).reshape([batch, rows, columns, channels]);
        (part(0) * self.gain.clone(), part(channels) + self.log_gain.clone())
    }

    /// Latents in quantisation steps -> patches.
    pub(super) fn synthesise(&self, latents: Tensor<4>) -> Tensor<4> {
        self.of.network.synthesis.forward(latents / self.gain.clone(), self.feature_gain.clone())
    }
}

fn block(block: &PriorBlock, x: Tensor<4>) -> Tensor<4> {
    block.forward(Stream::split(x), &mut Taps::Off, "", "").join()
}
