//! Float layers as 16-bit integers, repacked in panels of [`LANES`] outputs with two inputs side by side.
//!
//! Differs from the prior's packing (`prior/pack.rs`), whose integers are the format: here they are made from the weight file's floats when a
//! model is loaded, as finely as 32-bit sums allow, and results become floats again. All of it is exact in IEEE arithmetic without
//! fused operations, so every machine gets the same integers and, from the kernels, the same pixels.

use lic_shaders::transform::{Conv3x3, Dense};

use crate::simd::LANES;

/// Activations are integers in `-8192..=8192`: what is left of 31 bits, 17 and a half, goes to the weights of an output together. The two
/// errors are then about equal, 70 dB below the layer's output.
pub(super) const ACTIVATION_MAX: f32 = 8191.0;

/// Largest sum of the absolute values of an output's weights: `2^31 / 8192`, less one.
const WEIGHT_SUM_MAX: f64 = 262_143.0;

/// What turns the sums of one panel into outputs; lanes without output are 0.
#[derive(Debug, Clone)]
pub(super) struct Scales {
    /// Output per unit of the integer weights.
    pub(super) scale: [f32; LANES],
    pub(super) bias: [f32; LANES],
}

/// A layer in panels, of one or several taps.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    outputs: usize,
    /// Inputs of a tap, even.
    depth: usize,
    taps: usize,
    /// `[panels, taps, depth / 2, LANES, 2]`.
    weights: Vec<i16>,
    scales: Vec<Scales>,
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
        let row = |o: usize| layer.weight[o..].iter().step_by(layer.outputs).copied().collect();
        Self::new(layer.outputs, layer.inputs, 1, lanes, &layer.bias, row)
    }

    /// A convolution of nine taps.
    pub(super) fn conv(layer: &Conv3x3) -> Self {
        let channels = layer.channels;
        let lanes: Vec<Option<usize>> =
            (0..channels.next_multiple_of(LANES)).map(|o| (o < channels).then_some(o)).collect();
        let row = |o: usize| {
            let weights = &layer.weight[o * channels * 9..(o + 1) * channels * 9];
            (0..9).flat_map(|tap| weights.iter().skip(tap).step_by(9).copied()).collect()
        };
        Self::new(channels, channels, 9, &lanes, &layer.bias, row)
    }

    /// `row` gives the weights `[taps, inputs]` of an output.
    fn new(
        outputs: usize,
        inputs: usize,
        taps: usize,
        lanes: &[Option<usize>],
        bias: &[f32],
        row: impl Fn(usize) -> Vec<f32>,
    ) -> Self {
        let depth = inputs.next_multiple_of(2);
        let empty = Scales { scale: [0.0; LANES], bias: [0.0; LANES] };
        let mut weights = vec![0; lanes.len() * taps * depth];
        let mut scales = vec![empty; lanes.len() / LANES];
        for (i, output) in lanes.iter().enumerate() {
            let Some(output) = *output else { continue };
            let row = row(output);
            let (panel, lane) = (i / LANES, i % LANES);
            let factor = factor(&row, inputs);
            for (tap, values) in row.chunks_exact(inputs).enumerate() {
                for (k, value) in values.iter().enumerate() {
                    let at = ((panel * taps + tap) * depth + k / 2 * 2) * LANES + 2 * lane + k % 2;
                    weights[at] = (f64::from(*value) * factor).round() as i16;
                }
            }
            scales[panel].scale[lane] = if factor > 0.0 { (1.0 / factor) as f32 } else { 0.0 };
            scales[panel].bias[lane] = bias[output];
        }
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
    pub(super) fn panels(&self) -> impl Iterator<Item = (&[i16], &Scales)> {
        self.weights.chunks_exact(self.taps * self.depth * LANES).zip(&self.scales)
    }
}

fn in_range(output: usize, layer: &Dense) -> Option<usize> {
    (output < layer.outputs).then_some(output)
}

/// What an output's weights are multiplied with: the largest factor with which no sum of a tap can leave `i32` and no weight `i16`.
/// 0 if there is none.
fn factor(row: &[f32], inputs: usize) -> f64 {
    let sum = |values: &[f32]| values.iter().map(|&w| f64::from(w.abs())).sum::<f64>();
    let largest_sum = row.chunks_exact(inputs).map(sum).fold(0.0, f64::max);
    let largest = row.iter().map(|&w| f64::from(w.abs())).fold(0.0, f64::max);
    // Rounding adds at most a half for every weight.
    let factor = ((WEIGHT_SUM_MAX - inputs as f64 / 2.0) / largest_sum).min(32767.0 / largest);
    if factor.is_finite() { factor } else { 0.0 }
}
