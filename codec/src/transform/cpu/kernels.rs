//! The products of the CPU's transforms: dense layers and the 3x3 convolution, from integers to floats. Plain Rust, see `crate::simd`.

use super::number::{Step, gated, largest_bits};
use super::pack::Packed;
use crate::samples::Sample;
use crate::simd::{Affine, Factors, LANES, Simd};

/// Integers at consecutive positions, with a step size for each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantised<'a> {
    /// `[positions, depth]`.
    pub(super) values: &'a [i16],
    /// Even.
    pub(super) depth: usize,
    /// `[positions]`.
    pub(super) steps: &'a [f32],
}

impl<'a> Quantised<'a> {
    /// From a position on.
    #[inline(always)]
    pub(super) fn from(self, position: usize) -> Self {
        Self { values: &self.values[position * self.depth..], steps: &self.steps[position..], ..self }
    }

    /// What the first `P` positions are multiplied with, and their steps.
    #[inline(always)]
    fn factors<const P: usize>(self, weights: &'a [i16]) -> (Factors<'a>, &'a [f32; P]) {
        (Factors { inputs: self.values, stride: self.depth, weights }, &self.steps.as_chunks().0[0])
    }
}

/// Turns vectors of `channels` floats into integers with one step per position.
#[inline(always)]
pub(super) fn quantise(floats: &[f32], channels: usize, depth: usize, values: &mut [i16], steps: &mut [f32]) {
    let rows = values.chunks_exact_mut(depth).zip(steps);
    for (floats, (values, size)) in floats.chunks_exact(channels).zip(rows) {
        let step = Step::new(largest_bits(floats, 0));
        step.quantise(floats, values);
        *size = step.size;
    }
}

/// The same for the first `part` channels of every position.
#[inline(always)]
pub(super) fn quantise_part(
    floats: &[f32],
    channels: usize,
    part: usize,
    depth: usize,
    values: &mut [i16],
    steps: &mut [f32],
) {
    let rows = values.chunks_exact_mut(depth).zip(steps);
    for (floats, (values, size)) in floats.chunks_exact(channels).zip(rows) {
        let step = Step::new(largest_bits(&floats[..part], 0));
        step.quantise(&floats[..part], values);
        *size = step.size;
    }
}

/// Takes results: outputs of a panel at `P` positions from `first` on.
pub(super) trait Finish {
    fn finish<const P: usize>(&mut self, first: usize, panel: usize, values: &[[f32; LANES]; P]);
}

/// A dense layer at all positions of `input`.
#[inline(always)]
pub(super) fn dense<S: Simd>(simd: S, layer: &Packed, input: Quantised<'_>, finish: &mut impl Finish) {
    let count = input.steps.len();
    for (panel, (weights, affine)) in layer.panels().enumerate() {
        let mut first = 0;
        while first < count {
            let piece = Piece { weights, affine, panel, first };
            first += match count - first {
                12.. if S::WIDE => piece.dense::<S, 12>(simd, input, finish),
                8.. if S::WIDE => piece.dense::<S, 8>(simd, input, finish),
                6.. if !S::WIDE => piece.dense::<S, 6>(simd, input, finish),
                4.. => piece.dense::<S, 4>(simd, input, finish),
                2.. => piece.dense::<S, 2>(simd, input, finish),
                _ => piece.dense::<S, 1>(simd, input, finish),
            };
        }
    }
}

/// The 3x3 convolution at `count` positions of a row. `rows` are the rows above, at and below, beginning one position to the left.
#[inline(always)]
pub(super) fn conv<S: Simd>(
    simd: S,
    layer: &Packed,
    rows: &[Quantised<'_>; 3],
    count: usize,
    finish: &mut impl Finish,
) {
    for (panel, (weights, affine)) in layer.panels().enumerate() {
        let mut first = 0;
        while first < count {
            let piece = Piece { weights, affine, panel, first };
            first += match count - first {
                12.. if S::WIDE => piece.conv::<S, 12>(simd, rows, finish),
                8.. if S::WIDE => piece.conv::<S, 8>(simd, rows, finish),
                6.. if !S::WIDE => piece.conv::<S, 6>(simd, rows, finish),
                4.. => piece.conv::<S, 4>(simd, rows, finish),
                2.. => piece.conv::<S, 2>(simd, rows, finish),
                _ => piece.conv::<S, 1>(simd, rows, finish),
            };
        }
    }
}

/// One panel at the positions from `first` on.
struct Piece<'a> {
    weights: &'a [i16],
    affine: &'a Affine,
    panel: usize,
    first: usize,
}

impl Piece<'_> {
    /// Computes `P` positions and returns `P`.
    #[inline(always)]
    fn dense<S: Simd, const P: usize>(&self, simd: S, input: Quantised<'_>, finish: &mut impl Finish) -> usize {
        let (factors, steps) = input.from(self.first).factors::<P>(self.weights);
        finish.finish(self.first, self.panel, &simd.outputs(factors, steps, self.affine));
        P
    }

    /// The same for the convolution. Neighbours have steps of their own, so every tap's sum becomes a float at once.
    #[inline(always)]
    fn conv<S: Simd, const P: usize>(&self, simd: S, rows: &[Quantised<'_>; 3], finish: &mut impl Finish) -> usize {
        let mut totals = [[0.0; LANES]; P];
        for (tap, weights) in self.weights.chunks_exact(rows[0].depth * LANES).enumerate() {
            let (factors, steps) = rows[tap / 3].from(self.first + tap % 3).factors::<P>(weights);
            simd.add(&mut totals, factors, steps);
        }
        simd.affine(&mut totals, self.affine);
        finish.finish(self.first, self.panel, &totals);
        P
    }
}

