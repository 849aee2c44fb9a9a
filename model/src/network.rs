//! The whole float model: analysis, synthesis and prior of one preset.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::net::{Analysis, Init, Synthesis};
use crate::preset::ModelConfig;
use crate::prior::{Prior, PriorOutput, Rounding, Taps};

/// Analysis, synthesis and prior.
#[derive(Module, Debug)]
pub struct Network {
    /// Image patches -> latent.
    pub analysis: Analysis,
    /// Decoded latent -> image patches.
    pub synthesis: Synthesis,
    /// Probabilities of the latent.
    pub prior: Prior,
}

impl Network {
    /// Randomly initialised from `seed`, the same on every device.
    pub fn new(config: &ModelConfig, seed: u64, device: &Device) -> Self {
        let mut init = Init::new(seed, device);
        Self {
            analysis: Analysis::new(config, &mut init),
            synthesis: Synthesis::new(config, &mut init),
            prior: Prior::new(config, &mut init),
        }
    }

    /// One differentiable pass over patches [batch, h/8, w/8, 192] (h, w multiples of 64), with one quality knot per sample.
    /// Returns the reconstructed patches and what the prior found.
    pub fn forward(
        &self,
        patches: Tensor<4>,
        knots: &[usize],
        rounding: Rounding,
        taps: &mut Taps<'_>,
    ) -> (Tensor<4>, PriorOutput) {
        let y = self.analysis.forward(patches);
        let coded = self.prior.forward(y, knots, rounding, taps);
        let gain = self.feature_gain(knots);
        (self.synthesis.forward(coded.y_hat.clone(), gain), coded)
    }

    /// Rows of the synthesis transform's feature gain, [batch, c8].
    pub fn feature_gain(&self, knots: &[usize]) -> Tensor<2> {
        let table = self.synthesis.log_gain.val();
        let rows: Vec<i64> = knots.iter().map(|&k| k as i64).collect();
        let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [knots.len()]), &table.device());
        table.select(0, rows).exp()
    }
}
