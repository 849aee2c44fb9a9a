//! The layers between blocks: rows of floats through a dense layer, with the moves between space and channels before or behind it.

use std::cell::RefCell;

use rayon::prelude::*;

use super::kernels::{Gained, Place, Plain, Quantised, Samples, dense, quantise};
use super::number::{Step, largest_bits};
use super::pack::Packed;
use super::row::{Next, PIECE, Row, RowPiece, sized};
use crate::patches::DEEP_MAX;
use crate::samples::Sample;
use crate::simd::{Job, Level, Simd};

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// What a layer makes of floats: vectors of integers, a step each. Memory of a thread, used again from piece to piece.
#[derive(Debug, Default)]
struct Scratch {
    values: Vec<i16>,
    steps: Vec<f32>,
}

impl Scratch {
    fn sized(&mut self, count: usize, depth: usize) -> (&mut [i16], &mut [f32]) {
        (sized(&mut self.values, count * depth), sized(&mut self.steps, count))
    }
}

/// Runs jobs on all threads; they are large, so threads may take them one by one.
fn each<J: Send>(jobs: Vec<J>, work: impl Fn(&mut Scratch, J) + Sync) {
    jobs.into_par_iter().with_max_len(1).for_each(|job| SCRATCH.with_borrow_mut(|scratch| work(scratch, job)));
}

/// Runs a piece of work on all pieces of some rows `[columns, inputs]`, and returns the rows `[columns, outputs]` that it fills.
fn each_piece<I: Sync, R: AsRef<[I]>>(
    layer: &Packed,
    input: &[R],
    next: Next,
    work: impl Fn(&mut Scratch, &[I], RowPiece<'_>) + Sync,
) -> Vec<Row> {
    let (inputs, outputs) = (layer.depth(), layer.outputs());
    let row = |row: &R| Row::new(row.as_ref().len() / inputs, outputs, next);
    let mut out: Vec<Row> = input.iter().map(row).collect();
    let mut jobs = Vec::new();
    for (input, out) in input.iter().zip(&mut out) {
        jobs.extend(input.as_ref().chunks(PIECE * inputs).zip(out.pieces(PIECE, outputs)));
    }
    each(jobs, |scratch, (input, out)| work(scratch, input, out));
    out
}

/// Rows `[columns, inputs]` to rows `[columns, outputs]`.
pub(super) fn rows<R: AsRef<[f32]>>(level: Level, layer: &Packed, input: &[R], next: Next) -> Vec<Row> {
    each_piece(layer, input, next, |scratch, input, out| level.run(RowJob { layer, input, out, next, scratch }))
}

struct RowJob<'a> {
    layer: &'a Packed,
    input: &'a [f32],
    out: RowPiece<'a>,
    next: Next,
    scratch: &'a mut Scratch,
}

impl Job for RowJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let depth = self.layer.depth();
        let (values, steps) = self.scratch.sized(self.input.len() / depth, depth);
        quantise(self.input, depth, depth, values, steps);
        plain(simd, self.layer, Quantised { values, depth, steps }, self.out, self.next);
    }
}

/// A layer whose results are stored as they are.
#[inline(always)]
fn plain<S: Simd>(simd: S, layer: &Packed, input: Quantised<'_>, mut out: RowPiece<'_>, next: Next) {
    let outputs = layer.outputs();
    dense(simd, layer, input, &mut Plain(Place { out: out.stream, stride: outputs, outputs }));
    out.finish(outputs, next);
}

/// Rows of 8-bit samples `[columns, inputs]` to rows `[columns, outputs]`; a sample `s` stands for `s / 255 - 0.5`.
pub(super) fn from_samples(level: Level, layer: &Packed, input: &[Vec<u8>], next: Next) -> Vec<Row> {
    each_piece(layer, input, next, |scratch, input, out| level.run(SampleJob { layer, input, out, next, scratch }))
}

/// Twice a sample less 255, in this unit, is what it stands for: no rounding at all.
const SAMPLE_STEP: f32 = 1.0 / 510.0;

struct SampleJob<'a> {
    layer: &'a Packed,
    input: &'a [u8],
    out: RowPiece<'a>,
    next: Next,
    scratch: &'a mut Scratch,
}

impl Job for SampleJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let depth = self.layer.depth();
        let (values, steps) = self.scratch.sized(self.input.len() / depth, depth);
        values.iter_mut().zip(self.input).for_each(|(value, &sample)| *value = 2 * i16::from(sample) - 255);
        steps.fill(SAMPLE_STEP);
        plain(simd, self.layer, Quantised { values, depth, steps }, self.out, self.next);
    }
}

/// Rows of deep samples `[columns, inputs]` (see [`crate::patches::deep_rows`]) to rows `[columns, outputs]`.
pub(super) fn from_deep(level: Level, layer: &Packed, input: &[Vec<i16>], next: Next) -> Vec<Row> {
    each_piece(layer, input, next, |scratch, input, out| level.run(DeepJob { layer, input, out, next, scratch }))
}

struct DeepJob<'a> {
    layer: &'a Packed,
    input: &'a [i16],
    out: RowPiece<'a>,
    next: Next,
    scratch: &'a mut Scratch,
}

impl Job for DeepJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let depth = self.layer.depth();
        let (_, steps) = self.scratch.sized(self.input.len() / depth, depth);
        steps.fill(0.5 / f32::from(DEEP_MAX));
        plain(simd, self.layer, Quantised { values: self.input, depth, steps }, self.out, self.next);
    }
}

