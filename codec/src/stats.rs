//! Where the time went and how much there was to do.

use std::time::{Duration, Instant};

/// Wall-clock time per stage, alpha included, and amounts, of one call or summed over several with `+=`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Pixels to latents and hyper-latents.
    pub analysis: Duration,
    /// The integer prior.
    pub prior: Duration,
    /// Symbols to bytes or back.
    pub coding: Duration,
    /// The search of efforts 2 and 3.
    pub search: Duration,
    /// The fit of the picture's filter, with the synthesis of what it is fitted to.
    pub filter: Duration,
    /// Latents to pixels; of an encoder only what a PSNR target took.
    pub synthesis: Duration,
    /// Pixels of the picture.
    pub pixels: u64,
    /// Bytes of the colours' payloads, without index and checksums.
    pub payload: u64,
    /// Symbols of the colours coded or decoded, skipped ones not counted.
    pub symbols: u64,
}

impl std::ops::AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        self.analysis += other.analysis;
        self.prior += other.prior;
        self.coding += other.coding;
        self.search += other.search;
        self.filter += other.filter;
        self.synthesis += other.synthesis;
        self.pixels += other.pixels;
        self.payload += other.payload;
        self.symbols += other.symbols;
    }
}

impl Stats {
    /// Adds another's times, but not its amounts.
    pub(crate) fn add_times(&mut self, other: &Self) {
        *self += Self { pixels: 0, payload: 0, symbols: 0, ..*other };
    }
}

/// Runs `work` and adds its time to `stage`.
pub(crate) fn timed<T>(stage: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    *stage += start.elapsed();
    result
}
