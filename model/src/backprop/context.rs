//! Context passes and heads, forwards and backwards, for one sample: [`crate::prior::ContextPass`], [`crate::prior::Head`].

use super::block::{Block, Kept};
use super::grid::Rounder;
use super::hyper::KnotDense;
use super::layer::{Dense, Size};
use super::pool::{Pool, Work};
use super::{Layout, Missing};
use crate::net::Precision;
use crate::prior::{GROUP_OF_PHASE, Grid};

/// The network of pass 1, 2 or 3.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) input: KnotDense,
    pub(crate) blocks: Vec<Block>,
    pass: usize,
}

/// What [`Context::back`] needs.
#[derive(Debug)]
pub(crate) struct ContextKept {
    input: Vec<f32>,
    blocks: Vec<Kept>,
}

impl Context {
    pub(crate) fn find(layout: &Layout<'_>, pass: usize) -> Result<Self, Missing> {
        let path = format!("prior.passes.{}", pass - 1);
        let blocks = (0..layout.config.context_blocks).map(|i| Block::find(layout, &format!("{path}.blocks.{i}")));
        Ok(Self {
            input: KnotDense::find(layout, &format!("{path}.input"), &format!("{path}.knots"))?,
            blocks: blocks.collect::<Result<_, _>>()?,
            pass,
        })
    }

    pub(crate) fn load(&mut self, weights: &[f32], precision: Precision) {
        self.input.dense.load(weights, precision);
        self.blocks.iter_mut().for_each(|block| block.load(weights, precision));
    }

    /// Features [h, w, hidden] and feedback [h, w, y] -> features of this pass. `row` is the quality's term of the bias of `input`.
    pub(crate) fn forward(
        &self,
        features: &[f32],
        feedback: &[f32],
        row: &[f32],
        size: Size,
        grid: Option<&Grid>,
        pool: &mut Pool,
    ) -> (Vec<f32>, ContextKept) {
        let dense = &self.input.dense;
        let hidden = dense.outputs;
        let mut input = pool.take(features.len() + feedback.len());
        let rows = features.chunks_exact(hidden).zip(feedback.chunks_exact(dense.inputs - hidden));
        for (out, (features, feedback)) in input.chunks_exact_mut(dense.inputs).zip(rows) {
            out[..hidden].copy_from_slice(features);
            out[hidden..].copy_from_slice(feedback);
        }
        let stream = Rounder::at(grid, &format!("pass{}.stream", self.pass));
        let mut x = self.input.forward(&input, row, pool);
        stream.round(&mut x);
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for (i, block) in self.blocks.iter().enumerate() {
            let inner = Rounder::at(grid, &format!("pass{}.hidden{i}", self.pass));
            let (out, kept) = block.prior(x, size, [stream, inner], pool);
            blocks.push(kept);
            x = out;
        }
        (x, ContextKept { input, blocks })
    }

    /// The gradient `d` of this pass's features -> that of features and feedback, side by side [h, w, hidden + y].
    pub(crate) fn back(
        &self,
        mut kept: ContextKept,
        mut d: Vec<f32>,
        knot: usize,
        size: Size,
        work: &mut Work,
    ) -> Vec<f32> {
        for block in self.blocks.iter().rev() {
            if let Some(keep) = kept.blocks.pop() {
                d = block.prior_back(keep, d, size, work);
            }
        }
        self.input.learn(&kept.input, &d, knot, work);
        let d_input = self.input.dense.back(&d, &mut work.pool);
        work.pool.give(d);
        work.pool.give(kept.input);
        d_input
    }
}

/// The last layers of a pass: means and log-scales, by channel group.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) mean: Vec<Dense>,
    pub(crate) scale: Vec<Dense>,
    pass: usize,
}

/// What a head finds for one phase: its positions' features, means and log-scales.
#[derive(Debug)]
pub(crate) struct Phase {
    rows: Vec<f32>,
    pub(crate) mean: Vec<f32>,
    pub(crate) log_scale: Vec<f32>,
}

impl Phase {
    pub(crate) fn give(self, pool: &mut Pool) {
        for buffer in [self.rows, self.mean, self.log_scale] {
            pool.give(buffer);
        }
    }
}

impl Head {
    pub(crate) fn find(layout: &Layout<'_>, pass: usize) -> Result<Self, Missing> {
        let layers = |name: &str| -> Result<Vec<Dense>, Missing> {
            let (weight, shape) = layout.find(&format!("prior.heads.{pass}.{name}"))?;
            let (bias, _) = layout.find(&format!("prior.heads.{pass}.{name}_bias"))?;
            let (matrix, row) = (weight.len() / 4, bias.len() / 4);
            let part = |start: usize, len: usize, group: usize| start + group * len..start + (group + 1) * len;
            Ok((0..4)
                .map(|g| Dense::of(part(weight.start, matrix, g), part(bias.start, row, g), [shape[1], shape[2]]))
                .collect())
        };
        Ok(Self { mean: layers("mean")?, scale: layers("scale")?, pass })
    }

    pub(crate) fn load(&mut self, weights: &[f32], precision: Precision) {
        self.mean.iter_mut().chain(&mut self.scale).for_each(|layer| layer.load(weights, precision));
    }

    /// The group that a phase decodes in this pass.
    pub(crate) fn group(&self, phase: usize) -> usize {
        GROUP_OF_PHASE[self.pass][phase]
    }

    /// Features [h, w, hidden] -> the four phases.
    pub(crate) fn forward(&self, features: &[f32], size: Size, pool: &mut Pool) -> Vec<Phase> {
        let hidden = self.mean[0].inputs;
        let phase = |phase| {
            let mut rows = pool.take(positions(phase, size).count() * hidden);
            for (position, row) in positions(phase, size).zip(rows.chunks_exact_mut(hidden)) {
                row.copy_from_slice(&features[position * hidden..][..hidden]);
            }
            let group = self.group(phase);
            let (mean, log_scale) = (self.mean[group].forward(&rows, pool), self.scale[group].forward(&rows, pool));
            Phase { rows, mean, log_scale }
        };
        (0..4).map(phase).collect()
    }

    /// Gradients of the means and log-scales of a phase -> those of the features, at the phase's positions of `d_features`.
    pub(crate) fn back(
        &self,
        phase: usize,
        kept: &Phase,
        d: [&[f32]; 2],
        d_features: &mut [f32],
        size: Size,
        work: &mut Work,
    ) {
        let group = self.group(phase);
        let (mean, scale) = (&self.mean[group], &self.scale[group]);
        mean.learn(&kept.rows, d[0], work);
        scale.learn(&kept.rows, d[1], work);
        let mut d_rows = mean.back(d[0], &mut work.pool);
        scale.back_into(d[1], &mut d_rows, &mut work.pool);
        let hidden = mean.inputs;
        for (position, row) in positions(phase, size).zip(d_rows.chunks_exact(hidden)) {
            d_features[position * hidden..][..hidden].copy_from_slice(row);
        }
        work.pool.give(d_rows);
    }
}

/// The positions of a phase, row by row.
pub(crate) fn positions(phase: usize, [h, w]: Size) -> impl Iterator<Item = usize> {
    (phase / 2..h).step_by(2).flat_map(move |row| (phase % 2..w).step_by(2).map(move |column| row * w + column))
}
