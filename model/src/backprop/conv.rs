//! 3x3 convolutions of blocks, forwards and backwards. [`super::layer`] has the dense layers.

use std::ops::Range;

use rayon::prelude::*;

use super::factor::{Factor, Operand};
use super::kernels::{DEPTH, Left, PANEL, Pair, Right, Start, column_sums, multiply, pairs_by_column, pairs_in_panels};
use super::layer::Size;
use super::pool::{Pool, Work};
use super::{Layout, Missing};
use crate::net::Precision;

/// 3x3 convolution with zero padding on the first `channels` of an activation's channels.
///
/// Activations are copied into a frame of zeros [h + 2, w + 2, channels], where the three neighbours of a row are one run of 3 channels: a row of
/// the image is three products, one for each row of the kernel, without a copy.
#[derive(Debug)]
pub(crate) struct Conv {
    weight: Range<usize>,
    bias: Range<usize>,
    pub(crate) channels: usize,
    bias_values: Vec<f32>,
    /// Per kernel row [3 * inputs, outputs].
    kernel: [Factor; 3],
    /// The kernel turned by half a turn, outputs and inputs exchanged.
    turned: [Factor; 3],
}

impl Conv {
    /// The layer of the tensors `path.weight` [outputs, inputs, 3, 3] and `path.bias`.
    pub(crate) fn find(layout: &Layout<'_>, path: &str) -> Result<Self, Missing> {
        let (weight, shape) = layout.find(&format!("{path}.weight"))?;
        let (bias, _) = layout.find(&format!("{path}.bias"))?;
        let (kernel, turned) = Default::default();
        Ok(Self { weight, bias, channels: shape[0], bias_values: Vec::new(), kernel, turned })
    }

    /// Takes this step's weights.
    pub(crate) fn load(&mut self, weights: &[f32], precision: Precision) {
        let c = self.channels;
        let w = &weights[self.weight.clone()];
        let at =
            |output: usize, input: usize, row: usize, column: usize| w[((output * c + input) * 3 + row) * 3 + column];
        for row in 0..3 {
            let mut forward = Vec::with_capacity(3 * c * c);
            let mut backward = Vec::with_capacity(3 * c * c);
            for column in 0..3 {
                for from in 0..c {
                    forward.extend((0..c).map(|to| at(to, from, row, column)));
                    backward.extend((0..c).map(|to| at(from, to, 2 - row, 2 - column)));
                }
            }
            self.kernel[row].load(&forward, c, precision);
            self.turned[row].load(&backward, c, precision);
        }
        self.bias_values.clear();
        self.bias_values.extend_from_slice(&weights[self.bias.clone()]);
    }

    /// The first channels of `x` [h, w, all] in a frame of zeros.
    pub(crate) fn framed(&self, x: &[f32], all: usize, size: Size, pool: &mut Pool) -> Vec<f32> {
        let [h, w] = size;
        let mut frame = self.frame(size, pool);
        for (row, line) in x.chunks_exact(w * all).zip(self.lines(&mut frame, 0..h, w)) {
            for (pixel, out) in row.chunks_exact(all).zip(line.chunks_exact_mut(self.channels)) {
                out.copy_from_slice(&pixel[..self.channels]);
            }
        }
        frame
    }

    /// A frame of zeros around what means nothing yet.
    pub(crate) fn frame(&self, [h, w]: Size, pool: &mut Pool) -> Vec<f32> {
        let c = self.channels;
        let mut frame = pool.take((h + 2) * (w + 2) * c);
        let line = (w + 2) * c;
        frame[..line].fill(0.0);
        frame[(h + 1) * line..].fill(0.0);
        for line in frame[line..(h + 1) * line].chunks_exact_mut(line) {
            line[..c].fill(0.0);
            line[(w + 1) * c..].fill(0.0);
        }
        frame
    }