/// Rows `[columns, inputs]` to rows of samples `[columns, outputs]` up to `peak`.
pub(super) fn to_samples<T: Sample>(level: Level, layer: &Packed, input: &[Row], peak: u16) -> Vec<Vec<T>> {
    let peak = peak.into();
    let (inputs, outputs) = (layer.depth(), layer.outputs());
    let row = |row: &Row| vec![T::default(); row.stream.len() / inputs * outputs];
    let mut out: Vec<Vec<T>> = input.iter().map(row).collect();
    let mut jobs = Vec::new();
    for (input, out) in input.iter().zip(&mut out) {
        jobs.extend(input.stream.chunks(PIECE * inputs).zip(out.chunks_mut(PIECE * outputs)));
    }
    each(jobs, |scratch, (input, out)| level.run(ToSampleJob { layer, input, out, peak, scratch }));
    out
}

struct ToSampleJob<'a, T> {
    layer: &'a Packed,
    input: &'a [f32],
    out: &'a mut [T],
    peak: f32,
    scratch: &'a mut Scratch,
}

impl<T: Sample> Job for ToSampleJob<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (depth, outputs) = (self.layer.depth(), self.layer.outputs());
        let (values, steps) = self.scratch.sized(self.input.len() / depth, depth);
        quantise(self.input, depth, depth, values, steps);
        dense(
            simd,
            self.layer,
            Quantised { values, depth, steps },
            &mut Samples { out: self.out, outputs, peak: self.peak },
        );
    }
}

/// Pairs of rows `[2 columns, channels]` to rows `[columns, outputs]`; the layer reads 2x2 neighbourhoods.
pub(super) fn down(level: Level, layer: &Packed, input: &[Row], next: Next) -> Vec<Row> {
    let (inputs, outputs) = (layer.depth(), layer.outputs());
    let pairs = input.as_chunks::<2>().0;
    let row = |[row, _]: &[Row; 2]| Row::new(2 * row.stream.len() / inputs, outputs, next);
    let mut out: Vec<Row> = pairs.iter().map(row).collect();
    let mut jobs = Vec::new();
    for ([upper, lower], out) in pairs.iter().zip(&mut out) {
        // A row holds half of the inputs.
        let pieces = upper.stream.chunks(PIECE * inputs / 2).zip(lower.stream.chunks(PIECE * inputs / 2));
        jobs.extend(pieces.zip(out.pieces(PIECE, outputs)));
    }
    each(jobs, |scratch, ((upper, lower), out)| level.run(DownJob { layer, upper, lower, out, next, scratch }));
    out
}

struct DownJob<'a> {
    layer: &'a Packed,
    upper: &'a [f32],
    lower: &'a [f32],
    out: RowPiece<'a>,
    next: Next,
    scratch: &'a mut Scratch,
}

impl Job for DownJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let depth = self.layer.depth();
        let half = depth / 2;
        let (values, steps) = self.scratch.sized(2 * self.upper.len() / depth, depth);
        let places = values.chunks_exact_mut(depth).zip(steps.iter_mut());
        for ((upper, lower), (values, size)) in
            self.upper.chunks_exact(half).zip(self.lower.chunks_exact(half)).zip(places)
        {
            let step = Step::new(largest_bits(lower, largest_bits(upper, 0)));
            step.quantise(upper, &mut values[..half]);
            step.quantise(lower, &mut values[half..]);
            *size = step.size;
        }
        plain(simd, self.layer, Quantised { values, depth, steps }, self.out, self.next);
    }
}

/// Rows `[columns, inputs]` to pairs of rows `[2 columns, outputs]`, by a layer for every place of a 2x2 neighbourhood and a gain for every output.
pub(super) fn up(level: Level, layers: &[Packed; 4], gain: &[f32], input: &[Row], next: Next) -> Vec<Row> {
    let [first, ..] = layers;
    let (inputs, outputs) = (first.depth(), first.outputs());
    let new = |row: &Row| Row::new(2 * row.stream.len() / inputs, outputs, next);
    let mut out: Vec<Row> = input.iter().flat_map(|row| [new(row), new(row)]).collect();
    let mut jobs = Vec::new();
    for (input, [upper, lower]) in input.iter().zip(out.as_chunks_mut::<2>().0) {
        let pieces = upper.pieces(2 * PIECE, outputs).zip(lower.pieces(2 * PIECE, outputs));
        jobs.extend(input.stream.chunks(PIECE * inputs).zip(pieces));
    }
    each(jobs, |scratch, (input, (upper, lower))| {
        level.run(UpJob { layers, gain, input, rows: [upper, lower], next, scratch });
    });
    out
}

struct UpJob<'a> {
    layers: &'a [Packed; 4],
    gain: &'a [f32],
    input: &'a [f32],
    rows: [RowPiece<'a>; 2],
    next: Next,
    scratch: &'a mut Scratch,
}

impl Job for UpJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let [first, ..] = self.layers;
        let (depth, outputs) = (first.depth(), first.outputs());
        let (values, steps) = self.scratch.sized(self.input.len() / depth, depth);
        quantise(self.input, depth, depth, values, steps);
        for (layers, mut row) in self.layers.as_chunks::<2>().0.iter().zip(self.rows) {
            for (column, layer) in layers.iter().enumerate() {
                let place = Place { out: &mut row.stream[column * outputs..], stride: 2 * outputs, outputs };
                dense(simd, layer, Quantised { values, depth, steps }, &mut Gained { place, gain: self.gain });
            }
            row.finish(outputs, self.next);
        }
    }
}
