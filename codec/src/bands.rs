//! How many tiles are coded together: enough to keep all threads (or the GPU) busy, few enough to bound memory. The prior takes all tiles of
//! a band at once, because on a GPU every pass is one read-back for all of them.

use crate::format::TileRect;
use crate::tiles::Area;

/// Positions of latents whose prior runs together on the CPU: eight tiles of the default size, about 80 MB for the student.
pub(crate) const CPU_BAND: usize = 8 * 64 * 64;
/// The same on a GPU, where read-backs cost more and batches are split to fit the adapter anyway.
#[cfg(feature = "gpu")]
pub(crate) const GPU_BAND: usize = 64 * 64 * 64;

/// How many of the next tiles are coded together: at least one, if there is one.
pub(crate) fn band(tiles: &[TileRect], most: usize) -> usize {
    let mut positions = 0;
    let fits = |tile: &&TileRect| {
        positions += Area::of_tile(tile).positions();
        positions <= most
    };
    tiles.iter().take_while(fits).count().max(1)
}

/// All tiles, in bands of those that are coded together.
pub(crate) fn bands(tiles: &[TileRect], most: usize) -> impl Iterator<Item = &[TileRect]> {
    let mut left = tiles;
    std::iter::from_fn(move || {
        let (next, rest) = left.split_at_checked(band(left, most))?;
        left = rest;
        Some(next)
    })
}
