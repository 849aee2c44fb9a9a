//! The residual stream between blocks, held in two parts so that the partial convolution needs no slicing.
//!
//! Slices of activations are copies, and their gradients are zero-filled tensors: with the first quarter of the channels in a tensor
//! of its own, a block needs one concatenation and nothing else.

use burn::tensor::Tensor;

use super::Dense;

/// A tensor [batch, height, width, channels] in two parts.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The channels that see the 3x3 convolution: [batch, height, width, channels / 4].
    pub head: Tensor<4>,
    /// The others: [batch, height, width, channels - channels / 4].
    pub tail: Tensor<4>,
}

impl Stream {
    /// Both parts of `layer(x)`.
    pub fn from_dense(layer: &Dense, x: Tensor<4>) -> Self {
        let channels = layer.outputs();
        let quarter = channels / 4;
        Self { head: layer.forward_columns(x.clone(), 0..quarter), tail: layer.forward_columns(x, quarter..channels) }
    }

    /// Splits a whole tensor.
    pub fn split(x: Tensor<4>) -> Self {
        let channels = x.dims()[3];
        let quarter = channels / 4;
        Self { head: x.clone().slice_dim(3, 0..quarter), tail: x.slice_dim(3, quarter..channels) }
    }

    /// The whole tensor [batch, height, width, channels].
    pub fn join(self) -> Tensor<4> {
        Tensor::cat(vec![self.head, self.tail], 3)
    }

    /// Adds another stream of the same shape.
    pub fn plus(self, other: Self) -> Self {
        Self { head: self.head + other.head, tail: self.tail + other.tail }
    }
}
