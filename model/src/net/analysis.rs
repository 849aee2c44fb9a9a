//! The analysis transform: image patches -> latent, independent of the quality.
//!
//! ```text
//! patches [h/8, w/8, 192] -> dense -> k blocks (1/8) (-> attention) -> 2x2 stride 2 -> m blocks (1/16) (-> attention) -> dense -> y
//! ```

use burn::module::Module;
use burn::tensor::Tensor;

use super::attention::Attention;
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
        let mut x = Stream::from_dense(&self.stem, patches);
        for block in &self.blocks8 {
            x = block.forward(x);
        }
        let mut x = x.join();
        if let Some(attention) = &self.attention8 {
            x = attention.forward(x);
        }
        let mut x = Stream::from_dense(&self.down, space_to_depth(x));
        for block in &self.blocks16 {
            x = block.forward(x);
        }
        let mut x = x.join();
        if let Some(attention) = &self.attention16 {
            x = attention.forward(x);
        }
        full(self.head.forward(x))
    }
}
