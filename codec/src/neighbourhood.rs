//! Filters that read a few pixels around each, on a picture that comes in rows: its lines as opponent colours, kept for as long as filters look back.
//!
//! [`crate::wiener`] and [`crate::enhance`] are a [`Kernel`] each. ([`crate::deblock`] changes pixels in pairs, across boundaries, and stands alone.)

use std::collections::VecDeque;

use rayon::prelude::*;

use crate::format::Header;
use crate::samples::Sample;
use crate::simd::{Job, Level, Simd};
use crate::transform::Synthesis;
use crate::transform::behind::{Behind, LineFilter};

/// Pixels that are filtered together.
pub(crate) const LANES: usize = 64;
/// Lines that are filtered together.
const LINES: usize = 16;

/// Opponent colours of red, green and blue: brightness, red against blue, and green against both. Rows are orthogonal; divided by
/// [`norms`] they are a rotation, so that squared errors are the same in both.
pub(crate) const OPPONENT: [[f32; 3]; 3] = [[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]];

/// Lengths of the rows of [`OPPONENT`]; of a grey picture the one signal is the sample.
pub(crate) fn norms(channels: usize) -> Vec<f64> {
    if channels == 1 { vec![1.0] } else { vec![3f64.sqrt(), 2f64.sqrt(), 6f64.sqrt()] }
}

/// Columns that a line of signals has for a picture so wide.
pub(crate) const fn padded(width: usize, reach: usize) -> usize {
    width.next_multiple_of(LANES) + 2 * reach
}

/// Bytes that a filter which reads so far holds beside the samples of a picture so wide: of three colours, as signals lines of a group and what is around it, and as
/// deep samples those that wait.
pub(crate) const fn held(width: usize, reach: usize) -> u64 {
    let columns = padded(width, reach);
    3 * (columns * ((LINES + 2 * reach) * size_of::<f32>() + reach * size_of::<u16>())) as u64
}

/// A line as signals in 1/255, [`OPPONENT`] but not divided by their norms: for each as many copies of the first pixel as a filter reads, the pixels, and copies of the last
/// one up to a whole number of lanes and as many more.
#[derive(Debug)]
pub(crate) struct Line {
    signals: Vec<f32>,
    stride: usize,
    reach: usize,
}

impl Line {
    /// Of samples of a line, which times `up` are in 1/255, for a filter that reads so far.
    pub(crate) fn of<T: Sample, const C: usize>(level: Level, samples: &[T], up: f32, reach: usize) -> Self {
        let pixels = samples.as_chunks::<C>().0;
        let stride = padded(pixels.len(), reach);
        let mut signals = vec![0.0; C * stride];
        level.run(Split { pixels, signals: &mut signals, stride, up, reach });
        for out in signals.chunks_exact_mut(stride) {
            let (first, last) = (out[reach], out[reach + pixels.len() - 1]);
            out[..reach].fill(first);
            out[reach + pixels.len()..].fill(last);
        }
        Self { signals, stride, reach }
    }

    /// `N` columns of a signal from a column on, which may lie up to the filter's reach outside.
    #[inline(always)]
    pub(crate) fn at<const N: usize>(&self, signal: usize, column: usize, offset: isize) -> &[f32; N] {
        let start = signal * self.stride + (column + self.reach).wrapping_add_signed(offset);
        &self.signals[start..].as_chunks().0[0]
    }
}

/// Splits pixels into signals.
struct Split<'a, T, const C: usize> {
    pixels: &'a [[T; C]],
    signals: &'a mut [f32],
    stride: usize,
    up: f32,
    reach: usize,
}

impl<T: Sample, const C: usize> Job for Split<'_, T, C> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { pixels, signals, stride, up, reach } = self;
        for (group, pixels) in pixels.chunks(LANES).enumerate() {
            let mut colours = [[T::default(); LANES]; C];
            for (lane, pixel) in pixels.iter().enumerate() {
                for c in 0..C {
                    colours[c][lane] = pixel[c];
                }
            }
            for (signal, out) in signals.chunks_exact_mut(stride).enumerate() {
                let Some(out) = out[reach + group * LANES..].first_chunk_mut::<LANES>() else { return };
                for lane in 0..LANES {
                    out[lane] = mixed::<C>(signal, |c| colours[c][lane].into()) * up;
                }
            }
        }
    }
}

