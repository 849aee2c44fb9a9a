//! Smoothing between patches, and its way back: columns of patches first, then rows, as `codec/FORMAT.md`, chapter 9.1, says.

use super::Pool;
use super::planes::{COLOURS, LANES, Planes};
use crate::backprop::kernels::{Job, run};
use crate::filters::at_quality;
use crate::filters::smoothing::{PATCH, STEP_TAPS, TAPS, signals, weight};
use crate::plain::DEBLOCKING_WEIGHTS;

/// Pixels across a boundary, p3 to q3, of some lines.
type Piece = [[[f32; LANES]; COLOURS]; 2 * TAPS];

/// Weights of `s` and of `m` by distance, of boundaries within latents and between them.
#[derive(Debug, Clone)]
pub(super) struct Smoothing([[[f32; TAPS]; 2]; 2]);

/// The weights of all corrections, in the order in which they are made.
#[derive(Debug)]
pub(super) struct Kept {
    columns: Vec<f32>,
    rows: Vec<f32>,
}

impl Kept {
    pub(super) fn give(self, pool: &mut Pool) {
        pool.give(self.columns);
        pool.give(self.rows);
    }
}

/// Whether boundaries between columns or between rows of patches are smoothed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Between {
    Columns,
    Rows,
}

impl Smoothing {
    /// The filter of a quality 0..=252, of the weights of all.
    pub(super) fn new(weights: &[f32; DEBLOCKING_WEIGHTS], quality: u8) -> Self {
        let mut own = [[[0.0; TAPS]; 2]; 2];
        let numbers = own.as_flattened_mut().as_flattened_mut();
        numbers.iter_mut().zip(at_quality(weights, quality)).for_each(|(own, value)| *own = value);
        Self(own)
    }

    /// Smooths samples in units of 1/255.
    pub(super) fn forward(&self, planes: &mut Planes, pool: &mut Pool) -> Kept {
        let mut pass = |between| {
            let mut weights = pool.take(numbers(planes, between));
            run(Forward { filter: self, planes, between, weights: &mut weights });
            weights
        };
        let columns = pass(Between::Columns);
        Kept { columns, rows: pass(Between::Rows) }
    }

    /// Turns the gradient by what came out into that by what went in.
    pub(super) fn back(&self, kept: Kept, gradient: &mut Planes, pool: &mut Pool) {
        run(Back { filter: self, planes: gradient, between: Between::Rows, weights: &kept.rows });
        run(Back { filter: self, planes: gradient, between: Between::Columns, weights: &kept.columns });
        kept.give(pool);
    }
}

/// How many pieces of a boundary there are, and boundaries.
fn pieces(planes: &Planes, between: Between) -> (usize, usize) {
    let (along, across) = match between {
        Between::Columns => (planes.height, planes.width),
        Between::Rows => (planes.width, planes.height),
    };
    (along.div_ceil(LANES), ((across + PATCH - TAPS) / PATCH).saturating_sub(1))
}

/// Weights that a pass keeps.
fn numbers(planes: &Planes, between: Between) -> usize {
    let (pieces, boundaries) = pieces(planes, between);
    pieces * boundaries * LANES
}

/// Calls `each` with every piece, in the order of the weights that are kept, and whether it lies between latents; what it leaves is written back.
#[inline(always)]
fn each_piece(planes: &mut Planes, between: Between, mut each: impl FnMut(usize, bool, &mut Piece)) {
    let (pieces, boundaries) = pieces(planes, between);
    let (along, step_along, step_across) = match between {
        Between::Columns => (planes.height, planes.stride, 1),
        Between::Rows => (planes.width, 1, planes.stride),
    };
    let plane = planes.at(1, 0, 0) - planes.at(0, 0, 0);
    let mut x = [[[0.0; LANES]; COLOURS]; 2 * TAPS];
    for boundary in 0..boundaries {
        let first = ((boundary + 1) * PATCH - TAPS) * step_across;
        for piece in 0..pieces {
            let start = first + piece * LANES * step_along;
            let count = LANES.min(along - piece * LANES);
            for (j, x) in x.iter_mut().enumerate() {
                for (c, x) in x.iter_mut().enumerate() {
                    let from = &planes.data[start + j * step_across + c * plane..];
                    x.iter_mut().zip(from.iter().step_by(step_along)).take(count).for_each(|(x, from)| *x = *from);
                }
            }
            each(boundary * pieces + piece, boundary % 2 == 1, &mut x);
            for (j, x) in x.iter().enumerate() {
                for (c, x) in x.iter().enumerate() {
                    let to = &mut planes.data[start + j * step_across + c * plane..];
                    to.iter_mut().step_by(step_along).zip(x).take(count).for_each(|(to, x)| *to = *x);
                }
            }
        }
    }
}

/// One direction forwards.
struct Forward<'a> {
    filter: &'a Smoothing,
    planes: &'a mut Planes,
    between: Between,
    weights: &'a mut [f32],
}

impl Job for Forward<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { filter, planes, between, weights } = self;
        let kept = weights.as_chunks_mut::<LANES>().0;
        each_piece(planes, between, |number, of_latents, x| {
            let [mut size, mut activity, mut mean] = [[0.0; LANES]; 3];
            let mut step = [[0.0; LANES]; COLOURS];
            for (c, step) in step.iter_mut().enumerate() {
                for lane in 0..LANES {
                    let [s, n, a] = signals(std::array::from_fn(|j| x[j][c][lane]));
                    step[lane] = s;
                    size[lane] += n / COLOURS as f32;
                    activity[lane] += a / COLOURS as f32;
                    mean[lane] += s / COLOURS as f32;
                }
            }
            let g = &mut kept[number];
            for lane in 0..LANES {
                g[lane] = weight(size[lane], activity[lane]);
            }
            let [of_step, of_mean] = &filter.0[usize::from(of_latents)];
            for j in 0..TAPS {
                for (c, step) in step.iter().enumerate() {
                    for lane in 0..LANES {
                        let change = g[lane] * (of_step[j] * step[lane] + of_mean[j] * mean[lane]);
                        x[TAPS - 1 - j][c][lane] += change;
                        x[TAPS + j][c][lane] -= change;
                    }
                }
            }
        });
    }
}

/// One direction backwards.
struct Back<'a> {
    filter: &'a Smoothing,
    planes: &'a mut Planes,
    between: Between,
    weights: &'a [f32],
}

impl Job for Back<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { filter, planes, between, weights } = self;
        let kept = weights.as_chunks::<LANES>().0;
        each_piece(planes, between, |number, of_latents, d| {
            let g = &kept[number];
            let [of_step, of_mean] = &filter.0[usize::from(of_latents)];
            let mut by_mean = [0.0; LANES];
            let mut by_step = [[0.0; LANES]; COLOURS];
            for (c, by_step) in by_step.iter_mut().enumerate() {
                for j in 0..TAPS {
                    for lane in 0..LANES {
                        let d = g[lane] * (d[TAPS - 1 - j][c][lane] - d[TAPS + j][c][lane]);
                        by_step[lane] += of_step[j] * d;
                        by_mean[lane] += of_mean[j] * d / COLOURS as f32;
                    }
                }
            }
            for (c, by_step) in by_step.iter().enumerate() {
                for (j, tap) in STEP_TAPS.into_iter().enumerate() {
                    for lane in 0..LANES {
                        let change = tap * (by_step[lane] + by_mean[lane]);
                        d[TAPS + j][c][lane] += change;
                        d[TAPS - 1 - j][c][lane] -= change;
                    }
                }
            }
        });
    }
}
