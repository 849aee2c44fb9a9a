//! Hyper-analysis and hyper-synthesis, forwards and backwards, for one sample: [`crate::prior::HyperAnalysis`], [`crate::prior::HyperSynthesis`].

use std::ops::Range;

use super::block::{Block, Kept};
use super::grid::Rounder;
use super::kernels::column_sums;
use super::layer::{Dense, Size, depth_to_space, resized, space_to_depth};
use super::pool::{Pool, Work};
use super::{Layout, Missing};
use crate::net::Precision;
use crate::prior::Grid;

/// A dense layer whose bias has a term per quality knot.
#[derive(Debug)]
pub(crate) struct KnotDense {
    pub(crate) dense: Dense,
    pub(crate) knots: Range<usize>,
}

impl KnotDense {
    pub(crate) fn find(layout: &Layout<'_>, path: &str, knots: &str) -> Result<Self, Missing> {
        Ok(Self { dense: Dense::find(layout, path)?, knots: layout.find(knots)?.0 })
    }

    /// Where the bias of a knot lies.
    pub(crate) fn row(&self, knot: usize) -> Range<usize> {
        let start = self.knots.start + knot * self.dense.outputs;
        start..start + self.dense.outputs
    }

    /// `row` is the quality's term of the bias.
    pub(crate) fn forward(&self, x: &[f32], row: &[f32], pool: &mut Pool) -> Vec<f32> {
        self.dense.forward_biased(x, &self.dense.bias_plus(row), pool)
    }

    pub(crate) fn learn(&self, x: &[f32], d: &[f32], knot: usize, work: &mut Work) {
        if !work.gradient.is_empty() {
            column_sums(d, &mut work.gradient[self.row(knot)]);
        }
        self.dense.learn(x, d, work);
    }
}

/// Whitened latent -> hyper-latent.
#[derive(Debug)]
pub(crate) struct HyperAnalysis {
    pub(crate) stem: KnotDense,
    pub(crate) block1: Block,
    pub(crate) down1: Dense,
    pub(crate) block2: Block,
    pub(crate) down2: Dense,
}

/// What [`HyperAnalysis::back`] needs.
#[derive(Debug)]
pub(crate) struct HyperAnalysisKept {
    block1: Kept,
    deep1: Vec<f32>,
    block2: Kept,
    deep2: Vec<f32>,
}

impl HyperAnalysis {
    pub(crate) fn find(layout: &Layout<'_>) -> Result<Self, Missing> {
        let path = |name: &str| format!("prior.hyper_analysis.{name}");
        Ok(Self {
            stem: KnotDense::find(layout, &path("stem"), &path("knots"))?,
            block1: Block::find(layout, &path("block1"))?,
            down1: Dense::find(layout, &path("down1"))?,
            block2: Block::find(layout, &path("block2"))?,
            down2: Dense::find(layout, &path("down2"))?,
        })
    }

    pub(crate) fn load(&mut self, weights: &[f32], precision: Precision) {
        let layers = [&mut self.stem.dense, &mut self.down1, &mut self.down2];
        layers.into_iter().for_each(|layer| layer.load(weights, precision));
        [&mut self.block1, &mut self.block2].into_iter().for_each(|block| block.load(weights, precision));
    }

    /// [h, w, y] -> [h/4, w/4, z].
    pub(crate) fn forward(&self, y: &[f32], row: &[f32], size: Size, pool: &mut Pool) -> (Vec<f32>, HyperAnalysisKept) {
        let half = size.map(|side| side / 2);
        let off = [Rounder::OFF; 2];
        let hidden = self.stem.dense.outputs;
        let (x, block1) = self.block1.prior(self.stem.forward(y, row, pool), size, off, pool);
        let deep1 = space_to_depth(&x, hidden, size, pool);
        pool.give(x);
        let (x, block2) = self.block2.prior(self.down1.forward(&deep1, pool), half, off, pool);
        let deep2 = space_to_depth(&x, hidden, half, pool);
        pool.give(x);
        (self.down2.forward(&deep2, pool), HyperAnalysisKept { block1, deep1, block2, deep2 })
    }

