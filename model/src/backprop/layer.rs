//! Dense layers, forwards and backwards, on row-major activations [positions, channels], and what changes the shape of activations. [`super::conv`] has the convolutions.

use std::ops::Range;

use super::factor::{Factor, Operand, add_outer};
use super::kernels::{Start, add, column_sums};
use super::pool::{Pool, Work};
use super::{Layout, Missing};
use crate::net::Precision;

/// Height and width of an activation.
pub(crate) type Size = [usize; 2];

/// `x W + b`.
#[derive(Debug)]
pub(crate) struct Dense {
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Range<usize>,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    bias_values: Vec<f32>,
    matrix: Factor,
    transposed: Factor,
}

impl Dense {
    /// The layer of the tensors `path.weight` [inputs, outputs] and `path.bias`.
    pub(crate) fn find(layout: &Layout<'_>, path: &str) -> Result<Self, Missing> {
        let (weight, shape) = layout.find(&format!("{path}.weight"))?;
        let (bias, _) = layout.find(&format!("{path}.bias"))?;
        Ok(Self::of(weight, bias, [shape[0], shape[1]]))
    }

    /// The layer of the tensor `path` [inputs, outputs].
    pub(crate) fn without_bias(layout: &Layout<'_>, path: &str) -> Result<Self, Missing> {
        let (weight, shape) = layout.find(path)?;
        let end = weight.end;
        Ok(Self::of(weight, end..end, [shape[0], shape[1]]))
    }

    /// The layer whose weights and bias lie there.
    pub(crate) fn of(weight: Range<usize>, bias: Range<usize>, [inputs, outputs]: [usize; 2]) -> Self {
        let (matrix, transposed) = Default::default();
        Self { weight, bias, inputs, outputs, bias_values: Vec::new(), matrix, transposed }
    }

    /// Takes this step's weights.
    pub(crate) fn load(&mut self, weights: &[f32], precision: Precision) {
        self.load_in(weights, [precision; 2]);
    }

    /// Takes this step's weights, for products forward in f32 whatever the format of the others: at both ends of a network activations are large and smooth, and
    /// bf16 would round latents by up to half a quantisation step, and pixels, too, so that much of the gradient is noise (`model/EXPERIMENTS.md`, "Gradients").
    pub(crate) fn load_exact(&mut self, weights: &[f32], precision: Precision) {
        self.load_in(weights, [Precision::F32, precision]);
    }

    fn load_in(&mut self, weights: &[f32], [forward, precision]: [Precision; 2]) {
        let matrix = &weights[self.weight.clone()];
        self.matrix.load(matrix, self.outputs, forward);
        self.transposed.load_transposed(matrix, self.outputs, precision);
        self.bias_values.clear();
        self.bias_values.extend_from_slice(&weights[self.bias.clone()]);
        // A layer without bias.
        self.bias_values.resize(self.outputs, 0.0);
    }

    /// [positions, inputs] -> [positions, outputs].
    pub(crate) fn forward(&self, x: &[f32], pool: &mut Pool) -> Vec<f32> {
        self.forward_biased(x, &self.bias_values, pool)
    }

    /// Some rows, in the products' format.
    pub(crate) fn forward_rows(&self, x: &Operand<'_>, out: &mut [f32]) {
        self.matrix.apply_all(x, out, [self.outputs, self.inputs], Start::Bias(&self.bias_values), false);
    }

    /// Adds what some rows become to `out`; pairs are made in `buffer`.
    pub(crate) fn add_rows(&self, x: &[f32], out: &mut [f32], buffer: &mut Vec<f32>) {
        out.chunks_exact_mut(self.outputs).for_each(|row| add(row, &self.bias_values));
        product(&self.matrix, x, out, [self.outputs, self.inputs], Start::There, buffer, false);
    }

    /// The gradient of some rows of the input.
    pub(crate) fn back_rows(&self, d: &[f32], out: &mut [f32], buffer: &mut Vec<f32>) {
        product(&self.transposed, d, out, [self.inputs, self.outputs], Start::Zero, buffer, false);
    }

    /// With another bias.
    pub(crate) fn forward_biased(&self, x: &[f32], bias: &[f32], pool: &mut Pool) -> Vec<f32> {
        let rows = x.len() / self.inputs;
        let mut out = pool.take(rows * self.outputs);
        let Pool { scratch, shared, .. } = pool;
        product(&self.matrix, x, &mut out, [self.outputs, self.inputs], Start::Bias(bias), &mut scratch.pairs, *shared);
        out
    }

