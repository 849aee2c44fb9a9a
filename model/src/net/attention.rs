//! Window attention after Swin Transformer V2 (arXiv 2111.09883), the long-range part of the teacher's transforms.
//!
//! The gated blocks ([`super::GatedBlock`]) see three positions across; attention sees its whole window. Swin alternates layers whose
//! windows are shifted against each other; here *one* layer does both, half of the heads with 8x8 windows from the origin and half with
//! windows shifted by (4, 4). Information crosses window borders in every layer, at half the cost of Swin's pair of layers:
//!
//! ```text
//! x [h, w, c] --+-- heads 0..n/2: windows at 0, 8, 16 ..  --+
//!               +-- heads n/2..n: windows at 4, 12, 20 .. --+-- concatenate -- dense -- norm -- + x
//! ```
//!
//! `4 c^2 + 128 c` multiply-accumulates per position. What makes it version 2: scaled cosine attention ([`HeadGroup`]), the log-spaced
//! continuous position bias ([`PositionBias`]), the norm *after* the branch, and queries and values with a bias but keys without.
//! There is no feed-forward layer, because gated blocks follow or precede.

mod heads;
mod position;
mod window;

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::layer_norm;

use super::{Dense, Init, full};

pub use heads::HeadGroup;
pub use position::PositionBias;
pub use window::WINDOW;

pub(crate) use heads::{LENGTH_EPSILON, SCALE_MAX};
pub(crate) use position::{BIAS_MAX, coordinates, row_of_pair};

use window::{Grid, pad};

/// Where the windows of the second half of the heads begin: half a window, as in Swin.
pub(crate) const SHIFT: usize = WINDOW / 2;

/// Added to the variance by the norm, as in Swin.
pub(crate) const NORM_EPSILON: f64 = 1e-5;

/// One residual attention layer on `c` channels.
#[derive(Module, Debug)]
pub struct Attention {
    /// Heads with windows from the origin.
    pub plain: HeadGroup,
    /// Heads with shifted windows.
    pub shifted: HeadGroup,
    /// c -> c, mixes the heads.
    pub project: Dense,
    /// Gain of the norm [c]; zero at the start, so that the layer is the identity.
    pub norm_gain: Param<Tensor<1>>,
    /// Bias of the norm [c].
    pub norm_bias: Param<Tensor<1>>,
}

impl Attention {
    /// A layer that starts as the identity, with heads of `head_width` channels; an odd head goes to the plain group.
    ///
    /// # Panics
    ///
    /// If `head_width` does not divide `channels` into two heads or more: the presets are wrong then.
    pub fn new(channels: usize, head_width: usize, init: &mut Init) -> Self {
        let heads = channels / head_width;
        assert!(
            heads >= 2 && heads * head_width == channels,
            "attention needs at least two heads: {channels} channels, head width {head_width}"
        );
        Self {
            plain: HeadGroup::new(channels, heads.div_ceil(2), head_width, init),
            shifted: HeadGroup::new(channels, heads / 2, head_width, init),
            project: Dense::new(channels, channels, init),
            norm_gain: init.constant([channels], 0.0),
            norm_bias: init.constant([channels], 0.0),
        }
    }

    /// [batch, height, width, c] -> the same shape, for any height and width from 1.
    ///
    /// Windows are anchored at position (0, 0) of `x`. A window at the edge has fewer positions, never wrapped or padded ones: a tile
    /// gives the whole plane's numbers in all windows that lie inside both.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [b, h, w, c] = x.dims();
        // Scores, softmax and norm are f32 in any format.
        let x = full(x);
        let padded = pad(x.clone());
        let plain = self.plain.forward(padded.clone(), Grid::new(h, w, 0));
        let shifted = self.shifted.forward(padded, Grid::new(h, w, SHIFT));
        let mixed = full(self.project.forward(Tensor::cat(vec![plain, shifted], 3)));
        // As rows, so that backends see a plain matrix.
        let rows = mixed.reshape([b * h * w, c]);
        let branch = layer_norm(rows, self.norm_gain.val(), Some(self.norm_bias.val()), NORM_EPSILON);
        x + branch.reshape([b, h, w, c])
    }
}
