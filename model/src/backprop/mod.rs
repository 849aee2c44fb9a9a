//! The training step on CPUs with kernels of our own: loss and gradient of every preset, written out layer by layer.
//!
//! Differs from the networks in burn ([`crate::net`], [`crate::prior`]), which are the definition, in speed, and in the gradients of activations that a grid clips ([`grid`]): nothing is recorded for automatic
//! differentiation, samples go forwards and backwards one by one, each on one thread and in that thread's cache, and products run at what the
//! processor can do ([`kernels`]). `model/tests/backprop.rs` holds both against each other. Everything is f32
//! but the operands of products where [`crate::net::Precision::Bf16`] is asked for, and even then four layers go forward in f32: `analysis.head`, `synthesis.stem`, `synthesis.up` and `synthesis.head` ([`layer`]).

mod addition;
mod ask;
mod attention;
pub(crate) mod block;
pub(crate) mod context;
mod conv;
mod density;
mod engine;
mod factor;
pub mod filters;
pub(crate) mod grid;
mod heads;
pub(crate) mod hyper;
#[allow(unsafe_code, reason = "the crate's only module with intrinsics")]
pub(crate) mod kernels;
pub(crate) mod layer;
pub(crate) mod pool;
mod prior;
pub(crate) mod transform;

use std::ops::Range;

pub use engine::Engine;

pub(crate) use addition::{Added, Addition, Seen};
pub(crate) use engine::Setting;
pub(crate) use factor::{Factor, Operand};
pub(crate) use kernels::pairs_are_faster;
pub(crate) use layer::Dense;
pub(crate) use pool::Work;

use crate::params::Slot;
use crate::preset::ModelConfig;

/// A tensor that a network of this configuration should have and has not.
#[derive(Debug, thiserror::Error)]
#[error("the network has no parameter {0}")]
pub struct Missing(pub String);

/// Where a network's parameters lie.
#[derive(Debug)]
pub(crate) struct Layout<'a> {
    pub(crate) config: &'a ModelConfig,
    pub(crate) slots: &'a [Slot],
}

impl Layout<'_> {
    /// Elements and shape of a parameter, the shape padded with ones to at least three dimensions.
    pub(crate) fn find(&self, name: &str) -> Result<(Range<usize>, Vec<usize>), Missing> {
        let slot = self.slots.iter().find(|slot| slot.name == name);
        let slot = slot.ok_or_else(|| Missing(name.to_owned()))?;
        let mut shape = slot.shape.clone();
        shape.resize(shape.len().max(3), 1);
        Ok((slot.range(), shape))
    }
}

/// One sample's part of a batch's noise.
#[derive(Clone, Copy, Debug)]
struct Noise<'a> {
    /// That of the hyper-latent.
    z: &'a [f32],
    /// That of the whole batch's latents [16, batch, positions, y/4].
    y: &'a [f32],
    batch: usize,
    sample: usize,
    positions: usize,
}

impl Noise<'_> {
    /// The noise of one position's channels in `block` (4 * pass + phase).
    fn row(&self, block: usize, position: usize) -> &[f32] {
        let group = self.y.len() / (16 * self.batch * self.positions);
        let row = (block * self.batch + self.sample) * self.positions + position;
        &self.y[row * group..(row + 1) * group]
    }
}
