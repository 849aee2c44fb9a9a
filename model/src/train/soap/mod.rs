//! SOAP: Adam in the eigenbases of a matrix's gradients.
//!
//! For a weight matrix with gradient `G` [rows, columns] the moving averages of `G G^T` and `G^T G` are kept, and their eigenvectors ([`Basis`]). Adam's
//! moments are those of the gradient in these bases, where its axes are hardly correlated, and its step is turned back. Differs from [`super::Adam`] on
//! its own, which takes every weight for an axis. Vyas et al., arXiv 2409.11321; on learned image compression it took 30 % of Adam's steps (Zhang and Zhu,
//! arXiv 2601.20769). As there, eigenvectors follow by a step of subspace iteration every tenth step; the moments' own averages are ours ([`super::adam`]).

mod basis;
mod orthonormal;

use crate::backprop::kernels::{Start, transpose};
use crate::backprop::{Factor, Operand};
use crate::load::Named;
use crate::net::Precision;
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

/// Attention's matrices that are parameters of their own: keys, and the last layer of the position bias, neither of which has a bias.
fn is_of_attention(slot: &Slot) -> bool {
    slot.name.ends_with(".key") || slot.name.ends_with(".position.output")
}

/// Weight matrices in a slot: how many, rows, columns. Convolutions [outputs, inputs, 3, 3] are matrices [outputs, 9 inputs]; tables per knot and
/// channel, biases and gains are no matrices.
pub(super) fn matrices(slot: &Slot) -> Option<[usize; 3]> {
    let head = slot.name.starts_with("prior.heads.") && (slot.name.ends_with(".mean") || slot.name.ends_with(".scale"));
    let shape = match slot.shape[..] {
        [rows, columns] if slot.name.ends_with(".weight") || is_of_attention(slot) => [1, rows, columns],
        [count, rows, columns] if head => [count, rows, columns],
        [outputs, inputs, height, width] => [1, outputs, inputs * height * width],
        _ => return None,
    };
    let table = slot.name.contains(".density.") || slot.rate == 0.0;
    (!table && shape[1].max(shape[2]) <= LONGEST).then_some(shape)
}

/// `precision`, if matrices of this size can have it: pairs need even sides.
fn possible(precision: Precision, rows: usize, columns: usize) -> Precision {
    if rows.is_multiple_of(2) && columns.is_multiple_of(2) { precision } else { Precision::F32 }
}

/// The rotations of all matrices of a slot, which begin as none; `precision` is that of products for covariances and for steps.
pub(super) fn rotations(slot: &Slot, precision: Precision) -> Vec<Rotation> {
    let [count, rows, columns] = matrices(slot).unwrap_or([0; 3]);
    let precision = possible(precision, rows, columns);
    let basis = |size| Basis::identity(size, precision);
    (0..count).map(|_| Rotation { rows, columns, left: basis(rows), right: basis(columns) }).collect()
}

