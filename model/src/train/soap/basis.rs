//! The eigenvectors of one side of a matrix's gradients.

use super::orthonormal::orthonormalise;
use crate::backprop::kernels::{
    Element, Left, PANEL, Right, Start, multiply, pack, pack_transposed, pairs_across, pairs_along, pairs_by_column,
    transpose,
};
use crate::backprop::{Factor, Operand};
use crate::net::Precision;

/// Orthonormal vectors near the eigenvectors of a covariance, strongest first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Basis {
    size: usize,
    /// Of the products for covariances and for turning back.
    precision: Precision,
    /// Moving average of the covariance [size, size]; between refreshes only the part on and above the diagonal.
    pub(super) covariance: Vec<f32>,
    /// Rows are vectors [size, size].
    pub(super) vectors: Vec<f32>,
    /// The transpose of `vectors` as a right factor: what turns rows.
    pub(super) turning: Factor,
    /// The transpose of `vectors` as a left factor, row by row in the products' format: what turns columns back.
    back: Vec<f32>,
    /// `vectors` as a right factor: what turns rows back.
    pub(super) turning_back: Factor,
}

/// Added to the covariance's diagonal in a refresh, relative to its trace: directions without a gradient stay where they are in spite of rounding.
const RIDGE: f32 = 1e-6;

/// Rows of the covariance that are computed together, a multiple of [`PANEL`].
const BLOCK: usize = 2 * PANEL;

/// Steps of a sum that keep both factors in the second-level cache.
const CHUNK: usize = 256;

impl Basis {
    pub(super) fn new(vectors: Vec<f32>, covariance: Vec<f32>, size: usize, precision: Precision) -> Self {
        let (mut turning, mut turning_back) = (Factor::default(), Factor::default());
        turning.load_transposed(&vectors, size, Precision::F32);
        turning_back.load(&vectors, size, precision);
        let mut back = transpose(&vectors, size);
        if precision == Precision::Bf16 {
            let mut pairs = vec![0; back.len() / 2];
            pairs_along(&back, &mut pairs);
            back = bytemuck::cast_vec(pairs);
        }
        Self { size, precision, covariance, vectors, turning, back, turning_back }
    }

    pub(super) fn identity(size: usize, precision: Precision) -> Self {
        let mut vectors = vec![0.0; size * size];
        vectors.iter_mut().step_by(size + 1).for_each(|v| *v = 1.0);
        Self::new(vectors, vec![0.0; size * size], size, precision)
    }

