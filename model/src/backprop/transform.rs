//! Both transforms, forwards and backwards, for one sample. Shapes as in [`crate::net::Analysis`] and [`crate::net::Synthesis`].

use std::ops::Range;

use super::block::{Block, Kept};
use super::kernels::{scale_columns, weighted_column_sums};
use super::layer::{Dense, Size, depth_to_space, space_to_depth};
use super::pool::{Pool, Work};
use super::{Layout, Missing};
use crate::net::Precision;

/// A run of gated blocks at one resolution.
#[derive(Debug)]
struct Stage(Vec<Block>);

impl Stage {
    fn find(layout: &Layout<'_>, path: &str, count: usize) -> Result<Self, Missing> {
        (0..count).map(|i| Block::find(layout, &format!("{path}.{i}"))).collect::<Result<_, _>>().map(Self)
    }

    fn forward(&self, mut x: Vec<f32>, size: Size, kept: &mut Vec<Kept>, pool: &mut Pool) -> Vec<f32> {
        for block in &self.0 {
            let (out, keep) = block.gated(x, size, pool);
            kept.push(keep);
            x = out;
        }
        x
    }

    fn back(&self, kept: &mut Vec<Kept>, mut d: Vec<f32>, size: Size, work: &mut Work) -> Vec<f32> {
        for block in self.0.iter().rev() {
            if let Some(keep) = kept.pop() {
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
    kept8: Vec<Kept>,
    deep: Vec<f32>,
    kept16: Vec<Kept>,
    last: Vec<f32>,
}

impl Analysis {
    pub(crate) fn find(layout: &Layout<'_>) -> Result<Self, Missing> {
        let config = layout.config;
        Ok(Self {
            stem: Dense::find(layout, "analysis.stem")?,
            blocks8: Stage::find(layout, "analysis.blocks8", config.blocks8)?,
            down: Dense::find(layout, "analysis.down")?,
            blocks16: Stage::find(layout, "analysis.blocks16", config.blocks16)?,
            head: Dense::find(layout, "analysis.head")?,
        })
    }

    pub(crate) fn parts(&mut self) -> (Vec<&mut Dense>, Vec<&mut Block>) {
        let blocks = self.blocks8.0.iter_mut().chain(&mut self.blocks16.0).collect();
        (vec![&mut self.stem, &mut self.down, &mut self.head], blocks)
    }

    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.blocks8.0.iter().chain(&self.blocks16.0)
    }

    /// Patches [h/8, w/8, 192] -> latent [h/16, w/16, y]; `size` is that of the patches.
    pub(crate) fn forward(&self, patches: &[f32], size: Size, pool: &mut Pool) -> (Vec<f32>, AnalysisKept) {
        let half = size.map(|side| side / 2);
        let (mut kept8, mut kept16) = (Vec::new(), Vec::new());
        let x = self.blocks8.forward(self.stem.forward(patches, pool), size, &mut kept8, pool);
        let deep = space_to_depth(&x, self.stem.outputs, size, pool);
        pool.give(x);
        let last = self.blocks16.forward(self.down.forward(&deep, pool), half, &mut kept16, pool);
        (self.head.forward(&last, pool), AnalysisKept { kept8, deep, kept16, last })
    }

    /// `d` is the latent's gradient.
    pub(crate) fn back(&self, mut kept: AnalysisKept, patches: &[f32], d: &[f32], size: Size, work: &mut Work) {
        let half = size.map(|side| side / 2);
        self.head.learn(&kept.last, d, work);
        let d = self.head.back(d, &mut work.pool);
        let d = self.blocks16.back(&mut kept.kept16, d, half, work);
        self.down.learn(&kept.deep, &d, work);
        let d_deep = self.down.back(&d, &mut work.pool);
        work.pool.give(d);
        let d = depth_to_space(&d_deep, self.stem.outputs, size, &mut work.pool);
        work.pool.give(d_deep);
        let d = self.blocks8.back(&mut kept.kept8, d, size, work);
        self.stem.learn(patches, &d, work);
        for buffer in [d, kept.deep, kept.last] {
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
    kept16: Vec<Kept>,
    before_up: Vec<f32>,
    /// Behind the feature gain.
    scaled: Vec<f32>,
    gain: Vec<f32>,
    kept8: Vec<Kept>,
    last: Vec<f32>,
}

impl SynthesisKept {
    pub(crate) fn give(self, pool: &mut Pool) {
        self.kept16.into_iter().chain(self.kept8).for_each(|kept| kept.give(pool));
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
            blocks16: Stage::find(layout, "synthesis.blocks16", config.blocks16)?,
            up: Dense::find(layout, "synthesis.up")?,
            log_gain: layout.find("synthesis.log_gain")?.0,
            blocks8: Stage::find(layout, "synthesis.blocks8", config.blocks8)?,
            head: Dense::find(layout, "synthesis.head")?,
        })
    }

    pub(crate) fn parts(&mut self) -> (Vec<&mut Dense>, Vec<&mut Block>) {
        let blocks = self.blocks8.0.iter_mut().chain(&mut self.blocks16.0).collect();
        (vec![&mut self.stem, &mut self.up, &mut self.head], blocks)
    }

    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.blocks16.0.iter().chain(&self.blocks8.0)
    }

    pub(crate) fn load(&mut self, weights: &[f32], precision: Precision) {
        let (dense, blocks) = self.parts();
        dense.into_iter().for_each(|layer| layer.load(weights, precision));
        blocks.into_iter().for_each(|block| block.load(weights, precision));
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
        let (mut kept8, mut kept16) = (Vec::new(), Vec::new());
        let before_up = self.blocks16.forward(self.stem.forward(y, pool), half, &mut kept16, pool);
        let deep = self.up.forward(&before_up, pool);
        let mut x = depth_to_space(&deep, c8, size, pool);
        pool.give(deep);
        scale_columns(&mut x, &gain);
        let scaled = pool.copy(&x);
        let last = self.blocks8.forward(x, size, &mut kept8, pool);
        (self.head.forward(&last, pool), SynthesisKept { kept16, before_up, scaled, gain, kept8, last })
    }

    /// The patches' gradient `d` -> the latent's.
    pub(crate) fn back(
        &self,
        mut kept: SynthesisKept,
        y: &[f32],
        knot: usize,
        d: &[f32],
        size: Size,
        work: &mut Work,
    ) -> Vec<f32> {
        let half = size.map(|side| side / 2);
        self.head.learn(&kept.last, d, work);
        let d = self.head.back(d, &mut work.pool);
        let mut d = self.blocks8.back(&mut kept.kept8, d, size, work);
        // With respect to the logarithm of a factor: the product times its gradient.
        if !work.gradient.is_empty() {
            weighted_column_sums(&d, &kept.scaled, &mut work.gradient[self.gain_row(knot)]);
        }
        scale_columns(&mut d, &kept.gain);
        let d_deep = space_to_depth(&d, self.head.inputs, size, &mut work.pool);
        self.up.learn(&kept.before_up, &d_deep, work);
        let d16 = self.up.back(&d_deep, &mut work.pool);
        let d16 = self.blocks16.back(&mut kept.kept16, d16, half, work);
        self.stem.learn(y, &d16, work);
        let d_y = self.stem.back(&d16, &mut work.pool);
        for buffer in [d, d_deep, d16, kept.before_up, kept.scaled, kept.last] {
            work.pool.give(buffer);
        }
        d_y
    }
}
