//! The factors of a step's products in f32 or in bf16, where pairs of neighbours along the sum are multiplied at once ([`Pair`]).
//!
//! In bf16 only the operands of products are rounded; sums, the residual stream and everything between products stay f32.

use std::ops::Range;

use rayon::prelude::*;

use super::kernels::{
    Left, PANEL, Pair, Right, Start, multiply, pack, pack_transposed, pairs_across, pairs_along, pairs_by_column,
    pairs_in_panels, pairs_turned, unpaired,
};
use super::pool::{Pool, grown};
use crate::net::Precision;

/// Steps that a product over positions adds up at a time: as many as keep both factors in the second-level cache.
const CHUNK: usize = 128;

/// The same of pairs: two positions each.
const CHUNK_OF_PAIRS: usize = 256;

/// Rows that a thread takes of a product that is shared out.
const SHARE: usize = 64;

/// A right factor, packed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Factor {
    F32(Vec<f32>),
    Bf16(Vec<Pair>),
}

impl Default for Factor {
    fn default() -> Self {
        Self::F32(Vec::new())
    }
}

/// A left factor, row by row; of pairs a slice holds the bits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand<'a> {
    F32(&'a [f32]),
    Bf16(&'a [f32]),
}

impl<'a> Operand<'a> {
    /// `x` in the format of the products, pairs in `buffer`; rows have an even length.
    pub(crate) fn new(x: &'a [f32], precision: Precision, buffer: &'a mut Vec<f32>) -> Self {
        match precision {
            Precision::F32 => Self::F32(x),
            Precision::Bf16 => Self::kept(x, precision, grown(buffer, x.len() / 2), 0),
        }
    }

    /// `x`, which lies in `memory` from `at` on in the format of the products afterwards.
    pub(crate) fn kept(x: &[f32], precision: Precision, memory: &'a mut [f32], at: usize) -> Self {
        match precision {
            Precision::F32 => {
                let kept = &mut memory[at..at + x.len()];
                kept.copy_from_slice(x);
                Self::F32(kept)
            }
            Precision::Bf16 => {
                let kept = &mut memory[at / 2..(at + x.len()) / 2];
                pairs_along(x, bytemuck::cast_slice_mut(kept));
                Self::Bf16(kept)
            }
        }
    }

    /// What lies in `memory` in the format of the products, as [`Self::kept`] leaves it.
    pub(crate) fn held(memory: &'a [f32], precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32(memory),
            Precision::Bf16 => Self::Bf16(memory),
        }
    }

    /// Some elements, from an even place to an even place.
    pub(crate) fn part(&self, elements: Range<usize>) -> Self {
        match self {
            Self::F32(x) => Self::F32(&x[elements]),
            Self::Bf16(pairs) => Self::Bf16(&pairs[elements.start / 2..elements.end / 2]),
        }
    }

    /// What lies behind the first `elements`, an even number.
    pub(crate) fn from(&self, elements: usize) -> Self {
        match self {
            Self::F32(x) => Self::F32(&x[elements..]),
            Self::Bf16(pairs) => Self::Bf16(&pairs[elements / 2..]),
        }
    }
}

impl Factor {
    pub(crate) fn precision(&self) -> Precision {
        match self {
            Self::F32(_) => Precision::F32,
            Self::Bf16(_) => Precision::Bf16,
        }
    }

    /// Packs `matrix` [steps, columns]; in bf16 an even number of steps.
    pub(crate) fn load(&mut self, matrix: &[f32], columns: usize, precision: Precision) {
        match self.of(precision) {
            Self::F32(packed) => pack(matrix, columns, packed),
            Self::Bf16(packed) => {
                let mut pairs = vec![0; matrix.len() / 2];
                pairs_across(matrix, columns, &mut pairs);
                pack(&pairs, columns, packed);
            }
        }
    }

    /// Packs the transpose of `matrix` [columns, steps]; in bf16 an even number of steps.
    pub(crate) fn load_transposed(&mut self, matrix: &[f32], steps: usize, precision: Precision) {
        match self.of(precision) {
            Self::F32(packed) => pack_transposed(matrix, steps, packed),
            Self::Bf16(packed) => {
                let mut pairs = vec![0; matrix.len() / 2];
                pairs_along(matrix, &mut pairs);
                pack_transposed(&pairs, steps / 2, packed);
            }
        }
    }

    /// Itself, after changing to this format.
    fn of(&mut self, precision: Precision) -> &mut Self {
        if self.precision() != precision {
            *self = match precision {
                Precision::F32 => Self::F32(Vec::new()),
                Precision::Bf16 => Self::Bf16(Vec::new()),
            };
        }
        self
    }