/// A signal of colours.
#[inline(always)]
fn mixed<const C: usize>(signal: usize, colour: impl Fn(usize) -> f32) -> f32 {
    if C == 1 {
        return colour(0);
    }
    let mut sum = 0.0;
    for (c, part) in OPPONENT[signal].into_iter().enumerate().take(C) {
        sum += part * colour(c);
    }
    sum
}

/// A line and those above and below it. Beyond the picture they are the one at its edge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'a> {
    lines: &'a VecDeque<Line>,
    /// The number of the first of `lines`, and of the one in the middle.
    first: usize,
    middle: usize,
    height: usize,
}

impl<'a> Around<'a> {
    /// Line `middle` of a picture of which all lines are there.
    pub(crate) fn of_picture(lines: &'a VecDeque<Line>, middle: usize) -> Self {
        Self { lines, first: 0, middle, height: lines.len() }
    }

    /// The line so far below, within the filter's reach.
    #[inline(always)]
    pub(crate) fn line(&self, offset: isize) -> &'a Line {
        let number = self.middle.saturating_add_signed(offset).min(self.height - 1);
        &self.lines[number - self.first]
    }
}

/// What a filter does with a line.
pub(crate) trait Kernel<const C: usize>: Send + Sync {
    /// Pixels that it reads in each direction.
    const REACH: usize;

    /// Filters the samples of the line in the middle.
    fn line<T: Sample>(&self, level: Level, around: &Around<'_>, samples: &mut [T], peak: f32);
}

/// A synthesis of the picture of a header, which has `C` colours, with a filter behind it.
pub(crate) fn behind<'a, const C: usize>(
    kernel: impl Kernel<C> + 'a,
    level: Level,
    synthesis: Box<dyn Synthesis + 'a>,
    header: &Header,
) -> Box<dyn Synthesis + 'a> {
    let (width, height) = (header.width.into(), header.height.into());
    let filter = Filtered::<C, _> { level, kernel, width, height, done: 0, lines: VecDeque::new(), first: 0 };
    Box::new(Behind::new(synthesis, filter))
}

/// A picture whose samples are filtered. As many lines as the filter reads wait for those below them.
struct Filtered<const C: usize, K> {
    level: Level,
    kernel: K,
    width: usize,
    height: usize,
    /// Lines that are complete.
    done: usize,
    /// Lines as signals, from the number `first` on.
    lines: VecDeque<Line>,
    first: usize,
}

impl<const C: usize, K: Kernel<C>> LineFilter for Filtered<C, K> {
    fn filter<T: Sample>(&mut self, samples: &mut Vec<T>, start: usize, waited: usize, peak: u16) -> Vec<T> {
        let (stride, peak) = (self.width * C, f32::from(peak));
        // The last row of patches may reach beyond the picture.
        samples.truncate(start + (self.height - self.done) * stride);
        let first = self.done;
        let mut read = first + waited / stride;
        let end = first + (samples.len() - start) / stride;
        while read < end {
            let next = (read + LINES).min(end);
            let of = |line: usize| start + (line - first) * stride..start + (line + 1 - first) * stride;
            let level = self.level;
            let lines: Vec<Line> = (read..next)
                .into_par_iter()
                .map(|line| Line::of::<T, C>(level, &samples[of(line)], 255.0 / peak, K::REACH))
                .collect();
            self.lines.extend(lines);
            read = next;
            let complete = if read == self.height { read } else { read.saturating_sub(K::REACH).max(self.done) };
            let from = start + (self.done - first) * stride;
            let ready = samples[from..from + (complete - self.done) * stride].par_chunks_exact_mut(stride);
            ready.enumerate().for_each(|(i, samples)| {
                let middle = self.done + i;
                let around = Around { lines: &self.lines, first: self.first, middle, height: self.height };
                self.kernel.line(self.level, &around, samples, peak);
            });
            self.done = complete;
            let past = complete.saturating_sub(K::REACH).saturating_sub(self.first).min(self.lines.len());
            self.lines.drain(..past);
            self.first += past;
        }
        samples.split_off(start + (self.done - first) * stride)
    }
}
