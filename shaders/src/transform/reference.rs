//! The transforms one number at a time: slow and obvious.

use super::{Activation, Analysis, Block, Conv3x3, Dense, HyperAnalysis, Synthesis, at_quality};

/// Activations `[rows, columns, channels]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Activations {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Values; the channels follow from their number.
    pub values: Vec<f32>,
}

impl Activations {
    /// Channels.
    pub fn channels(&self) -> usize {
        self.values.len() / (self.rows * self.columns).max(1)
    }

    /// The value at a place, zero outside of the plane.
    fn at(&self, row: isize, column: isize, channel: usize) -> f32 {
        let inside = |i: isize, n: usize| usize::try_from(i).ok().filter(|&i| i < n);
        match (inside(row, self.rows), inside(column, self.columns)) {
            (Some(row), Some(column)) => self.values[(row * self.columns + column) * self.channels() + channel],
            _ => 0.0,
        }
    }
}

/// Patches to whitened latents.
pub fn analyse(net: &Analysis, patches: &Activations) -> Activations {
    let x = net.blocks8.iter().fold(dense(&net.stem, patches), |x, layer| block(layer, &x));
    let x = dense(&net.down, &space_to_depth(&x));
    let x = net.blocks16.iter().fold(x, |x, layer| block(layer, &x));
    dense(&net.head, &x)
}

/// Whitened latents to patches, at a quality in quarter knots.
pub fn synthesise(net: &Synthesis, latent: &Activations, quality: u8) -> Activations {
    let x = net.blocks16.iter().fold(dense(&net.stem, latent), |x, layer| block(layer, &x));
    let mut x = depth_to_space(&dense(&net.up, &x));
    let gain = at_quality(&net.gain, quality);
    for position in x.values.chunks_exact_mut(gain.len()) {
        position.iter_mut().zip(&gain).for_each(|(value, gain)| *value *= gain);
    }
    let x = net.blocks8.iter().fold(x, |x, layer| block(layer, &x));
    dense(&net.head, &x)
}

/// Whitened latents to hyper-latents, at a quality in quarter knots.
pub fn hyper_analyse(net: &HyperAnalysis, latent: &Activations, quality: u8) -> Activations {
    let mut stem = net.stem.clone();
    stem.bias.iter_mut().zip(at_quality(&net.knots, quality)).for_each(|(bias, more)| *bias += more);
    let x = block(&net.block1, &dense(&stem, latent));
    let x = block(&net.block2, &dense(&net.down1, &space_to_depth(&x)));
    dense(&net.down2, &space_to_depth(&x))
}

/// A dense layer at every position.
pub fn dense(layer: &Dense, x: &Activations) -> Activations {
    let mut values = Vec::with_capacity(x.rows * x.columns * layer.outputs);
    for position in x.values.chunks_exact(layer.inputs) {
        for output in 0..layer.outputs {
            let weights = layer.weight[output..].iter().step_by(layer.outputs);
            let sum: f32 = position.iter().zip(weights).map(|(x, w)| x * w).sum();
            values.push(sum + layer.bias[output]);
        }
    }
    Activations { values, ..*x }
}

/// A residual block.
pub fn block(layer: &Block, x: &Activations) -> Activations {
    let mixed = partial(&layer.conv, x);
    let expanded = dense(&layer.expand, &mixed);
    let channels = layer.channels();
    let hidden = match layer.activation {
        Activation::Relu => expanded.values.iter().map(|v| v.max(0.0)).collect(),
        Activation::Gate => {
            let gated = |position: &[f32]| -> Vec<f32> {
                let (values, gates) = position.split_at(channels);
                values.iter().zip(gates).map(|(value, gate)| value / (1.0 + (-gate).exp())).collect()
            };
            expanded.values.chunks_exact(2 * channels).flat_map(gated).collect()
        }
    };
    let branch = dense(&layer.project, &Activations { values: hidden, ..*x });
    let values = x.values.iter().zip(&branch.values).map(|(x, branch)| x + branch).collect();
    Activations { values, ..*x }
}

/// The 3x3 convolution of the first channels; the others pass through.
pub fn partial(layer: &Conv3x3, x: &Activations) -> Activations {
    let mut out = x.clone();
    let (channels, part) = (x.channels(), layer.channels);
    for (place, position) in out.values.chunks_exact_mut(channels).enumerate() {
        let (row, column) = (place / x.columns, place % x.columns);
        for (output, value) in position[..part].iter_mut().enumerate() {
            let mut sum = layer.bias[output];
            for input in 0..part {
                for (tap, weight) in layer.weight[(output * part + input) * 9..][..9].iter().enumerate() {
                    let (dy, dx) = (tap as isize / 3 - 1, tap as isize % 3 - 1);
                    sum += weight * x.at(row as isize + dy, column as isize + dx, input);
                }
            }
            *value = sum;
        }
    }
    out
}

/// `[2 rows, 2 columns, c]` to `[rows, columns, 4 c]`.
pub fn space_to_depth(x: &Activations) -> Activations {
    let (rows, columns, channels) = (x.rows / 2, x.columns / 2, x.channels());
    let mut values = Vec::with_capacity(x.values.len());
    for place in 0..rows * columns {
        let (row, column) = (2 * (place / columns), 2 * (place % columns));
        for quadrant in 0..4 {
            let from = (row + quadrant / 2) * x.columns + column + quadrant % 2;
            values.extend_from_slice(&x.values[from * channels..(from + 1) * channels]);
        }
    }
    Activations { rows, columns, values }
}

/// `[rows, columns, 4 c]` to `[2 rows, 2 columns, c]`.
pub fn depth_to_space(x: &Activations) -> Activations {
    let channels = x.channels() / 4;
    let mut out = Activations { rows: 2 * x.rows, columns: 2 * x.columns, values: vec![0.0; x.values.len()] };
    for (place, position) in x.values.chunks_exact(4 * channels).enumerate() {
        let (row, column) = (2 * (place / x.columns), 2 * (place % x.columns));
        for (quadrant, values) in position.chunks_exact(channels).enumerate() {
            let to = (row + quadrant / 2) * out.columns + column + quadrant % 2;
            out.values[to * channels..(to + 1) * channels].copy_from_slice(values);
        }
    }
    out
}
