//! The layers between blocks: rows of floats through a dense layer, with the moves between space and channels before or behind it.

use rayon::prelude::*;

use super::kernels::{Gained, Place, Plain, Quantised, Samples, dense, quantise};
use super::number::{Sample, Step, largest_bits};
use super::pack::Packed;
use crate::patches::DEEP_MAX;
use crate::simd::{Job, Level, Simd};

/// Positions of a row that go through a layer together.
const PIECE: usize = 48;

/// What a layer makes of floats: vectors of integers, a step each.
#[derive(Debug, Default)]
struct Scratch {
    values: Vec<i16>,
    steps: Vec<f32>,
}

impl Scratch {
    fn sized(&mut self, count: usize, depth: usize) -> (&mut [i16], &mut [f32]) {
        self.values.resize(count * depth, 0);
        self.steps.resize(count, 0.0);
        (&mut self.values, &mut self.steps)
    }
}

/// Runs a piece of work on all pieces of some rows `[columns, inputs]`, and returns the rows `[columns, outputs]` that it fills.
fn each_piece<I: Sync, O: Clone + Default + Send>(
    layer: &Packed,
    input: &[Vec<I>],
    work: impl Fn(&mut Scratch, &[I], &mut [O]) + Sync,
) -> Vec<Vec<O>> {
    let (inputs, outputs) = (layer.depth(), layer.outputs());
    let mut out: Vec<Vec<O>> = input.iter().map(|row| vec![O::default(); row.len() / inputs * outputs]).collect();
    let mut jobs = Vec::new();
    for (input, out) in input.iter().zip(&mut out) {
        jobs.extend(input.chunks(PIECE * inputs).zip(out.chunks_mut(PIECE * outputs)));
    }
    jobs.into_par_iter().for_each_init(Scratch::default, |scratch, (input, out)| work(scratch, input, out));
    out
}

/// Rows `[columns, inputs]` to rows `[columns, outputs]`.
pub(super) fn rows(level: Level, layer: &Packed, input: &[Vec<f32>]) -> Vec<Vec<f32>> {
    each_piece(layer, input, |scratch, input, out| level.run(RowJob { layer, input, out, scratch }))
}

struct RowJob<'a> {
    layer: &'a Packed,
    input: &'a [f32],
    out: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl Job for RowJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (depth, outputs) = (self.layer.depth(), self.layer.outputs());
        let (values, steps) = self.scratch.sized(self.input.len() / depth, depth);
        quantise(self.input, depth, depth, values, steps);
        dense(
            simd,
            self.layer,
            Quantised { values, depth, steps },
            &mut Plain(Place { out: self.out, stride: outputs, outputs }),
        );
    }
}

/// Rows of 8-bit samples `[columns, inputs]` to rows `[columns, outputs]`; a sample `s` stands for `s / 255 - 0.5`.
pub(super) fn from_samples(level: Level, layer: &Packed, input: &[Vec<u8>]) -> Vec<Vec<f32>> {
    each_piece(layer, input, |scratch, input, out| level.run(SampleJob { layer, input, out, scratch }))
}

/// Twice a sample less 255, in this unit, is what it stands for: no rounding at all.
const SAMPLE_STEP: f32 = 1.0 / 510.0;

struct SampleJob<'a> {
    layer: &'a Packed,
    input: &'a [u8],
    out: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl Job for SampleJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (depth, outputs) = (self.layer.depth(), self.layer.outputs());
        let (values, steps) = self.scratch.sized(self.input.len() / depth, depth);
        values.iter_mut().zip(self.input).for_each(|(value, &sample)| *value = 2 * i16::from(sample) - 255);
        steps.fill(SAMPLE_STEP);
        dense(
            simd,
            self.layer,
            Quantised { values, depth, steps },
            &mut Plain(Place { out: self.out, stride: outputs, outputs }),
        );
    }
}

/// Rows of deep samples `[columns, inputs]` (see [`crate::patches::deep_rows`]) to rows `[columns, outputs]`.
pub(super) fn from_deep(level: Level, layer: &Packed, input: &[Vec<i16>]) -> Vec<Vec<f32>> {
    each_piece(layer, input, |scratch, input, out| level.run(DeepJob { layer, input, out, scratch }))
}

