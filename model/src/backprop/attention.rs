//! Window attention, forwards and backwards, for one sample: [`crate::net::Attention`].
//!
//! Where burn rolls and pads the plane and hides by a mask what windows must not see, here a window is the list of the positions in it.

use std::ops::Range;

use super::heads::{Group, GroupKept};
use super::kernels::{add, column_sums, weighted_column_sums};
use super::layer::{Dense, Size};
use super::pool::{Pool, Work};
use super::{Layout, Missing};
use crate::net::Precision;
use crate::net::attention::{NORM_EPSILON, SHIFT};

/// One residual attention layer.
#[derive(Debug)]
pub(crate) struct Attention {
    groups: [Group; 2],
    project: Dense,
    norm_gain: Range<usize>,
    norm_bias: Range<usize>,
    gain: Vec<f32>,
    bias: Vec<f32>,
}

/// What [`Attention::back`] needs.
#[derive(Debug)]
pub(crate) struct AttentionKept {
    x: Vec<f32>,
    groups: [GroupKept; 2],
    joined: Vec<f32>,
    /// The branch with mean 0 and variance 1, and what it was divided by, inverted [positions].
    normal: Vec<f32>,
    inverse: Vec<f32>,
}

impl AttentionKept {
    pub(crate) fn give(self, pool: &mut Pool) {
        self.groups.into_iter().for_each(|group| group.give(pool));
        for buffer in [self.x, self.joined, self.normal, self.inverse] {
            pool.give(buffer);
        }
    }
}

impl Attention {
    pub(crate) fn find(layout: &Layout<'_>, path: &str) -> Result<Self, Missing> {
        let group = |name: &str, shift| Group::find(layout, &format!("{path}.{name}"), shift);
        Ok(Self {
            groups: [group("plain", 0)?, group("shifted", SHIFT)?],
            project: Dense::find(layout, &format!("{path}.project"))?,
            norm_gain: layout.find(&format!("{path}.norm_gain"))?.0,
            norm_bias: layout.find(&format!("{path}.norm_bias"))?.0,
            gain: Vec::new(),
            bias: Vec::new(),
        })
    }

    pub(crate) fn load(&mut self, weights: &[f32], precision: Precision) {
        self.groups.iter_mut().for_each(|group| group.load(weights, precision));
        self.project.load(weights, precision);
        self.gain = weights[self.norm_gain.clone()].to_vec();
        self.bias = weights[self.norm_bias.clone()].to_vec();
    }

    /// `x` [h, w, c] becomes the result.
    pub(crate) fn forward(&self, mut x: Vec<f32>, size: Size, pool: &mut Pool) -> (Vec<f32>, AttentionKept) {
        let c = self.gain.len();
        let before = pool.copy(&x);
        let mut joined = pool.take(x.len());
        let mut first = 0;
        let groups = self.groups.each_ref().map(|group| {
            let (out, kept) = group.forward(&x, size, pool);
            let inner = group.inner();
            for (out, joined) in out.chunks_exact(inner).zip(joined.chunks_exact_mut(c)) {
                joined[first..first + inner].copy_from_slice(out);
            }
            first += inner;
            pool.give(out);
            kept
        });
        let mut normal = self.project.forward(&joined, pool);
        let mut inverse = pool.take(x.len() / c);
        for ((row, inverse), x) in normal.chunks_exact_mut(c).zip(&mut inverse).zip(x.chunks_exact_mut(c)) {
            let mean = row.iter().sum::<f32>() / c as f32;
            row.iter_mut().for_each(|v| *v -= mean);
            let variance = row.iter().map(|v| v * v).sum::<f32>() / c as f32;
            *inverse = 1.0 / (variance + NORM_EPSILON as f32).sqrt();
            for (((v, x), gain), bias) in row.iter_mut().zip(x).zip(&self.gain).zip(&self.bias) {
                *v *= *inverse;
                *x += *v * gain + bias;
            }
        }
        (x, AttentionKept { x: before, groups, joined, normal, inverse })
    }

    /// The result's gradient `d` becomes the input's.
    pub(crate) fn back(&self, kept: AttentionKept, mut d: Vec<f32>, size: Size, work: &mut Work) -> Vec<f32> {
        let c = self.gain.len();
        if !work.gradient.is_empty() {
            weighted_column_sums(&d, &kept.normal, &mut work.gradient[self.norm_gain.clone()]);
            column_sums(&d, &mut work.gradient[self.norm_bias.clone()]);
        }
        let mut d_mixed = work.pool.take(d.len());
        let rows = d.chunks_exact(c).zip(kept.normal.chunks_exact(c)).zip(&kept.inverse);
        for (out, ((d, normal), inverse)) in d_mixed.chunks_exact_mut(c).zip(rows) {
            out.iter_mut().zip(d).zip(&self.gain).for_each(|((out, d), gain)| *out = d * gain);
            let mean = out.iter().sum::<f32>() / c as f32;
            let along = out.iter().zip(normal).map(|(a, b)| a * b).sum::<f32>() / c as f32;
            out.iter_mut().zip(normal).for_each(|(out, normal)| *out = inverse * (*out - mean - normal * along));
        }
        self.project.learn(&kept.joined, &d_mixed, work);
        let d_joined = self.project.back(&d_mixed, &mut work.pool);
        let mut first = 0;
        for (group, kept_group) in self.groups.iter().zip(kept.groups) {
            let inner = group.inner();
            let mut d_group = work.pool.take(d.len() / c * inner);
            for (d_group, d_joined) in d_group.chunks_exact_mut(inner).zip(d_joined.chunks_exact(c)) {
                d_group.copy_from_slice(&d_joined[first..first + inner]);
            }
            first += inner;
            let d_x = group.back(kept_group, &kept.x, &d_group, size, work);
            add(&mut d, &d_x);
            work.pool.give(d_group);
            work.pool.give(d_x);
        }
        for buffer in [kept.x, kept.joined, kept.normal, kept.inverse, d_mixed, d_joined] {
            work.pool.give(buffer);
        }
        d
    }
}
