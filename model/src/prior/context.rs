//! One context pass: features of the hyperprior and everything decoded so far -> mean and log-scale of the next quarter of the latent.

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, TensorData};

use super::hyper::knot_rows;
use super::passes::{GROUP_OF_PHASE, by_phase};
use super::{PriorBlock, Taps};
use crate::net::{Dense, Init, Stream, product, working};
use crate::preset::{KNOTS, ModelConfig};

/// Bias of the log-scale at the start: the latents are a little more predictable than their marginal standard deviation says.
const LOG_SCALE_START: f32 = -0.35;

/// The network of pass 1, 2 or 3: `passS.*` of `codec/PRIOR.md`.
#[derive(Module, Debug)]
pub struct ContextPass {
    /// hidden + y -> hidden, on the features and the feedback.
    pub input: Dense,
    /// Bias of `input` per quality knot [64, hidden].
    pub knots: Param<Tensor<2>>,
    /// Residual blocks.
    pub blocks: Vec<PriorBlock>,
}

impl ContextPass {
    /// Passes the features on at the start, with a little of the feedback mixed in.
    pub fn new(config: &ModelConfig, init: &mut Init) -> Self {
        let hidden = config.hidden;
        Self {
            input: Dense::passing(hidden, config.y, 0.5, init),
            knots: init.constant([KNOTS, hidden], 0.0),
            blocks: (0..config.context_blocks).map(|_| PriorBlock::new(hidden, init)).collect(),
        }
    }

    /// Features [batch, h, w, hidden] and feedback [batch, h, w, y] in whitened units -> features of pass `pass`.
    pub fn forward(
        &self,
        features: Tensor<4>,
        feedback: Tensor<4>,
        knots: Tensor<1, Int>,
        pass: usize,
        taps: &mut Taps<'_>,
    ) -> Tensor<4> {
        let site = format!("pass{pass}.stream");
        let feedback = taps.at("feedback", working(feedback));
        let x = self.input.forward(Tensor::cat(vec![features, feedback], 3)) + working(knot_rows(&self.knots, knots));
        let mut x = Stream::split(taps.at(&site, x));
        for (i, block) in self.blocks.iter().enumerate() {
            x = block.forward(x, taps, &site, &format!("pass{pass}.hidden{i}"));
        }
        x.join()
    }
}

/// The last layer of a pass: one dense layer per channel group, each evaluated only at the positions that decode the group.
#[derive(Module, Debug)]
pub struct Head {
    /// Weights of the means [4 groups, hidden, y/4].
    pub mean: Param<Tensor<3>>,
    /// Bias of the means [4, y/4].
    pub mean_bias: Param<Tensor<2>>,
    /// Weights of the log-scales [4, hidden, y/4].
    pub scale: Param<Tensor<3>>,
    /// Bias of the log-scales [4, y/4].
    pub scale_bias: Param<Tensor<2>>,
}

impl Head {
    /// Predicts mean 0 and the channels' own standard deviations at the start, nearly.
    pub fn new(config: &ModelConfig, init: &mut Init) -> Self {
        let (hidden, group) = (config.hidden, config.y / 4);
        let small = |init: &mut Init| init.fan_in([4, hidden, group], hidden, 0.3);
        Self {
            mean: small(init),
            mean_bias: init.constant([4, group], 0.0),
            scale: small(init),
            scale_bias: init.constant([4, group], LOG_SCALE_START),
        }
    }

    /// Features [batch, h, w, hidden] -> mean and log-scale of pass `pass` in whitened units, each [4, batch, h/2 * w/2, y/4].
    pub fn forward(&self, features: Tensor<4>, pass: usize) -> (Tensor<4>, Tensor<4>) {
        let [batch, h, w, _] = features.dims();
        let positions = h / 2 * (w / 2);
        let rows = by_phase(features);
        let groups: Vec<i64> = GROUP_OF_PHASE[pass].iter().map(|&g| g as i64).collect();
        let groups = Tensor::<1, Int>::from_data(TensorData::new(groups, [4]), &rows.device());
        let apply = |weight: &Param<Tensor<3>>, bias: &Param<Tensor<2>>| {
            let group = bias.dims()[1];
            let bias = bias.val().select(0, groups.clone()).reshape([4, 1, group]);
            (product(rows.clone(), weight.val().select(0, groups.clone())) + bias).reshape([4, batch, positions, group])
        };
        (apply(&self.mean, &self.mean_bias), apply(&self.scale, &self.scale_bias))
    }
}