    /// What is inside of some lines of a frame, each [w, channels].
    pub(crate) fn lines<'a>(
        &self,
        frame: &'a mut [f32],
        lines: Range<usize>,
        w: usize,
    ) -> impl Iterator<Item = &'a mut [f32]> {
        let c = self.channels;
        let line = (w + 2) * c;
        frame[(lines.start + 1) * line..(lines.end + 1) * line]
            .chunks_exact_mut(line)
            .map(move |line| &mut line[c..(w + 1) * c])
    }

    /// Of the products forward and of those backward.
    pub(crate) fn precision(&self) -> Precision {
        self.kernel[0].precision()
    }

    /// Writes some lines of the result, given the positions of a line, into the first channels of `out` [lines, w, all]; shared out among threads or not.
    pub(crate) fn forward(
        &self,
        frame: &Operand<'_>,
        lines: (Range<usize>, usize),
        out: &mut [f32],
        all: usize,
        shared: bool,
    ) {
        self.product(frame, (&self.kernel, Some(&self.bias_values)), lines, out, all, shared);
    }

    /// Adds the gradient of the input to the first channels of `out` [h, w, all]; `frame` is that of the result's gradient.
    pub(crate) fn back(&self, frame: &[f32], out: &mut [f32], all: usize, [h, w]: Size, pool: &mut Pool) {
        let Pool { scratch, shared, .. } = pool;
        let frame = Operand::new(frame, self.precision(), &mut scratch.pairs);
        self.product(&frame, (&self.turned, None), (0..h, w), out, all, *shared);
    }

    /// With a bias the result replaces what is there, without it is added.
    fn product(
        &self,
        frame: &Operand<'_>,
        (kernel, bias): (&[Factor; 3], Option<&[f32]>),
        (lines, w): (Range<usize>, usize),
        out: &mut [f32],
        all: usize,
        shared: bool,
    ) {
        let c = self.channels;
        let out = &mut out[..lines.len() * w * all];
        let line = |(y, out): (usize, &mut [f32])| {
            for (row, kernel) in kernel.iter().enumerate() {
                let start = match bias {
                    Some(bias) if row == 0 => Start::Bias(bias),
                    _ => Start::There,
                };
                let seen = frame.from((lines.start + y + row) * (w + 2) * c);
                kernel.apply(&seen, c, out, all, [w, c, 3 * c], start);
            }
        };
        if shared {
            out.par_chunks_mut(w * all).enumerate().for_each(line);
        } else {
            out.chunks_mut(w * all).enumerate().for_each(line);
        }
    }

    /// Adds the gradients of weights and bias; those of the weights in the order [3, 3, inputs, outputs] until [`Self::finish`].
    pub(crate) fn learn(&self, frame: &[f32], d_frame: &[f32], [h, w]: Size, work: &mut Work) {
        let Work { pool, gradient } = work;
        if gradient.is_empty() {
            return;
        }
        let c = self.channels;
        column_sums(d_frame, &mut gradient[self.bias.clone()]);
        let weight = &mut gradient[self.weight.clone()];
        // The frame's zeros between two rows of d_frame add nothing, so the sum over positions is one run.
        let (first, count) = (w + 3, (h - 1) * (w + 2) + w);
        let d = &d_frame[first * c..][..count * c];
        if self.precision() == Precision::Bf16 && count.is_multiple_of(2) && c.is_multiple_of(PANEL) {
            self.learn_in_pairs(frame, d, w + 2, weight, pool);
            return;
        }
        for row in 0..3 {
            let left = Left { data: &frame[row * (w + 2) * c..], row: 1, step: c };
            let size = [3 * c, c, count];
            multiply(&mut weight[row * 3 * c * c..], c, left, Right::plain(d, c), size, Start::There);
        }
    }

    /// The same in bf16, for the weights, given the run `d` of the gradient and the length of a row of the frame.
    fn learn_in_pairs(&self, frame: &[f32], d: &[f32], line: usize, weight: &mut [f32], pool: &mut Pool) {
        let (c, steps) = (self.channels, d.len() / self.channels / 2);
        // The run gets zeros up to a multiple of what AMX multiplies at once; they meet the next channel's pairs, or zeros behind the last one.
        let padded = steps.next_multiple_of(DEPTH);
        let mut d_pairs = pool.take(padded * c);
        pairs_in_panels(d, c, bytemuck::cast_slice_mut(&mut d_pairs));
        d_pairs.chunks_exact_mut(padded * PANEL).for_each(|panel| panel[steps * PANEL..].fill(0.0));
        let right = Right::packed(bytemuck::cast_slice(&d_pairs), padded);
        // What a tap sees begins at an even position of the frame or at an odd one: two ways to make pairs.
        for odd in [0, 1] {
            let positions = (frame.len() / c - odd) / 2;
            let mut pairs = pool.take(positions * c + DEPTH);
            let (of_frame, behind) = pairs.split_at_mut(positions * c);
            pairs_by_column(&frame[odd * c..][..2 * positions * c], c, bytemuck::cast_slice_mut(of_frame));
            behind.fill(0.0);
            let begins = (0..9).map(|tap| (tap, tap / 3 * line + tap % 3));
            for (tap, begin) in begins.filter(|(_, begin)| begin % 2 == odd) {
                let seen: &[Pair] = &bytemuck::cast_slice(&pairs)[begin / 2..];
                let left = Left { data: seen, row: positions, step: 1 };
                multiply(&mut weight[tap * c * c..], c, left, right, [c, c, padded], Start::There);
            }
            pool.give(pairs);
        }
        pool.give(d_pairs);
    }

    /// Puts the weights' gradient into the tensor's own order.
    pub(crate) fn finish(&self, gradient: &mut [f32]) {
        let c = self.channels;
        let weight = &mut gradient[self.weight.clone()];
        let by_tap = weight.to_vec();
        for (tap, matrix) in by_tap.chunks_exact(c * c).enumerate() {
            for (i, value) in matrix.iter().enumerate() {
                weight[(i % c * c + i / c) * 9 + tap] = *value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of every tap, for even and odd sides; with memory that holds anything.
    #[test]
    fn weights_learn_the_same_in_pairs() {
        for channels in [32, 64] {
            for size in [[1, 2], [2, 1], [2, 3], [3, 2], [3, 4], [5, 6], [8, 8], [3, 3]] {
                let [h, w] = size;
                let at = |i: usize, seed: usize| ((i * 7919 + seed) % 1009) as f32 / 504.5 - 1.0;
                let mut pool = Pool::default();
                let mut conv = Conv {
                    weight: channels..channels + 9 * channels * channels,
                    bias: 0..channels,
                    channels,
                    bias_values: Vec::new(),
                    kernel: Default::default(),
                    turned: Default::default(),
                };
                let weights: Vec<f32> = (0..conv.weight.end).map(|i| at(i, 1)).collect();
                let planes = [2, 3].map(|seed| -> Vec<f32> { (0..h * w * channels).map(|i| at(i, seed)).collect() });
                let [frame, d_frame] = planes.map(|plane| conv.framed(&plane, channels, size, &mut pool));
                let [expected, found] = [Precision::F32, Precision::Bf16].map(|precision| {
                    conv.load(&weights, precision);
                    let mut work = Work { gradient: vec![0.0; weights.len()], ..Work::default() };
                    for _ in 0..2 {
                        work.gradient.fill(0.0);
                        conv.learn(&frame, &d_frame, size, &mut work);
                        work.pool.spoil();
                    }
                    work.gradient
                });
                assert_eq!(expected[..channels], found[..channels]);
                let taps = |gradient: &[f32]| -> Vec<Vec<f32>> {
                    gradient[channels..].chunks(channels * channels).map(<[f32]>::to_vec).collect()
                };
                for (tap, (expected, found)) in taps(&expected).iter().zip(taps(&found)).enumerate() {
                    let error: f32 = expected.iter().zip(&found).map(|(a, b)| (a - b).powi(2)).sum();
                    let norm: f32 = expected.iter().map(|a| a * a).sum();
                    assert!(error.sqrt() <= 0.01 * norm.sqrt(), "{channels} {size:?} {tap}: {error} of {norm}");
                }
            }
        }
    }
}