    /// `c (+)= x self` for [rows, columns, steps], with rows of `x` `row` elements apart.
    pub(crate) fn apply(
        &self,
        x: &Operand<'_>,
        row: usize,
        c: &mut [f32],
        stride: usize,
        [rows, columns, steps]: [usize; 3],
        start: Start<'_>,
    ) {
        match (self, x) {
            (Self::F32(packed), Operand::F32(data)) => {
                let left = Left { data, row, step: 1 };
                multiply(c, stride, left, Right::packed(packed, steps), [rows, columns, steps], start);
            }
            (Self::Bf16(packed), Operand::Bf16(pairs)) => {
                let left = Left { data: bytemuck::cast_slice(pairs), row: row / 2, step: 1 };
                multiply(c, stride, left, Right::packed(packed, steps / 2), [rows, columns, steps / 2], start);
            }
            // Factors and operands of a step are all of one format.
            _ => debug_assert!(false, "one format a step"),
        }
    }

    /// [`Self::apply`] to all of `x`, whose rows follow each other; shared out among threads if the pool says so.
    pub(crate) fn apply_all(
        &self,
        x: &Operand<'_>,
        c: &mut [f32],
        [columns, steps]: [usize; 2],
        start: Start<'_>,
        shared: bool,
    ) {
        let rows = c.len() / columns;
        if !shared || rows < 2 * SHARE {
            self.apply(x, steps, c, columns, [rows, columns, steps], start);
            return;
        }
        c.par_chunks_mut(SHARE * columns).enumerate().for_each(|(i, c)| {
            let rows = c.len() / columns;
            self.apply(&x.from(i * SHARE * steps), steps, c, columns, [rows, columns, steps], start);
        });
    }
}

/// Adds `x^T d` for `x` [positions, inputs] and `d` [positions, outputs] to `sum` [inputs, outputs].
pub(crate) fn add_outer(
    x: Operand<'_>,
    d: &[f32],
    [inputs, outputs]: [usize; 2],
    sum: &mut [f32],
    precision: Precision,
    pool: &mut Pool,
) {
    let positions = d.len() / outputs;
    if precision == Precision::F32 || !positions.is_multiple_of(2) || !outputs.is_multiple_of(PANEL) {
        let numbers;
        let x = match x {
            Operand::F32(x) => x,
            Operand::Bf16(pairs) => {
                numbers = unpaired(bytemuck::cast_slice(pairs));
                &numbers
            }
        };
        for (x, d) in x.chunks(CHUNK * inputs).zip(d.chunks(CHUNK * outputs)) {
            let left = Left { data: x, row: 1, step: inputs };
            multiply(sum, outputs, left, Right::plain(d, outputs), [inputs, outputs, x.len() / inputs], Start::There);
        }
        return;
    }
    let (mut x_pairs, mut d_pairs) = (pool.take(positions / 2 * inputs), pool.take(d.len() / 2));
    let (left, right): (&mut [Pair], &mut [Pair]) =
        (bytemuck::cast_slice_mut(&mut x_pairs), bytemuck::cast_slice_mut(&mut d_pairs));
    match x {
        Operand::F32(x) => pairs_by_column(x, inputs, left),
        Operand::Bf16(pairs) => pairs_turned(bytemuck::cast_slice(pairs), inputs, left),
    }
    pairs_in_panels(d, outputs, right);
    let steps = positions / 2;
    for first in (0..steps).step_by(CHUNK_OF_PAIRS) {
        let part = Left { data: &left[first..], row: steps, step: 1 };
        let right = Right { data: &right[first * PANEL..], ..Right::packed(right, steps) };
        multiply(sum, outputs, part, right, [inputs, outputs, CHUNK_OF_PAIRS.min(steps - first)], Start::There);
    }
    pool.give(x_pairs);
    pool.give(d_pairs);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also where an odd number of positions, or columns that fill no panel, take the way of f32.
    #[test]
    fn products_over_positions_are_the_same_of_numbers_and_of_pairs() {
        for [positions, inputs, outputs] in [[64, 32, 64], [70, 36, 32], [6, 4, 8], [33, 32, 32]] {
            // Few enough bits for bf16.
            let values = |count: usize, seed: usize| -> Vec<f32> {
                (0..count).map(|i| ((i * 7919 + seed) % 127) as f32 / 64.0 - 1.0).collect()
            };
            let (x, d, there) =
                (values(positions * inputs, 1), values(positions * outputs, 2), values(inputs * outputs, 3));
            let mut memory = vec![0.0; x.len() / 2];
            let pairs = Operand::kept(&x, Precision::Bf16, &mut memory, 0);
            for operand in [Operand::F32(&x), pairs] {
                let mut sum = there.clone();
                add_outer(operand, &d, [inputs, outputs], &mut sum, Precision::Bf16, &mut Pool::default());
                for (at, sum) in sum.iter().enumerate() {
                    let (i, j) = (at / outputs, at % outputs);
                    let products = (0..positions).map(|p| x[p * inputs + i] * d[p * outputs + j]).sum::<f32>();
                    assert!((sum - there[at] - products).abs() < 1e-3, "{positions} {inputs} {outputs}: {i} {j}");
                }
            }
        }
    }
}
