//! Orthonormal rows from given ones, in the order given: Gram-Schmidt by blocks, so that nearly all of it is matrix products.
//!
//! A block first loses its parts along all earlier rows, then its rows are made orthonormal by the Cholesky factor of their Gram matrix. In f32 both leave
//! errors that grow with the rows' dependence, so a block goes through it until hardly anything changes: mostly twice ("twice is enough", Giraud et al., 2005).
//! A row that is no more than rounding errors after that is replaced by an arbitrary one.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::backprop::kernels::{Left, PANEL, Right, Start, multiply, pack_transposed};

/// Rows of a block: transposed, it is one panel.
const BLOCK: usize = PANEL;

/// Most passes over a block.
const PASSES: usize = 10;

/// Least squared length of what is left of a unit row after its parts along others are gone: below, it is rounding errors.
const NOISE: f64 = 1e-8;

/// The same in a pass that changes hardly anything.
const SETTLED: f64 = 0.9;

/// Makes the rows of `x` [rows, n], at most n, orthonormal; false if they do not become so.
pub(super) fn orthonormalise(x: &mut [f32], n: usize) -> bool {
    let mut noise = SmallRng::seed_from_u64(1);
    for first in (0..x.len() / n).step_by(BLOCK) {
        let (done, rest) = x.split_at_mut(first * n);
        let length = rest.len().min(BLOCK * n);
        if !(0..PASSES).any(|_| pass(done, &mut rest[..length], n, &mut noise)) {
            return false;
        }
    }
    true
}

/// One pass; whether the block was orthonormal, nearly, before it.
fn pass(done: &[f32], block: &mut [f32], n: usize, noise: &mut SmallRng) -> bool {
    normalise(block, n, 0.0, noise);
    remove(done, block, n);
    let least = normalise(block, n, NOISE, noise);
    whiten(block, n, noise).min(least) > SETTLED
}

/// Gives every row the length one, and those with a squared length of at most `limit` other values. Returns the least squared length.
fn normalise(block: &mut [f32], n: usize, limit: f64, noise: &mut SmallRng) -> f64 {
    let mut least = f64::INFINITY;
    for row in block.chunks_exact_mut(n) {
        let square = row.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>();
        least = least.min(square);
        if square > limit && square.is_finite() {
            let factor = 1.0 / square.sqrt();
            row.iter_mut().for_each(|v| *v = (f64::from(*v) * factor) as f32);
        } else {
            fill(row, noise);
            least = 0.0;
        }
    }
    least
}

/// Makes `row` an arbitrary vector of about length one, the same in every run.
fn fill(row: &mut [f32], noise: &mut SmallRng) {
    let size = (3.0 / row.len() as f32).sqrt();
    row.iter_mut().for_each(|value| *value = size * noise.random_range(-1.0f32..1.0));
}

/// Takes the parts along the orthonormal rows `done` from `block`.
fn remove(done: &[f32], block: &mut [f32], n: usize) {
    let (before, rows) = (done.len() / n, block.len() / n);
    if before == 0 {
        return;
    }
    let mut turned = Vec::new();
    pack_transposed(block, n, &mut turned);
    let mut parts = vec![0.0; before * rows];
    let left = Left { data: done, row: n, step: 1 };
    multiply(&mut parts, rows, left, Right::packed(&turned, n), [before, rows, n], Start::Zero);
    parts.iter_mut().for_each(|part| *part = -*part);
    let left = Left { data: &parts, row: 1, step: rows };
    multiply(block, n, left, Right::plain(done, n), [rows, n, before], Start::There);
}

