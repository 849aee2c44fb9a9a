//! The gated partial-convolution block of both transforms: 3.56 c^2 multiply-accumulates per position.
//!
//! `x + project(a * sigmoid(b))` with `a, b = split(expand(partial3x3(x)))`. The prior's block ([`crate::prior`]) has a ReLU in place of
//! the gate, because integers have no sigmoid. Partial convolution: FasterNet (arXiv 2303.03667); gate: GLU (arXiv 1612.08083).

use burn::module::Module;
use burn::tensor::activation::sigmoid;

use super::{Conv3x3, Dense, Init, Stream};

/// Gated residual block on `c` channels.
#[derive(Module, Debug)]
pub struct GatedBlock {
    /// 3x3 on the first c/4 channels.
    pub conv: Conv3x3,
    /// c -> 2c: values, then gates.
    pub expand: Dense,
    /// c -> c; zero at the start.
    pub project: Dense,
}

impl GatedBlock {
    /// A block that starts as the identity.
    pub fn new(channels: usize, init: &mut Init) -> Self {
        Self {
            conv: Conv3x3::new(channels / 4, init),
            expand: Dense::new(channels, 2 * channels, init),
            project: Dense::zeros(channels, channels, init),
        }
    }

    /// [batch, height, width, c] in two parts -> the same shapes.
    pub fn forward(&self, x: Stream) -> Stream {
        let channels = self.project.outputs();
        let mixed = Stream { head: self.conv.forward(x.head.clone()), tail: x.tail.clone() }.join();
        let value = self.expand.forward_columns(mixed.clone(), 0..channels);
        let gate = self.expand.forward_columns(mixed, channels..2 * channels);
        x.plus(Stream::from_dense(&self.project, value * sigmoid(gate)))
    }
}
