//! Both transforms, forwards and backwards, for one sample. Shapes as in [`crate::net::Analysis`] and [`crate::net::Synthesis`].

use std::ops::Range;

use rayon::prelude::*;

use super::addition::add_some;
use super::attention::{Attention, AttentionKept};
use super::block::{Block, Kept};
use super::kernels::{scale_columns, weighted_column_sums};
use super::layer::{Dense, Size, depth_to_space, space_to_depth};
use super::pool::{Pool, Work};
use super::{Layout, Missing};
use crate::net::Precision;

/// A run of gated blocks at one resolution, and the attention behind them.
#[derive(Debug)]
struct Stage {
    blocks: Vec<Block>,
    attention: Option<Attention>,
}

/// What [`Stage::back`] needs.
#[derive(Debug, Default)]
struct StageKept {
    blocks: Vec<Kept>,
    attention: Option<AttentionKept>,
}

impl StageKept {
    fn give(self, pool: &mut Pool) {
        self.blocks.into_iter().for_each(|kept| kept.give(pool));
        if let Some(kept) = self.attention {
            kept.give(pool);
        }
    }
}

impl Stage {
    /// The stage of `transform` at 1 / `scale`.
    fn find(layout: &Layout<'_>, transform: &str, scale: usize, count: usize) -> Result<Self, Missing> {
        let path = format!("{transform}.blocks{scale}");
        let attention = layout.config.head_width.map(|_| format!("{transform}.attention{scale}"));
        Ok(Self {
            blocks: (0..count).map(|i| Block::find(layout, &format!("{path}.{i}"))).collect::<Result<_, _>>()?,
            attention: attention.map(|path| Attention::find(layout, &path)).transpose()?,
        })
    }

    fn load(&mut self, weights: &[f32], precision: Precision) {
        self.blocks.par_iter_mut().for_each(|block| block.load(weights, precision));
        if let Some(attention) = &mut self.attention {
            attention.load(weights, precision);
        }
    }

    fn forward(&self, mut x: Vec<f32>, size: Size, pool: &mut Pool) -> (Vec<f32>, StageKept) {
        let mut kept = StageKept::default();
        for block in &self.blocks {
            let (out, keep) = block.gated(x, size, pool);
            kept.blocks.push(keep);
            x = out;
        }
        if let Some(attention) = &self.attention {
            let (out, keep) = attention.forward(x, size, pool);
            kept.attention = Some(keep);
            x = out;
        }
        (x, kept)
    }

    fn back(&self, mut kept: StageKept, mut d: Vec<f32>, size: Size, work: &mut Work) -> Vec<f32> {
        if let (Some(attention), Some(keep)) = (&self.attention, kept.attention) {
            d = attention.back(keep, d, size, work);
        }
        for block in self.blocks.iter().rev() {
            if let Some(keep) = kept.blocks.pop() {
                d = block.gated_back(keep, d, size, work);
            }
        }
        d
    }
}

/// Patches -> latent.
#[derive(Debug)]
pub(crate) struct Analysis {
    stem: Dense,
    blocks8: Stage,
    down: Dense,
    blocks16: Stage,
    head: Dense,
}

/// What [`Analysis::back`] needs.
#[derive(Debug)]
pub(crate) struct AnalysisKept {
    kept8: StageKept,
    /// The output of the stage at 1/8, 2x2 neighbourhoods side by side.
    deep: Vec<f32>,
    kept16: StageKept,
    /// The output of the stage at 1/16.
    pub(super) last: Vec<f32>,
    /// Gradients of the stages' outputs beside that of the layers behind them; empty where there are none.
    pub(super) added: [Vec<f32>; 2],
}

impl Analysis {
    pub(crate) fn find(layout: &Layout<'_>) -> Result<Self, Missing> {
        let config = layout.config;
        Ok(Self {
            stem: Dense::find(layout, "analysis.stem")?,
            blocks8: Stage::find(layout, "analysis", 8, config.blocks8)?,
            down: Dense::find(layout, "analysis.down")?,
            blocks16: Stage::find(layout, "analysis", 16, config.blocks16)?,
            head: Dense::find(layout, "analysis.head")?,
        })
    }

    pub(crate) fn load(&mut self, weights: &[f32], precision: Precision) {
        [&mut self.stem, &mut self.down].into_par_iter().for_each(|layer| layer.load(weights, precision));
        self.head.load_exact(weights, precision);
        self.blocks8.load(weights, precision);
        self.blocks16.load(weights, precision);
    }

    /// The output of the stage at 1/8 [h/8, w/8, c].
    pub(super) fn first_stage(&self, kept: &AnalysisKept, size: Size, pool: &mut Pool) -> Vec<f32> {
        depth_to_space(&kept.deep, self.stem.outputs, size, pool)
    }

    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.blocks8.blocks.iter().chain(&self.blocks16.blocks)
    }

    /// Patches [h/8, w/8, 192] -> latent [h/16, w/16, y]; `size` is that of the patches.
    pub(crate) fn forward(&self, patches: &[f32], size: Size, pool: &mut Pool) -> (Vec<f32>, AnalysisKept) {
        let half = size.map(|side| side / 2);
        let (x, kept8) = self.blocks8.forward(self.stem.forward(patches, pool), size, pool);
        let deep = space_to_depth(&x, self.stem.outputs, size, pool);
        pool.give(x);
        let (last, kept16) = self.blocks16.forward(self.down.forward(&deep, pool), half, pool);
        (self.head.forward(&last, pool), AnalysisKept { kept8, deep, kept16, last, added: Default::default() })
    }

    /// `d` is the latent's gradient.
    pub(crate) fn back(&self, kept: AnalysisKept, patches: &[f32], d: &[f32], size: Size, work: &mut Work) {
        let half = size.map(|side| side / 2);
        self.head.learn(&kept.last, d, work);
        let mut d = self.head.back(d, &mut work.pool);
        let [added8, added16] = kept.added;
        add_some(&mut d, &added16);
        let d = self.blocks16.back(kept.kept16, d, half, work);
        self.down.learn(&kept.deep, &d, work);
        let d_deep = self.down.back(&d, &mut work.pool);
        work.pool.give(d);
        let mut d = depth_to_space(&d_deep, self.stem.outputs, size, &mut work.pool);
        work.pool.give(d_deep);
        add_some(&mut d, &added8);
        let d = self.blocks8.back(kept.kept8, d, size, work);
        self.stem.learn(patches, &d, work);
        for buffer in [d, kept.deep, kept.last, added8, added16] {
            work.pool.give(buffer);
        }
    }
}

