//! How many tiles are worked on together: enough to keep all threads (or the GPU) busy, few enough to bound memory.
//!
//! Coding and transforms differ: the prior takes all tiles of a band at once, because on a GPU every pass is one read-back for
//! all of them, while the transforms need about thirty times the memory per position.

use std::ops::Range;

use crate::format::Header;
use crate::tiles::Area;

/// Positions of latents whose prior runs together on the CPU: eight tiles of the default size, about 80 MB for the student.
pub(crate) const CPU_BAND: usize = 8 * 64 * 64;
/// The same on a GPU, where read-backs cost more and batches are split to fit the adapter anyway.
#[cfg(feature = "gpu")]
pub(crate) const GPU_BAND: usize = 64 * 64 * 64;
/// Positions (halo included) whose transforms run together: about 150 MB for the student.
const TRANSFORM_POSITIONS: usize = 8192;

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

/// How many windows of `positions` latents may be transformed at the same time.
pub(crate) fn windows_in_flight(positions: usize) -> usize {
    let threads = rayon::current_num_threads().max(1);
    (TRANSFORM_POSITIONS / positions.max(1)).clamp(1, threads)
}
