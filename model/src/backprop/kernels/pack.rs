//! Factors of products in the order in which tiles read them.

use super::{Left, PANEL};

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
    row_by_row(Left { data: matrix, row: 1, step: columns }, columns, matrix.len() / columns)
}

/// The first rows of a left factor, its steps following each other.
pub(super) fn row_by_row<E: Copy + Default>(left: Left<'_, E>, rows: usize, steps: usize) -> Vec<E> {
    /// A square of these stays in the first-level cache.
    const SIDE: usize = 16;
    let mut out = vec![E::default(); rows * steps];
    for first in (0..rows).step_by(SIDE) {
        for run in (0..steps).step_by(SIDE) {
            for i in first..rows.min(first + SIDE) {
                let row = &mut out[i * steps..(i + 1) * steps];
                for (l, out) in row.iter_mut().enumerate().skip(run).take(SIDE) {
                    *out = left.data[i * left.row + l * left.step];
                }
            }
        }
    }
    out
}
