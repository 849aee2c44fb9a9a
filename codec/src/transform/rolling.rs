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
        Self { channels, first: 0, rows: VecDeque::new() }
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
    }
}
