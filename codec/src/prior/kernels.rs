//! The matrix product of the fast engine and the ways its results are stored. Plain Rust, see `crate::simd`.

use lic_shaders::arithmetic::{ACTIVATION_MAX, WIDE_MAX};

use super::pack::{Constants, Packed};
use crate::simd::{Factors, LANES, Simd};

/// A run of inputs of consecutive positions: position `p` reads `length` (even) values from `start + p * stride` on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) data: &'a [i16],
    pub(super) start: usize,
    pub(super) stride: usize,
    pub(super) length: usize,
}

/// Takes results: `values` are outputs `output..` of position `position`; lanes beyond the last output are to be ignored.
pub(super) trait Store {
    fn store(&mut self, position: usize, output: usize, values: &[i32; LANES]);
}

/// A packed layer at `count` positions. The lengths of the sources add up to the layer's depth.
#[inline(always)]
pub(super) fn product<S: Simd, T: Store>(simd: S, layer: &Packed, sources: &[Source<'_>], count: usize, store: &mut T) {
    for (output, weights, constants) in layer.panels() {
        let mut first = 0;
        while first < count {
            let panel = Panel { output, weights, constants, sources, first };
            first += match count - first {
                12.. if S::WIDE => panel.multiply::<S, T, 12>(simd, store),
                8.. if S::WIDE => panel.multiply::<S, T, 8>(simd, store),
                6.. if !S::WIDE => panel.multiply::<S, T, 6>(simd, store),
                4.. => panel.multiply::<S, T, 4>(simd, store),
                2.. => panel.multiply::<S, T, 2>(simd, store),
                _ => panel.multiply::<S, T, 1>(simd, store),
            };
        }
    }
}

/// One panel of outputs at the positions from `first` on.
struct Panel<'a> {
    output: usize,
    weights: &'a [i16],
    constants: &'a Constants,
    sources: &'a [Source<'a>],
    first: usize,
}

impl Panel<'_> {
    /// Computes `P` positions and returns `P`.
    #[inline(always)]
    fn multiply<S: Simd, T: Store, const P: usize>(&self, simd: S, store: &mut T) -> usize {
        let constants = self.constants;
        let mut sums = [constants.start; P];
        let mut weights = self.weights;
        for source in self.sources {
            let (now, later) = weights.split_at(source.length * LANES);
            let inputs = &source.data[source.start + self.first * source.stride..];
            simd.accumulate(&mut sums, Factors { inputs, stride: source.stride, weights: now });
            weights = later;
        }
        for (p, sums) in sums.iter().enumerate() {
            let mut values = [0; LANES];
            for lane in 0..LANES {
                let narrow = sums[lane].wrapping_shr(constants.shift1[lane]).clamp(-WIDE_MAX, WIDE_MAX);
                let product = narrow * constants.mult[lane] + constants.rounding2[lane];
                values[lane] = product.wrapping_shr(constants.shift2[lane]);
            }
            store.store(self.first + p, self.output, &values);
        }
        P
    }
}

/// Stores clamped values: position `p` has its outputs at `start + p * stride`.
#[derive(Debug)]
pub(super) struct Clamped<'a> {
    pub(super) out: &'a mut [i16],
    pub(super) start: usize,
    pub(super) stride: usize,
    pub(super) outputs: usize,
    pub(super) min: i32,
    pub(super) max: i32,
}

impl<'a> Clamped<'a> {
    /// Activations of positions beside each other.
    pub(super) fn activations(out: &'a mut [i16], layer: &Packed) -> Self {
        let outputs = layer.outputs();
        Self { out, start: 0, stride: outputs, outputs, min: -ACTIVATION_MAX, max: ACTIVATION_MAX }
    }
}

impl Store for Clamped<'_> {
    #[inline(always)]
    fn store(&mut self, position: usize, output: usize, values: &[i32; LANES]) {
        let from = self.start + position * self.stride + output;
        // A loop, because `map` would not be inlined into the instruction set.
        let mut clamped = [0; LANES];
        for lane in 0..LANES {
            clamped[lane] = values[lane].clamp(self.min, self.max) as i16;
        }
        // The full width is spelt out, because copies of constant length are single instructions.
        if output + LANES <= self.outputs {
            self.out[from..from + LANES].copy_from_slice(&clamped);
        } else {
            let rest = self.outputs - output;
            self.out[from..from + rest].copy_from_slice(&clamped[..rest]);
        }
    }
}

/// Adds to a residual stream of positions beside each other.
#[derive(Debug)]
pub(super) struct Added<'a> {
    pub(super) stream: &'a mut [i16],
    pub(super) channels: usize,
}

impl Store for Added<'_> {
    #[inline(always)]
    fn store(&mut self, position: usize, output: usize, values: &[i32; LANES]) {
        let from = position * self.channels + output;
        let add = |(old, value): (&mut i16, &i32)| {
            *old = (i32::from(*old) + value).clamp(-ACTIVATION_MAX, ACTIVATION_MAX) as i16;
        };
        if output + LANES <= self.channels {
            self.stream[from..from + LANES].iter_mut().zip(values).for_each(add);
        } else {
            self.stream[from..from + self.channels - output].iter_mut().zip(values).for_each(add);
        }
    }
}

/// Pixel shuffle of one row of positions into two rows `[2, width, channels]`, or one where the plane ends.
#[derive(Debug)]
pub(super) struct Shuffled<'a> {
    pub(super) rows: &'a mut [i16],
    pub(super) width: usize,
    pub(super) channels: usize,
}

impl Store for Shuffled<'_> {
    #[inline(always)]
    fn store(&mut self, position: usize, output: usize, values: &[i32; LANES]) {
        let end = (output + LANES).min(4 * self.channels);
        let mut next = output;
        while next < end {
            let (quadrant, channel) = (next / self.channels, next % self.channels);
            let run = (self.channels - channel).min(end - next);
            let (row, column) = (quadrant / 2, 2 * position + quadrant % 2);
            let from = (row * self.width + column) * self.channels + channel;
            // Beyond the right edge, or below the last row.
            if column < self.width && from < self.rows.len() {
                let values = &values[next - output..next - output + run];
                for (to, value) in self.rows[from..from + run].iter_mut().zip(values) {
                    *to = (*value).clamp(-ACTIVATION_MAX, ACTIVATION_MAX) as i16;
                }
            }
            next += run;
        }
    }
}
