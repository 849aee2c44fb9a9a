//! Checked layers: whoever holds one knows that no accumulator of it can overflow.
//!
//! The quantiser of `lic-model` builds them to learn whether its weights are allowed, the prior of `lic-codec` when it
//! loads a weight file. `reference.rs` says what they compute.

use crate::arithmetic::{ACTIVATION_MAX, rounding};
use crate::knots::{KNOTS, QualityIndex};
use crate::{LayerError, order::PASSES};

/// The tensors of a layer as they lie in a weight file; `O` output rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rows {
    /// Weights `[O, inputs]`.
    pub weight: Vec<i16>,
    /// Biases `[O]`, or `[64, O]` read at the quality.
    pub bias: Vec<i32>,
    /// First right shift `[O]`, 0..=31.
    pub shift1: Vec<u8>,
    /// Multiplier `[O]`, not negative.
    pub mult: Vec<i16>,
    /// Second right shift `[O]`, 0..=31.
    pub shift2: Vec<u8>,
}

/// A matrix product at every position, `[.., inputs]` to `[.., outputs]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linear {
    inputs: usize,
    outputs: usize,
    rows: Rows,
}

impl Linear {
    /// Checks sizes, ranges and that no row can overflow. Biases may be one row or a table of 64 knots.
    pub fn new(inputs: usize, outputs: usize, rows: Rows) -> Result<Self, LayerError> {
        let weights = inputs.checked_mul(outputs).filter(|&n| n > 0).ok_or(LayerError::Size { inputs, outputs })?;
        check_length("weight", weights, rows.weight.len())?;
        check_length("shift1", outputs, rows.shift1.len())?;
        check_length("mult", outputs, rows.mult.len())?;
        check_length("shift2", outputs, rows.shift2.len())?;
        let knots = rows.bias.len() != outputs;
        if knots {
            check_length("bias", outputs.saturating_mul(KNOTS), rows.bias.len())?;
        }
        for row in 0..outputs {
            let biases = rows.bias.iter().skip(row).step_by(outputs);
            let bias = biases.map(|&b| i64::from(b).abs()).max().unwrap_or(0);
            if knots {
                check_range("bias", row, bias, 0, (1 << 28) - 1)?;
            }
            let weights = &rows.weight[row * inputs..(row + 1) * inputs];
            check_row(row, weights, bias, rows.shift1[row], rows.mult[row], rows.shift2[row])?;
        }
        Ok(Self { inputs, outputs, rows })
    }

    /// Input channels.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Output channels.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The tensors.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Whether the biases depend on the quality.
    pub fn has_knots(&self) -> bool {
        self.rows.bias.len() != self.outputs
    }

    /// The biases `[outputs]` at a quality; the same for every quality when the layer has no knots.
    pub fn bias(&self, quality: QualityIndex) -> Vec<i32> {
        if self.has_knots() { quality.row(&self.rows.bias, self.outputs) } else { self.rows.bias.clone() }
    }
}

/// A 3x3 convolution of the first quarter of the channels, weights `[C/4, 3, 3, C/4]` = `[out, dy, dx, in]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial3x3 {
    channels: usize,
    taps: Linear,
}

impl Partial3x3 {
    /// Checks like [`Linear::new`]; `channels` are those of the whole stream, `C`. Biases have no knots.
    pub fn new(channels: usize, rows: Rows) -> Result<Self, LayerError> {
        check_channels(channels)?;
        let part = channels / 4;
        check_length("bias", part, rows.bias.len())?;
        let inputs = part.checked_mul(9).ok_or(LayerError::Size { inputs: part, outputs: part })?;
        Ok(Self { channels, taps: Linear::new(inputs, part, rows)? })
    }

    /// Channels of the stream; a quarter of them takes part.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Channels that are convolved, `C / 4`.
    pub fn part(&self) -> usize {
        self.channels / 4
    }

    /// The convolution seen as a matrix product over the nine gathered neighbours `[dy, dx, in]`.
    pub fn taps(&self) -> &Linear {
        &self.taps
    }
}

/// The residual block: partial 3x3, expansion to twice the width with ReLU, projection back, added to the block's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    conv: Partial3x3,
    expand: Linear,
    project: Linear,
}

impl Block {
    /// Checks that the layers fit together.
    pub fn new(conv: Partial3x3, expand: Linear, project: Linear) -> Result<Self, LayerError> {
        let channels = conv.channels();
        check_size("expand", &expand, channels, 2 * channels)?;
        check_size("project", &project, 2 * channels, channels)?;
        check_length("bias", expand.outputs, expand.rows.bias.len())?;
        check_length("bias", project.outputs, project.rows.bias.len())?;
        Ok(Self { conv, expand, project })
    }

