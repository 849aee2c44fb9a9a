//! Analysis of windows: samples up, latents back; and the hyper-analysis of tiles.

use super::kernels::Kernel;
use super::layers::{BlockBuffers, LayerBuffers};
use super::run::{Memory, Run};
use super::{FloatGpu, GpuError, Window, floats};
use crate::transform::{Analysis, HyperAnalysis, PATCH, at_quality};

/// The layers on a device.
#[derive(Debug)]
pub struct AnalysisBuffers {
    /// From red, green and blue.
    colour: LayerBuffers,
    /// From one sample that stands for all three.
    grey: LayerBuffers,
    blocks8: Vec<BlockBuffers>,
    down: LayerBuffers,
    blocks16: Vec<BlockBuffers>,
    head: LayerBuffers,
}

impl AnalysisBuffers {
    /// Uploads the network.
    pub fn new(float: &FloatGpu, net: &Analysis) -> Self {
        let gpu = float.gpu();
        Self {
            colour: LayerBuffers::dense(gpu, &net.stem),
            grey: LayerBuffers::dense(gpu, &net.stem.sum_of_colours()),
            blocks8: BlockBuffers::all(gpu, &net.blocks8),
            down: LayerBuffers::dense(gpu, &net.down),
            blocks16: BlockBuffers::all(gpu, &net.blocks16),
            head: LayerBuffers::dense(gpu, &net.head),
        }
    }

    /// How many latents the windows may have.
    pub fn most_latents(&self, float: &FloatGpu) -> usize {
        let widest = [4 * PATCH as u32, 4 * self.colour.outputs, self.head.inputs, self.head.outputs].into_iter().max();
        float.most_latents(widest.unwrap_or(1) as usize)
    }

    /// Whitened latents `[rows, columns, y]` of every window of 8-bit samples. One copy back for all of them.
    ///
    /// # Errors
    /// The device failed.
    pub fn samples(&self, float: &FloatGpu, windows: &[Window<u8>], grey: bool) -> Result<Vec<Vec<f32>>, GpuError> {
        self.run(float, windows, grey, Kernel::FromSamples)
    }

    /// The same from numbers in -0.5..=0.5, for samples of more than 8 bits.
    ///
    /// # Errors
    /// The device failed.
    pub fn numbers(&self, float: &FloatGpu, windows: &[Window<f32>], grey: bool) -> Result<Vec<Vec<f32>>, GpuError> {
        self.run(float, windows, grey, Kernel::Plain)
    }

    fn run<T: bytemuck::NoUninit>(
        &self,
        float: &FloatGpu,
        windows: &[Window<T>],
        grey: bool,
        first: Kernel,
    ) -> Result<Vec<Vec<f32>>, GpuError> {
        let latents = windows.iter().map(|window| window.rows * window.columns).max().unwrap_or(0);
        let [fine, coarse, out] =
            [self.colour.outputs, self.head.inputs, self.head.outputs].map(|channels| channels as usize);
        let wide = coarse.max(4 * fine);
        let [stream8, stream16, hidden, found] =
            [4 * fine, coarse, wide, out].map(|words| Memory::new(float, latents * words));
        let part = Memory::new(float, latents * wide.div_ceil(4));
        let stem = if grey { &self.grey } else { &self.colour };
        let mut run = Run::new(float);
        for window in windows {
            let (rows, columns) = (window.rows, window.columns);
            let samples = run.upload(2 * rows, 2 * columns, &window.values);
            let stream8 = stream8.plane(2 * rows, 2 * columns, fine);
            let stream16 = stream16.plane(rows, columns, coarse);
            let found = found.plane(rows, columns, out);
            run.layer(first, stem, &samples, &stream8);
            self.blocks8.iter().for_each(|block| run.block(block, &stream8, &part, &hidden));
            run.layer(Kernel::Down, &self.down, &stream8, &stream16);
            self.blocks16.iter().for_each(|block| run.block(block, &stream16, &part, &hidden));
            run.layer(Kernel::Plain, &self.head, &stream16, &found);
            run.read(&found, self.head.outputs);
        }
        Ok(run.finish()?.iter().map(|bytes| floats(bytes)).collect())
    }
}

/// The layers of the hyper-analysis on a device.
#[derive(Debug)]
pub struct HyperBuffers {
    stem: LayerBuffers,
    knots: Vec<f32>,
    block1: BlockBuffers,
    down1: LayerBuffers,
    block2: BlockBuffers,
    down2: LayerBuffers,
}

impl HyperBuffers {
    /// Uploads the network.
    pub fn new(float: &FloatGpu, net: &HyperAnalysis) -> Self {
        let gpu = float.gpu();
        Self {
            stem: LayerBuffers::dense(gpu, &net.stem),
            knots: net.knots.clone(),
            block1: BlockBuffers::new(gpu, &net.block1),
            down1: LayerBuffers::dense(gpu, &net.down1),
            block2: BlockBuffers::new(gpu, &net.block2),
            down2: LayerBuffers::dense(gpu, &net.down2),
        }
    }

    /// Hyper-latents `[rows / 4, columns / 4, z]`, not rounded, of whitened latents whose sides are multiples of 4, at a quality in quarter knots.
    ///
    /// # Errors
    /// The device failed.
    pub fn run(&self, float: &FloatGpu, latents: &Window<f32>, quality: u8) -> Result<Vec<f32>, GpuError> {
        let (rows, columns) = (latents.rows, latents.columns);
        let hidden = self.stem.outputs as usize;
        let memory = |channels| Memory::new(float, rows * columns * channels);
        let plane = |shift: u32, channels| memory(channels).plane(rows >> shift, columns >> shift, channels);
        let (part, expanded) = (memory(hidden.div_ceil(4)), memory(2 * hidden));
        let bias = self.stem.more_bias(float.gpu(), &at_quality(&self.knots, quality));
        let (fine, middle, out) = (plane(0, hidden), plane(1, hidden), plane(2, self.down2.outputs as usize));
        let mut run = Run::new(float);
        let latents = run.upload(rows, columns, &latents.values);
        run.biased(&self.stem, &bias, &latents, &fine);
        run.block(&self.block1, &fine, &part, &expanded);
        run.layer(Kernel::Down, &self.down1, &fine, &middle);
        run.block(&self.block2, &middle, &part, &expanded);
        run.layer(Kernel::Down, &self.down2, &middle, &out);
        run.read(&out, self.down2.outputs);
        Ok(run.finish()?.iter().flat_map(|bytes| floats(bytes)).collect())
    }
}
