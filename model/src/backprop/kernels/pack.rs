//! Factors of products in the order in which tiles read them.

use super::passes::bf16;
use super::{PANEL, Pair};
#[cfg(target_arch = "x86_64")]
use super::{has_avx512, wide};

/// A square of these stays in the first-level cache.
const SIDE: usize = 16;
#[cfg(target_arch = "x86_64")]
const _: () = assert!(SIDE == wide::SIDE);

/// Packs row-major `matrix` [steps, columns] for [`Right::packed`]; missing columns of the last panel are zero.
pub(crate) fn pack<E: Copy + Default>(matrix: &[E], columns: usize, out: &mut Vec<E>) {
    let steps = matrix.len() / columns;
    out.clear();
    out.resize(columns.div_ceil(PANEL) * PANEL * steps, E::default());
    for (panel, out) in out.chunks_exact_mut((steps * PANEL).max(1)).enumerate() {
        let first = panel * PANEL;
        let width = PANEL.min(columns - first);
        for (row, out) in matrix.chunks_exact(columns).zip(out.chunks_exact_mut(PANEL)) {
            out[..width].copy_from_slice(&row[first..first + width]);
        }
    }
}

/// Packs the transpose of row-major `matrix` [columns, steps] for [`Right::packed`].
///
/// [`Right::packed`]: super::Right::packed
pub(crate) fn pack_transposed<E: Copy + Default>(matrix: &[E], steps: usize, out: &mut Vec<E>) {
    /// Steps whose part of a panel stays in the first-level cache while its columns are filled.
    const RUN: usize = 64;
    let columns = matrix.len() / steps;
    out.clear();
    out.resize(columns.div_ceil(PANEL) * PANEL * steps, E::default());
    let panels = matrix.chunks(PANEL * steps).zip(out.chunks_exact_mut((steps * PANEL).max(1)));
    for (columns, out) in panels {
        for (run, out) in out.chunks_mut(RUN * PANEL).enumerate() {
            for (j, column) in columns.chunks_exact(steps).enumerate() {
                let values = &column[run * RUN..steps.min((run + 1) * RUN)];
                values.iter().zip(out.iter_mut().skip(j).step_by(PANEL)).for_each(|(value, out)| *out = *value);
            }
        }
    }
}

/// The transpose of row-major `matrix` [rows, columns].
pub(crate) fn transpose(matrix: &[f32], columns: usize) -> Vec<f32> {
    let rows = matrix.len() / columns;
    let mut out = vec![0.0; matrix.len()];
    for first in (0..columns).step_by(SIDE) {
        for run in (0..rows).step_by(SIDE) {
            for column in first..columns.min(first + SIDE) {
                let values = matrix[run * columns + column..].iter().step_by(columns);
                let out = &mut out[column * rows + run..column * rows + rows.min(run + SIDE)];
                out.iter_mut().zip(values).for_each(|(out, value)| *out = *value);
            }
        }
    }
    out
}

/// Neighbours in a column of `x` [rows, columns] become pairs, those of a column following each other: [columns, rows / 2].
pub(crate) fn pairs_by_column(x: &[f32], columns: usize, out: &mut [Pair]) {
    let pairs = x.len() / columns / 2;
    assert!(out.len() == pairs * columns, "pairs");
    for_each_square(columns, pairs, |column, pair, whole| {
        #[cfg(target_arch = "x86_64")]
        if whole {
            let (x, out) = (&x[2 * pair * columns + column..], &mut out[column * pairs + pair..]);
            // SAFETY: the processor has the instructions. 32 rows and 16 columns of `x` begin there, and as many columns and 16 pairs of `out`: both
            // arrays have been checked to have `2 * pairs` rows and `columns` columns.
            unsafe { wide::pairs_by_column(x.as_ptr(), columns, out.as_mut_ptr(), pairs) };
            return;
        }
        let _ = whole;
        let [first, second] = [x[2 * pair * columns + column], x[(2 * pair + 1) * columns + column]].map(bf16);
        out[column * pairs + pair] = first | second << 16;
    });
}

/// Pairs of neighbours in a row of [rows, columns], an even number of which there are, become pairs of neighbours in a column, those of a column following each other:
/// [rows, columns / 2] -> [columns, rows / 2].
pub(crate) fn pairs_turned(x: &[Pair], columns: usize, out: &mut [Pair]) {
    let half = columns / 2;
    let pairs = out.len() / columns;
    assert!(columns.is_multiple_of(2) && out.len() == pairs * columns && x.len() == out.len(), "pairs");
    for_each_square(half, pairs, |column, pair, whole| {
        #[cfg(target_arch = "x86_64")]
        if whole {
            let (x, out) = (&x[2 * pair * half + column..], &mut out[2 * column * pairs + pair..]);
            // SAFETY: the processor has the instructions. 32 rows and 16 pairs of `x` begin there, and 32 rows and 16 pairs of `out`: both arrays have been
            // checked to have `2 * pairs` rows of `half` pairs, and `2 * half` rows of `pairs`.
            unsafe { wide::pairs_turned(x.as_ptr(), half, out.as_mut_ptr(), pairs) };
            return;
        }
        let _ = whole;
        let [first, second] = [x[2 * pair * half + column], x[(2 * pair + 1) * half + column]];
        out[2 * column * pairs + pair] = first & 0xffff | second << 16;
        out[(2 * column + 1) * pairs + pair] = first >> 16 | second & 0xffff_0000;
    });
}

/// Calls `each` with the first column and the first pair of squares of [`SIDE`] in [columns, pairs], where AVX-512 transposes these whole, and with all other places one by one.
fn for_each_square(columns: usize, pairs: usize, mut each: impl FnMut(usize, usize, bool)) {
    #[cfg(target_arch = "x86_64")]
    let [whole_columns, whole_pairs] = if has_avx512() { [columns, pairs].map(|n| n / SIDE * SIDE) } else { [0; 2] };
    #[cfg(not(target_arch = "x86_64"))]
    let [whole_columns, whole_pairs] = [0; 2];
    for run in (0..pairs).step_by(SIDE) {
        let done = if run < whole_pairs { whole_columns } else { 0 };
        for column in (0..done).step_by(SIDE) {
            each(column, run, true);
        }
        for column in done..columns {
            for pair in run..pairs.min(run + SIDE) {
                each(column, pair, false);
            }
        }
    }
}
