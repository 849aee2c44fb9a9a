//! The float transforms without attention, as plain arrays: what every implementation without burn starts from.
//!
//! Differs from the integer prior's [`layer`](mod@crate::layer) in being float, with nothing to check for overflow. burn's networks
//! (`lic-model`, module `net`) define these layers; [`reference`](mod@reference) computes them one number at a time, so that fast
//! kernels can be compared with it where burn is not built. All activations are channels-last, `[rows, columns, channels]`.

pub mod reference;

/// Numbers of one 8x8 patch of pixels in the order row, column, colour.
pub const PATCH: usize = 192;

/// A dense layer, `x W + b` at every position.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Weights `[inputs, outputs]`.
    pub weight: Vec<f32>,
    /// Bias `[outputs]`.
    pub bias: Vec<f32>,
}

impl Dense {
    /// The layer for three equal inputs each, given once: what a grey picture's samples go into.
    pub fn sum_of_colours(&self) -> Self {
        let sum = |rows: &[f32]| {
            (0..self.outputs).map(|o| rows[o..].iter().step_by(self.outputs).sum::<f32>()).collect::<Vec<f32>>()
        };
        let weight = self.weight.chunks_exact(3 * self.outputs).flat_map(sum).collect();
        Self { inputs: self.inputs / 3, outputs: self.outputs, weight, bias: self.bias.clone() }
    }

    /// The layer whose outputs are the means of every three: a grey picture's sample is the mean of its colours.
    pub fn mean_of_colours(&self) -> Self {
        let mean = |values: &[f32]| values.chunks_exact(3).map(|c| c.iter().sum::<f32>() / 3.0).collect::<Vec<f32>>();
        Self { inputs: self.inputs, outputs: self.outputs / 3, weight: mean(&self.weight), bias: mean(&self.bias) }
    }
}

/// A 3x3 convolution with zero padding and as many outputs as inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv3x3 {
    /// Channels in and out.
    pub channels: usize,
    /// Weights `[outputs, inputs, 3, 3]` (row, column).
    pub weight: Vec<f32>,
    /// Bias `[outputs]`.
    pub bias: Vec<f32>,
}

/// What a block does between its two matrix products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `a * sigmoid(b)` with `a, b` the two halves of the expanded channels; the transforms' blocks.
    Gate,
    /// `max(a, 0)`; the blocks of the hyper-analysis.
    Relu,
}

/// A residual block: `x + project(activation(expand(partial3x3(x))))`, the convolution on the first quarter of the channels.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// 3x3 on the first quarter of the channels.
    pub conv: Conv3x3,
    /// c -> 2c.
    pub expand: Dense,
    /// Between the products.
    pub activation: Activation,
    /// c -> c after a gate, 2c -> c after a ReLU.
    pub project: Dense,
}

impl Block {
    /// Channels of the residual stream.
    pub fn channels(&self) -> usize {
        self.project.outputs
    }
}

/// Patches `[2 rows, 2 columns, 192]` -> whitened latent `[rows, columns, y]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// 192 -> c8.
    pub stem: Dense,
    /// Blocks at 1/8 of the picture's resolution.
    pub blocks8: Vec<Block>,
    /// 4 c8 -> c16 on 2x2 neighbourhoods in the order row, column, channel.
    pub down: Dense,
    /// Blocks at 1/16.
    pub blocks16: Vec<Block>,
    /// c16 -> y.
    pub head: Dense,
}

/// Whitened latent `[rows, columns, y]` -> patches `[2 rows, 2 columns, 192]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Synthesis {
    /// y -> c16.
    pub stem: Dense,
    /// Blocks at 1/16.
    pub blocks16: Vec<Block>,
    /// c16 -> 4 c8, pixel-shuffled to 1/8.
    pub up: Dense,
    /// Feature gain behind the pixel shuffle `[64, c8]`, a row for every knot of the quality.
    pub gain: Vec<f32>,
    /// Blocks at 1/8.
    pub blocks8: Vec<Block>,
    /// c8 -> 192.
    pub head: Dense,
}

/// Whitened latent `[rows, columns, y]` -> hyper-latent `[rows / 4, columns / 4, z]`, not rounded; both sides multiples of 4.
#[derive(Debug, Clone, PartialEq)]
pub struct HyperAnalysis {
    /// y -> hidden.
    pub stem: Dense,
    /// Added to the stem's bias `[64, hidden]`, a row for every knot of the quality.
    pub knots: Vec<f32>,
    /// Block at 1/16.
    pub block1: Block,
    /// 4 hidden -> hidden on 2x2 neighbourhoods.
    pub down1: Dense,
    /// Block at 1/32.
    pub block2: Block,
    /// 4 hidden -> z on 2x2 neighbourhoods.
    pub down2: Dense,
}

/// A row of a table `[64, channels]` at a quality in quarter knots (0..=252), linear between knots. Empty if the table is too small.
pub fn at_quality(table: &[f32], quality: u8) -> Vec<f32> {
    let channels = table.len() / crate::KNOTS;
    let (knot, quarter) = (usize::from(quality >> 2).min(crate::KNOTS - 1), f32::from(quality & 3) / 4.0);
    let row = |k: usize| &table[k * channels..(k + 1) * channels];
    let next = row((knot + 1).min(crate::KNOTS - 1));
    row(knot).iter().zip(next).map(|(a, b)| a + (b - a) * quarter).collect()
}
