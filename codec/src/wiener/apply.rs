//! The filter on a picture that comes in rows: a synthesis behind which samples are filtered.

use super::{Coefficients, MIDDLE, PAIRS, REACH, features};
use crate::format::Header;
use crate::neighbourhood::{self, Around, Kernel, LANES, OPPONENT, norms};
use crate::samples::{Sample, nearest};
use crate::simd::{Job, Level, Simd};
use crate::transform::Synthesis;

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

impl<const C: usize> Kernel<C> for Filter<C> {
    const REACH: usize = REACH;

    fn line<T: Sample>(&self, level: Level, around: &Around<'_>, samples: &mut [T], peak: f32) {
        level.run(FilterLine { filter: self, around, samples, peak });
    }
}

/// A line of samples to be filtered, and the lines of signals around it.
struct FilterLine<'a, T, const C: usize> {
    filter: &'a Filter<C>,
    around: &'a Around<'a>,
    samples: &'a mut [T],
    peak: f32,
}

impl<T: Sample, const C: usize> Job for FilterLine<'_, T, C> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { filter, around, samples, peak } = self;
        let (up, down) = (255.0 / peak, peak / 255.0);
        for (group, pixels) in samples.as_chunks_mut::<C>().0.chunks_mut(LANES).enumerate() {
            let column = group * LANES;
            let mut corrections = [[0.0; LANES]; C];
            for (signal, weights) in filter.levels.iter().enumerate() {
                let at: &[f32; LANES] = around.line(0).at(signal, column, 0);
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
                let a: &[f32; LANES] = around.line(rows).at(tap.signal, column, columns);
                let b: &[f32; LANES] = around.line(-rows).at(tap.signal, column, -columns);
                let at: &[f32; LANES] = around.line(0).at(tap.signal, column, 0);
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
            3 => neighbourhood::behind(Filter::<3>::new(self), level, synthesis, header),
            _ => neighbourhood::behind(Filter::<1>::new(self), level, synthesis, header),
        }
    }
}
