//! A group of attention heads that share one grid of windows: scaled cosine attention (section 3.2 of arXiv 2111.09883).
//!
//! The score of a pair is `cos(q, k) / temperature + bias` instead of the usual `q k / sqrt(width)`: it does not grow with the
//! activations, so a few pairs cannot come to dominate a head merely because their vectors are long.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;

use super::PositionBias;
use super::window::{AREA, Grid};
use crate::net::{Dense, Init, full, product};

/// 1 / temperature never exceeds this (the paper: the temperature is "set larger than 0.01").
pub(crate) const SCALE_MAX: f32 = 100.0;

/// 1 / temperature at the start (Swin's code).
const SCALE_START: f32 = 10.0;

/// Added to squared lengths: a zero vector (padding, or a black plane) has no direction, and its gradient must stay finite.
pub(crate) const LENGTH_EPSILON: f32 = 1e-8;

/// `heads` attention heads of `width` channels each; the inner width is `heads * width`.
#[derive(Module, Debug)]
pub struct HeadGroup {
    /// Queries, c -> inner.
    pub query: Dense,
    /// Keys [c, inner], without bias.
    pub key: Param<Tensor<2>>,
    /// Values, c -> inner.
    pub value: Dense,
    /// Natural logarithm of 1 / temperature [heads], acting as at most ln 100.
    pub log_scale: Param<Tensor<1>>,
    /// What is added to the scores by relative position.
    pub position: PositionBias,
}

impl HeadGroup {
    /// Randomly initialised, temperature 0.1.
    pub fn new(channels: usize, heads: usize, width: usize, init: &mut Init) -> Self {
        let inner = heads * width;
        Self {
            query: Dense::new(channels, inner, init),
            key: init.fan_in([channels, inner], channels, 1.0),
            value: Dense::new(channels, inner, init),
            log_scale: init.constant([heads], SCALE_START.ln()),
            position: PositionBias::new(heads, init),
        }
    }

    /// What every position gathers from its window: a padded plane [batch, 8 m, 8 n, c] -> [batch, height, width, inner] of `grid`.
    pub(super) fn forward(&self, x: Tensor<4>, grid: Grid) -> Tensor<4> {
        let batch = x.dims()[0];
        let device = x.device();
        let x = grid.split(x);
        let [windows, side, _, channels] = x.dims();
        let heads = self.log_scale.dims()[0];
        let width = self.query.outputs() / heads;

        // [batch * windows, 8, 8, heads * width] -> [batch, windows, heads, 64, width]
        let by_head = |t: Tensor<4>| -> Tensor<5> {
            t.reshape([batch, windows / batch, AREA, heads, width]).permute([0, 1, 3, 2, 4])
        };
        let query = by_head(full(self.query.forward(x.clone())));
        let keys = product(x.clone().reshape([windows * AREA, channels]), self.key.val());
        let key = by_head(keys.reshape([windows, side, side, heads * width]));
        let value = by_head(full(self.value.forward(x)));

        // Scaling the short query vectors is cheaper than scaling the 64x64 scores.
        let query = query.clone() * (inverse_length(query) * self.scale().reshape([1, 1, heads, 1, 1]));
        let key = key.clone() * inverse_length(key);
        let bias = self.position.forward().unsqueeze::<5>();
        // Bias and mask are added first: both are much smaller than the scores of a batch.
        let offset = match grid.mask(&device) {
            Some(mask) => bias + mask,
            None => bias,
        };
        let weights = softmax(product(query, key.swap_dims(3, 4)) + offset, 4);
        grid.merge(product(weights, value))
    }

    /// 1 / temperature [heads].
    fn scale(&self) -> Tensor<1> {
        self.log_scale.val().clamp_max(SCALE_MAX.ln()).exp()
    }
}

/// 1 / |t| over the last dimension, which stays with size one.
fn inverse_length(t: Tensor<5>) -> Tensor<5> {
    (t.square().sum_dim(4) + LENGTH_EPSILON).sqrt().recip()
}
