//! How many tiles are coded together: enough to keep all threads (or the GPU) busy, few enough to bound memory. The prior takes all tiles of
//! a band at once, because on a GPU every pass is one read-back for all of them.

use std::ops::Range;

use crate::format::Header;
use crate::tiles::Area;

/// Positions of latents whose prior runs together on the CPU: eight tiles of the default size, about 80 MB for the student.
pub(crate) const CPU_BAND: usize = 8 * 64 * 64;
/// The same on a GPU, where read-backs cost more and batches are split to fit the adapter anyway.
#[cfg(feature = "gpu")]
pub(crate) const GPU_BAND: usize = 64 * 64 * 64;
/// The tiles from number `first` on that are coded together: at least one.
pub(crate) fn band(header: &Header, first: u32, most: usize) -> Range<u32> {
    let mut positions = 0;
    let mut end = first;
    while let Some(tile) = header.tile(end) {
        positions += Area::of_tile(&tile).positions();
        if positions > most && end > first {
            break;
        }
        end += 1;
    }
    first..end
}