    /// The bias plus a row of a knot table.
    pub(crate) fn bias_plus(&self, row: &[f32]) -> Vec<f32> {
        self.bias_values.iter().zip(row).map(|(a, b)| a + b).collect()
    }

    /// Adds the gradients of weights and bias; `d` is that of the result. Of a frozen network `gradient` is empty, and nothing is done.
    pub(crate) fn learn(&self, x: &[f32], d: &[f32], work: &mut Work) {
        self.learn_from(Operand::F32(x), d, work);
    }

    /// The same, given what the layer was given in any format.
    pub(crate) fn learn_from(&self, x: Operand<'_>, d: &[f32], work: &mut Work) {
        if work.gradient.is_empty() {
            return;
        }
        if !self.bias.is_empty() {
            column_sums(d, &mut work.gradient[self.bias.clone()]);
        }
        let weight = &mut work.gradient[self.weight.clone()];
        add_outer(x, d, [self.inputs, self.outputs], weight, self.transposed.precision(), &mut work.pool);
    }

    /// The gradient of the input, plus what `into` holds.
    pub(crate) fn back_into(&self, d: &[f32], into: &mut [f32], pool: &mut Pool) {
        self.product_back(d, into, Start::There, pool);
    }

    /// The gradient of the input.
    pub(crate) fn back(&self, d: &[f32], pool: &mut Pool) -> Vec<f32> {
        let mut out = pool.take(d.len() / self.outputs * self.inputs);
        self.product_back(d, &mut out, Start::Zero, pool);
        out
    }

    fn product_back(&self, d: &[f32], out: &mut [f32], start: Start<'_>, pool: &mut Pool) {
        let Pool { scratch, shared, .. } = pool;
        product(&self.transposed, d, out, [self.inputs, self.outputs], start, &mut scratch.pairs, *shared);
    }
}

/// `out = start + x factor` for a factor [steps, columns]; pairs are made in `buffer`, rows are shared out among threads or not.
fn product(
    factor: &Factor,
    x: &[f32],
    out: &mut [f32],
    [columns, steps]: [usize; 2],
    start: Start<'_>,
    buffer: &mut Vec<f32>,
    shared: bool,
) {
    let x = Operand::new(x, factor.precision(), buffer);
    factor.apply_all(&x, out, [columns, steps], start, shared);
}

/// [h, w, c] -> [h/2, w/2, 4c], channel order (row, column, channel).
pub(crate) fn space_to_depth(x: &[f32], c: usize, [h, w]: Size, pool: &mut Pool) -> Vec<f32> {
    let mut out = pool.take(x.len());
    for_each_cell(c, [h, w], |deep, flat| out[deep..deep + c].copy_from_slice(&x[flat..flat + c]));
    out
}

/// [h/2, w/2, 4c] -> [h, w, c]; `h` and `w` are the result's.
pub(crate) fn depth_to_space(x: &[f32], c: usize, [h, w]: Size, pool: &mut Pool) -> Vec<f32> {
    let mut out = pool.take(x.len());
    for_each_cell(c, [h, w], |deep, flat| out[flat..flat + c].copy_from_slice(&x[deep..deep + c]));
    out
}

fn for_each_cell(c: usize, [h, w]: Size, mut copy: impl FnMut(usize, usize)) {
    for y in 0..h {
        for x in 0..w {
            let deep = ((y / 2 * (w / 2) + x / 2) * 4 + y % 2 * 2 + x % 2) * c;
            copy(deep, (y * w + x) * c);
        }
    }
}

/// `x` [from, c] cut off or continued with zeros at the right and below.
pub(crate) fn resized(x: Vec<f32>, c: usize, from: Size, to: Size, pool: &mut Pool) -> Vec<f32> {
    if from == to {
        return x;
    }
    let mut out = pool.zeros(to[0] * to[1] * c);
    let run = from[1].min(to[1]) * c;
    for (row, out) in x.chunks_exact(from[1] * c).zip(out.chunks_exact_mut(to[1] * c)) {
        out[..run].copy_from_slice(&row[..run]);
    }
    pool.give(x);
    out
}
