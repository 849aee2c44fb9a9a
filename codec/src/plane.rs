//! The decoded latents of a few rows of tiles: what the synthesis of one row of tiles reads.
//!
//! Rows of latents enter at the bottom as tiles are decoded and leave at the top when no tile below needs them, so a decoder
//! holds about two rows of tiles of a picture of any height.

use crate::tiles::Area;

/// Whitened latents [rows, columns, channels] of the picture's rows `first..first + rows`.
#[derive(Debug)]
pub(crate) struct RollingPlane {
    columns: usize,
    channels: usize,
    first: usize,
    values: Vec<f32>,
}

impl RollingPlane {
    /// An empty plane of a picture with so many columns of latents.
    pub(crate) fn new(columns: usize, channels: usize) -> Self {
        Self { columns, channels, first: 0, values: Vec::new() }
    }

    /// Writes a tile. Tiles come in the order of the file.
    pub(crate) fn write(&mut self, area: &Area, latents: impl Iterator<Item = f32>) {
        let stride = self.columns * self.channels;
        let rows = area.rows.end - self.first;
        if self.values.len() < rows * stride {
            self.values.resize(rows * stride, 0.0);
        }
        let mut latents = latents;
        for row in area.rows.clone() {
            let start = (row - self.first) * stride + area.columns.start * self.channels;
            let line = &mut self.values[start..start + area.columns.len() * self.channels];
            for (to, from) in line.iter_mut().zip(latents.by_ref()) {
                *to = from;
            }
        }
    }

    /// A copy of an area, which must lie in the rows that are held.
    pub(crate) fn read(&self, area: &Area) -> Vec<f32> {
        let held = Area { rows: self.first..area.rows.end, columns: 0..self.columns };
        held.crop(&self.values, area, self.channels)
    }

    /// Forgets the rows above `row`.
    pub(crate) fn forget_above(&mut self, row: usize) {
        let rows = row.saturating_sub(self.first);
        let end = (rows * self.columns * self.channels).min(self.values.len());
        self.values.drain(..end);
        self.first += rows;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_enter_below_and_leave_above() {
        let area = |rows, columns| Area { rows, columns };
        let mut plane = RollingPlane::new(3, 2);
        plane.write(&area(0..2, 0..2), (0..8).map(|v| v as f32));
        plane.write(&area(0..2, 2..3), (8..12).map(|v| v as f32));
        plane.forget_above(1);
        plane.write(&area(2..3, 0..2), (20..24).map(|v| v as f32));
        let expected = [6.0, 7.0, 10.0, 11.0, 22.0, 23.0, 0.0, 0.0];
        assert_eq!(plane.read(&area(1..3, 1..3)), expected);
    }
}
