//! The two residual blocks, forwards and backwards: [`crate::net::GatedBlock`] of the transforms and [`crate::prior::PriorBlock`].

use super::grid::Rounder;
use super::kernels::{add, gate, gate_back, relu, relu_back};
use super::layer::{Conv, Dense, Size};
use super::pool::{Pool, Work};
use super::{Layout, Missing};
use crate::net::Precision;

/// A residual block on `channels` channels.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) conv: Conv,
    pub(crate) expand: Dense,
    pub(crate) project: Dense,
    channels: usize,
}

/// What a block's backward pass needs of its forward pass.
#[derive(Debug)]
pub(crate) struct Kept {
    frame: Vec<f32>,
    mixed: Vec<f32>,
    /// Values and sigmoids of the gates [positions, 2c]; of a prior's block its hidden units before they were rounded, if they were.
    hidden: Vec<f32>,
    /// What `project` was given.
    inner: Vec<f32>,
}

impl Kept {
    pub(crate) fn give(self, pool: &mut Pool) {
        for buffer in [self.frame, self.mixed, self.hidden, self.inner] {
            pool.give(buffer);
        }
    }
}

impl Block {
    pub(crate) fn find(layout: &Layout<'_>, path: &str) -> Result<Self, Missing> {
        let project = Dense::find(layout, &format!("{path}.project"))?;
        Ok(Self {
            conv: Conv::find(layout, &format!("{path}.conv"))?,
            expand: Dense::find(layout, &format!("{path}.expand"))?,
            channels: project.outputs,
            project,
        })
    }

    pub(crate) fn load(&mut self, weights: &[f32], precision: Precision) {
        self.conv.load(weights, precision);
        self.expand.load(weights, precision);
        self.project.load(weights, precision);
    }

    pub(crate) fn finish(&self, gradient: &mut [f32]) {
        self.conv.finish(gradient);
    }

    /// The 3x3 convolution of the first quarter of the channels beside the others.
    fn mix(&self, x: &[f32], size: Size, pool: &mut Pool) -> (Vec<f32>, Vec<f32>) {
        let frame = self.conv.framed(x, self.channels, size, pool);
        let mut mixed = pool.copy(x);
        self.conv.forward(&frame, &mut mixed, self.channels, size, pool);
        (frame, mixed)
    }

    /// Turns `mixed`'s gradient and that of the residual path into the input's, in `through`.
    fn back_through_mix(&self, frame: &[f32], mut d_mixed: Vec<f32>, through: &mut [f32], size: Size, work: &mut Work) {
        let quarter = self.conv.channels;
        let d_frame = self.conv.framed(&d_mixed, self.channels, size, &mut work.pool);
        self.conv.learn(frame, &d_frame, size, &mut work.gradient);
        d_mixed.chunks_exact_mut(self.channels).for_each(|row| row[..quarter].fill(0.0));
        add(through, &d_mixed);
        self.conv.back(&d_frame, through, self.channels, size, &mut work.pool);
        work.pool.give(d_frame);
        work.pool.give(d_mixed);
    }

    /// A gated block: `x` [h, w, c] becomes the result.
    pub(crate) fn gated(&self, x: Vec<f32>, size: Size, pool: &mut Pool) -> (Vec<f32>, Kept) {
        let c = self.channels;
        let (frame, mixed) = self.mix(&x, size, pool);
        let mut hidden = self.expand.forward(&mixed, pool);
        let mut inner = pool.take(mixed.len());
        for (hidden, inner) in hidden.chunks_exact_mut(2 * c).zip(inner.chunks_exact_mut(c)) {
            let (values, gates) = hidden.split_at_mut(c);
            gate(values, gates, inner);
        }
        (self.end(x, &inner, pool), Kept { frame, mixed, hidden, inner })
    }

    /// `x + project(inner)`.
    fn end(&self, mut x: Vec<f32>, inner: &[f32], pool: &mut Pool) -> Vec<f32> {
        let out = self.project.forward(inner, pool);
        add(&mut x, &out);
        pool.give(out);
        x
    }

    /// The result's gradient `d` becomes the input's.
    pub(crate) fn gated_back(&self, kept: Kept, mut d: Vec<f32>, size: Size, work: &mut Work) -> Vec<f32> {
        let c = self.channels;
        self.project.learn(&kept.inner, &d, work);
        let d_inner = self.project.back(&d, &mut work.pool);
        let mut d_hidden = work.pool.take(kept.hidden.len());
        let rows = kept.hidden.chunks_exact(2 * c).zip(d_inner.chunks_exact(c)).zip(d_hidden.chunks_exact_mut(2 * c));
        for ((hidden, d_inner), d_hidden) in rows {
            let (values, sigmoids) = hidden.split_at(c);
            let (d_values, d_gates) = d_hidden.split_at_mut(c);
            gate_back(values, sigmoids, d_inner, d_values, d_gates);
        }
        self.expand.learn(&kept.mixed, &d_hidden, work);
        let d_mixed = self.expand.back(&d_hidden, &mut work.pool);
        self.back_through_mix(&kept.frame, d_mixed, &mut d, size, work);
        work.pool.give(d_inner);
        work.pool.give(d_hidden);
        kept.give(&mut work.pool);
        d
    }

    /// A block of the prior; `stream` and `hidden` round to the grid of its sites.
    pub(crate) fn prior(
        &self,
        x: Vec<f32>,
        size: Size,
        [stream, hidden]: [Rounder; 2],
        pool: &mut Pool,
    ) -> (Vec<f32>, Kept) {
        let quarter = self.conv.channels;
        let (frame, mut mixed) = self.mix(&x, size, pool);
        if stream.rounds() {
            mixed.chunks_exact_mut(self.channels).for_each(|row| stream.round(&mut row[..quarter]));
        }
        let mut inner = self.expand.forward(&mixed, pool);
        relu(&mut inner);
        let before = if hidden.rounds() { pool.copy(&inner) } else { Vec::new() };
        hidden.round(&mut inner);
        let mut out = self.end(x, &inner, pool);
        stream.round(&mut out);
        (out, Kept { frame, mixed, hidden: before, inner })
    }

    /// The backward pass of [`Self::prior`]: rounding and clipping pass gradients as if they had not happened. [`crate::prior::Taps::Round`] differs for
    /// activations that were clipped, which get none from it.
    pub(crate) fn prior_back(&self, kept: Kept, mut d: Vec<f32>, size: Size, work: &mut Work) -> Vec<f32> {
        self.project.learn(&kept.inner, &d, work);
        let mut d_inner = self.project.back(&d, &mut work.pool);
        relu_back(if kept.hidden.is_empty() { &kept.inner } else { &kept.hidden }, &mut d_inner);
        self.expand.learn(&kept.mixed, &d_inner, work);
        let d_mixed = self.expand.back(&d_inner, &mut work.pool);
        self.back_through_mix(&kept.frame, d_mixed, &mut d, size, work);
        work.pool.give(d_inner);
        kept.give(&mut work.pool);
        d
    }
}
