//! The synthesis transform: latent -> image patches; the mirror image of [`super::Analysis`] with a feature gain per quality.
//!
//! ```text
//! y -> dense -> m blocks (1/16) (-> attention) -> dense + pixel-shuffle 2 -> gain[q] -> k blocks (1/8) (-> attention) -> dense -> patches [h/8, w/8, 192]
//! ```

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::analysis::stage;
use super::attention::Attention;
use super::watch::{Watch, unwatched};
use super::{Dense, GatedBlock, Init, Stream, depth_to_space, full, working};
use crate::preset::{KNOTS, ModelConfig};

/// Synthesis transform.
#[derive(Module, Debug)]
pub struct Synthesis {
    /// y -> c16.
    pub stem: Dense,
    /// Blocks at 1/16.
    pub blocks16: Vec<GatedBlock>,
    /// Attention at 1/16, in presets that have it.
    pub attention16: Option<Attention>,
    /// c16 -> 4 c8, then pixel-shuffle.
    pub up: Dense,
    /// Natural logarithm of the feature gain [64, c8].
    pub log_gain: Param<Tensor<2>>,
    /// Blocks at 1/8.
    pub blocks8: Vec<GatedBlock>,
    /// Attention at 1/8, in presets that have it.
    pub attention8: Option<Attention>,
    /// c8 -> 192.
    pub head: Dense,
}

impl Synthesis {
    /// Randomly initialised; blocks start as the identity, gains as one.
    pub fn new(config: &ModelConfig, init: &mut Init) -> Self {
        Self {
            stem: Dense::new(config.y, config.c16, init),
            blocks16: (0..config.blocks16).map(|_| GatedBlock::new(config.c16, init)).collect(),
            attention16: config.head_width.map(|width| Attention::new(config.c16, width, init)),
            up: Dense::new(config.c16, 4 * config.c8, init),
            log_gain: init.constant([KNOTS, config.c8], 0.0),
            blocks8: (0..config.blocks8).map(|_| GatedBlock::new(config.c8, init)).collect(),
            attention8: config.head_width.map(|width| Attention::new(config.c8, width, init)),
            head: Dense::new(config.c8, 192, init),
        }
    }

    /// Latent [batch, h/16, w/16, y] and feature gain [batch, c8] -> patches [batch, h/8, w/8, 192], values around -0.5..=0.5.
    pub fn forward(&self, y: Tensor<4>, gain: Tensor<2>) -> Tensor<4> {
        self.forward_watched(y, gain, &mut unwatched)
    }

    /// [`Self::forward`], with `watch` shown every block and the stages at 1/16 and 1/8.
    pub fn forward_watched(&self, y: Tensor<4>, gain: Tensor<2>, watch: &mut Watch<'_>) -> Tensor<4> {
        let x = stage(Stream::from_dense(&self.stem, y), "blocks16", &self.blocks16, &self.attention16, watch);
        let [batch, c8] = gain.dims();
        let x = depth_to_space(self.up.forward(x)) * working(gain).reshape([batch, 1, 1, c8]);
        let x = stage(Stream::split(x), "blocks8", &self.blocks8, &self.attention8, watch);
        full(self.head.forward(x))
    }
}
