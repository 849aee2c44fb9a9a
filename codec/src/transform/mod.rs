//! The float networks as the codec sees them: one small trait, and its implementations.
//!
//! - `cpu`: own kernels for models without attention; pictures pass through in rows, nothing is computed twice, and pixels are the same on every
//!   machine. What [`crate::DeviceChoice::Cpu`] uses.
//! - `gpu`: own WGSL kernels for models without attention; pictures pass through in windows as large as the adapter takes. What
//!   [`crate::DeviceChoice::Gpu`] uses.
//! - `windows`: burn's networks, on the CPU (the definition) or, for models with attention only, on a GPU. Pictures pass
//!   through in windows, tiles with a halo.
//!
//! Container, entropy coding and integer prior do not depend on this. Nothing here can make a file unreadable: of pictures that an encoder
//! has made, pixels may differ by a step of 8 bits between implementations, and by a few more here and there behind [`crate::enhance`], which may then see other surroundings (of streams that were made up, by anything), symbols may not.

pub(crate) mod behind;
#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(feature = "burn")]
pub(crate) mod rolling;
pub(crate) mod rounded;
#[cfg(feature = "burn")]
pub(crate) mod windows;

use crate::error::Error;
use crate::format::{BitDepth, Header};
use crate::picture::Picture;
use crate::samples::deepened;

/// Analysis, hyper-analysis and synthesis of whole pictures. A row of latents is [columns, M], whitened; columns and rows are 16 pixels each.
pub trait Transforms: Send + Sync {
    /// Latent channels, M.
    fn channels(&self) -> usize;

    /// Tiles must start on multiples of this many latents: the grid of attention windows, 1 where there are none.
    fn anchor(&self) -> usize;

    /// Whether all work is done by the threads of rayon's pool, without locks that are held while waiting for them.
    fn on_pool(&self) -> bool {
        false
    }

    /// Latents around a window that the transforms must see so that it comes out as it does in the whole plane.
    fn halo(&self) -> usize;

    /// Begins the analysis of a picture with this header.
    ///
    /// # Errors
    /// The encoder's networks were not loaded.
    fn analysis<'a>(&'a self, picture: &'a Picture, header: &Header) -> Result<Box<dyn Analysis + 'a>, Error>;

    /// Whitened latent [rows, columns, M] of a tile -> hyper-latent [ceil(rows/4), ceil(columns/4), Z], not rounded, for a quality 0..=252.
    ///
    /// # Errors
    /// The encoder's networks were not loaded.
    fn hyper_analyse(&self, latent: &[f32], rows: usize, columns: usize, quality: u8) -> Result<Vec<f32>, Error>;

    /// Begins the synthesis of the picture of a header.
    fn synthesis<'a>(&'a self, header: &Header) -> Box<dyn Synthesis + 'a>;
}

/// An analysis that is under way.
pub trait Analysis {
    /// The next `count` rows of latents; fewer where the picture ends.
    ///
    /// # Errors
    /// A device failed.
    fn rows(&mut self, count: usize) -> Result<Vec<Vec<f32>>, Error>;
}

/// A synthesis that is under way. Whoever decodes in rows may go on in another thread.
pub trait Synthesis: Send {
    /// Takes the next rows of latents, and appends the samples that are complete to `pixels`: whole rows of the picture, all that are left when
    /// the last rows have come. The last row of patches may reach beyond the picture.
    ///
    /// # Errors
    /// A device failed.
    fn push(&mut self, latents: Vec<Vec<f32>>, pixels: &mut Vec<u8>) -> Result<(), Error>;

    /// The same with samples of another depth; a synthesis makes one kind only. As it stands here, it gives what 8 bits can say.
    ///
    /// # Errors
    /// A device failed.
    fn push_deep(&mut self, latents: Vec<Vec<f32>>, depth: BitDepth, pixels: &mut Vec<u16>) -> Result<(), Error> {
        let mut eight = Vec::new();
        self.push(latents, &mut eight)?;
        pixels.extend(eight.into_iter().map(|sample| deepened(sample, depth)));
        Ok(())
    }
}

/// Rows [columns, channels] of a latent [rows, columns, channels], the last row and column repeated until both sides are multiples of 4: what
/// hyper-analysis takes.
#[cfg(any(feature = "cpu", feature = "gpu"))]
fn pad_to_hyper(latent: &[f32], rows: usize, columns: usize, channels: usize) -> Vec<Vec<f32>> {
    let row = |row: usize| {
        let row = &latent[row.min(rows - 1) * columns * channels..][..columns * channels];
        let mut padded = row.to_vec();
        (columns..columns.next_multiple_of(4)).for_each(|_| padded.extend_from_slice(&row[row.len() - channels..]));
        padded
    };
    (0..rows.next_multiple_of(4)).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A synthesis that knows 8 bits only.
    struct Eight;

    impl Synthesis for Eight {
        fn push(&mut self, latents: Vec<Vec<f32>>, pixels: &mut Vec<u8>) -> Result<(), Error> {
            pixels.extend(latents.iter().map(|row| row.len() as u8));
            Ok(())
        }
    }

    #[test]
    fn a_synthesis_of_eight_bits_gives_deeper_samples_of_the_same_colours() {
        let mut pixels = vec![7];
        let latents = vec![vec![0.0; 255], vec![], vec![0.0; 51]];
        Eight.push_deep(latents, BitDepth::Ten, &mut pixels).unwrap();
        assert_eq!(pixels, [7, 1023, 0, 205]);
    }
}
