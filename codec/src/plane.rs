//! Rows of latents between tiles and transforms: tiles to rows for synthesis, rows to tiles after analysis.

use std::collections::VecDeque;

use crate::error::Error;
use crate::format::{Header, TileRect};
use crate::tiles::Area;
use crate::transform::Analysis;

/// Decoded tiles on their way to rows [columns, channels]. Tiles come in the order of the file.
#[derive(Debug)]
pub(crate) struct TileRows {
    length: usize,
    channels: usize,
    first: usize,
    rows: VecDeque<Vec<f32>>,
}

impl TileRows {
    /// Rows of a picture with so many columns of latents.
    pub(crate) fn new(columns: usize, channels: usize) -> Self {
        Self { length: columns * channels, channels, first: 0, rows: VecDeque::new() }
    }

    /// Writes the rows of a tile, integers [columns, channels] each, that count in `steps` [channels].
    pub(crate) fn write<'t>(&mut self, area: &Area, tile: impl Iterator<Item = &'t [i32]>, steps: &[f32]) {
        while self.first + self.rows.len() < area.rows.end {
            self.rows.push_back(vec![0.0; self.length]);
        }
        let places = area.columns.start * self.channels..area.columns.end * self.channels;
        let rows = self.rows.iter_mut().skip(area.rows.start - self.first).take(area.rows.len());
        for (row, integers) in rows.zip(tile) {
            let positions = row[places.clone()].chunks_exact_mut(self.channels);
            for (position, integers) in positions.zip(integers.chunks_exact(self.channels)) {
                position.iter_mut().zip(integers).zip(steps).for_each(|((to, &y), &step)| *to = y as f32 * step);
            }
        }
    }

    /// Takes the rows above `end`, to which no tile is missing.
    pub(crate) fn take_above(&mut self, end: usize) -> Vec<Vec<f32>> {
        let count = end.saturating_sub(self.first).min(self.rows.len());
        self.first += count;
        self.rows.drain(..count).collect()
    }
}

/// The latents of tiles, in the order of the file, from an analysis that goes on row by row.
pub(crate) struct TileLatents<'a> {
    analysis: Box<dyn Analysis + 'a>,
    header: Header,
    channels: usize,
    /// The next row of tiles.
    tile_row: u32,
    ready: VecDeque<Vec<f32>>,
}

impl<'a> TileLatents<'a> {
    /// From the row of tiles `first` on, where the analysis stands.
    pub(crate) fn new(analysis: Box<dyn Analysis + 'a>, header: &Header, first: u32, channels: usize) -> Self {
        Self { analysis, header: *header, channels, tile_row: first, ready: VecDeque::new() }
    }

    /// The latents [rows, columns, channels] of the next `count` tiles; fewer where the picture ends.
    pub(crate) fn take(&mut self, count: usize) -> Result<Vec<Vec<f32>>, Error> {
        while self.ready.len() < count {
            let tiles: Vec<TileRect> = self.header.tile_row(self.tile_row).collect();
            let Some(first) = tiles.first() else { break };
            self.tile_row += 1;
            let rows = self.analysis.rows(Area::of_tile(first).rows.len())?;
            for tile in &tiles {
                let columns = Area::of_tile(tile).columns;
                let places = columns.start * self.channels..columns.end * self.channels;
                let mut latents = Vec::with_capacity(rows.len() * places.len());
                rows.iter().for_each(|row| latents.extend_from_slice(&row[places.clone()]));
                self.ready.push_back(latents);
            }
        }
        Ok(self.ready.drain(..count.min(self.ready.len())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_become_rows() {
        let area = |rows, columns| Area { rows, columns };
        let mut tiles = TileRows::new(3, 2);
        let write = |tiles: &mut TileRows, area: &Area, integers: Vec<i32>| {
            tiles.write(area, integers.chunks_exact(2 * area.columns.len()), &[1.0, 0.5]);
        };
        write(&mut tiles, &area(0..2, 0..2), (0..8).collect());
        write(&mut tiles, &area(0..2, 2..3), (8..12).collect());
        assert_eq!(tiles.take_above(2), [[0.0, 0.5, 2.0, 1.5, 8.0, 4.5], [4.0, 2.5, 6.0, 3.5, 10.0, 5.5]]);
        write(&mut tiles, &area(2..3, 0..2), (20..24).collect());
        assert_eq!(tiles.take_above(3), [[20.0, 10.5, 22.0, 11.5, 0.0, 0.0]]);
    }
}
