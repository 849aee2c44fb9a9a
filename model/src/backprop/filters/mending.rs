//! Mending of pixels, and its way back: `codec/FORMAT.md`, chapter 9.2.

use super::Pool;
use super::planes::{COLOURS, LANES, Planes};
use crate::backprop::kernels::{Job, run};
use crate::filters::at_quality;
use crate::filters::mending::{CLASSES, FEATURES, LIMITS, PAIRS, PER_SIGNAL, REACH, class, clip};
use crate::plain::Enhancement;

/// Numbers of a feature's weights: three colours, and one that makes them a vector.
const WEIGHTS: usize = COLOURS + 1;

/// Features whose products are summed apart, so that no addition waits for the one before.
const SUMS: usize = 4;

/// The weights of one quality.
#[derive(Debug, Clone)]
pub(super) struct Mending {
    /// [classes, features].
    by_feature: Vec<[f32; WEIGHTS]>,
    /// [classes, colours].
    by_colour: Vec<[f32; FEATURES]>,
}

/// Signals of what came in, and the classes of its pixels.
#[derive(Debug)]
pub(super) struct Kept {
    signals: Planes,
    classes: Vec<u8>,
}

impl Kept {
    #[cfg(test)]
    pub(super) fn classes(&self) -> &[u8] {
        &self.classes
    }

    pub(super) fn give(self, pool: &mut Pool) {
        self.signals.give(pool);
    }
}

impl Mending {
    /// The filter of a quality 0..=252, of the weights of all.
    pub(super) fn new(enhancement: &Enhancement, quality: u8) -> Self {
        let mut by_feature = vec![[0.0; WEIGHTS]; CLASSES * FEATURES];
        let mut by_colour = vec![[0.0; FEATURES]; CLASSES * COLOURS];
        for (i, weight) in at_quality(enhancement.weights(), quality).enumerate() {
            let (feature, colour) = (i / COLOURS, i % COLOURS);
            by_feature[feature][colour] = weight;
            by_colour[feature / FEATURES * COLOURS + colour][feature % FEATURES] = weight;
        }
        Self { by_feature, by_colour }
    }

    /// Mends samples in units of 1/255.
    pub(super) fn forward(&self, planes: &mut Planes, pool: &mut Pool) -> Kept {
        let size = [planes.height, planes.width];
        let mut kept = Kept { signals: Planes::new(size, REACH, pool), classes: vec![0; size[0] * size[1]] };
        run(Forward { filter: self, planes, kept: &mut kept });
        kept
    }

    /// Turns the gradient by what came out into that by what went in.
    pub(super) fn back(&self, kept: Kept, gradient: &mut Planes, pool: &mut Pool) {
        let mut by_signal = Planes::new([gradient.height, gradient.width], REACH, pool);
        by_signal.data.fill(0.0);
        run(Back { filter: self, kept: &kept, gradient, by_signal: &mut by_signal });
        by_signal.give(pool);
        kept.give(pool);
    }
}

/// Forwards: what is kept is made, too.
struct Forward<'a> {
    filter: &'a Mending,
    planes: &'a mut Planes,
    kept: &'a mut Kept,
}

impl Job for Forward<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { filter, planes, kept: Kept { signals, classes } } = self;
        let (height, width) = (planes.height, planes.width);
        for [row, column] in groups(height, width) {
            let [r, g, b] = [0, 1, 2].map(|c| *planes.lanes::<LANES>(planes.at(c, row, column)));
            let [first, second, third] = [0, 1, 2].map(|s| signals.at(s, row, column));
            for lane in 0..LANES {
                signals.data[first + lane] = r[lane] + g[lane] + b[lane];
                signals.data[second + lane] = r[lane] - b[lane];
                signals.data[third + lane] = r[lane] - 2.0 * g[lane] + b[lane];
            }
        }
        signals.extend();
        let mut features = [[0.0; LANES]; FEATURES];
        for [row, column] in groups(height, width) {
            read(signals, row, column, &mut features);
            let found = classify(signals, row, column);
            let pixels =
                row as usize * width + column as usize..row as usize * width + width.min(column as usize + LANES);
            let place = [0, 1, 2].map(|c| planes.at(c, row, column));
            for (lane, class) in classes[pixels].iter_mut().enumerate() {
                *class = found[lane] as u8;
                let of_class = usize::from(*class) * FEATURES;
                let weights = filter.by_feature[of_class..of_class + FEATURES].as_chunks::<SUMS>().0;
                let mut sums = [[0.0; WEIGHTS]; SUMS];
                for (weights, features) in weights.iter().zip(features.as_chunks::<SUMS>().0) {
                    for k in 0..SUMS {
                        for c in 0..WEIGHTS {
                            sums[k][c] += weights[k][c] * features[k][lane];
                        }
                    }
                }
                for (c, place) in place.iter().enumerate() {
                    planes.data[place + lane] += (sums[0][c] + sums[1][c]) + (sums[2][c] + sums[3][c]);
                }
            }
        }
    }
}

/// Backwards.
struct Back<'a> {
    filter: &'a Mending,
    kept: &'a Kept,
    gradient: &'a mut Planes,
    by_signal: &'a mut Planes,
}