    /// The hyper-latent's gradient `d` -> the whitened latent's.
    pub(crate) fn back(
        &self,
        kept: HyperAnalysisKept,
        y: &[f32],
        knot: usize,
        d: &[f32],
        size: Size,
        work: &mut Work,
    ) -> Vec<f32> {
        let half = size.map(|side| side / 2);
        let hidden = self.stem.dense.outputs;
        let shallow = |layer: &Dense, deep: Vec<f32>, d: &[f32], size: Size, work: &mut Work| {
            layer.learn(&deep, d, work);
            let d_deep = layer.back(d, &mut work.pool);
            let out = depth_to_space(&d_deep, hidden, size, &mut work.pool);
            work.pool.give(deep);
            work.pool.give(d_deep);
            out
        };
        let d = shallow(&self.down2, kept.deep2, d, half, work);
        let d1 = self.block2.prior_back(kept.block2, d, half, work);
        let d = shallow(&self.down1, kept.deep1, &d1, size, work);
        let d = self.block1.prior_back(kept.block1, d, size, work);
        self.stem.learn(y, &d, knot, work);
        let d_y = self.stem.dense.back(&d, &mut work.pool);
        work.pool.give(d1);
        work.pool.give(d);
        d_y
    }
}

/// Decoded hyper-latent -> features.
#[derive(Debug)]
pub(crate) struct HyperSynthesis {
    pub(crate) up1: KnotDense,
    pub(crate) block1: Block,
    pub(crate) up2: Dense,
    pub(crate) block2: Block,
}

/// What [`HyperSynthesis::back`] needs.
#[derive(Debug)]
pub(crate) struct HyperSynthesisKept {
    block1: Kept,
    before_up2: Vec<f32>,
    block2: Kept,
}

impl HyperSynthesis {
    pub(crate) fn find(layout: &Layout<'_>) -> Result<Self, Missing> {
        let path = |name: &str| format!("prior.hyper.{name}");
        Ok(Self {
            up1: KnotDense::find(layout, &path("up1"), &path("knots"))?,
            block1: Block::find(layout, &path("block1"))?,
            up2: Dense::find(layout, &path("up2"))?,
            block2: Block::find(layout, &path("block2"))?,
        })
    }

    pub(crate) fn load(&mut self, weights: &[f32], precision: Precision) {
        self.up1.dense.load(weights, precision);
        self.block1.load(weights, precision);
        self.up2.load(weights, precision);
        self.block2.load(weights, precision);
    }

    /// [ceil(h/4), ceil(w/4), z] -> [h, w, hidden]. `row` is the quality's term of the bias of `up1`.
    pub(crate) fn forward(
        &self,
        z: &[f32],
        row: &[f32],
        size: Size,
        grid: Option<&Grid>,
        pool: &mut Pool,
    ) -> (Vec<f32>, HyperSynthesisKept) {
        let (half, whole) = (size.map(|side| 2 * side.div_ceil(4)), size.map(|side| 4 * side.div_ceil(4)));
        let hidden = self.up2.inputs;
        let site = |name: &str| Rounder::at(grid, &format!("hyper.{name}"));
        let deep = self.up1.forward(z, row, pool);
        let mut x = depth_to_space(&deep, hidden, half, pool);
        pool.give(deep);
        site("stream1").round(&mut x);
        let (before_up2, block1) = self.block1.prior(x, half, [site("stream1"), site("hidden1")], pool);
        let deep = self.up2.forward(&before_up2, pool);
        let x = depth_to_space(&deep, hidden, whole, pool);
        pool.give(deep);
        let mut x = resized(x, hidden, whole, size, pool);
        site("stream2").round(&mut x);
        let (x, block2) = self.block2.prior(x, size, [site("stream2"), site("hidden2")], pool);
        (x, HyperSynthesisKept { block1, before_up2, block2 })
    }

    /// The features' gradient `d` -> the hyper-latent's.
    pub(crate) fn back(
        &self,
        kept: HyperSynthesisKept,
        z: &[f32],
        knot: usize,
        d: Vec<f32>,
        size: Size,
        work: &mut Work,
    ) -> Vec<f32> {
        let (half, whole) = (size.map(|side| 2 * side.div_ceil(4)), size.map(|side| 4 * side.div_ceil(4)));
        let hidden = self.up2.inputs;
        let d = self.block2.prior_back(kept.block2, d, size, work);
        let d = resized(d, hidden, size, whole, &mut work.pool);
        let d_deep = space_to_depth(&d, hidden, whole, &mut work.pool);
        self.up2.learn(&kept.before_up2, &d_deep, work);
        let d1 = self.up2.back(&d_deep, &mut work.pool);
        let d1 = self.block1.prior_back(kept.block1, d1, half, work);
        let d_deep1 = space_to_depth(&d1, hidden, half, &mut work.pool);
        self.up1.learn(z, &d_deep1, knot, work);
        let d_z = self.up1.dense.back(&d_deep1, &mut work.pool);
        for buffer in [d, d_deep, d1, d_deep1, kept.before_up2] {
            work.pool.give(buffer);
        }
        d_z
    }
}