struct DeepJob<'a> {
    layer: &'a Packed,
    input: &'a [i16],
    out: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl Job for DeepJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (depth, outputs) = (self.layer.depth(), self.layer.outputs());
        let (_, steps) = self.scratch.sized(self.input.len() / depth, depth);
        steps.fill(0.5 / f32::from(DEEP_MAX));
        dense(
            simd,
            self.layer,
            Quantised { values: self.input, depth, steps },
            &mut Plain(Place { out: self.out, stride: outputs, outputs }),
        );
    }
}

/// Rows `[columns, inputs]` to rows of samples `[columns, outputs]` up to `peak`.
pub(super) fn to_samples<T: Sample>(level: Level, layer: &Packed, input: &[Vec<f32>], peak: u16) -> Vec<Vec<T>> {
    let peak = peak.into();
    each_piece(layer, input, |scratch, input, out| level.run(ToSampleJob { layer, input, out, peak, scratch }))
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
pub(super) fn down(level: Level, layer: &Packed, input: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let (inputs, outputs) = (layer.depth(), layer.outputs());
    let pairs = input.as_chunks::<2>().0;
    let mut out: Vec<Vec<f32>> = pairs.iter().map(|[row, _]| vec![0.0; 2 * row.len() / inputs * outputs]).collect();
    let mut jobs = Vec::new();
    for ([upper, lower], out) in pairs.iter().zip(&mut out) {
        // A row holds half of the inputs.
        let pieces = upper.chunks(PIECE * inputs / 2).zip(lower.chunks(PIECE * inputs / 2));
        jobs.extend(pieces.zip(out.chunks_mut(PIECE * outputs)));
    }
    jobs.into_par_iter().for_each_init(Scratch::default, |scratch, ((upper, lower), out)| {
        level.run(DownJob { layer, upper, lower, out, scratch });
    });
    out
}

struct DownJob<'a> {
    layer: &'a Packed,
    upper: &'a [f32],
    lower: &'a [f32],
    out: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl Job for DownJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (depth, outputs) = (self.layer.depth(), self.layer.outputs());
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
        dense(
            simd,
            self.layer,
            Quantised { values, depth, steps },
            &mut Plain(Place { out: self.out, stride: outputs, outputs }),
        );
    }
}

/// Rows `[columns, inputs]` to pairs of rows `[2 columns, outputs]`, by a layer for every place of a 2x2 neighbourhood and a gain for every output.
pub(super) fn up(level: Level, layers: &[Packed; 4], gain: &[f32], input: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let [first, ..] = layers;
    let (inputs, outputs) = (first.depth(), first.outputs());
    let length = |row: &Vec<f32>| vec![0.0; 2 * row.len() / inputs * outputs];
    let mut out: Vec<Vec<f32>> = input.iter().flat_map(|row| [length(row), length(row)]).collect();
    let mut jobs = Vec::new();
    for (input, [upper, lower]) in input.iter().zip(out.as_chunks_mut::<2>().0) {
        let pieces = upper.chunks_mut(2 * PIECE * outputs).zip(lower.chunks_mut(2 * PIECE * outputs));
        jobs.extend(input.chunks(PIECE * inputs).zip(pieces));
    }
    jobs.into_par_iter().for_each_init(Scratch::default, |scratch, (input, (upper, lower))| {
        level.run(UpJob { layers, gain, input, rows: [upper, lower], scratch });
    });
    out
}

struct UpJob<'a> {
    layers: &'a [Packed; 4],
    gain: &'a [f32],
    input: &'a [f32],
    rows: [&'a mut [f32]; 2],
    scratch: &'a mut Scratch,
}

impl Job for UpJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let [first, ..] = self.layers;
        let (depth, outputs) = (first.depth(), first.outputs());
        let (values, steps) = self.scratch.sized(self.input.len() / depth, depth);
        quantise(self.input, depth, depth, values, steps);
        for (layers, row) in self.layers.as_chunks::<2>().0.iter().zip(self.rows) {
            for (column, layer) in layers.iter().enumerate() {
                let place = Place { out: &mut row[column * outputs..], stride: 2 * outputs, outputs };
                dense(simd, layer, Quantised { values, depth, steps }, &mut Gained { place, gain: self.gain });
            }
        }
    }
}
