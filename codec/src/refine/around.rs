//! What a tile's window is compared with: the picture's patches, and which of their samples count.

use std::collections::VecDeque;

use crate::error::Error;
use crate::format::{Header, TileRect};
use crate::source::Source;
use crate::tiles::{Area, LATENT};
use crate::transform::Analysis;
use crate::transform::windows::patches;

/// Patches per latent in each direction, and numbers per pixel of a patch.
const PATCHES: usize = 2;
const PATCH: usize = LATENT / PATCHES;
const COLOURS: usize = 3;

/// The patches of a window. The numbers of grey pictures are those of three equal colours.
pub(super) fn target(source: &Source<'_>, window: &Area) -> Vec<f32> {
    let above = |row: usize| row - source.top;
    let own = Area { rows: above(window.rows.start)..above(window.rows.end), columns: window.columns.clone() };
    patches::from_picture(source.picture, &own)
}

/// What a squared error of each of a window's numbers is worth: `square` in the tile and a ring around it, 0 further out, where pixels depend on latents
/// outside of the window, and 0 beyond the picture.
pub(super) fn weight(window: &Area, tile: &Area, header: &Header, square: f32) -> Vec<f32> {
    let ring = (tile.rows.start - window.rows.start)
        .max(window.rows.end - tile.rows.end)
        .max(tile.columns.start - window.columns.start)
        .max(window.columns.end - tile.columns.end)
        / 2;
    let counted = tile.window(ring, window);
    let rows = counted.rows.start * LATENT..(counted.rows.end * LATENT).min(header.height.into());
    let columns = counted.columns.start * LATENT..(counted.columns.end * LATENT).min(header.width.into());
    let mut weight = Vec::with_capacity(window.positions() * LATENT * LATENT * COLOURS);
    for patch_row in PATCHES * window.rows.start..PATCHES * window.rows.end {
        for patch_column in PATCHES * window.columns.start..PATCHES * window.columns.end {
            for row in patch_row * PATCH..(patch_row + 1) * PATCH {
                for column in patch_column * PATCH..(patch_column + 1) * PATCH {
                    let counts = rows.contains(&row) && columns.contains(&column);
                    weight.extend([if counts { square } else { 0.0 }; COLOURS]);
                }
            }
        }
    }
    weight
}

/// An analysis that has already been made: the latents of all tiles, as rows.
pub(crate) struct StoredRows<'a> {
    header: &'a Header,
    latents: &'a [Vec<f32>],
    channels: usize,
    tile_row: u32,
    ready: VecDeque<Vec<f32>>,
}

impl<'a> StoredRows<'a> {
    pub(crate) fn new(header: &'a Header, latents: &'a [Vec<f32>], channels: usize) -> Self {
        Self { header, latents, channels, tile_row: 0, ready: VecDeque::new() }
    }
}

impl Analysis for StoredRows<'_> {
    fn rows(&mut self, count: usize) -> Result<Vec<Vec<f32>>, Error> {
        while self.ready.len() < count {
            let tiles: Vec<TileRect> = self.header.tile_row(self.tile_row).collect();
            let Some(first) = tiles.first() else { break };
            self.tile_row += 1;
            let mut rows = vec![Vec::new(); Area::of_tile(first).rows.len()];
            for tile in &tiles {
                let latent = self.latents.get(tile.index as usize).map_or(&[][..], Vec::as_slice);
                let length = Area::of_tile(tile).columns.len() * self.channels;
                rows.iter_mut().zip(latent.chunks_exact(length)).for_each(|(row, piece)| row.extend_from_slice(piece));
            }
            self.ready.extend(rows);
        }
        Ok(self.ready.drain(..count.min(self.ready.len())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::ColourModel;
    use crate::format::header::test_header;
    use crate::picture::Picture;

    fn header(width: u16, height: u16) -> Header {
        Header { colour: ColourModel::Grey, tile_size: 64, ..test_header(width, height) }
    }

    #[test]
    fn pixels_of_the_tile_and_of_a_ring_around_it_count() {
        let header = header(200, 120);
        let picture = Picture::new(200, 120, header.colour, vec![9; 200 * 120]).unwrap();
        let source = Source { picture: &picture, top: 0 };
        let tiles: Vec<TileRect> = header.tiles().collect();
        let worth = |index: usize, halo: usize| {
            let tile = Area::of_tile(&tiles[index]);
            let window = tile.window(halo, &source.area());
            let weight = weight(&window, &tile, &header, 1.0);
            assert_eq!(target(&source, &window).len(), weight.len());
            assert_eq!(weight.len(), window.positions() * 256 * 3);
            weight.iter().sum::<f32>() / 3.0
        };
        // The first tile, with nothing beside it counted; with a ring of 2 latents below and to the right.
        assert_eq!(worth(0, 0), 64.0 * 64.0);
        assert_eq!(worth(0, 4), 96.0 * 96.0);
        // The last: 8 columns and 56 rows of pixels.
        assert_eq!(worth(7, 0), 8.0 * 56.0);
    }

    #[test]
    fn stored_tiles_become_rows() {
        let header = header(100, 70);
        // A tile's number in all its latents, of one channel.
        let latents: Vec<Vec<f32>> =
            header.tiles().map(|tile| vec![tile.index as f32; Area::of_tile(&tile).positions()]).collect();
        let mut rows = StoredRows::new(&header, &latents, 1);
        let first = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
        assert_eq!(rows.rows(3).unwrap(), [first; 3]);
        assert_eq!(rows.rows(9).unwrap(), [first, [2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0]]);
        assert!(rows.rows(1).unwrap().is_empty());
    }
}
