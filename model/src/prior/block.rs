//! The prior's residual block: `x + project(relu(expand(partial3x3(x))))`, hidden width 2c, 4.56 c^2 per position.
//!
//! [`crate::net::GatedBlock`] without the gate: ReLU is exact in integers.

use burn::module::Module;
use burn::tensor::activation::relu;

use super::Taps;
use crate::net::{Conv3x3, Dense, Init, Stream};

/// Residual block of the prior on `c` channels.
#[derive(Module, Debug)]
pub struct PriorBlock {
    /// 3x3 on the first c/4 channels.
    pub conv: Conv3x3,
    /// c -> 2c.
    pub expand: Dense,
    /// 2c -> c; small at the start.
    pub project: Dense,
}

impl PriorBlock {
    /// A block that starts close to the identity.
    pub fn new(channels: usize, init: &mut Init) -> Self {
        Self {
            conv: Conv3x3::new(channels / 4, init),
            expand: Dense::new(channels, 2 * channels, init),
            project: Dense::scaled(2 * channels, channels, 0.1, init),
        }
    }

    /// [batch, height, width, c] in two parts -> the same shapes. `stream` names the residual stream's site, `hidden` this block's own.
    pub fn forward(&self, x: Stream, taps: &mut Taps<'_>, stream: &str, hidden: &str) -> Stream {
        let head = taps.at(stream, self.conv.forward(x.head.clone()));
        let mixed = Stream { head, tail: x.tail.clone() }.join();
        let inner = taps.at(hidden, relu(self.expand.forward(mixed)));
        let sum = x.plus(Stream::from_dense(&self.project, inner));
        Stream { head: taps.at(stream, sum.head), tail: taps.at(stream, sum.tail) }
    }
}
