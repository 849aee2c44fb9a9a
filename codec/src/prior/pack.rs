//! Layers repacked for the fast engine: panels of [`LANES`] outputs, two inputs side by side.

use lic_shaders::arithmetic::rounding;
use lic_shaders::{Linear, QualityIndex};

use crate::simd::LANES;

/// What turns the sums of one panel into outputs; lanes beyond the last output are 0.
#[derive(Debug, Clone, Default)]
pub(super) struct Constants {
    /// Bias and the rounding of the first shift, where sums start.
    pub(super) start: [i32; LANES],
    pub(super) shift1: [u32; LANES],
    pub(super) mult: [i32; LANES],
    pub(super) rounding2: [i32; LANES],
    pub(super) shift2: [u32; LANES],
}

/// A linear layer whose inputs come in runs, each padded to an even length.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    outputs: usize,
    /// Padded number of inputs.
    depth: usize,
    /// `[panels, depth / 2, LANES, 2]`.
    weights: Vec<i16>,
    constants: Vec<Constants>,
}

impl Packed {
    /// Packs a layer with the biases of one quality; the `runs` add up to its inputs.
    pub(super) fn new(layer: &Linear, runs: &[usize], quality: QualityIndex) -> Self {
        let depth = runs.iter().map(|&run| even(run)).sum();
        let outputs = layer.outputs();
        let panels = outputs.div_ceil(LANES);
        let rows = layer.rows();
        let mut packed = Self {
            outputs,
            depth,
            weights: vec![0; panels * depth * LANES],
            constants: vec![Constants::default(); panels],
        };
        for (o, row) in rows.weight.chunks(layer.inputs()).enumerate() {
            let (panel, lane) = (o / LANES, o % LANES);
            let (mut from, mut to) = (0, 0);
            for &run in runs {
                for (i, &weight) in row[from..from + run].iter().enumerate() {
                    let k = to + i;
                    packed.weights[((panel * depth + k / 2 * 2) * LANES) + 2 * lane + k % 2] = weight;
                }
                from += run;
                to += even(run);
            }
            let constants = &mut packed.constants[panel];
            constants.shift1[lane] = rows.shift1[o].into();
            constants.mult[lane] = rows.mult[o].into();
            constants.rounding2[lane] = rounding(rows.shift2[o].into());
            constants.shift2[lane] = rows.shift2[o].into();
        }
        packed.set_quality(layer, quality);
        packed
    }

    /// Reads the biases of another quality from the layer this was made from.
    pub(super) fn set_quality(&mut self, layer: &Linear, quality: QualityIndex) {
        for (o, (bias, &shift1)) in layer.bias(quality).into_iter().zip(&layer.rows().shift1).enumerate() {
            self.constants[o / LANES].start[o % LANES] = bias + rounding(shift1.into());
        }
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Number of the first output, weights and constants of every panel.
    #[inline(always)]
    pub(super) fn panels(&self) -> impl Iterator<Item = (usize, &[i16], &Constants)> {
        let panels = self.weights.chunks_exact(self.depth * LANES).zip(&self.constants);
        panels.enumerate().map(|(panel, (weights, constants))| (panel * LANES, weights, constants))
    }
}

/// The next even number.
pub(super) const fn even(n: usize) -> usize {
    n.next_multiple_of(2)
}