/// Multiplies `block` by the inverse of the Cholesky factor of its Gram matrix. Returns the least squared pivot; rows whose pivot is noise get other values.
fn whiten(block: &mut [f32], n: usize, noise: &mut SmallRng) -> f64 {
    let rows = block.len() / n;
    let mut turned = Vec::new();
    pack_transposed(block, n, &mut turned);
    let mut gram = vec![0.0; rows * rows];
    let left = Left { data: block, row: n, step: 1 };
    multiply(&mut gram, rows, left, Right::packed(&turned, n), [rows, rows, n], Start::Zero);
    let gram: Vec<f64> = gram.into_iter().map(f64::from).collect();
    // Row i of the factor, and row i of its inverse.
    let (mut factor, mut inverse) = (vec![0.0; rows * rows], vec![0.0; rows * rows]);
    let (mut least, mut lost) = (f64::INFINITY, Vec::new());
    for i in 0..rows {
        for j in 0..i {
            let sum: f64 = (0..j).map(|k| factor[i * rows + k] * factor[j * rows + k]).sum();
            factor[i * rows + j] = (gram[i * rows + j] - sum) / factor[j * rows + j];
        }
        let square = gram[i * rows + i] - (0..i).map(|k| factor[i * rows + k].powi(2)).sum::<f64>();
        least = least.min(square);
        if square.is_nan() || square <= NOISE {
            lost.push(i);
            factor[i * rows..i * rows + i].fill(0.0);
        }
        let pivot = square.max(NOISE).sqrt();
        factor[i * rows + i] = pivot;
        for j in 0..i {
            let sum: f64 = (j..i).map(|k| factor[i * rows + k] * inverse[k * rows + j]).sum();
            inverse[i * rows + j] = -sum / pivot;
        }
        inverse[i * rows + i] = 1.0 / pivot;
    }
    let inverse: Vec<f32> = inverse.into_iter().map(|v| v as f32).collect();
    let old = block.to_vec();
    let left = Left { data: &inverse, row: rows, step: 1 };
    multiply(block, n, left, Right::plain(&old, n), [rows, n, rows], Start::Zero);
    lost.into_iter().for_each(|i| fill(&mut block[i * n..(i + 1) * n], noise));
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn largest_error(x: &[f32], n: usize) -> f64 {
        let mut most = 0.0f64;
        for (i, a) in x.chunks_exact(n).enumerate() {
            for (j, b) in x.chunks_exact(n).enumerate() {
                let product: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                most = most.max((product - f64::from(u8::from(i == j))).abs());
            }
        }
        most
    }

    #[test]
    fn rows_become_orthonormal_and_keep_their_order() {
        for n in [1, 8, 72, 200] {
            // A matrix near the identity: row i keeps most of axis i.
            let mut x: Vec<f32> =
                (0..n * n).map(|i| 0.3 / n as f32 * ((i * 7919 % 1009) as f32 / 504.5 - 1.0)).collect();
            x.iter_mut().step_by(n + 1).for_each(|v| *v += 1.0);
            assert!(orthonormalise(&mut x, n));
            assert!(largest_error(&x, n) < 1e-5, "{n}: {}", largest_error(&x, n));
            assert!(x.iter().step_by(n + 1).all(|v| *v > 0.9));
        }
    }

    #[test]
    fn nearly_dependent_rows_become_orthonormal_too() {
        let n = 96;
        // All rows are the first one and a millionth of noise.
        let noise = |i: usize| (i.wrapping_mul(2_654_435_761) >> 7 & 0xffff) as f32 / 32_768.0 - 1.0;
        let mut x: Vec<f32> = (0..n * n).map(|i| ((i % n) as f32).cos() + 1e-6 * noise(i)).collect();
        assert!(orthonormalise(&mut x, n));
        assert!(largest_error(&x, n) < 1e-4, "{}", largest_error(&x, n));
    }

    #[test]
    fn rows_of_zeros_become_something_and_what_is_not_finite_does_not_stay() {
        for value in [0.0, f32::NAN] {
            let mut x = [value; 64];
            assert!(orthonormalise(&mut x, 8));
            assert!(largest_error(&x, 8) < 1e-5);
        }
    }
}