impl Job for Back<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { filter, kept: Kept { signals, classes }, gradient, by_signal } = self;
        let (height, width) = (gradient.height, gradient.width);
        let mut of_pixels = [[0.0; FEATURES]; LANES];
        let mut by_feature = [[0.0; LANES]; FEATURES];
        for [row, column] in groups(height, width) {
            let pixels =
                row as usize * width + column as usize..row as usize * width + width.min(column as usize + LANES);
            let place = [0, 1, 2].map(|c| gradient.at(c, row, column));
            of_pixels.as_flattened_mut().fill(0.0);
            for ((lane, class), out) in classes[pixels].iter().enumerate().zip(&mut of_pixels) {
                let of_class = usize::from(*class) * COLOURS;
                let [r, g, b] = &filter.by_colour[of_class..].as_chunks::<COLOURS>().0[0];
                let [by_r, by_g, by_b] = place.map(|place| gradient.data[place + lane]);
                for f in 0..FEATURES {
                    out[f] = by_r * r[f] + by_g * g[f] + by_b * b[f];
                }
            }
            for (f, by_feature) in by_feature.iter_mut().enumerate() {
                for lane in 0..LANES {
                    by_feature[lane] = of_pixels[lane][f];
                }
            }
            spread(signals, row, column, &by_feature, by_signal);
        }
        by_signal.gather();
        for [row, column] in groups(height, width) {
            let [first, second, third] = [0, 1, 2].map(|s| *by_signal.lanes::<LANES>(by_signal.at(s, row, column)));
            let [r, g, b] = [0, 1, 2].map(|c| gradient.at(c, row, column));
            for lane in 0..LANES {
                gradient.data[r + lane] += first[lane] + second[lane] + third[lane];
                gradient.data[g + lane] += first[lane] - 2.0 * third[lane];
                gradient.data[b + lane] += first[lane] - second[lane] + third[lane];
            }
        }
    }
}

/// The row and the first column of every group of pixels that are handled together. (A closure for each would be compiled for the baseline.)
#[inline(always)]
fn groups(height: usize, width: usize) -> impl Iterator<Item = [isize; 2]> {
    (0..height as isize).flat_map(move |row| (0..width as isize).step_by(LANES).map(move |column| [row, column]))
}

/// The features of a group of pixels.
#[inline(always)]
fn read(signals: &Planes, row: isize, column: isize, features: &mut [[f32; LANES]; FEATURES]) {
    for (signal, features) in features.chunks_exact_mut(PER_SIGNAL).enumerate() {
        let limit = LIMITS[signal];
        let at: &[f32; LANES] = signals.lanes(signals.at(signal, row, column));
        let (plain, clipped) = features.split_at_mut(PAIRS.len());
        for ((down, right), (plain, clipped)) in PAIRS.into_iter().zip(plain.iter_mut().zip(clipped)) {
            let a: &[f32; LANES] = signals.lanes(signals.at(signal, row + down, column + right));
            let b: &[f32; LANES] = signals.lanes(signals.at(signal, row - down, column - right));
            for lane in 0..LANES {
                let (u, v) = (a[lane] - at[lane], b[lane] - at[lane]);
                plain[lane] = u + v;
                clipped[lane] = clip(u, limit) + clip(v, limit);
            }
        }
    }
}

/// Adds to the gradient by signals what that by the features of a group of pixels says.
#[inline(always)]
fn spread(signals: &Planes, row: isize, column: isize, by_feature: &[[f32; LANES]; FEATURES], out: &mut Planes) {
    for (signal, by_feature) in by_feature.chunks_exact(PER_SIGNAL).enumerate() {
        let limit = LIMITS[signal];
        let place = signals.at(signal, row, column);
        let at: &[f32; LANES] = signals.lanes(place);
        let (plain, clipped) = by_feature.split_at(PAIRS.len());
        let mut own = [0.0; LANES];
        for ((down, right), (plain, clipped)) in PAIRS.into_iter().zip(plain.iter().zip(clipped)) {
            for neighbour in
                [signals.at(signal, row + down, column + right), signals.at(signal, row - down, column - right)]
            {
                let there: &[f32; LANES] = signals.lanes(neighbour);
                let to: &mut [f32; LANES] = &mut out.data[neighbour..].as_chunks_mut().0[0];
                for (lane, own) in own.iter_mut().enumerate() {
                    let within = (there[lane] - at[lane]).abs() < limit;
                    let d = plain[lane] + if within { clipped[lane] } else { 0.0 };
                    to[lane] += d;
                    *own += d;
                }
            }
        }
        out.data[place..].iter_mut().zip(own).for_each(|(out, own)| *out -= own);
    }
}

/// The classes of a group of pixels.
#[inline(always)]
fn classify(signals: &Planes, row: isize, column: isize) -> [i32; LANES] {
    // Down, across, and along both diagonals: columns of three, from one column before.
    const WIDER: usize = LANES + 2;
    let mut sums = [[0.0; WIDER]; 4];
    for row in row - 1..=row + 1 {
        let at = |down: isize, right: isize| *signals.lanes::<WIDER>(signals.at(0, row + down, column - 1 + right));
        let middle = at(0, 0);
        for (sums, (down, right)) in sums.iter_mut().zip([(1, 0), (0, 1), (1, 1), (-1, 1)]) {
            let (a, b) = (at(down, right), at(-down, -right));
            for lane in 0..WIDER {
                sums[lane] += (2.0 * middle[lane] - a[lane] - b[lane]).abs();
            }
        }
    }
    let side = |way: usize, lane: usize| sums[way][lane] + sums[way][lane + 1] + sums[way][lane + 2];
    let mut classes = [0; LANES];
    for (lane, of_pixel) in classes.iter_mut().enumerate() {
        *of_pixel = class(side(0, lane), side(1, lane), side(2, lane), side(3, lane));
    }
    classes
}
