//! Where tiles and their halos lie in the latent plane. Pixels are `patches.rs`, bytes are `format::tiles`.
//!
//! All numbers here are latents, 16 pixels each. A tile's *window* is the tile with as much halo as the plane has: at the true
//! borders of the picture there is none, and the network's zero padding applies there as it does for the whole plane.

use std::ops::Range;

use crate::error::Error;
use crate::format::{Header, TileRect};
use crate::prior::TileShape;

/// Pixels per latent in each direction.
pub(crate) const LATENT: usize = 16;

/// A rectangle of latents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) rows: Range<usize>,
    pub(crate) columns: Range<usize>,
}

impl Area {
    /// The latents of a tile.
    pub(crate) fn of_tile(tile: &TileRect) -> Self {
        let range = |start: u16, length: u16| {
            let start = usize::from(start) / LATENT;
            start..start + usize::from(length).div_ceil(LATENT)
        };
        Self { rows: range(tile.y, tile.height), columns: range(tile.x, tile.width) }
    }

    /// The latents of a whole picture.
    pub(crate) fn of_picture(header: &Header) -> Self {
        Self {
            rows: 0..usize::from(header.height).div_ceil(LATENT),
            columns: 0..usize::from(header.width).div_ceil(LATENT),
        }
    }

    /// This area with `halo` latents around it, inside of `picture`.
    pub(crate) fn window(&self, halo: usize, picture: &Self) -> Self {
        let grow = |range: &Range<usize>, limit: &Range<usize>| {
            range.start.saturating_sub(halo)..(range.end + halo).min(limit.end)
        };
        Self { rows: grow(&self.rows, &picture.rows), columns: grow(&self.columns, &picture.columns) }
    }

    /// What this area and `other`, which overlap, have in common.
    pub(crate) fn within(&self, other: &Self) -> Self {
        let both = |a: &Range<usize>, b: &Range<usize>| a.start.max(b.start)..a.end.min(b.end);
        Self { rows: both(&self.rows, &other.rows), columns: both(&self.columns, &other.columns) }
    }

    /// Columns and rows of pixels over this area, as far as the picture of `header` goes.
    pub(crate) fn pixels(&self, header: &Header) -> [usize; 2] {
        let side = |range: &Range<usize>, edge: u16| (range.end * LATENT).min(edge.into()) - range.start * LATENT;
        [side(&self.columns, header.width), side(&self.rows, header.height)]
    }

    /// Number of latent positions.
    pub(crate) fn positions(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// As the prior wants it.
    pub(crate) fn shape(&self) -> TileShape {
        TileShape { height: self.rows.len(), width: self.columns.len() }
    }

    /// The part of a plane [rows, columns, channels] over this area that lies in `inner`, an area inside of this one.
    #[cfg(feature = "burn")]
    pub(crate) fn crop<T: Copy>(&self, plane: &[T], inner: &Self, channels: usize) -> Vec<T> {
        let mut out = Vec::with_capacity(inner.positions() * channels);
        for row in inner.rows.clone() {
            let start = (row - self.rows.start) * self.columns.len() + inner.columns.start - self.columns.start;
            out.extend_from_slice(&plane[start * channels..][..inner.columns.len() * channels]);
        }
        out
    }
}

/// Refuses tiles that would cut a model's attention windows; `anchor` is the windows' grid in latents.
pub(crate) fn check_anchor(header: &Header, anchor: usize) -> Result<(), Error> {
    let unit = anchor * LATENT;
    if header.tile_count() > 1 && !usize::from(header.tile_size).is_multiple_of(unit) {
        return Err(Error::TileCutsWindows { tile: header.tile_size, unit });
    }
    Ok(())
}

#[cfg(all(test, feature = "burn"))]
mod tests {
    use super::*;

    #[test]
    fn windows_end_at_the_picture() {
        let picture = Area { rows: 0..10, columns: 0..7 };
        let tile = Area { rows: 4..8, columns: 4..7 };
        let window = tile.window(3, &picture);
        assert_eq!((window.rows.clone(), window.columns.clone()), (1..10, 1..7));
        let plane: Vec<f32> = (0..9 * 6).map(|i| i as f32).collect();
        let inner = window.crop(&plane, &tile, 1);
        assert_eq!(inner[..4], [21.0, 22.0, 23.0, 27.0]);
        assert_eq!(inner.len(), 12);
    }
}
