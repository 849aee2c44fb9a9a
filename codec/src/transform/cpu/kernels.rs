//! The products of the CPU's transforms: dense layers and the 3x3 convolution, from integers to floats. Plain Rust, see `simd.rs`.

use super::number::{Sample, Step, largest_bits};
use super::pack::{Packed, Scales};
use crate::simd::{LANES, Simd};

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
pub(super) fn quantise_part<S: Simd>(
    _simd: S,
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

/// Takes results: outputs of a panel at a position.
pub(super) trait Finish {
    fn finish(&mut self, position: usize, panel: usize, values: &[f32; LANES]);
}

/// A dense layer at all positions of `input`.
#[inline(always)]
pub(super) fn dense<S: Simd>(simd: S, layer: &Packed, input: Quantised<'_>, finish: &mut impl Finish) {
    let count = input.steps.len();
    for (panel, (weights, scales)) in layer.panels().enumerate() {
        let mut first = 0;
        while first < count {
            let piece = Piece { weights, scales, panel, first };
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
    for (panel, (weights, scales)) in layer.panels().enumerate() {
        let mut first = 0;
        while first < count {
            let piece = Piece { weights, scales, panel, first };
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
    scales: &'a Scales,
    panel: usize,
    first: usize,
}

impl Piece<'_> {
    /// Computes `P` positions and returns `P`.
    #[inline(always)]
    fn dense<S: Simd, const P: usize>(&self, simd: S, input: Quantised<'_>, finish: &mut impl Finish) -> usize {
        let mut sums = [[0; LANES]; P];
        simd.accumulate(&mut sums, &input.values[self.first * input.depth..], input.depth, self.weights);
        for (p, sums) in sums.iter().enumerate() {
            let step = input.steps[self.first + p];
            let mut values = [0.0; LANES];
            for lane in 0..LANES {
                values[lane] = sums[lane] as f32 * step * self.scales.scale[lane] + self.scales.bias[lane];
            }
            finish.finish(self.first + p, self.panel, &values);
        }
        P
    }

    /// The same for the convolution. Neighbours have steps of their own, so every tap's sum becomes a float at once.
    #[inline(always)]
    fn conv<S: Simd, const P: usize>(&self, simd: S, rows: &[Quantised<'_>; 3], finish: &mut impl Finish) -> usize {
        let mut totals = [[0.0; LANES]; P];
        let depth = rows[0].depth;
        for (tap, weights) in self.weights.chunks_exact(depth * LANES).enumerate() {
            let (row, left) = (rows[tap / 3], self.first + tap % 3);
            let mut sums = [[0; LANES]; P];
            simd.accumulate(&mut sums, &row.values[left * depth..], depth, weights);
            for ((totals, sums), &step) in totals.iter_mut().zip(&sums).zip(&row.steps[left..left + P]) {
                for lane in 0..LANES {
                    totals[lane] += sums[lane] as f32 * step;
                }
            }
        }
        for (p, totals) in totals.iter().enumerate() {
            let mut values = [0.0; LANES];
            for lane in 0..LANES {
                values[lane] = totals[lane] * self.scales.scale[lane] + self.scales.bias[lane];
            }
            finish.finish(self.first + p, self.panel, &values);
        }
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
    /// Puts a panel's results at their place: `change` makes a new number of the old one and the result.
    #[inline(always)]
    fn put<const N: usize>(
        &mut self,
        position: usize,
        panel: usize,
        values: &[f32; N],
        change: impl Fn(f32, f32, usize) -> f32,
    ) {
        let output = panel * N;
        let place = &mut self.out[position * self.stride + output..];
        // Loops of constant length become a few wide instructions, so whole panels are told apart.
        if output + N <= self.outputs
            && let Some(place) = place.first_chunk_mut::<N>()
        {
            for lane in 0..N {
                place[lane] = change(place[lane], values[lane], lane);
            }
        } else {
            put_some(&mut place[..self.outputs - output], values, change);
        }
    }
}

/// Puts the first results of a panel. On its own, because the compiler would make one loop of unknown length of it and the other.
#[cold]
#[inline(never)]
fn put_some<const N: usize>(place: &mut [f32], values: &[f32; N], change: impl Fn(f32, f32, usize) -> f32) {
    for (lane, (place, &value)) in place.iter_mut().zip(values).enumerate() {
        *place = change(*place, value, lane);
    }
}

/// Stores results as they are.
pub(super) struct Plain<'a>(pub(super) Place<'a>);

impl Finish for Plain<'_> {
    #[inline(always)]
    fn finish(&mut self, position: usize, panel: usize, values: &[f32; LANES]) {
        self.0.put(position, panel, values, |_, value, _| value);
    }
}

/// Stores what is positive, 0 for the rest.
pub(super) struct Relu<'a>(pub(super) Place<'a>);

impl Finish for Relu<'_> {
    #[inline(always)]
    fn finish(&mut self, position: usize, panel: usize, values: &[f32; LANES]) {
        self.0.put(position, panel, values, |_, value, _| if value > 0.0 { value } else { 0.0 });
    }
}

/// Adds to what is there.
pub(super) struct Residual<'a>(pub(super) Place<'a>);

impl Finish for Residual<'_> {
    #[inline(always)]
    fn finish(&mut self, position: usize, panel: usize, values: &[f32; LANES]) {
        self.0.put(position, panel, values, |old, value, _| old + value);
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
    fn finish(&mut self, position: usize, panel: usize, values: &[f32; LANES]) {
        let mut gains = [0.0; LANES];
        gains.iter_mut().zip(&self.gain[panel * LANES..]).for_each(|(to, from)| *to = *from);
        self.place.put(position, panel, values, |_, value, lane| value * gains[lane]);
    }
}

/// Stores `value * sigmoid(gate)` of panels that hold pairs ([`Packed::dense_pairs`]).
pub(super) struct Gate<'a>(pub(super) Place<'a>);

impl Finish for Gate<'_> {
    #[inline(always)]
    fn finish(&mut self, position: usize, panel: usize, values: &[f32; LANES]) {
        const HALF: usize = LANES / 2;
        let mut results = [0.0; HALF];
        for lane in 0..HALF {
            results[lane] = super::number::gated(values[lane], values[HALF + lane]);
        }
        self.0.put(position, panel, &results, |_, result, _| result);
    }
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
    fn finish(&mut self, position: usize, panel: usize, values: &[f32; LANES]) {
        let output = panel * LANES;
        // A loop, because `map` would not be inlined into the instruction set.
        let mut samples = [T::default(); LANES];
        for lane in 0..LANES {
            samples[lane] = super::number::sample(values[lane], self.peak);
        }
        let place = &mut self.out[position * self.outputs + output..];
        match place.first_chunk_mut::<LANES>() {
            Some(place) if output + LANES <= self.outputs => *place = samples,
            _ => place.iter_mut().take(self.outputs - output).zip(samples).for_each(|(to, from)| *to = from),
        }
    }
}
