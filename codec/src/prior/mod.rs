//! The integer prior: which probabilities every latent is coded with, the same on every machine.
//!
//! `codec/PRIOR.md` is the specification. [`PriorWeights`] is a checked weight file; a [`PriorEngine`] runs it. There are
//! three engines with bit-identical results: `scalar` (the definition, slow), `fast` (CPU SIMD) and `gpu` (feature `gpu`,
//! all tiles of an image together). The coder drives any of them in the same way:
//!
//! ```text
//! begin(tiles, quality, hyper-latents)
//! four times: predict() -> means and scale indices; code or decode the symbols; accept(symbols)
//! finish() -> latents
//! ```
//!
//! Coding order inside a pass: by row, then column, then the channels of the group that is coded at that position.

mod cpu;
mod error;
#[cfg(feature = "gpu")]
mod fallback;
mod fast;
#[cfg(feature = "gpu")]
mod gpu;
mod jobs;
mod kernels;
mod pack;
mod progress;
#[doc(hidden)]
pub mod random;
mod scalar;
mod tensors;
mod weights;

pub use error::{PriorError, WeightsError};
#[cfg(feature = "gpu")]
pub(crate) use fallback::GpuOrCpu;
pub use fast::FastEngine;
#[cfg(feature = "gpu")]
pub use gpu::GpuEngine;
pub use lic_shaders::gain::{SCALES, SYMBOL_MAX};
#[cfg(feature = "gpu")]
pub use lic_shaders::gpu::{AdapterPolicy, GpuError};
pub use lic_shaders::order::PASSES;
pub use lic_shaders::{LayerError, QualityIndex};
pub use scalar::ScalarEngine;
pub use weights::{Context, Network, PriorWeights, Sizes};

/// Largest magnitude of a hyper-latent.
pub const HYPER_MAX: i16 = crate::entropy::MAX_HYPER_SYMBOL as i16;

/// The latent plane of one tile, in positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TileShape {
    /// Rows, `ceil(tile height / 16)`.
    pub height: usize,
    /// Columns, `ceil(tile width / 16)`.
    pub width: usize,
}

impl TileShape {
    /// Positions of the latent plane.
    pub const fn positions(self) -> usize {
        self.height * self.width
    }

    /// The plane of the hyper-latents, a quarter of the size in each direction.
    pub const fn hyper(self) -> Self {
        Self { height: self.height.div_ceil(4), width: self.width.div_ceil(4) }
    }
}

/// What one pass predicts for one tile: one entry for each of its `positions * M / 4` latents, in coding order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prediction {
    /// Means in 1/64 of a quantisation step, below 2^26 in magnitude.
    pub mean64: Vec<i32>,
    /// Which of the 64 scale tables, 0..=63.
    pub index: Vec<u8>,
}

/// A running prior. Calls in another order than that of the module's documentation give [`PriorError::Sequence`];
/// `begin` is allowed at any time and starts anew. After another error only `begin` is of use.
pub trait PriorEngine: Send {
    /// Starts on some tiles (at least one): `hyper` holds for every tile its hyper-latents `[zh, zw, Z]`, -4095..=4095.
    fn begin(&mut self, tiles: &[TileShape], quality: QualityIndex, hyper: &[&[i16]]) -> Result<(), PriorError>;

    /// The predictions of the next pass, one for each tile.
    fn predict(&mut self) -> Result<&[Prediction], PriorError>;

    /// Takes the symbols of the pass, for every tile as many as were predicted, -16383..=16383.
    fn accept(&mut self, symbols: &[Vec<i16>]) -> Result<(), PriorError>;

    /// After the fourth pass: for every tile the latents `[height, width, M]` in 1/64 of a quantisation step.
    fn finish(&mut self) -> Result<Vec<Vec<i32>>, PriorError>;
}

#[cfg(test)]
mod tests;