/// Where floats go: outputs of position `p` from `p * stride` on.
pub(super) struct Place<'a> {
    pub(super) out: &'a mut [f32],
    pub(super) stride: usize,
    pub(super) outputs: usize,
}

impl Place<'_> {
    /// Puts a panel's results at their places: `change` makes new numbers of the old ones and the results.
    #[inline(always)]
    fn put<const N: usize>(
        &mut self,
        first: usize,
        panel: usize,
        values: &[[f32; N]],
        change: impl Fn(&mut [f32; N], &[f32; N]),
    ) {
        let output = panel * N;
        let places = self.out[first * self.stride..].chunks_mut(self.stride);
        for (place, values) in places.zip(values) {
            let place = &mut place[output..self.outputs];
            match place.first_chunk_mut::<N>() {
                Some(place) => change(place, values),
                // The last panel, where outputs are no multiple of it.
                None => {
                    let mut whole = [0.0; N];
                    whole[..place.len()].copy_from_slice(place);
                    change(&mut whole, values);
                    place.copy_from_slice(&whole[..place.len()]);
                }
            }
        }
    }
}

/// Stores results as they are.
pub(super) struct Plain<'a>(pub(super) Place<'a>);

impl Finish for Plain<'_> {
    #[inline(always)]
    fn finish<const P: usize>(&mut self, first: usize, panel: usize, values: &[[f32; LANES]; P]) {
        self.0.put(first, panel, values, |place, values| *place = *values);
    }
}

/// Stores what is positive, 0 for the rest.
pub(super) struct Relu<'a>(pub(super) Place<'a>);

impl Finish for Relu<'_> {
    #[inline(always)]
    fn finish<const P: usize>(&mut self, first: usize, panel: usize, values: &[[f32; LANES]; P]) {
        self.0.put(first, panel, values, |place, values| {
            for lane in 0..LANES {
                place[lane] = if values[lane] > 0.0 { values[lane] } else { 0.0 };
            }
        });
    }
}

/// Adds to what is there.
pub(super) struct Residual<'a>(pub(super) Place<'a>);

impl Finish for Residual<'_> {
    #[inline(always)]
    fn finish<const P: usize>(&mut self, first: usize, panel: usize, values: &[[f32; LANES]; P]) {
        self.0.put(first, panel, values, |place, values| {
            for lane in 0..LANES {
                place[lane] += values[lane];
            }
        });
    }
}

/// Multiplies with a gain per output.
pub(super) struct Gained<'a> {
    pub(super) place: Place<'a>,
    /// As many as outputs.
    pub(super) gain: &'a [f32],
}

impl Finish for Gained<'_> {
    #[inline(always)]
    fn finish<const P: usize>(&mut self, first: usize, panel: usize, values: &[[f32; LANES]; P]) {
        let mut gains = [0.0; LANES];
        gains.iter_mut().zip(&self.gain[panel * LANES..]).for_each(|(to, from)| *to = *from);
        self.place.put(first, panel, values, |place, values| {
            for lane in 0..LANES {
                place[lane] = values[lane] * gains[lane];
            }
        });
    }
}

/// Stores `value * sigmoid(gate)` of panels that hold pairs ([`Packed::dense_pairs`]).
pub(super) struct Gate<'a>(pub(super) Place<'a>);

impl Finish for Gate<'_> {
    #[inline(always)]
    fn finish<const P: usize>(&mut self, first: usize, panel: usize, values: &[[f32; LANES]; P]) {
        const HALF: usize = LANES / 2;
        const TOGETHER: usize = 4;
        let mut results = [[0.0; HALF]; P];
        // Several positions at a time: a gate is a long chain of operations, and the processor looks ahead two chains at most.
        for (values, results) in values.chunks(TOGETHER).zip(results.chunks_mut(TOGETHER)) {
            match (values.as_array::<TOGETHER>(), results.as_mut_array::<TOGETHER>()) {
                (Some(values), Some(results)) => gate(values, results),
                _ => {
                    for (values, results) in values.iter().zip(results) {
                        gate(&[*values], std::array::from_mut(results));
                    }
                }
            }
        }
        self.0.put(first, panel, &results, |place, results| *place = *results);
    }
}

/// The gate at some positions, whose values and gates are brought together.
#[inline(always)]
fn gate<const T: usize>(panels: &[[f32; LANES]; T], results: &mut [[f32; LANES / 2]; T]) {
    let mut values = [[0.0; LANES / 2]; T];
    let mut gates = values;
    for t in 0..T {
        for lane in 0..LANES / 2 {
            values[t][lane] = panels[t][lane];
            gates[t][lane] = panels[t][LANES / 2 + lane];
        }
    }
    gated(&values, &gates, results);
}

/// Stores samples up to `peak`.
pub(super) struct Samples<'a, T> {
    /// `[positions, outputs]`.
    pub(super) out: &'a mut [T],
    pub(super) outputs: usize,
    pub(super) peak: f32,
}

impl<T: Sample> Finish for Samples<'_, T> {
    #[inline(always)]
    fn finish<const P: usize>(&mut self, first: usize, panel: usize, values: &[[f32; LANES]; P]) {
        let output = panel * LANES;
        let count = LANES.min(self.outputs - output);
        // Loops, because `map` would not be inlined into the instruction set.
        for (values, place) in values.iter().zip(self.out[first * self.outputs..].chunks_mut(self.outputs)) {
            let mut samples = [T::default(); LANES];
            for lane in 0..LANES {
                samples[lane] = super::number::sample(values[lane], self.peak);
            }
            match place[output..].first_chunk_mut::<LANES>() {
                Some(place) => *place = samples,
                None => place[output..].iter_mut().zip(&samples[..count]).for_each(|(to, from)| *to = *from),
            }
        }
    }
}
