//! Factors of products in the order in which tiles read them.

use super::PANEL;

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

/// The transpose of row-major `matrix` [rows, columns].
pub(crate) fn transpose(matrix: &[f32], columns: usize) -> Vec<f32> {
    let rows = matrix.len() / columns;
    let mut out = vec![0.0; matrix.len()];
    for (i, row) in matrix.chunks_exact(columns).enumerate() {
        row.iter().zip(out[i..].iter_mut().step_by(rows)).for_each(|(value, out)| *out = *value);
    }
    out
}
