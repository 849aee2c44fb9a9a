//! The filter on a picture that comes in rows: a synthesis behind which samples are filtered.

use std::collections::VecDeque;

use rayon::prelude::*;

use super::{Coefficients, MIDDLE, OPPONENT, PAIRS, REACH, features, norms};
use crate::format::Header;
use crate::samples::{Sample, nearest};
use crate::simd::{Job, Level, Simd};
use crate::transform::Synthesis;
use crate::transform::behind::{Behind, LineFilter};

/// Pixels that are filtered together.
const LANES: usize = 64;
/// Lines that are filtered together.
const LINES: usize = 16;

/// Bytes per column that lines take which are held: of three colours, as signals those of a group and what is around it, and as deep samples those that wait.
pub(crate) const HELD: u64 = 3 * ((LINES + 2 * REACH) * size_of::<f32>() + REACH * size_of::<u16>()) as u64;

/// Columns that a line of signals has for a picture so wide.
pub(crate) const fn padded(width: usize) -> usize {
    width.next_multiple_of(LANES) + 2 * REACH
}

/// What a pair of neighbours adds to every signal.
#[derive(Debug, Clone, Copy)]
struct Tap<const C: usize> {
    /// The signal that is read, and which pair.
    signal: usize,
    pair: usize,
    weights: [f32; C],
}

/// The coefficients as numbers, for signals that are sums of samples in 1/255 and not divided by their norms.
#[derive(Debug, Clone)]
struct Filter<const C: usize> {
    constant: [f32; C],
    /// By signal that is read.
    levels: [[f32; C]; C],
    taps: Vec<Tap<C>>,
}

impl<const C: usize> Filter<C> {
    fn new(coefficients: &Coefficients) -> Self {
        let (numbers, norms, count) = (coefficients.numbers(), norms(C), features(C));
        let number = |out: usize, feature: usize| numbers.get(out * count + feature).copied().unwrap_or(0.0);
        // A signal divided by its norm on the way in, and a correction on the way out.
        let weight =
            |out: usize, signal: usize, feature: usize| (number(out, feature) / (norms[out] * norms[signal])) as f32;
        let taps = (0..C * PAIRS.len()).map(|i| {
            let signal = i / PAIRS.len();
            let weights = std::array::from_fn(|out| weight(out, signal, 1 + C + i));
            Tap { signal, pair: i % PAIRS.len(), weights }
        });
        Self {
            constant: std::array::from_fn(|out| (number(out, 0) / norms[out]) as f32),
            levels: std::array::from_fn(|signal| std::array::from_fn(|out| weight(out, signal, 1 + signal))),
            taps: taps.filter(|tap| tap.weights.iter().any(|&weight| weight != 0.0)).collect(),
        }
    }
}

/// A line as signals: for each `REACH` copies of the first pixel, the pixels, and copies of the last one up to a whole number of lanes and `REACH` more.
#[derive(Debug)]
struct Line {
    signals: Vec<f32>,
    stride: usize,
}

impl Line {
    fn of<T: Sample, const C: usize>(level: Level, samples: &[T], up: f32) -> Self {
        let pixels = samples.as_chunks::<C>().0;
        let stride = padded(pixels.len());
        let mut signals = vec![0.0; C * stride];
        level.run(Split { pixels, signals: &mut signals, stride, up });
        for out in signals.chunks_exact_mut(stride) {
            let (first, last) = (out[REACH], out[REACH + pixels.len() - 1]);
            out[..REACH].fill(first);
            out[REACH + pixels.len()..].fill(last);
        }
        Self { signals, stride }
    }

    /// Lanes of a signal from a column on, which may lie up to `REACH` pixels outside.
    #[inline(always)]
    fn at(&self, signal: usize, column: usize, offset: isize) -> &[f32; LANES] {
        let start = signal * self.stride + (column + REACH).wrapping_add_signed(offset);
        &self.signals[start..].as_chunks().0[0]
    }
}

/// Splits pixels into signals.
struct Split<'a, T, const C: usize> {
    pixels: &'a [[T; C]],
    signals: &'a mut [f32],
    stride: usize,
    up: f32,
}