    /// The transpose of the vectors as a left factor.
    pub(super) fn back(&self) -> Operand<'_> {
        Operand::held(&self.back, self.precision)
    }

    /// Forgets `part` of the covariance and adds `x x^T` for `x` [size, steps].
    pub(super) fn add_columns(&mut self, x: &[f32], steps: usize, part: f32) {
        match self.precision {
            Precision::F32 => {
                let mut packed = Vec::new();
                pack_transposed(x, steps, &mut packed);
                self.add(Left { data: x, row: steps, step: 1 }, &packed, steps, part);
            }
            Precision::Bf16 => {
                let (mut pairs, mut packed) = (vec![0; x.len() / 2], Vec::new());
                pairs_along(x, &mut pairs);
                pack_transposed(&pairs, steps / 2, &mut packed);
                self.add(Left { data: &pairs[..], row: steps / 2, step: 1 }, &packed, steps / 2, part);
            }
        }
    }

    /// Forgets `part` of the covariance and adds `x^T x` for `x` [steps, size].
    pub(super) fn add_rows(&mut self, x: &[f32], part: f32) {
        let (n, mut packed) = (self.size, Vec::new());
        match self.precision {
            Precision::F32 => {
                pack(x, n, &mut packed);
                self.add(Left { data: x, row: 1, step: n }, &packed, x.len() / n, part);
            }
            Precision::Bf16 => {
                let steps = x.len() / n / 2;
                let (mut pairs, mut packed) = (vec![0; n * steps], Vec::new());
                pairs_across(x, n, &mut pairs);
                pack(&pairs, n, &mut packed);
                pairs_by_column(x, n, &mut pairs);
                self.add(Left { data: &pairs[..], row: steps, step: 1 }, &packed, steps, part);
            }
        }
    }

    /// The same for a factor and its packed transpose.
    fn add<E: Element>(&mut self, x: Left<'_, E>, packed: &[E], steps: usize, part: f32) {
        let n = self.size;
        for first in (0..n).step_by(BLOCK) {
            let rows = BLOCK.min(n - first);
            let block = &mut self.covariance[first * n..(first + rows) * n];
            block.chunks_exact_mut(n).for_each(|row| row[first..].iter_mut().for_each(|v| *v *= 1.0 - part));
            for step in (0..steps).step_by(CHUNK) {
                let left = Left { data: &x.data[first * x.row + step * x.step..], ..x };
                let panels = Right::packed(packed, steps);
                let right = Right { data: &packed[first / PANEL * panels.panel + step * PANEL..], ..panels };
                let size = [rows, n - first, CHUNK.min(steps - step)];
                multiply(&mut block[first..], n, left, right, size, Start::There);
            }
        }
    }

    /// One step of subspace iteration. Returns which old vector each new one continues.
    pub(super) fn refresh(&mut self) -> Vec<usize> {
        let n = self.size;
        let below = transpose(&self.covariance, n);
        for (i, (row, below)) in self.covariance.chunks_exact_mut(n).zip(below.chunks_exact(n)).enumerate() {
            row[..i].copy_from_slice(&below[..i]);
        }
        let trace = self.covariance.iter().step_by(n + 1).sum::<f32>();
        if !(trace > 0.0 && trace.is_finite()) {
            return (0..n).collect();
        }
        let mut packed = Vec::new();
        let scaled: Vec<f32> = self.covariance.iter().map(|v| v / trace).collect();
        pack(&scaled, n, &mut packed);
        let mut moved: Vec<f32> = self.vectors.iter().map(|v| v * RIDGE).collect();
        let left = Left { data: &self.vectors, row: n, step: 1 };
        multiply(&mut moved, n, left, Right::packed(&packed, n), [n, n, n], Start::There);
        let values: Vec<f32> = moved
            .chunks_exact(n)
            .zip(self.vectors.chunks_exact(n))
            .map(|(moved, vector)| moved.iter().zip(vector).map(|(a, b)| a * b).sum())
            .collect();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        let mut next: Vec<f32> = order.iter().flat_map(|&i| &moved[i * n..(i + 1) * n]).copied().collect();
        if orthonormalise(&mut next, n) {
            *self = Self::new(next, std::mem::take(&mut self.covariance), n, self.precision);
            order
        } else {
            (0..n).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, SymmetricEigen};

    use super::*;

    #[test]
    fn vectors_converge_to_the_eigenvectors() {
        // More than a block, and more steps than a sum has at a time.
        let (n, steps) = (100, 600);
        let mut state = 1u32;
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        // Columns of very different strengths.
        let x: Vec<f32> = (0..n * steps).map(|i| draw() * 0.9f32.powi((i / steps) as i32)).collect();
        let mut basis = Basis::identity(n, Precision::F32);
        basis.add_columns(&x, steps, 1.0);
        basis.refresh();
        // Half of it twice: the covariance stays.
        let half: Vec<f32> = x.iter().map(|v| v * 0.5f32.sqrt()).collect();
        basis.add_rows(&transpose(&half, steps), 0.5);
        for _ in 0..400 {
            basis.refresh();
        }
        let covariance = DMatrix::from_row_slice(n, n, &basis.covariance).map(f64::from);
        let mut expected: Vec<f64> = SymmetricEigen::new(covariance.clone()).eigenvalues.iter().copied().collect();
        expected.sort_by(|a, b| b.total_cmp(a));
        let vectors = DMatrix::from_row_slice(n, n, &basis.vectors).map(f64::from);
        let found = &vectors * covariance * vectors.transpose();
        // The weakest are drowned by rounding and by the ridge.
        for i in 0..70 {
            assert!((found[(i, i)] / expected[i] - 1.0).abs() < 0.02, "{i}: {} {}", found[(i, i)], expected[i]);
        }
    }

    #[test]
    fn without_a_gradient_nothing_moves() {
        let mut basis = Basis::identity(8, Precision::F32);
        assert_eq!(basis.refresh(), (0..8).collect::<Vec<_>>());
        assert_eq!(basis, Basis::identity(8, Precision::F32));
    }

    #[test]
    fn covariances_are_moving_averages_of_products_in_every_format() {
        let (n, steps) = (72, 10);
        let at = |i: usize| ((i * 7919 % 1009) as f32 / 504.5 - 1.0) * if i.is_multiple_of(3) { 0.01 } else { 1.0 };
        // Both directions see the same matrix.
        let x: Vec<f32> = (0..n * steps).map(at).collect();
        let turned = transpose(&x, steps);
        for (precision, tolerance) in [(Precision::F32, 1e-6), (Precision::Bf16, 1e-2)] {
            let (mut by_columns, mut by_rows) = (Basis::identity(n, precision), Basis::identity(n, precision));
            for part in [1.0, 0.25] {
                by_columns.add_columns(&x, steps, part);
                by_rows.add_rows(&turned, part);
            }
            for (basis, name) in [(by_columns, "columns"), (by_rows, "rows")] {
                for i in 0..n {
                    for j in i..n {
                        let product: f32 = (0..steps).map(|k| x[i * steps + k] * x[j * steps + k]).sum();
                        let found = basis.covariance[i * n + j];
                        assert!((found - 1.75 * product).abs() < tolerance * 10.0, "{name}: {found} {product}");
                    }
                }
            }
        }
    }
}
