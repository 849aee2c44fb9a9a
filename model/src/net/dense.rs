//! The dense layer: a 1x1 convolution on channels-last activations, which is one matrix product.

use std::ops::Range;

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::{Init, working};

/// `x W + b` at every position; the result has the format in force ([`super::Precision`]).
#[derive(Module, Debug)]
pub struct Dense {
    /// Weights [inputs, outputs].
    pub weight: Param<Tensor<2>>,
    /// Bias [outputs].
    pub bias: Param<Tensor<1>>,
}

impl Dense {
    /// Random weights ([`Init::fan_in`]), bias zero.
    pub fn new(inputs: usize, outputs: usize, init: &mut Init) -> Self {
        Self::scaled(inputs, outputs, 1.0, init)
    }

    /// Like [`Self::new`] with weights `factor` times as large.
    pub fn scaled(inputs: usize, outputs: usize, factor: f32, init: &mut Init) -> Self {
        Self { weight: init.fan_in([inputs, outputs], inputs, factor), bias: init.constant([outputs], 0.0) }
    }

    /// The identity on the first `kept` inputs, plus `factor` times random weights on `mixed` further inputs: kept + mixed -> kept.
    pub fn passing(kept: usize, mixed: usize, factor: f32, init: &mut Init) -> Self {
        let bound = factor / (mixed as f32).sqrt();
        let identity = (0..kept * kept).map(|i| if i / kept == i % kept { 1.0 } else { 0.0 });
        let values = identity.chain(init.draws(mixed * kept, bound)).collect();
        Self { weight: init.tensor([kept + mixed, kept], values), bias: init.constant([kept], 0.0) }
    }

    /// Weights and bias zero: for the last layer of a residual branch, which then starts as the identity.
    pub fn zeros(inputs: usize, outputs: usize, init: &Init) -> Self {
        Self { weight: init.constant([inputs, outputs], 0.0), bias: init.constant([outputs], 0.0) }
    }

    /// Number of output channels.
    pub fn outputs(&self) -> usize {
        self.bias.dims()[0]
    }

    /// [batch, height, width, inputs] -> [batch, height, width, outputs].
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        apply(x, self.weight.val(), self.bias.val())
    }

    /// The output channels `columns` only: [batch, height, width, inputs] -> [batch, height, width, columns].
    ///
    /// Slicing the small weight matrix instead of the large result saves a copy of the activations.
    pub fn forward_columns(&self, x: Tensor<4>, columns: Range<usize>) -> Tensor<4> {
        let weight = self.weight.val().slice_dim(1, columns.clone());
        apply(x, weight, self.bias.val().slice_dim(0, columns))
    }
}

fn apply(x: Tensor<4>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<4> {
    let [b, h, w, inputs] = x.dims();
    let outputs = bias.dims()[0];
    let rows = working(x.reshape([b * h * w, inputs])).matmul(working(weight)) + working(bias).unsqueeze::<2>();
    rows.reshape([b, h, w, outputs])
}
