//! Synthesis of windows: latents up, samples back.

use super::kernels::Kernel;
use super::layers::{BlockBuffers, LayerBuffers};
use super::run::{Memory, Run};
use super::{FloatGpu, GpuError, Window, floats};
use crate::transform::{PATCH, Synthesis, at_quality};

/// The layers on a device.
#[derive(Debug)]
pub struct SynthesisBuffers {
    stem: LayerBuffers,
    blocks16: Vec<BlockBuffers>,
    up: LayerBuffers,
    gain: Vec<f32>,
    blocks8: Vec<BlockBuffers>,
    /// To red, green and blue.
    colour: LayerBuffers,
    /// To their mean.
    grey: LayerBuffers,
}

impl SynthesisBuffers {
    /// Uploads the network.
    pub fn new(float: &FloatGpu, net: &Synthesis) -> Self {
        let gpu = float.gpu();
        Self {
            stem: LayerBuffers::dense(gpu, &net.stem),
            blocks16: BlockBuffers::all(gpu, &net.blocks16),
            up: LayerBuffers::dense(gpu, &net.up),
            gain: net.gain.clone(),
            blocks8: BlockBuffers::all(gpu, &net.blocks8),
            colour: LayerBuffers::dense(gpu, &net.head),
            grey: LayerBuffers::dense(gpu, &net.head.mean_of_colours()),
        }
    }

    /// How many latents the windows may have.
    pub fn most_latents(&self, float: &FloatGpu) -> usize {
        float.most_latents(self.words().into_iter().max().unwrap_or(1))
    }

    /// Words per latent of the buffers: latents, at 1/16, at 1/8, patches of floats.
    fn words(&self) -> [usize; 4] {
        [self.stem.inputs, self.stem.outputs, 4 * self.colour.inputs, 4 * PATCH as u32].map(|words| words as usize)
    }

    /// 8-bit samples `[2 rows, 2 columns, 64 colours]` of every window of latents, at a quality in quarter knots. One copy back for all of them.
    ///
    /// # Errors
    /// The device failed.
    pub fn samples(
        &self,
        float: &FloatGpu,
        windows: &[Window<f32>],
        quality: u8,
        grey: bool,
    ) -> Result<Vec<Vec<u8>>, GpuError> {
        self.run(float, windows, quality, grey, Kernel::ToSamples)
    }

    /// The same as numbers, nominally in -0.5..=0.5, for samples of more than 8 bits.
    ///
    /// # Errors
    /// The device failed.
    pub fn numbers(
        &self,
        float: &FloatGpu,
        windows: &[Window<f32>],
        quality: u8,
        grey: bool,
    ) -> Result<Vec<Vec<f32>>, GpuError> {
        let found = self.run(float, windows, quality, grey, Kernel::Plain)?;
        Ok(found.iter().map(|bytes| floats(bytes)).collect())
    }

    fn run(
        &self,
        float: &FloatGpu,
        windows: &[Window<f32>],
        quality: u8,
        grey: bool,
        last: Kernel,
    ) -> Result<Vec<Vec<u8>>, GpuError> {
        let latents = windows.iter().map(|window| window.rows * window.columns).max().unwrap_or(0);
        let head = if grey { &self.grey } else { &self.colour };
        // Four samples are a word.
        let words = if last == Kernel::ToSamples { head.outputs / 4 } else { head.outputs };
        let [_, coarse, fine, _] = self.words();
        let wide = coarse.max(fine);
        let [stream16, hidden, stream8, patches] =
            [coarse, wide, fine, 4 * words as usize].map(|words| Memory::new(float, latents * words));
        let part = Memory::new(float, latents * wide.div_ceil(4));
        let gain = at_quality(&self.gain, quality);
        let mut run = Run::new(float);
        for window in windows {
            let (rows, columns) = (window.rows, window.columns);
            let latents = run.upload(rows, columns, &window.values);
            let stream16 = stream16.plane(rows, columns, self.stem.outputs as usize);
            let stream8 = stream8.plane(2 * rows, 2 * columns, self.colour.inputs as usize);
            let patches = patches.plane(2 * rows, 2 * columns, head.outputs as usize);
            run.layer(Kernel::Plain, &self.stem, &latents, &stream16);
            self.blocks16.iter().for_each(|block| run.block(block, &stream16, &part, &hidden));
            run.up(&self.up, &gain, &stream16, &stream8);
            self.blocks8.iter().for_each(|block| run.block(block, &stream8, &part, &hidden));
            run.layer(last, head, &stream8, &patches);
            run.read(&patches, words);
        }
        run.finish()
    }
}
