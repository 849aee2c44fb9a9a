//! The layers, computed in the most obvious way: one output at a time, in plain `i32`.
//!
//! This is the definition. The SIMD kernels of `lic-codec` and the shaders of `gpu` must give the same numbers.

use crate::arithmetic::{clamp_activation, clamp_relu, clamp_wide, requantise};
use crate::knots::QualityIndex;
use crate::layer::{Block, Head, Linear, Partial3x3};
use crate::order::{GROUP, phase};
use crate::plane::Plane;

/// What follows a linear layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clamp {
    /// To -4095..=4095.
    Activation,
    /// To 0..=4095.
    Relu,
    /// To -32767..=32767.
    Wide,
}

impl Clamp {
    /// The clamped value.
    #[inline(always)]
    pub fn apply(self, value: i32) -> i16 {
        match self {
            Self::Activation => clamp_activation(value),
            Self::Relu => clamp_relu(value),
            Self::Wide => clamp_wide(value),
        }
    }
}

/// One output of a linear layer before its clamp. `inputs` are activations, `bias` was read at the quality.
fn output(layer: &Linear, row: usize, bias: i32, inputs: impl Iterator<Item = i16>) -> i32 {
    let rows = layer.rows();
    let weights = &rows.weight[row * layer.inputs()..(row + 1) * layer.inputs()];
    let mut accumulator = bias;
    for (&weight, input) in weights.iter().zip(inputs) {
        accumulator += i32::from(weight) * i32::from(input);
    }
    requantise(accumulator, rows.shift1[row].into(), rows.mult[row].into(), rows.shift2[row].into())
}

/// A linear layer at every position: `[h, w, inputs]` to `[h, w, outputs]`.
pub fn linear(layer: &Linear, quality: QualityIndex, input: &Plane, clamp: Clamp) -> Plane {
    let bias = layer.bias(quality);
    let mut out = Plane::zeros(input.height(), input.width(), layer.outputs());
    for row in 0..input.height() {
        for column in 0..input.width() {
            for (o, value) in out.at_mut(row, column).iter_mut().enumerate() {
                *value = clamp.apply(output(layer, o, bias[o], input.at(row, column).iter().copied()));
            }
        }
    }
    out
}

/// Two planes of the same size side by side: `[h, w, a]` and `[h, w, b]` to `[h, w, a + b]`.
pub fn concat(a: &Plane, b: &Plane) -> Plane {
    let mut out = Plane::zeros(a.height(), a.width(), a.channels() + b.channels());
    for row in 0..a.height() {
        for column in 0..a.width() {
            let (left, right) = out.at_mut(row, column).split_at_mut(a.channels());
            left.copy_from_slice(a.at(row, column));
            right.copy_from_slice(b.at(row, column));
        }
    }
    out
}

/// The partial convolution: `[h, w, C]` to `[h, w, C]`, zeros beyond the edges.
pub fn partial3x3(layer: &Partial3x3, input: &Plane) -> Plane {
    let part = layer.part();
    let zeros = vec![0; part];
    let mut out = input.clone();
    for row in 0..input.height() {
        for column in 0..input.width() {
            let mut neighbours = Vec::with_capacity(9 * part);
            for dy in 0..3 {
                for dx in 0..3 {
                    // Positions are shifted by one so that the row and column above and left of the plane are 0.
                    let (y, x) = (row + dy, column + dx);
                    let inside = (1..=input.height()).contains(&y) && (1..=input.width()).contains(&x);
                    neighbours.extend_from_slice(if inside { &input.at(y - 1, x - 1)[..part] } else { &zeros });
                }
            }
            for (o, value) in out.at_mut(row, column)[..part].iter_mut().enumerate() {
                let bias = layer.taps().rows().bias[o];
                *value = clamp_activation(output(layer.taps(), o, bias, neighbours.iter().copied()));
            }
        }
    }
    out
}

/// The residual block: `[h, w, C]` to `[h, w, C]`.
pub fn block(layer: &Block, input: &Plane) -> Plane {
    // Layers of a block have no knots, so any quality reads the same biases.
    let quality = QualityIndex::MAX;
    let mixed = partial3x3(layer.conv(), input);
    let hidden = linear(layer.expand(), quality, &mixed, Clamp::Relu);
    let project = layer.project();
    let mut out = input.clone();
    for row in 0..input.height() {
        for column in 0..input.width() {
            for (o, value) in out.at_mut(row, column).iter_mut().enumerate() {
                let change = output(project, o, project.rows().bias[o], hidden.at(row, column).iter().copied());
                *value = clamp_activation(i32::from(*value) + change);
            }
        }
    }
    out
}

/// The up-sampling layer: `[h, w, I]` to `[2h, 2w, C]`; the layer has `4C` outputs.
pub fn up(layer: &Linear, quality: QualityIndex, input: &Plane) -> Plane {
    let flat = linear(layer, quality, input, Clamp::Activation);
    let channels = layer.outputs() / 4;
    let mut out = Plane::zeros(2 * input.height(), 2 * input.width(), channels);
    for row in 0..out.height() {
        for column in 0..out.width() {
            let quadrant = phase(row, column);
            let from = &flat.at(row / 2, column / 2)[quadrant * channels..(quadrant + 1) * channels];
            out.at_mut(row, column).copy_from_slice(from);
        }
    }
    out
}

/// The head of pass `pass` (0..=3): `[h, w, H]` to `[h, w, M/2]`, at every position for the one group of that pass.
pub fn head(layer: &Head, pass: usize, input: &Plane) -> Plane {
    let mut out = Plane::zeros(input.height(), input.width(), layer.groups()[0].outputs());
    for row in 0..input.height() {
        for column in 0..input.width() {
            let group = &layer.groups()[GROUP[pass][phase(row, column)]];
            for (o, value) in out.at_mut(row, column).iter_mut().enumerate() {
                let bias = group.rows().bias[o];
                *value = clamp_wide(output(group, o, bias, input.at(row, column).iter().copied()));
            }
        }
    }
    out
}

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;
