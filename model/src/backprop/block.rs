//! The two residual blocks, forwards and backwards: [`crate::net::GatedBlock`] of the transforms and [`crate::prior::PriorBlock`].

use std::ops::Range;

use super::conv::Conv;
use super::factor::Operand;
use super::grid::Rounder;
use super::kernels::{add, gate, gate_back, relu, relu_back};
use super::layer::{Dense, Size};
use super::pool::{Pool, Work, grown};
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
    /// What `expand` was given; of a gated block in the format of its products ([`Operand`]).
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

    /// Takes the gradient of some lines of what `expand` was given apart: that of the channels which were convolved goes to those lines of `d_frame`, that of the others is
    /// added to the gradient of the residual path, `through`.
    fn split_gradient(&self, d_mixed: &[f32], through: &mut [f32], d_frame: &mut [f32], lines: Range<usize>, w: usize) {
        let (all, quarter) = (self.channels, self.conv.channels);
        let rows = d_mixed.chunks_exact(w * all).zip(through.chunks_exact_mut(w * all));
        for ((d, through), line) in rows.zip(self.conv.lines(d_frame, lines, w)) {
            let pixels = d.chunks_exact(all).zip(through.chunks_exact_mut(all));
            for ((d, through), convolved) in pixels.zip(line.chunks_exact_mut(quarter)) {
                convolved.copy_from_slice(&d[..quarter]);
                through[quarter..].iter_mut().zip(&d[quarter..]).for_each(|(through, d)| *through += d);
            }
        }
    }

    /// Values and sigmoids of the gates of some rows, and what `project` is given.
    fn bend(&self, mixed: &Operand<'_>, hidden: &mut [f32], inner: &mut [f32]) {
        let c = self.channels;
        self.expand.forward_rows(mixed, hidden);
        for (hidden, inner) in hidden.chunks_exact_mut(2 * c).zip(inner.chunks_exact_mut(c)) {
            let (values, gates) = hidden.split_at_mut(c);
            gate(values, gates, inner);
        }
    }

    /// A gated block: `x` [h, w, c] becomes the result, some lines after the others, so that what one layer gives the next is still in the cache. In bf16 the backward
    /// pass computes the hidden units anew: with AMX that takes less time than to write them to memory and to read them again (elsewhere not measured).
    pub(crate) fn gated(&self, mut x: Vec<f32>, [h, w]: Size, pool: &mut Pool) -> (Vec<f32>, Kept) {
        let (c, precision) = (self.channels, self.conv.precision());
        let frame = self.conv.framed(&x, c, [h, w], pool);
        let [mut mixed, mut hidden, mut inner] = match precision {
            Precision::F32 => [x.len(), 2 * x.len(), x.len()].map(|len| pool.take(len)),
            Precision::Bf16 => [pool.take(x.len() / 2), Vec::new(), Vec::new()],
        };
        let mut scratch = std::mem::take(&mut pool.scratch);
        let seen = Operand::new(&frame, precision, &mut scratch.frame);
        for lines in parts(h, ROWS / w) {
            let part = lines.start * w * c..lines.end * w * c;
            let some = grown(&mut scratch.mixed, part.len());
            some.copy_from_slice(&x[part.clone()]);
            self.conv.forward(&seen, (lines, w), some, c, false);
            let mixed = Operand::kept(some, precision, &mut mixed, part.start);
            let hidden = kept_or(&mut hidden, &mut scratch.hidden, 2 * part.start..2 * part.end);
            let inner = kept_or(&mut inner, &mut scratch.inner, part.clone());
            self.bend(&mixed, hidden, inner);
            self.project.add_rows(inner, &mut x[part], &mut scratch.pairs);
        }
        pool.scratch = scratch;
        (x, Kept { frame, mixed, hidden, inner })
    }

    /// The result's gradient `d` becomes the input's.
    pub(crate) fn gated_back(&self, mut kept: Kept, mut d: Vec<f32>, size: Size, work: &mut Work) -> Vec<f32> {
        let (c, [h, w]) = (self.channels, size);
        let anew = kept.hidden.is_empty();
        let all_mixed = Operand::held(&kept.mixed, self.conv.precision());
        let mut d_frame = self.conv.frame(size, &mut work.pool);
        let mut scratch = std::mem::take(&mut work.pool.scratch);
        for lines in parts(h, ROWS_BACK / w) {
            let part = lines.start * w * c..lines.end * w * c;
            let mixed = all_mixed.part(part.clone());
            let hidden = kept_or(&mut kept.hidden, &mut scratch.hidden, 2 * part.start..2 * part.end);
            let inner = kept_or(&mut kept.inner, &mut scratch.inner, part.clone());
            let d_mixed = grown(&mut scratch.mixed, part.len());
            let (d, pairs) = (&mut d[part], &mut scratch.pairs);
            if anew {
                self.bend(&mixed, hidden, inner);
            }
            self.project.learn(inner, d, work);
            self.project.back_rows(d, inner, pairs);
            // Hidden units and what they became are their gradients from here on.
            for (hidden, d_inner) in hidden.chunks_exact_mut(2 * c).zip(inner.chunks_exact(c)) {
                let (values, sigmoids) = hidden.split_at_mut(c);
                gate_back(values, sigmoids, d_inner);
            }
            self.expand.learn_from(mixed, hidden, work);
            self.expand.back_rows(hidden, d_mixed, pairs);
            self.split_gradient(d_mixed, d, &mut d_frame, lines, w);
        }
        work.pool.scratch = scratch;
        self.back_through_conv(&kept.frame, d_frame, &mut d, size, work);
        kept.give(&mut work.pool);
        d
    }

    /// The convolution learns, given the frame of its results' gradient, and adds what that makes of its input's to `through`.
    fn back_through_conv(&self, frame: &[f32], d_frame: Vec<f32>, through: &mut [f32], size: Size, work: &mut Work) {
        self.conv.learn(frame, &d_frame, size, work);
        self.conv.back(&d_frame, through, self.channels, size, &mut work.pool);
        work.pool.give(d_frame);
    }

    /// A block of the prior; `stream` and `hidden` round to the grid of its sites.
    pub(crate) fn prior(
        &self,
        mut x: Vec<f32>,
        size: Size,
        [stream, hidden]: [Rounder; 2],
        pool: &mut Pool,
    ) -> (Vec<f32>, Kept) {
        let (c, quarter) = (self.channels, self.conv.channels);
        let frame = self.conv.framed(&x, c, size, pool);
        let mut mixed = pool.copy(&x);
        let seen = Operand::new(&frame, self.conv.precision(), &mut pool.scratch.frame);
        self.conv.forward(&seen, (0..size[0], size[1]), &mut mixed, c, pool.shared);
        if stream.rounds() {
            mixed.chunks_exact_mut(c).for_each(|row| stream.round(&mut row[..quarter]));
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
        let mut d_frame = self.conv.frame(size, &mut work.pool);
        self.split_gradient(&d_mixed, &mut d, &mut d_frame, 0..size[0], size[1]);
        self.back_through_conv(&kept.frame, d_frame, &mut d, size, work);
        work.pool.give(d_mixed);
        work.pool.give(d_inner);
        kept.give(&mut work.pool);
        d
    }
}

/// Positions, in whole lines, that go through a gated block together, forwards: so few that what one layer gives the next is still in the second-level cache.
const ROWS: usize = 128;

/// The same backwards: some more, as the weights' gradients are read and written once for all of them.
const ROWS_BACK: usize = 256;

/// `0..all` in parts of `len`, or of one, the last of which may be shorter.
fn parts(all: usize, len: usize) -> impl Iterator<Item = Range<usize>> {
    let len = len.max(1);
    (0..all).step_by(len).map(move |start| start..all.min(start + len))
}

/// That part of what is kept, or memory for it where nothing is.
fn kept_or<'a>(kept: &'a mut [f32], memory: &'a mut Vec<f32>, part: Range<usize>) -> &'a mut [f32] {
    if kept.is_empty() { grown(memory, part.len()) } else { &mut kept[part] }
}
