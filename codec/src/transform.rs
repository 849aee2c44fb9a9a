//! The float networks as the codec sees them: one small trait, and its implementation by burn.
//!
//! Container, entropy coding and integer prior do not depend on this, so a decoder with its own kernels needs only another
//! implementation. Nothing here can make a file unreadable: pixels may differ by one step between devices, symbols may not.

use lic_model::inference::Transforms;

use crate::error::Error;
use crate::model::ModelError;

/// Analysis, hyper-analysis and synthesis of rectangles of a picture. Arrays are row-major; a patch is 8x8 pixels in the order
/// row, column, colour, values nominally in -0.5..=0.5.
pub trait TileTransforms: Send + Sync {
    /// Latent channels, M.
    fn channels(&self) -> usize;

    /// How many latents (16 pixels each) around a tile analysis and synthesis need so that the tile comes out as in the whole plane.
    fn halo(&self) -> usize;

    /// Windows must start on multiples of this many latents: the grid of attention windows, 1 where there are none.
    fn anchor(&self) -> usize;

    /// Patches [2 rows, 2 columns, 192] -> whitened latent [rows, columns, M].
    ///
    /// # Errors
    /// The encoder's networks were not loaded.
    fn analyse(&self, patches: Vec<f32>, rows: usize, columns: usize) -> Result<Vec<f32>, Error>;

    /// Whitened latent [rows, columns, M] -> hyper-latent [ceil(rows/4), ceil(columns/4), Z], not rounded, for a quality 0..=252.
    ///
    /// # Errors
    /// The encoder's networks were not loaded.
    fn hyper_analyse(&self, latent: &[f32], rows: usize, columns: usize, quality: u8) -> Result<Vec<f32>, Error>;

    /// Decoded whitened latent [rows, columns, M] -> patches [2 rows, 2 columns, 192], for a quality 0..=252.
    fn synthesise(&self, latent: Vec<f32>, rows: usize, columns: usize, quality: u8) -> Vec<f32>;
}

/// Latents per attention window in each direction.
const WINDOW: usize = 8;

impl TileTransforms for Transforms {
    fn channels(&self) -> usize {
        self.config().y
    }

    fn halo(&self) -> usize {
        self.halo()
    }

    fn anchor(&self) -> usize {
        self.config().head_width.map_or(1, |_| WINDOW)
    }

    fn analyse(&self, patches: Vec<f32>, rows: usize, columns: usize) -> Result<Vec<f32>, Error> {
        // The network counts patches.
        let latent = self.analyse(patches, 2 * rows, 2 * columns);
        Ok(latent.ok_or(ModelError::NoEncoder)?)
    }

    fn hyper_analyse(&self, latent: &[f32], rows: usize, columns: usize, quality: u8) -> Result<Vec<f32>, Error> {
        let hyper = self.hyper_analyse(latent, rows, columns, quality);
        Ok(hyper.ok_or(ModelError::NoEncoder)?)
    }

    fn synthesise(&self, latent: Vec<f32>, rows: usize, columns: usize, quality: u8) -> Vec<f32> {
        self.synthesise(latent, rows, columns, quality)
    }
}
