//! A look at a transform's activations on their way, without a second version of its forward pass.
//!
//! Differs from the prior's [`Taps`](crate::prior::Taps) in changing nothing: it is for measurement and for losses on features.

use burn::tensor::Tensor;

use super::{GatedBlock, Stream};

/// What a transform shows on its way.
#[derive(Debug)]
pub enum Sight<'a> {
    /// A block is about to run.
    Block {
        /// Its name in the transform: `blocks8.0`.
        name: String,
        /// The block.
        block: &'a GatedBlock,
        /// Its input [batch, height, width, c] in two parts.
        input: &'a Stream,
    },
    /// All blocks at one resolution, and their attention, have run: [batch, height, width, c].
    Stage(&'a Tensor<4>),
}

/// Who looks.
pub type Watch<'a> = dyn FnMut(Sight<'_>) + 'a;

/// Nobody.
pub fn unwatched(_: Sight<'_>) {}

/// [batch, height, width, c] -> [positions, c]: what is seen, a column for every channel.
pub(crate) fn columns(x: Tensor<4>) -> Tensor<2> {
    let [batch, height, width, channels] = x.dims();
    x.reshape([batch * height * width, channels])
}
