//! The two residual blocks, forwards and backwards: [`crate::net::GatedBlock`] of the transforms and [`crate::prior::PriorBlock`].

use std::ops::Range;

use super::conv::Conv;
use super::grid::Rounder;
use super::kernels::{add, gate, gate_back, relu, relu_back};
use super::layer::{Dense, Size};
use super::pool::{Pool, Scratch, Work, grown};
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
    /// Values and sigmoids of the gates [positions, 2c], or nothing ([`Block::gated`]); of a prior's block its hidden units before they were rounded, if they were.
    hidden: Vec<f32>,
    /// What `project` was given; of a gated block nothing where hidden units are not kept.
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

    /// Adds the gradient of some rows of `mixed` to that of the residual path, `through`; that of the channels which were convolved goes to `d_quarter`.
    fn back_beside_mix(&self, d_mixed: &[f32], through: &mut [f32], d_quarter: &mut [f32]) {
        let (all, quarter) = (self.channels, self.conv.channels);
        let rows = d_mixed.chunks_exact(all).zip(through.chunks_exact_mut(all));
        for ((d, through), d_quarter) in rows.zip(d_quarter.chunks_exact_mut(quarter)) {
            let (convolved, others) = d.split_at(quarter);
            d_quarter.copy_from_slice(convolved);
            through[quarter..].iter_mut().zip(others).for_each(|(through, d)| *through += d);
        }
    }

    /// Adds what the gradient of the convolution's results makes of its input's to `through`.
    fn back_through_mix(&self, frame: &[f32], d_quarter: Vec<f32>, through: &mut [f32], size: Size, work: &mut Work) {
        let d_frame = self.conv.framed(&d_quarter, self.conv.channels, size, &mut work.pool);
        self.conv.learn(frame, &d_frame, size, work);
        self.conv.back(&d_frame, through, self.channels, size, &mut work.pool);
        work.pool.give(d_frame);
        work.pool.give(d_quarter);
    }

    /// Values and sigmoids of the gates of some rows, and what `project` is given.
    fn bend(&self, mixed: &[f32], hidden: &mut [f32], inner: &mut [f32], pairs: &mut Vec<f32>) {
        let c = self.channels;
        self.expand.forward_rows(mixed, hidden, pairs);
        for (hidden, inner) in hidden.chunks_exact_mut(2 * c).zip(inner.chunks_exact_mut(c)) {
            let (values, gates) = hidden.split_at_mut(c);
            gate(values, gates, inner);
        }
    }

    /// A gated block: `x` [h, w, c] becomes the result. In bf16 the backward pass computes the hidden units anew: with AMX that takes less time than to write
    /// them to memory and to read them again (elsewhere not measured).
    pub(crate) fn gated(&self, mut x: Vec<f32>, size: Size, pool: &mut Pool) -> (Vec<f32>, Kept) {
        let (frame, mixed) = self.mix(&x, size, pool);
        let (mut hidden, mut inner) = match self.expand.precision() {
            Precision::F32 => (pool.take(2 * mixed.len()), pool.take(mixed.len())),
            Precision::Bf16 => (Vec::new(), Vec::new()),
        };
        let Scratch { hidden: some_hidden, inner: some_inner, pairs, .. } = &mut pool.scratch;
        for part in parts(x.len(), ROWS * self.channels) {
            let hidden = kept_or(&mut hidden, some_hidden, 2 * part.start..2 * part.end);
            let inner = kept_or(&mut inner, some_inner, part.clone());
            self.bend(&mixed[part.clone()], hidden, inner, pairs);
            self.project.add_rows(inner, &mut x[part], pairs);
        }
        (x, Kept { frame, mixed, hidden, inner })
    }

    /// The result's gradient `d` becomes the input's.
    pub(crate) fn gated_back(&self, mut kept: Kept, mut d: Vec<f32>, size: Size, work: &mut Work) -> Vec<f32> {
        let (c, quarter) = (self.channels, self.conv.channels);
        let mut d_quarter = work.pool.take(d.len() / c * quarter);
        let anew = kept.hidden.is_empty();
        let mut scratch = std::mem::take(&mut work.pool.scratch);
        let Scratch { hidden: some_hidden, inner: some_inner, d_mixed, pairs } = &mut scratch;
        for part in parts(d.len(), ROWS_BACK * c) {
            let hidden = kept_or(&mut kept.hidden, some_hidden, 2 * part.start..2 * part.end);
            let inner = kept_or(&mut kept.inner, some_inner, part.clone());
            let d_mixed = grown(d_mixed, part.len());
            let d_quarter = &mut d_quarter[part.start / c * quarter..part.end / c * quarter];
            let (mixed, d) = (&kept.mixed[part.clone()], &mut d[part]);
            if anew {
                self.bend(mixed, hidden, inner, pairs);
            }
            self.project.learn(inner, d, work);
            self.project.back_rows(d, inner, pairs);
            // Hidden units and what they became are their gradients from here on.
            for (hidden, d_inner) in hidden.chunks_exact_mut(2 * c).zip(inner.chunks_exact(c)) {
                let (values, sigmoids) = hidden.split_at_mut(c);
                gate_back(values, sigmoids, d_inner);
            }
            self.expand.learn(mixed, hidden, work);
            self.expand.back_rows(hidden, d_mixed, pairs);
            self.back_beside_mix(d_mixed, d, d_quarter);
        }
        work.pool.scratch = scratch;
        self.back_through_mix(&kept.frame, d_quarter, &mut d, size, work);
        kept.give(&mut work.pool);
        d
    }

    /// A block of the prior; `stream` and `hidden` round to the grid of its sites.
    pub(crate) fn prior(
        &self,
        mut x: Vec<f32>,
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
        let out = self.project.forward(&inner, pool);
        add(&mut x, &out);
        pool.give(out);
        stream.round(&mut x);
        (x, Kept { frame, mixed, hidden: before, inner })
    }

    /// The backward pass of [`Self::prior`]: rounding and clipping pass gradients as if they had not happened. [`crate::prior::Taps::Round`] differs for
    /// activations that were clipped, which get none from it.
    pub(crate) fn prior_back(&self, kept: Kept, mut d: Vec<f32>, size: Size, work: &mut Work) -> Vec<f32> {
        self.project.learn(&kept.inner, &d, work);
        let mut d_inner = self.project.back(&d, &mut work.pool);
        relu_back(if kept.hidden.is_empty() { &kept.inner } else { &kept.hidden }, &mut d_inner);
        self.expand.learn(&kept.mixed, &d_inner, work);
        let d_mixed = self.expand.back(&d_inner, &mut work.pool);
        let mut d_quarter = work.pool.take(d.len() / self.channels * self.conv.channels);
        self.back_beside_mix(&d_mixed, &mut d, &mut d_quarter);
        self.back_through_mix(&kept.frame, d_quarter, &mut d, size, work);
        work.pool.give(d_mixed);
        work.pool.give(d_inner);
        kept.give(&mut work.pool);
        d
    }
}

/// Rows that go through a gated block's dense layers together, forwards: so few that what one layer gives the next is still in the second-level cache.
const ROWS: usize = 64;

/// The same backwards: some more, as the weights' gradients are read and written once for all of them.
const ROWS_BACK: usize = 128;

/// `0..all` in parts of `len`, the last of which may be shorter.
fn parts(all: usize, len: usize) -> impl Iterator<Item = Range<usize>> {
    (0..all).step_by(len).map(move |start| start..all.min(start + len))
}

/// That part of what is kept, or memory for it where nothing is.
fn kept_or<'a>(kept: &'a mut [f32], memory: &'a mut Vec<f32>, part: Range<usize>) -> &'a mut [f32] {
    if kept.is_empty() { grown(memory, part.len()) } else { &mut kept[part] }
}
