//! SOAP: Adam in the eigenbases of a matrix's gradients.
//!
//! For a weight matrix with gradient `G` [rows, columns] the moving averages of `G G^T` and `G^T G` are kept, and their eigenvectors ([`Basis`]). Adam's
//! moments are those of the gradient in these bases, where its axes are hardly correlated, and its step is turned back. Differs from [`super::Adam`] on
//! its own, which takes every weight for an axis. Vyas et al., arXiv 2409.11321; on learned image compression it took 30 % of Adam's steps (Zhang and Zhu,
//! arXiv 2601.20769). As there, eigenvectors follow by a step of subspace iteration every tenth step; the moments' own averages are ours ([`super::adam`]).

mod basis;
mod orthonormal;

use crate::backprop::kernels::{Left, Right, Start, multiply, pack, transpose};
use crate::load::Named;
use crate::params::Slot;

use basis::Basis;

/// Longest side that gets a basis: the cost grows with its cube.
const LONGEST: usize = 1024;

/// Steps between refreshes of a basis.
const REFRESH: u64 = 10;

/// Steps at the start of which every one refreshes: bases begin as the identity.
const SETTLING: u64 = 20;

/// Part of a gradient's covariance that the next step replaces: that of the second moment.
const RENEWED: f32 = 0.02;

/// The bases of one matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotation {
    rows: usize,
    columns: usize,
    left: Basis,
    right: Basis,
}

/// Weight matrices in a slot: how many, rows, columns. Convolutions [outputs, inputs, 3, 3] are matrices [outputs, 9 inputs]; tables per knot and
/// channel, biases and gains are no matrices.
pub(super) fn matrices(slot: &Slot) -> Option<[usize; 3]> {
    let head = slot.name.starts_with("prior.heads.") && (slot.name.ends_with(".mean") || slot.name.ends_with(".scale"));
    let shape = match slot.shape[..] {
        [rows, columns] if slot.name.ends_with(".weight") => [1, rows, columns],
        [count, rows, columns] if head => [count, rows, columns],
        [outputs, inputs, height, width] => [1, outputs, inputs * height * width],
        _ => return None,
    };
    let table = slot.name.contains(".density.") || slot.rate == 0.0;
    (!table && shape[1].max(shape[2]) <= LONGEST).then_some(shape)
}

/// The rotations of all matrices of a slot, which begin as none.
pub(super) fn rotations(slot: &Slot) -> Vec<Rotation> {
    let [count, rows, columns] = matrices(slot).unwrap_or([0; 3]);
    (0..count).map(|_| Rotation::new(rows, columns)).collect()
}

impl Rotation {
    fn new(rows: usize, columns: usize) -> Self {
        Self { rows, columns, left: Basis::identity(rows), right: Basis::identity(columns) }
    }

    /// Elements of the matrix.
    pub fn len(&self) -> usize {
        self.rows * self.columns
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `x` in the bases.
    pub fn turn(&self, x: &[f32]) -> Vec<f32> {
        let half = self.product(&self.left.vectors, x);
        self.product_packed(&half, &self.right.packed_transposed)
    }

    /// `x`, given in the bases, in the weights' axes.
    pub fn turn_back(&self, x: &[f32]) -> Vec<f32> {
        let half = self.product(&self.left.transposed, x);
        self.product_packed(&half, &self.right.packed)
    }

    /// `left x` for `left` [rows, rows].
    fn product(&self, left: &[f32], x: &[f32]) -> Vec<f32> {
        let n = self.rows;
        let mut packed = Vec::new();
        pack(x, self.columns, &mut packed);
        let mut out = vec![0.0; self.len()];
        let left = Left { data: left, row: n, step: 1 };
        multiply(&mut out, self.columns, left, Right::packed(&packed, n), [n, self.columns, n], Start::Zero);
        out
    }

    /// `x right` for a packed `right` [columns, columns].
    fn product_packed(&self, x: &[f32], right: &[f32]) -> Vec<f32> {
        let n = self.columns;
        let mut out = vec![0.0; self.len()];
        let left = Left { data: x, row: n, step: 1 };
        multiply(&mut out, n, left, Right::packed(right, n), [self.rows, n, n], Start::Zero);
        out
    }

    /// Takes a gradient into the covariances, and refreshes the bases, with the moments in them, when they are due.
    pub fn learn(&mut self, gradient: &[f32], first: &mut [f32], second: &mut [f32], due: bool) {
        let turned = transpose(gradient, self.columns);
        self.left.take(gradient, &turned, self.columns, RENEWED);
        self.right.take(&turned, gradient, self.rows, RENEWED);
        if !due {
            return;
        }
        let moments = self.turn_back(first);
        let (rows, columns) = (self.left.refresh(), self.right.refresh());
        first.copy_from_slice(&self.turn(&moments));
        let old = second.to_vec();
        for (row, out) in rows.iter().zip(second.chunks_exact_mut(self.columns)) {
            let old = &old[row * self.columns..(row + 1) * self.columns];
            out.iter_mut().zip(&columns).for_each(|(out, column)| *out = old[*column]);
        }
    }

    /// Everything to be stored, by name.
    pub fn parts(&self) -> [(&'static str, usize, &[f32]); 4] {
        [
            ("left.vectors", self.rows, &self.left.vectors),
            ("left.covariance", self.rows, &self.left.covariance),
            ("right.vectors", self.columns, &self.right.vectors),
            ("right.covariance", self.columns, &self.right.covariance),
        ]
    }
}

/// Whether the `number`th matrix refreshes its bases after `step` steps: they take turns.
pub(super) fn due(step: u64, number: usize) -> bool {
    step <= SETTLING || (step + number as u64).is_multiple_of(REFRESH)
}

/// The rotations of a slot, read from what was stored; `None` if something is missing.
pub(crate) fn restored(slot: &Slot, named: &Named) -> Option<Vec<Rotation>> {
    let [count, rows, columns] = matrices(slot).unwrap_or([0; 3]);
    let part = |number: usize, name: &str, size: usize| match named.get(&stored_name(slot, number, name)) {
        Some((shape, values)) if *shape == [size, size] && values.len() == size * size => Some(values.clone()),
        _ => None,
    };
    let basis = |number, side: &str, size| {
        let covariance = part(number, &format!("{side}.covariance"), size)?;
        Some(Basis::new(part(number, &format!("{side}.vectors"), size)?, covariance, size))
    };
    (0..count)
        .map(|i| Some(Rotation { rows, columns, left: basis(i, "left", rows)?, right: basis(i, "right", columns)? }))
        .collect()
}

/// The name of a stored part of a slot's `number`th matrix.
pub(crate) fn stored_name(slot: &Slot, number: usize, part: &str) -> String {
    format!("{}.{number}.{part}", slot.name)
}