/// Decoded latent -> patches.
#[derive(Debug)]
pub(crate) struct Synthesis {
    stem: Dense,
    blocks16: Stage,
    up: Dense,
    pub(crate) log_gain: Range<usize>,
    blocks8: Stage,
    head: Dense,
}

/// What [`Synthesis::back`] needs.
#[derive(Debug)]
pub(crate) struct SynthesisKept {
    kept16: StageKept,
    /// The output of the stage at 1/16.
    pub(super) before_up: Vec<f32>,
    /// Behind the feature gain.
    scaled: Vec<f32>,
    gain: Vec<f32>,
    kept8: StageKept,
    /// The output of the stage at 1/8.
    pub(super) last: Vec<f32>,
    /// As in [`AnalysisKept`].
    pub(super) added: [Vec<f32>; 2],
}

impl SynthesisKept {
    pub(crate) fn give(self, pool: &mut Pool) {
        self.kept16.give(pool);
        self.kept8.give(pool);
        for buffer in [self.before_up, self.scaled, self.last] {
            pool.give(buffer);
        }
    }
}

impl Synthesis {
    pub(crate) fn find(layout: &Layout<'_>) -> Result<Self, Missing> {
        let config = layout.config;
        Ok(Self {
            stem: Dense::find(layout, "synthesis.stem")?,
            blocks16: Stage::find(layout, "synthesis", 16, config.blocks16)?,
            up: Dense::find(layout, "synthesis.up")?,
            log_gain: layout.find("synthesis.log_gain")?.0,
            blocks8: Stage::find(layout, "synthesis", 8, config.blocks8)?,
            head: Dense::find(layout, "synthesis.head")?,
        })
    }

    pub(crate) fn load(&mut self, weights: &[f32], precision: Precision) {
        let layers = [&mut self.stem, &mut self.up, &mut self.head];
        layers.into_par_iter().for_each(|layer| layer.load_exact(weights, precision));
        self.blocks8.load(weights, precision);
        self.blocks16.load(weights, precision);
    }

    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.blocks16.blocks.iter().chain(&self.blocks8.blocks)
    }

    /// The elements of the feature gain's logarithms of a knot.
    pub(crate) fn gain_row(&self, knot: usize) -> Range<usize> {
        let c8 = self.head.inputs;
        let start = self.log_gain.start + knot * c8;
        start..start + c8
    }

    /// Latent [h/16, w/16, y] and feature gain [c8] -> patches [h/8, w/8, 192]; `size` is that of the patches.
    pub(crate) fn forward(&self, y: &[f32], gain: Vec<f32>, size: Size, pool: &mut Pool) -> (Vec<f32>, SynthesisKept) {
        let half = size.map(|side| side / 2);
        let c8 = self.head.inputs;
        let (before_up, kept16) = self.blocks16.forward(self.stem.forward(y, pool), half, pool);
        let deep = self.up.forward(&before_up, pool);
        let mut x = depth_to_space(&deep, c8, size, pool);
        pool.give(deep);
        scale_columns(&mut x, &gain);
        let scaled = pool.copy(&x);
        let (last, kept8) = self.blocks8.forward(x, size, pool);
        let added = Default::default();
        (self.head.forward(&last, pool), SynthesisKept { kept16, before_up, scaled, gain, kept8, last, added })
    }

    /// The patches' gradient `d` -> the latent's.
    pub(crate) fn back(
        &self,
        kept: SynthesisKept,
        y: &[f32],
        knot: usize,
        d: &[f32],
        size: Size,
        work: &mut Work,
    ) -> Vec<f32> {
        let half = size.map(|side| side / 2);
        self.head.learn(&kept.last, d, work);
        let mut d = self.head.back(d, &mut work.pool);
        let [added16, added8] = kept.added;
        add_some(&mut d, &added8);
        let mut d = self.blocks8.back(kept.kept8, d, size, work);
        // With respect to the logarithm of a factor: the product times its gradient.
        if !work.gradient.is_empty() {
            weighted_column_sums(&d, &kept.scaled, &mut work.gradient[self.gain_row(knot)]);
        }
        scale_columns(&mut d, &kept.gain);
        let d_deep = space_to_depth(&d, self.head.inputs, size, &mut work.pool);
        self.up.learn(&kept.before_up, &d_deep, work);
        let mut d16 = self.up.back(&d_deep, &mut work.pool);
        add_some(&mut d16, &added16);
        let d16 = self.blocks16.back(kept.kept16, d16, half, work);
        self.stem.learn(y, &d16, work);
        let d_y = self.stem.back(&d16, &mut work.pool);
        for buffer in [d, d_deep, d16, kept.before_up, kept.scaled, kept.last, added8, added16] {
            work.pool.give(buffer);
        }
        d_y
    }
}
