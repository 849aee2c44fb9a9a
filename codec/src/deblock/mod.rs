//! What is left of the grid of patches is smoothed: a step between two patches that is larger than the slopes beside it is levelled, if it is small
//! and its surroundings are calm, as artefacts are and edges of the picture are not.
//!
//! The synthesis makes patches of 8x8 pixels, each from its own features at 1/8; latents are 16 pixels apart. `codec/FORMAT.md`, chapter 9.1, has the
//! formula; [`rows`] applies it to a picture that comes in rows. The weights are fitted by least squares ([`DeblockFit`]) and lie in the weight file, for
//! five qualities, and for boundaries that are boundaries of latents, too, apart from the others. Deblocking by the size of the step and the activity beside
//! it is what video codecs do (List et al., "Adaptive deblocking filter", 2003); this form and the fit are ours. Decoders smooth what they show; no symbol
//! depends on it.
//!
//! Arithmetic is f32 in one order without fused operations: the same on every machine.

mod fit;
mod rows;
#[cfg(test)]
mod tests;

use lic_model::filters::at_quality;
use lic_model::filters::smoothing::{PATCH, signals, weight};
use lic_model::plain::DEBLOCKING_WEIGHTS;

use crate::samples::{Sample, nearest};
use crate::simd::{Job, Simd};

pub use fit::DeblockFit;
pub(crate) use lic_model::filters::smoothing::TAPS;

/// Of one kind of boundary: the weights of `s` and of `m`.
type Weights = [[f32; TAPS]; 2];

/// Weights for all qualities.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Deblocking([f32; DEBLOCKING_WEIGHTS]);

impl Deblocking {
    /// From the weights [5, 2, 2, 4]: quality, boundary of latents last, `s` or `m`, distance from the boundary.
    pub(crate) fn new(weights: &[f32; DEBLOCKING_WEIGHTS]) -> Self {
        Self(*weights)
    }

    /// The filter of a quality 0..=252.
    fn at(&self, quality: u8) -> Filter {
        let mut filter = Filter([[[0.0; TAPS]; 2]; 2]);
        let weights = filter.0.as_flattened_mut().as_flattened_mut();
        weights.iter_mut().zip(at_quality(&self.0, quality)).for_each(|(weight, value)| *weight = value);
        filter
    }
}

/// Numbers that are smoothed together: 16 pixels of three colours along a boundary, or 48 of one.
const LANES: usize = 48;

/// A piece of a boundary: p3 to q3 of every lane, in units of 1/255.
type Piece = [[f32; LANES]; 2 * TAPS];

/// The filter of one quality.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Filter([Weights; 2]);

impl Filter {
    /// Smooths a piece of a boundary with `C` colours in neighbouring lanes.
    #[inline(always)]
    fn piece<const C: usize>(&self, x: &mut Piece, of_latents: bool) {
        let [mut step, mut mean, mut size, mut activity] = [[0.0; LANES]; 4];
        for lane in 0..LANES {
            [step[lane], size[lane], activity[lane]] = signals(x.map(|row| row[lane]));
        }
        for first in (0..LANES).step_by(C) {
            let over = |values: &[f32; LANES]| values[first..first + C].iter().sum::<f32>() / C as f32;
            let (m, g) = (over(&step), weight(over(&size), over(&activity)));
            for lane in first..first + C {
                (mean[lane], step[lane]) = (g * m, g * step[lane]);
            }
        }
        let [of_step, of_mean] = &self.0[usize::from(of_latents)];
        for j in 0..TAPS {
            for lane in 0..LANES {
                let change = of_step[j] * step[lane] + of_mean[j] * mean[lane];
                x[TAPS - 1 - j][lane] += change;
                x[TAPS + j][lane] -= change;
            }
        }
    }

    /// Smooths between the columns of patches of up to `LANES / C` lines.
    #[inline(always)]
    fn columns<T: Sample, const C: usize>(&self, lines: &mut [T], stride: usize, peak: f32) {
        let (up, down) = (255.0 / peak, peak / 255.0);
        for column in (PATCH..).step_by(PATCH).take_while(|column| (column + TAPS) * C <= stride) {
            let mut x = [[0.0; LANES]; 2 * TAPS];
            for (line, first) in lines.chunks_exact(stride).zip((0..).step_by(C)) {
                let part = line[(column - TAPS) * C..(column + TAPS) * C].as_chunks::<C>().0;
                for (pixel, x) in part.iter().zip(&mut x) {
                    pixel.iter().zip(&mut x[first..]).for_each(|(sample, x)| *x = (*sample).into() * up);
                }
            }
            self.piece::<C>(&mut x, column.is_multiple_of(2 * PATCH));
            for (line, first) in lines.chunks_exact_mut(stride).zip((0..).step_by(C)) {
                let part = line[(column - TAPS) * C..(column + TAPS) * C].as_chunks_mut::<C>().0;
                for (pixel, x) in part.iter_mut().zip(&x) {
                    pixel.iter_mut().zip(&x[first..]).for_each(|(sample, x)| *sample = nearest(x * down, peak));
                }
            }
        }
    }

    /// Smooths between two rows of patches: the last four lines of one and the first four of the other.
    #[inline(always)]
    fn rows<T: Sample, const C: usize>(&self, lines: &mut [T], of_latents: bool, peak: f32) {
        let (up, down) = (255.0 / peak, peak / 255.0);
        let stride = lines.len() / (2 * TAPS);
        for first in (0..stride).step_by(LANES) {
            let part = first..stride.min(first + LANES);
            let mut x = [[0.0; LANES]; 2 * TAPS];
            for (line, x) in lines.chunks_exact(stride).zip(&mut x) {
                line[part.clone()].iter().zip(x).for_each(|(sample, x)| *x = (*sample).into() * up);
            }
            self.piece::<C>(&mut x, of_latents);
            for (line, x) in lines.chunks_exact_mut(stride).zip(&x) {
                line[part.clone()].iter_mut().zip(x).for_each(|(sample, x)| *sample = nearest(x * down, peak));
            }
        }
    }
}

/// [`Filter::columns`] on lines of so many samples, or [`Filter::rows`], for every instruction set.
struct Smooth<'a, T, const C: usize> {
    filter: &'a Filter,
    lines: &'a mut [T],
    direction: Direction,
    peak: f32,
}

/// Boundaries between columns of patches, in lines of so many samples, or between rows.
#[derive(Debug, Clone, Copy)]
enum Direction {
    Columns { stride: usize },
    Rows { of_latents: bool },
}

impl<T: Sample, const C: usize> Job for Smooth<'_, T, C> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        match self.direction {
            Direction::Columns { stride } => self.filter.columns::<T, C>(self.lines, stride, self.peak),
            Direction::Rows { of_latents } => self.filter.rows::<T, C>(self.lines, of_latents, self.peak),
        }
    }
}
