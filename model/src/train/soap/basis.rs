//! The eigenvectors of one side of a matrix's gradients.

use super::orthonormal::orthonormalise;
use crate::backprop::kernels::{Left, Right, Start, multiply, pack, transpose};

/// Orthonormal vectors near the eigenvectors of a covariance, strongest first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Basis {
    size: usize,
    /// Moving average of the covariance [size, size].
    pub(super) covariance: Vec<f32>,
    /// Rows are vectors [size, size].
    pub(super) vectors: Vec<f32>,
    pub(super) transposed: Vec<f32>,
    /// `vectors` and `transposed` as right factors.
    pub(super) packed: Vec<f32>,
    pub(super) packed_transposed: Vec<f32>,
}

/// Added to the covariance's diagonal in a refresh, relative to its trace: directions without a gradient stay where they are in spite of rounding.
const RIDGE: f32 = 1e-6;

impl Basis {
    pub(super) fn new(vectors: Vec<f32>, covariance: Vec<f32>, size: usize) -> Self {
        let transposed = transpose(&vectors, size);
        let (mut packed, mut packed_transposed) = (Vec::new(), Vec::new());
        pack(&vectors, size, &mut packed);
        pack(&transposed, size, &mut packed_transposed);
        Self { size, covariance, vectors, transposed, packed, packed_transposed }
    }

    pub(super) fn identity(size: usize) -> Self {
        let mut vectors = vec![0.0; size * size];
        vectors.iter_mut().step_by(size + 1).for_each(|v| *v = 1.0);
        Self::new(vectors, vec![0.0; size * size], size)
    }

    /// Moves the covariance by `part` towards `x x^T` for `x` [size, steps], also given transposed.
    pub(super) fn take(&mut self, x: &[f32], transposed: &[f32], steps: usize, part: f32) {
        let n = self.size;
        self.covariance.iter_mut().for_each(|v| *v *= 1.0 - part);
        let scaled: Vec<f32> = transposed.iter().map(|v| v * part).collect();
        let mut packed = Vec::new();
        pack(&scaled, n, &mut packed);
        let left = Left { data: x, row: steps, step: 1 };
        multiply(&mut self.covariance, n, left, Right::packed(&packed, steps), [n, n, steps], Start::There);
    }

    /// One step of subspace iteration. Returns which old vector each new one continues.
    pub(super) fn refresh(&mut self) -> Vec<usize> {
        let n = self.size;
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
            *self = Self::new(next, std::mem::take(&mut self.covariance), n);
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
        let n = 40;
        let mut state = 1u32;
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        // Columns of very different strengths.
        let x: Vec<f32> = (0..n * 200).map(|i| draw() * 0.8f32.powi((i / 200) as i32)).collect();
        let mut basis = Basis::identity(n);
        basis.take(&x, &transpose(&x, 200), 200, 1.0);
        for _ in 0..400 {
            basis.refresh();
        }
        let covariance = DMatrix::from_row_slice(n, n, &basis.covariance).map(f64::from);
        let mut expected: Vec<f64> = SymmetricEigen::new(covariance.clone()).eigenvalues.iter().copied().collect();
        expected.sort_by(|a, b| b.total_cmp(a));
        let vectors = DMatrix::from_row_slice(n, n, &basis.vectors).map(f64::from);
        let found = &vectors * covariance * vectors.transpose();
        for i in 0..n {
            assert!((found[(i, i)] / expected[i] - 1.0).abs() < 0.02, "{i}: {} {}", found[(i, i)], expected[i]);
        }
    }

    #[test]
    fn without_a_gradient_nothing_moves() {
        let mut basis = Basis::identity(8);
        assert_eq!(basis.refresh(), (0..8).collect::<Vec<_>>());
        assert_eq!(basis, Basis::identity(8));
    }
}