impl<T: Sample, const C: usize> Job for Split<'_, T, C> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { pixels, signals, stride, up } = self;
        for (group, pixels) in pixels.chunks(LANES).enumerate() {
            let mut colours = [[T::default(); LANES]; C];
            for (lane, pixel) in pixels.iter().enumerate() {
                for c in 0..C {
                    colours[c][lane] = pixel[c];
                }
            }
            for (signal, out) in signals.chunks_exact_mut(stride).enumerate() {
                let Some(out) = out[REACH + group * LANES..].first_chunk_mut::<LANES>() else { return };
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

/// A line of samples to be filtered, and the lines of signals from `REACH` above to `REACH` below.
struct FilterLine<'a, T, const C: usize> {
    filter: &'a Filter<C>,
    lines: [&'a Line; 2 * REACH + 1],
    samples: &'a mut [T],
    peak: f32,
}

impl<T: Sample, const C: usize> Job for FilterLine<'_, T, C> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { filter, lines, samples, peak } = self;
        let (up, down) = (255.0 / peak, peak / 255.0);
        for (group, pixels) in samples.as_chunks_mut::<C>().0.chunks_mut(LANES).enumerate() {
            let column = group * LANES;
            let mut corrections = [[0.0; LANES]; C];
            for (signal, weights) in filter.levels.iter().enumerate() {
                let at = lines[REACH].at(signal, column, 0);
                let middle = if C == 3 && signal == 0 {
                    3.0 * MIDDLE
                } else if C == 1 {
                    MIDDLE
                } else {
                    0.0
                };
                for (correction, weight) in corrections.iter_mut().zip(weights) {
                    for lane in 0..LANES {
                        correction[lane] += weight * (at[lane] - middle);
                    }
                }
            }
            for tap in &filter.taps {
                let (rows, columns) = PAIRS[tap.pair];
                let a = lines[REACH.wrapping_add_signed(rows)].at(tap.signal, column, columns);
                let b = lines[REACH.wrapping_add_signed(-rows)].at(tap.signal, column, -columns);
                let at = lines[REACH].at(tap.signal, column, 0);
                let mut second = [0.0; LANES];
                for lane in 0..LANES {
                    second[lane] = a[lane] + b[lane] - 2.0 * at[lane];
                }
                for (correction, weight) in corrections.iter_mut().zip(&tap.weights) {
                    for lane in 0..LANES {
                        correction[lane] += weight * second[lane];
                    }
                }
            }
            let mut changes = [[0.0; LANES]; C];
            for (c, changes) in changes.iter_mut().enumerate() {
                for (out, correction) in corrections.iter().enumerate() {
                    let part = if C == 1 { 1.0 } else { OPPONENT[out][c] };
                    for lane in 0..LANES {
                        changes[lane] += part * (correction[lane] + filter.constant[out]);
                    }
                }
            }
            // Colour by colour, because pixels of three numbers are no vectors.
            let mut colours = [[T::default(); LANES]; C];
            for (lane, pixel) in pixels.iter().enumerate() {
                for c in 0..C {
                    colours[c][lane] = pixel[c];
                }
            }
            for (colours, changes) in colours.iter_mut().zip(&changes) {
                for lane in 0..LANES {
                    colours[lane] = nearest((colours[lane].into() * up + changes[lane]) * down, peak);
                }
            }
            for (lane, pixel) in pixels.iter_mut().enumerate() {
                for c in 0..C {
                    pixel[c] = colours[c][lane];
                }
            }
        }
    }
}

impl Coefficients {
    /// A synthesis of the picture of a header whose samples are filtered.
    pub(crate) fn behind<'a>(&self, synthesis: Box<dyn Synthesis + 'a>, header: &Header) -> Box<dyn Synthesis + 'a> {
        self.behind_at(Level::detect(), synthesis, header)
    }

    /// The same with the instructions of a level.
    pub(super) fn behind_at<'a>(
        &self,
        level: Level,
        synthesis: Box<dyn Synthesis + 'a>,
        header: &Header,
    ) -> Box<dyn Synthesis + 'a> {
        match self.channels() {
            3 => Box::new(Behind::new(synthesis, Filtered::<3>::new(self, level, header))),
            _ => Box::new(Behind::new(synthesis, Filtered::<1>::new(self, level, header))),
        }
    }
}

/// A picture whose samples are filtered. `REACH` lines wait for those below them.
struct Filtered<const C: usize> {
    level: Level,
    filter: Filter<C>,
    width: usize,
    height: usize,
    /// Lines that are complete.
    done: usize,
    /// Lines as signals, from the number `first` on.
    lines: VecDeque<Line>,
    first: usize,
}

impl<const C: usize> Filtered<C> {
    fn new(coefficients: &Coefficients, level: Level, header: &Header) -> Self {
        Self {
            level,
            filter: Filter::new(coefficients),
            width: header.width.into(),
            height: header.height.into(),
            done: 0,
            lines: VecDeque::new(),
            first: 0,
        }
    }
}

impl<const C: usize> LineFilter for Filtered<C> {
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
                .map(|line| Line::of::<T, C>(level, &samples[of(line)], 255.0 / peak))
                .collect();
            self.lines.extend(lines);
            read = next;
            let complete = if read == self.height { read } else { read.saturating_sub(REACH).max(self.done) };
            let around = |line: usize| {
                let number = |i: usize| (line + i).saturating_sub(REACH).min(self.height - 1) - self.first;
                std::array::from_fn(|i| &self.lines[number(i)])
            };
            let from = start + (self.done - first) * stride;
            let ready = samples[from..from + (complete - self.done) * stride].par_chunks_exact_mut(stride);
            ready.enumerate().for_each(|(i, samples)| {
                let lines = around(self.done + i);
                self.level.run(FilterLine { filter: &self.filter, lines, samples, peak });
            });
            self.done = complete;
            let past = complete.saturating_sub(REACH).saturating_sub(self.first).min(self.lines.len());
            self.lines.drain(..past);
            self.first += past;
        }
        samples.split_off(start + (self.done - first) * stride)
    }
}
