//! Float layers as 16-bit integers, repacked in panels of [`LANES`] outputs with two inputs side by side.
//!
//! Differs from the prior's packing (`prior/pack.rs`), whose integers are the format: here they are made from the weight file's floats when a
//! model is loaded, as finely as 32-bit sums allow, and results become floats again. All of it is exact in IEEE arithmetic without
//! fused operations, so every machine gets the same integers and, from the kernels, the same pixels.

use lic_shaders::transform::{Conv3x3, Dense};
use rayon::prelude::*;

use crate::simd::{Affine, LANES};

/// Activations are integers in `-8192..=8192`: what is left of 31 bits, 17 and a half, goes to the weights of an output together. The two
/// errors are then about equal, 70 dB below the layer's output.
pub(super) const STEPS_MAX: f32 = 8191.0;

/// Largest sum of the absolute values of an output's weights: `2^31 / 8192`, less one.
const WEIGHT_SUM_MAX: f64 = 262_143.0;

/// Positions that a convolution reads: 3x3.
const TAPS: usize = 9;

/// A layer in panels, of one or several taps.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    outputs: usize,
    /// Inputs of a tap, even.
    depth: usize,
    taps: usize,
    /// `[panels, taps, depth / 2, LANES, 2]`.
    weights: Vec<i16>,
    /// Of every panel; lanes without output are 0.
    scales: Vec<Affine>,
}

impl Packed {
    /// A dense layer.
    pub(super) fn dense(layer: &Dense) -> Self {
        let lanes: Vec<Option<usize>> =
            (0..layer.outputs.next_multiple_of(LANES)).map(|o| in_range(o, layer)).collect();
        Self::dense_lanes(layer, &lanes)
    }

    /// A dense layer to pairs of channels: the first half of every panel are outputs of the first half of the layer's, the second half those
    /// `outputs / 2` further.
    pub(super) fn dense_pairs(layer: &Dense) -> Self {
        let (half, width) = (layer.outputs / 2, LANES / 2);
        let lane = |i: usize| {
            let (panel, lane) = (i / LANES, i % LANES);
            let channel = panel * width + lane % width;
            (channel < half).then_some(lane / width * half + channel)
        };
        let lanes: Vec<Option<usize>> = (0..half.div_ceil(width) * LANES).map(lane).collect();
        Self { outputs: half, ..Self::dense_lanes(layer, &lanes) }
    }

    /// A dense layer with the given output in every lane.
    fn dense_lanes(layer: &Dense, lanes: &[Option<usize>]) -> Self {
        let Dense { inputs, outputs, weight, bias } = layer;
        Self::new([*outputs, *inputs, 1], lanes, bias, |output, _, input| weight[input * outputs + output])
    }

    /// A convolution of nine taps.
    pub(super) fn conv(layer: &Conv3x3) -> Self {
        let channels = layer.channels;
        let lanes: Vec<Option<usize>> =
            (0..channels.next_multiple_of(LANES)).map(|o| (o < channels).then_some(o)).collect();
        let weight = |output, tap, input| layer.weight[(output * channels + input) * TAPS + tap];
        Self::new([channels, channels, TAPS], &lanes, &layer.bias, weight)
    }

