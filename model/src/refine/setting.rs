//! The frozen float network, and its tables at one quality.

use burn::tensor::Device;
use lic_shaders::transform::at_quality;

use crate::backprop::context::{Context, Head};
use crate::backprop::hyper::HyperSynthesis;
use crate::backprop::transform::Synthesis;
use crate::backprop::{Layout, Missing};
use crate::net::Precision;
use crate::params;
use crate::preset::ModelConfig;
use crate::quantise::{RestoreError, restore_to_run};
use crate::weights::WeightFile;

/// Why the network of a weight file cannot be differentiated.
#[derive(Debug, thiserror::Error)]
pub enum DifferentiableError {
    /// The file's network cannot be restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The network lacks a parameter.
    #[error(transparent)]
    Missing(#[from] Missing),
}

/// The float network of a weight file with gradients for its inputs, but none for its weights. On the CPU.
#[derive(Debug)]
pub struct Differentiable {
    pub(super) config: ModelConfig,
    pub(super) synthesis: Synthesis,
    pub(super) hyper: HyperSynthesis,
    pub(super) contexts: Vec<Context>,
    pub(super) heads: Vec<Head>,
    /// Parameters outside of layers: the tables by quality.
    hyper_table: Vec<f32>,
    context_tables: Vec<Vec<f32>>,
    gain_table: Vec<f32>,
}

impl Differentiable {
    /// Restores the network; the prior's weights are what the integers stand for. `precision` is that of the operands of products;
    /// a network with odd parts of channels, which do not come in pairs, is computed in f32 whatever it says.
    ///
    /// # Errors
    /// See [`DifferentiableError`].
    pub fn load(file: &WeightFile<'_>, precision: Precision) -> Result<Self, DifferentiableError> {
        let network = restore_to_run(file, &Device::flex())?;
        let (config, slots, weights) = (file.info.config, params::slots(&network), params::values(&network));
        let layout = Layout { config: &config, slots: &slots };
        let precision = precision.fitting(&config);
        let mut hyper = HyperSynthesis::find(&layout)?;
        hyper.load(&weights, precision);
        let mut contexts = (1..4).map(|pass| Context::find(&layout, pass)).collect::<Result<Vec<_>, _>>()?;
        contexts.iter_mut().for_each(|context| context.load(&weights, precision));
        let mut heads = (0..4).map(|pass| Head::find(&layout, pass)).collect::<Result<Vec<_>, _>>()?;
        heads.iter_mut().for_each(|head| head.load(&weights, precision));
        let mut synthesis = Synthesis::find(&layout)?;
        synthesis.load(&weights, precision);
        let log_gain = layout.find("synthesis.log_gain")?.0;
        Ok(Self {
            hyper_table: weights[hyper.up1.knots.clone()].to_vec(),
            context_tables: contexts.iter().map(|context| weights[context.input.knots.clone()].to_vec()).collect(),
            gain_table: weights[log_gain].iter().map(|log| log.exp()).collect(),
            config,
            synthesis,
            hyper,
            contexts,
            heads,
        })
    }

    /// The model's numbers.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The network at a quality in quarter knots; `gains` [y] are quantisation steps per unit of the whitened latent.
    pub fn at(&self, quality: u8, gains: &[f32]) -> Setting<'_> {
        // A channel without gain carries nothing.
        let gain: Vec<f32> = gains.iter().map(|g| g.max(1e-6)).collect();
        Setting {
            of: self,
            hyper: at_quality(&self.hyper_table, quality),
            contexts: self.context_tables.iter().map(|table| at_quality(table, quality)).collect(),
            log_gain: gain.iter().map(|g| g.ln()).collect(),
            gain,
            feature_gain: at_quality(&self.gain_table, quality),
        }
    }
}

/// A network at one quality.
#[derive(Debug)]
pub struct Setting<'a> {
    pub(super) of: &'a Differentiable,
    /// The quality's term of the hyper-synthesis's bias [4 hidden].
    pub(super) hyper: Vec<f32>,
    /// The same of the passes 1 to 3 [hidden].
    pub(super) contexts: Vec<Vec<f32>>,
    /// Quantisation steps per unit of the latent [y], and the natural logarithm.
    pub(super) gain: Vec<f32>,
    pub(super) log_gain: Vec<f32>,
    /// Feature gain of the synthesis [c8].
    pub(super) feature_gain: Vec<f32>,
}