    /// Channels of the stream.
    pub fn channels(&self) -> usize {
        self.conv.channels()
    }

    /// The 3x3 layer.
    pub fn conv(&self) -> &Partial3x3 {
        &self.conv
    }

    /// The expanding layer, `C` to `2C`.
    pub fn expand(&self) -> &Linear {
        &self.expand
    }

    /// The projecting layer, `2C` to `C`.
    pub fn project(&self) -> &Linear {
        &self.project
    }
}

/// The head of one pass: four linear layers, one for each channel group, each to `M/4` means and `M/4` log-scales.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    groups: [Linear; PASSES],
}

impl Head {
    /// Splits tensors `[4, outputs, ..]` by group and checks every group; row numbers in errors are those inside a group.
    pub fn new(inputs: usize, outputs: usize, rows: Rows) -> Result<Self, LayerError> {
        let weights = inputs.checked_mul(outputs).filter(|&n| n > 0).ok_or(LayerError::Size { inputs, outputs })?;
        check_length("weight", weights.saturating_mul(PASSES), rows.weight.len())?;
        check_length("bias", outputs.saturating_mul(PASSES), rows.bias.len())?;
        let part = |group: usize| {
            fn cut<T: Copy>(tensor: &[T], group: usize, length: usize) -> Vec<T> {
                tensor.iter().skip(group * length).take(length).copied().collect()
            }
            Rows {
                weight: cut(&rows.weight, group, weights),
                bias: cut(&rows.bias, group, outputs),
                shift1: cut(&rows.shift1, group, outputs),
                mult: cut(&rows.mult, group, outputs),
                shift2: cut(&rows.shift2, group, outputs),
            }
        };
        let layer = |group| Linear::new(inputs, outputs, part(group));
        for (tensor, found) in [("shift1", rows.shift1.len()), ("mult", rows.mult.len()), ("shift2", rows.shift2.len())]
        {
            check_length(tensor, outputs.saturating_mul(PASSES), found)?;
        }
        Ok(Self { groups: [layer(0)?, layer(1)?, layer(2)?, layer(3)?] })
    }

    /// The layers, by channel group.
    pub fn groups(&self) -> &[Linear; PASSES] {
        &self.groups
    }
}

/// Checks one output row: `bias` is its largest absolute bias over the knots. This is the whole condition for an
/// accumulator that cannot overflow, whatever the activations and the order of summation.
pub fn check_row(row: usize, weights: &[i16], bias: i64, shift1: u8, mult: i16, shift2: u8) -> Result<(), LayerError> {
    check_range("shift1", row, shift1.into(), 0, 31)?;
    check_range("shift2", row, shift2.into(), 0, 31)?;
    // 32767 * 32767 + 2^30 < 2^31: with a multiplier that is not negative the second step cannot overflow.
    check_range("mult", row, mult.into(), 0, i16::MAX.into())?;
    let weight_sum: i64 = weights.iter().map(|&w| i64::from(w).abs()).sum();
    let rounding = i64::from(rounding(shift1.into()));
    if weight_sum * i64::from(ACTIVATION_MAX) + bias + rounding >= 1 << 31 {
        return Err(LayerError::Overflow { row, weight_sum, bias, rounding });
    }
    Ok(())
}

pub(crate) fn check_length(tensor: &'static str, expected: usize, found: usize) -> Result<(), LayerError> {
    if expected == found { Ok(()) } else { Err(LayerError::Length { tensor, expected, found }) }
}

pub(crate) fn check_range(tensor: &'static str, row: usize, value: i64, min: i64, max: i64) -> Result<(), LayerError> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(LayerError::Range { tensor, row, value, min, max }) }
}

pub(crate) fn check_channels(channels: usize) -> Result<(), LayerError> {
    if channels > 0 && channels.is_multiple_of(4) { Ok(()) } else { Err(LayerError::Channels { channels }) }
}

fn check_size(layer: &'static str, found: &Linear, inputs: usize, outputs: usize) -> Result<(), LayerError> {
    if found.inputs == inputs && found.outputs == outputs {
        return Ok(());
    }
    Err(LayerError::Mismatch {
        layer,
        inputs: found.inputs,
        outputs: found.outputs,
        expected_inputs: inputs,
        expected_outputs: outputs,
    })
}

#[cfg(test)]
#[path = "layer_tests.rs"]
mod tests;
