//! The analysis transform: image patches -> latent, independent of the quality.
//!
//! ```text
//! patches [h/8, w/8, 192] -> dense -> k blocks (1/8) (-> attention) -> 2x2 stride 2 -> m blocks (1/16) (-> attention) -> dense -> y
//! ```

use burn::module::Module;
use burn::tensor::Tensor;

use super::attention::Attention;
use super::watch::{Sight, Watch, unwatched};
use super::{Dense, GatedBlock, Init, Stream, full, space_to_depth};
use crate::preset::ModelConfig;

/// Analysis transform.
#[derive(Module, Debug)]
pub struct Analysis {
    /// 192 -> c8.
    pub stem: Dense,
    /// Blocks at 1/8.
    pub blocks8: Vec<GatedBlock>,
    /// Attention at 1/8, in presets that have it.
    pub attention8: Option<Attention>,
    /// 4 c8 -> c16 on 2x2 neighbourhoods.
    pub down: Dense,
    /// Blocks at 1/16.
    pub blocks16: Vec<GatedBlock>,
    /// Attention at 1/16, in presets that have it.
    pub attention16: Option<Attention>,
    /// c16 -> y.
    pub head: Dense,
}

impl Analysis {
    /// Randomly initialised; blocks start as the identity.
    pub fn new(config: &ModelConfig, init: &mut Init) -> Self {
        Self {
            stem: Dense::new(192, config.c8, init),
            blocks8: (0..config.blocks8).map(|_| GatedBlock::new(config.c8, init)).collect(),
            attention8: config.head_width.map(|width| Attention::new(config.c8, width, init)),
            down: Dense::new(4 * config.c8, config.c16, init),
            blocks16: (0..config.blocks16).map(|_| GatedBlock::new(config.c16, init)).collect(),
            attention16: config.head_width.map(|width| Attention::new(config.c16, width, init)),
            head: Dense::new(config.c16, config.y, init),
        }
    }

    /// Patches [batch, h/8, w/8, 192], values -0.5..=0.5, h and w multiples of 16 -> latent [batch, h/16, w/16, y].
    pub fn forward(&self, patches: Tensor<4>) -> Tensor<4> {
        self.forward_watched(patches, &mut unwatched)
    }

    /// [`Self::forward`], with `watch` shown every block and the stages at 1/8 and 1/16.
    pub fn forward_watched(&self, patches: Tensor<4>, watch: &mut Watch<'_>) -> Tensor<4> {
        let x = stage(Stream::from_dense(&self.stem, patches), "blocks8", &self.blocks8, &self.attention8, watch);
        let x = Stream::from_dense(&self.down, space_to_depth(x));
        let x = stage(x, "blocks16", &self.blocks16, &self.attention16, watch);
        full(self.head.forward(x))
    }
}

/// Blocks at one resolution and the attention behind them.
pub(super) fn stage(
    mut x: Stream,
    name: &str,
    blocks: &[GatedBlock],
    attention: &Option<Attention>,
    watch: &mut Watch<'_>,
) -> Tensor<4> {
    for (i, block) in blocks.iter().enumerate() {
        watch(Sight::Block { name: format!("{name}.{i}"), block, input: &x });
        x = block.forward(x);
    }
    let mut x = x.join();
    if let Some(attention) = attention {
        x = attention.forward(x);
    }
    watch(Sight::Stage(&x));
    x
}
