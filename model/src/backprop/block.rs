//! The two residual blocks, forwards and backwards: [`crate::net::GatedBlock`] of the transforms and [`crate::prior::PriorBlock`].

use rayon::prelude::*;

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
    pub(crate) fn gated(&self, mut x: Vec<f32>, size: Size, pool: &mut Pool) -> (Vec<f32>, Kept) {
        let c = self.channels;
        let (frame, mixed) = self.mix(&x, size, pool);
        let (mut hidden, mut inner) = (pool.take(2 * mixed.len()), pool.take(mixed.len()));
        let of_rows = |Rows { hidden, inner, out: x, input: mixed, buffer }: Rows<'_>| {
            self.expand.forward_rows(mixed, hidden, buffer);
            for (hidden, inner) in hidden.chunks_exact_mut(2 * c).zip(inner.chunks_exact_mut(c)) {
                let (values, gates) = hidden.split_at_mut(c);
                gate(values, gates, inner);
            }
            self.project.add_rows(inner, x, buffer);
        };
        by_rows(c, [&mut hidden, &mut inner, &mut x], &mixed, pool.shared, of_rows);
        (x, Kept { frame, mixed, hidden, inner })
    }

    /// The result's gradient `d` becomes the input's.
    pub(crate) fn gated_back(&self, mut kept: Kept, mut d: Vec<f32>, size: Size, work: &mut Work) -> Vec<f32> {
        let c = self.channels;
        self.project.learn(&kept.inner, &d, work);
        let mut d_mixed = work.pool.take(d.len());
        // Of what was kept, the hidden units and what they became become their gradients.
        let of_rows = |Rows { hidden, inner, out: d_mixed, input: d, buffer }: Rows<'_>| {
            self.project.back_rows(d, inner, buffer);
            for (hidden, d_inner) in hidden.chunks_exact_mut(2 * c).zip(inner.chunks_exact(c)) {
                let (values, sigmoids) = hidden.split_at_mut(c);
                gate_back(values, sigmoids, d_inner);
            }
            self.expand.back_rows(hidden, d_mixed, buffer);
        };
        by_rows(c, [&mut kept.hidden, &mut kept.inner, &mut d_mixed], &d, work.pool.shared, of_rows);
        self.expand.learn(&kept.mixed, &kept.hidden, work);
        self.back_through_mix(&kept.frame, d_mixed, &mut d, size, work);
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
        self.back_through_mix(&kept.frame, d_mixed, &mut d, size, work);
        work.pool.give(d_inner);
        kept.give(&mut work.pool);
        d
    }
}

/// Some rows of a gated block's activations.
struct Rows<'a> {
    /// Twice as wide as the others.
    hidden: &'a mut [f32],
    inner: &'a mut [f32],
    out: &'a mut [f32],
    input: &'a [f32],
    /// To work in.
    buffer: &'a mut Vec<f32>,
}

/// Goes through a block's dense layers by so few rows at a time that what one layer gives the next is still in the second-level cache.
fn by_rows(
    channels: usize,
    [hidden, inner, out]: [&mut [f32]; 3],
    input: &[f32],
    shared: bool,
    each: impl Fn(Rows<'_>) + Sync,
) {
    const ROWS: usize = 64;
    let part = ROWS * channels;
    let rows = hidden.par_chunks_mut(2 * part).zip(inner.par_chunks_mut(part)).zip(out.par_chunks_mut(part));
    // Where threads have samples of their own, one does all rows.
    let rows = rows.zip(input.par_chunks(part)).with_min_len(if shared { 1 } else { usize::MAX });
    rows.for_each_init(Vec::new, |buffer, (((hidden, inner), out), input)| {
        each(Rows { hidden, inner, out, input, buffer });
    });
}
