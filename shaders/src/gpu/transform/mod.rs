//! The float transforms on a wgpu device: [`mod@crate::transform`]'s layers as kernels, a whole window of a picture in about thirty dispatches.
//!
//! Differs from the integer prior's [`Recorder`] in working on one plane at a time and in floats, so that results are close to those of
//! [`reference`](mod@crate::transform::reference) but not equal. A block takes three dispatches: convolution, expansion with its activation, and
//! projection added to the stream; everything stays on the device from the upload of samples or latents to the one copy back.

mod analysis;
mod kernels;
mod layers;
mod run;
mod synthesis;

use std::sync::Arc;

pub use analysis::{AnalysisBuffers, HyperBuffers};
pub use synthesis::SynthesisBuffers;

use self::kernels::Kernels;
use super::{Gpu, GpuError};

/// A device with the kernels of the transforms, each compiled when it is needed first.
#[derive(Debug)]
pub struct FloatGpu {
    gpu: Arc<Gpu>,
    kernels: Kernels,
}

/// A part of a picture that is transformed at once.
#[derive(Debug, Clone)]
pub struct Window<T> {
    /// Rows of latents.
    pub rows: usize,
    /// Columns of latents.
    pub columns: usize,
    /// Samples or numbers `[2 rows, 2 columns, 64 colours]` of patches, or latents `[rows, columns, y]`.
    pub values: Vec<T>,
}

impl FloatGpu {
    /// The transforms' kernels on an open device.
    pub fn new(gpu: Arc<Gpu>) -> Self {
        Self { gpu, kernels: Kernels::default() }
    }

    /// The device.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// How many latents may be in a window, if the largest buffer takes so many words for each of them and planes at 1/8 have four positions.
    fn most_latents(&self, words: usize) -> usize {
        // A workgroup computes 64 positions.
        self.gpu.most_rows(words, 64 / 4)
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|&word| f32::from_le_bytes(word)).collect()
}

#[cfg(test)]
mod tests;