    /// `weight` gives the number of an output, tap and input.
    fn new(
        [outputs, inputs, taps]: [usize; 3],
        lanes: &[Option<usize>],
        bias: &[f32],
        weight: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let depth = inputs.next_multiple_of(2);
        let empty = Affine { scale: [0.0; LANES], bias: [0.0; LANES] };
        let mut weights = vec![0; lanes.len() * taps * depth];
        let mut scales = vec![empty; lanes.len() / LANES];
        let panels = weights.par_chunks_exact_mut(taps * depth * LANES).zip(&mut scales);
        let lanes = lanes.as_chunks::<LANES>().0;
        panels.zip(lanes).for_each_init(Vec::new, |rows, ((weights, scales), lanes)| {
            // Loops over whole panels, lanes without output too: those have constant length.
            rows.clear();
            let row = |tap, input| lanes.map(|output| output.map_or(0.0, |output| weight(output, tap, input)));
            rows.extend(
                (0..taps)
                    .flat_map(|tap| (0..inputs).map(move |input| (tap, input)))
                    .map(|(tap, input)| row(tap, input)),
            );
            let mut bounds = Bounds::default();
            rows.chunks_exact(inputs.max(1)).for_each(|tap| bounds.take(tap));
            let factors = bounds.factors(inputs);
            for (rows, weights) in rows.chunks_exact(inputs.max(1)).zip(weights.chunks_exact_mut(depth * LANES)) {
                for (pair, weights) in rows.chunks(2).zip(weights.as_chunks_mut::<{ 2 * LANES }>().0) {
                    for (side, row) in pair.iter().enumerate() {
                        for lane in 0..LANES {
                            weights[2 * lane + side] = nearest(f64::from(row[lane]) * factors[lane]) as i16;
                        }
                    }
                }
            }
            for (lane, output) in lanes.iter().enumerate() {
                let Some(output) = *output else { continue };
                scales.scale[lane] = if factors[lane] > 0.0 { (1.0 / factors[lane]) as f32 } else { 0.0 };
                scales.bias[lane] = bias[output];
            }
        });
        Self { outputs, depth, taps, weights, scales }
    }

    /// Output channels; pairs count once.
    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Inputs of a tap, even: activations are padded to so many.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Adds to the bias of every output of a dense layer.
    pub(super) fn add_bias(&mut self, more: &[f32]) {
        for (scales, more) in self.scales.iter_mut().zip(more.chunks(LANES)) {
            scales.bias.iter_mut().zip(more).for_each(|(bias, more)| *bias += more);
        }
    }

    /// Weights `[taps, depth / 2, LANES, 2]` and scales of every panel.
    #[inline(always)]
    pub(super) fn panels(&self) -> impl Iterator<Item = (&[i16], &Affine)> {
        self.weights.chunks_exact(self.taps * self.depth * LANES).zip(&self.scales)
    }
}

fn in_range(output: usize, layer: &Dense) -> Option<usize> {
    (output < layer.outputs).then_some(output)
}

/// What bounds the integers of a panel's outputs.
#[derive(Debug)]
struct Bounds {
    /// Largest sum of the absolute values of a tap.
    sum: [f64; LANES],
    /// Largest absolute value.
    largest: [f64; LANES],
}

impl Default for Bounds {
    fn default() -> Self {
        Self { sum: [0.0; LANES], largest: [0.0; LANES] }
    }
}

impl Bounds {
    /// Looks at the weights `[inputs]` of a tap.
    fn take(&mut self, tap: &[[f32; LANES]]) {
        let mut sums = [0.0; LANES];
        for row in tap {
            for lane in 0..LANES {
                let size = f64::from(row[lane].abs());
                sums[lane] += size;
                self.largest[lane] = self.largest[lane].max(size);
            }
        }
        for (most, sum) in self.sum.iter_mut().zip(sums) {
            *most = most.max(sum);
        }
    }

    /// The largest factors with which no sum of a tap can leave `i32` and no weight `i16`; 0 if there is none.
    fn factors(&self, inputs: usize) -> [f64; LANES] {
        let mut factors = [0.0; LANES];
        for (factor, (sum, largest)) in factors.iter_mut().zip(self.sum.iter().zip(&self.largest)) {
            // Rounding adds at most a half for every weight.
            let most = ((WEIGHT_SUM_MAX - inputs as f64 / 2.0) / sum).min(32767.0 / largest);
            *factor = if most.is_finite() { most } else { 0.0 };
        }
        factors
    }
}

/// `1.5 * 2^52`, the `MAGIC` of `number.rs` for `f64`: `f64::round` is a call into the system's library where SSE 4.1 is not taken for granted.
const MAGIC: f64 = 6_755_399_441_055_744.0;

/// The nearest integer of a number below `2^31`.
fn nearest(x: f64) -> i32 {
    ((x + MAGIC).to_bits() as i64).wrapping_sub(MAGIC.to_bits() as i64) as i32
}
