//! Records the layers of a network over the windows of a picture.

use super::super::{GpuError, Recorder};
use super::FloatGpu;
use super::kernels::Kernel;
use super::layers::{BlockBuffers, LayerBuffers};
use crate::transform::Activation;

/// Activations `[rows, columns, channels]` in a buffer that may be larger.
#[derive(Debug, Clone)]
pub(super) struct Plane {
    pub(super) rows: u32,
    pub(super) columns: u32,
    pub(super) channels: u32,
    buffer: wgpu::Buffer,
}

/// Memory that windows use one after the other.
#[derive(Debug)]
pub(super) struct Memory(wgpu::Buffer);

impl Memory {
    /// Room for so many words (floats, or four samples each).
    pub(super) fn new(gpu: &FloatGpu, words: usize) -> Self {
        Self(gpu.gpu.buffer(4 * words as u64, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC))
    }

    /// The memory as a plane, which must fit.
    pub(super) fn plane(&self, rows: usize, columns: usize, channels: usize) -> Plane {
        let [rows, columns, channels] = [rows, columns, channels].map(|size| size as u32);
        Plane { rows, columns, channels, buffer: self.0.clone() }
    }
}

/// `Params` in `product.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    positions: u32,
    inputs: u32,
    outputs: u32,
    columns: u32,
    stride: u32,
    replaced: u32,
    relu: u32,
    unused: u32,
}

/// Commands under way.
pub(super) struct Run<'a> {
    float: &'a FloatGpu,
    recorder: Recorder<'a>,
}

impl<'a> Run<'a> {
    pub(super) fn new(float: &'a FloatGpu) -> Self {
        Self { float, recorder: Recorder::new(&float.gpu) }
    }

    /// Uploads what a window starts from.
    pub(super) fn upload<T: bytemuck::NoUninit>(&self, rows: usize, columns: usize, values: &[T]) -> Plane {
        let [rows, columns] = [rows, columns].map(|size| size as u32);
        let buffer = self.float.gpu.upload(values, wgpu::BufferUsages::STORAGE);
        Plane { rows, columns, channels: values.len() as u32 / (rows * columns), buffer }
    }

    /// A product at every position.
    pub(super) fn layer(&mut self, kernel: Kernel, layer: &LayerBuffers, from: &Plane, to: &Plane) {
        self.product(kernel, layer, &layer.bias_buffer, [from, from], to, None);
    }

    /// A product with another bias than the layer's.
    pub(super) fn biased(&mut self, layer: &LayerBuffers, bias: &wgpu::Buffer, from: &Plane, to: &Plane) {
        self.product(Kernel::Plain, layer, bias, [from, from], to, None);
    }

    /// Up-sampling with the gain of every channel.
    pub(super) fn up(&mut self, layer: &LayerBuffers, gain: &[f32], from: &Plane, to: &Plane) {
        let gain = self.float.gpu.upload(gain, wgpu::BufferUsages::STORAGE);
        self.product(Kernel::Up, layer, &layer.bias_buffer, [from, from], to, Some(&gain));
    }

    /// A residual block in place; `part` and `hidden` are memory for `channels / 4` and for the projection's inputs.
    pub(super) fn block(&mut self, block: &BlockBuffers, stream: &Plane, part: &Memory, hidden: &Memory) {
        let of = |memory: &Memory, channels| Plane { channels, buffer: memory.0.clone(), ..*stream };
        let part = of(part, block.conv.outputs);
        let hidden = of(hidden, block.project.inputs);
        self.layer(Kernel::Taps, &block.conv, stream, &part);
        let kernel = match block.activation {
            Activation::Gate => Kernel::Gate,
            Activation::Relu => Kernel::Plain,
        };
        self.product(kernel, &block.expand, &block.expand.bias_buffer, [stream, &part], &hidden, None);
        self.layer(Kernel::Residual, &block.project, &hidden, stream);
    }

    /// Has a plane of words (floats, or four samples each) returned by [`Self::finish`].
    pub(super) fn read(&mut self, plane: &Plane, words: u32) {
        let size = 4 * u64::from(plane.rows * plane.columns) * u64::from(words);
        self.recorder.read_buffer(&plane.buffer, size);
    }

    /// Computes everything, and returns the bytes of what was read.
    pub(super) fn finish(self) -> Result<Vec<Vec<u8>>, GpuError> {
        self.recorder.finish_bytes()
    }

    /// `second` replaces the first channels of `first`, if it is another plane; only blocks have that, and only their expansion is a
    /// plain product with a ReLU.
    fn product(
        &mut self,
        kernel: Kernel,
        layer: &LayerBuffers,
        bias: &wgpu::Buffer,
        [first, second]: [&Plane; 2],
        to: &Plane,
        gain: Option<&wgpu::Buffer>,
    ) {
        let replaces = !std::ptr::eq(first, second);
        // A product has the finer plane's positions only when it stays on that plane.
        let positions = if kernel == Kernel::Down { to } else { first };
        let params = Params {
            positions: positions.rows * positions.columns,
            inputs: layer.inputs,
            outputs: layer.outputs,
            columns: positions.columns,
            stride: first.channels,
            replaced: if replaces { second.channels } else { 0 },
            relu: u32::from(replaces),
            unused: 0,
        };
        let second = kernel.has_second().then_some(&second.buffer);
        let buffers: Vec<&wgpu::Buffer> =
            [&layer.weights, bias, &to.buffer, &first.buffer].into_iter().chain(second).chain(gain).collect();
        let groups = [params.positions.div_ceil(64), params.outputs.div_ceil(64), 1];
        self.recorder.dispatch(self.float.kernels.get(&self.float.gpu, kernel), params, &buffers, groups);
    }
}
