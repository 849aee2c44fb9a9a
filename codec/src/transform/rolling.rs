//! The decoded latents of a few rows of tiles: what a synthesis in windows with halos reads.

use std::collections::VecDeque;

use crate::tiles::Area;

/// Rows of latents that a synthesis in windows must still see. Rows enter at the bottom and leave at the top, so that it holds about two
/// rows of windows of a picture of any height.
#[derive(Debug)]
pub(crate) struct RollingPlane {
    channels: usize,
    first: usize,
    rows: VecDeque<Vec<f32>>,
}

impl RollingPlane {
    pub(crate) fn new(channels: usize) -> Self {
        Self::starting_at(0, channels)
    }

    /// Whose first row is that of another number than 0.
    pub(crate) fn starting_at(first: usize, channels: usize) -> Self {
        Self { channels, first, rows: VecDeque::new() }
    }

    /// The number of the next row.
    pub(crate) fn end(&self) -> usize {
        self.first + self.rows.len()
    }

    /// Appends rows [columns, channels].
    pub(crate) fn extend(&mut self, rows: Vec<Vec<f32>>) {
        self.rows.extend(rows);
    }

    /// A copy of an area, which must lie in the rows that are held.
    pub(crate) fn read(&self, area: &Area) -> Vec<f32> {
        let places = area.columns.start * self.channels..area.columns.end * self.channels;
        let rows = self.rows.iter().skip(area.rows.start - self.first).take(area.rows.len());
        rows.flat_map(|row| &row[places.clone()]).copied().collect()
    }

    /// Overwrites an area, which must lie in the rows that are held.
    pub(crate) fn write(&mut self, area: &Area, latents: &[f32]) {
        let places = area.columns.start * self.channels..area.columns.end * self.channels;
        let rows = self.rows.iter_mut().skip(area.rows.start - self.first).take(area.rows.len());
        for (row, new) in rows.zip(latents.chunks_exact(places.len().max(1))) {
            row[places.clone()].copy_from_slice(new);
        }
    }

    /// The rows that are held.
    pub(crate) fn into_rows(self) -> Vec<Vec<f32>> {
        self.rows.into()
    }

    /// Forgets the rows above `row`.
    pub(crate) fn forget_above(&mut self, row: usize) {
        let count = row.saturating_sub(self.first).min(self.rows.len());
        self.rows.drain(..count);
        self.first += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_enter_below_and_leave_above() {
        let row = |first: usize| (first..first + 6).map(|v| v as f32).collect::<Vec<f32>>();
        let mut plane = RollingPlane::new(2);
        plane.extend(vec![row(0), row(10)]);
        plane.extend(vec![row(20)]);
        plane.forget_above(1);
        assert_eq!(plane.read(&Area { rows: 1..3, columns: 1..3 }), [12.0, 13.0, 14.0, 15.0, 22.0, 23.0, 24.0, 25.0]);
        assert_eq!(plane.end(), 3);
    }

    #[test]
    fn an_area_is_overwritten() {
        let mut plane = RollingPlane::starting_at(4, 1);
        plane.extend(vec![vec![0.0; 3], vec![0.0; 3]]);
        plane.write(&Area { rows: 5..6, columns: 1..3 }, &[1.0, 2.0]);
        assert_eq!(plane.read(&Area { rows: 4..6, columns: 0..3 }), [0.0, 0.0, 0.0, 0.0, 1.0, 2.0]);
    }
}