impl Rotation {
    /// Elements of the matrix.
    pub fn len(&self) -> usize {
        self.rows * self.columns
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `x` in the bases. In f32 always: rounding errors of strong directions would drown weak ones, and Adam makes all equal.
    pub fn turn(&self, x: &[f32]) -> Vec<f32> {
        self.product(&Operand::F32(&self.left.vectors), x, &self.right.turning)
    }

    /// `x`, given in the bases, in the weights' axes.
    pub fn turn_back(&self, x: &[f32]) -> Vec<f32> {
        self.product(&self.left.back(), x, &self.right.turning_back)
    }

    /// The same in f32, for moments, in which rounding errors would stay.
    fn turn_back_exactly(&self, x: &[f32]) -> Vec<f32> {
        let left = transpose(&self.left.vectors, self.rows);
        let mut right = Factor::default();
        right.load(&self.right.vectors, self.columns, Precision::F32);
        self.product(&Operand::F32(&left), x, &right)
    }

    /// `left x right` for `left` [rows, rows] and `right` [columns, columns].
    fn product(&self, left: &Operand<'_>, x: &[f32], right: &Factor) -> Vec<f32> {
        let (rows, columns) = (self.rows, self.columns);
        let mut packed = Factor::default();
        packed.load(x, columns, right.precision());
        let mut half = vec![0.0; self.len()];
        packed.apply(left, rows, &mut half, columns, [rows, columns, rows], Start::Zero);
        let mut pairs = Vec::new();
        let half = Operand::new(&half, right.precision(), &mut pairs);
        let mut out = vec![0.0; self.len()];
        right.apply(&half, columns, &mut out, columns, [rows, columns, columns], Start::Zero);
        out
    }

    /// Takes a gradient into the covariances, and refreshes the bases, with the moments in them, when they are due.
    pub fn learn(&mut self, gradient: &[f32], first: &mut [f32], second: &mut [f32], due: bool) {
        let scaled: Vec<f32> = gradient.iter().map(|g| g * RENEWED.sqrt()).collect();
        self.left.add_columns(&scaled, self.columns, RENEWED);
        self.right.add_rows(&scaled, RENEWED);
        if !due {
            return;
        }
        let moments = self.turn_back_exactly(first);
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

/// The rotations of a slot, read from what was stored; `None` if something is missing. Checkpoints from before attention's own matrices had bases have none of
/// them: their moments are in the weights' axes, which is where bases begin.
pub(crate) fn restored(slot: &Slot, named: &Named, precision: Precision) -> Option<Vec<Rotation>> {
    let own = format!("{}.", slot.name);
    if is_of_attention(slot) && !named.keys().any(|name| name.starts_with(&own)) {
        return Some(rotations(slot, precision));
    }
    let [count, rows, columns] = matrices(slot).unwrap_or([0; 3]);
    let precision = possible(precision, rows, columns);
    let part = |number: usize, name: &str, size: usize| match named.get(&stored_name(slot, number, name)) {
        Some((shape, values)) if *shape == [size, size] && values.len() == size * size => Some(values.clone()),
        _ => None,
    };
    let basis = |number, side: &str, size| {
        let covariance = part(number, &format!("{side}.covariance"), size)?;
        Some(Basis::new(part(number, &format!("{side}.vectors"), size)?, covariance, size, precision))
    };
    (0..count)
        .map(|i| Some(Rotation { rows, columns, left: basis(i, "left", rows)?, right: basis(i, "right", columns)? }))
        .collect()
}

/// The name of a stored part of a slot's `number`th matrix.
pub(crate) fn stored_name(slot: &Slot, number: usize, part: &str) -> String {
    format!("{}.{number}.{part}", slot.name)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::network::Network;
    use crate::params;
    use crate::preset::Preset;

    #[test]
    fn of_the_teachers_two_dimensional_parameters_tables_have_no_bases_and_all_others_have() {
        let slots = params::slots(&Network::new(&Preset::Teacher.config(), 0, &Device::flex()));
        let is_table = |slot: &Slot| {
            let ends = [".knots", ".log_gain", ".log_deviation", "_bias"];
            slot.name.contains(".density.") || ends.iter().any(|end| slot.name.ends_with(end))
        };
        for slot in slots.iter().filter(|slot| slot.shape.len() == 2) {
            assert_eq!(matrices(slot).is_none(), is_table(slot), "{} {:?}", slot.name, slot.shape);
        }
    }

    #[test]
    fn keys_whose_bases_a_checkpoint_lacks_begin_with_the_identity_but_half_a_basis_is_none() {
        let slot = |name: &str| Slot { name: name.into(), shape: vec![8, 4], offset: 0, rate: 1.0 };
        let key = slot("analysis.attention8.plain.key");
        let mut rotation = rotations(&key, Precision::F32).remove(0);
        assert_eq!(restored(&key, &Named::new(), Precision::F32), Some(vec![rotation.clone()]));
        assert_eq!(restored(&slot("analysis.stem.weight"), &Named::new(), Precision::F32), None);

        let gradient: Vec<f32> = (0..32).map(|i| (i as f32 * 1.7).sin()).collect();
        rotation.learn(&gradient, &mut [0.0; 32], &mut [0.0; 32], true);
        let part = |(part, size, values): (&str, usize, &[f32])| {
            (stored_name(&key, 0, part), (vec![size, size], values.to_vec()))
        };
        let mut named: Named = rotation.parts().into_iter().map(part).collect();
        assert_eq!(restored(&key, &named, Precision::F32), Some(vec![rotation]));
        named.remove(&stored_name(&key, 0, "right.vectors")).unwrap();
        assert_eq!(restored(&key, &named, Precision::F32), None);
    }
}
