//! Records the kernels' dispatches and reads results back. One method for each kernel.

use super::batch::{Batch, Level};
use super::layers::{GainBuffers, LayerBuffers, pack};
use super::{Gpu, GpuError};
use crate::order::GROUP;

/// A buffer of `i32` activations `[positions, channels]`, positions of all tiles of a batch one after the other.
#[derive(Debug)]
pub struct Activations {
    channels: u32,
    buffer: wgpu::Buffer,
}

impl Activations {
    /// A buffer of zeros.
    pub fn zeros(gpu: &Gpu, positions: usize, channels: usize) -> Self {
        use wgpu::BufferUsages as Usage;
        let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        Self { channels: channels as u32, buffer: gpu.buffer(4 * (positions * channels) as u64, usage) }
    }

    /// Replaces all values, which must be as many as the buffer holds.
    pub fn write(&self, gpu: &Gpu, values: &[i32]) {
        gpu.queue.write_buffer(&self.buffer, 0, bytemuck::cast_slice(values));
    }
}

/// What a linear layer reads.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// All channels of one buffer.
    One(&'a Activations),
    /// All channels of the first buffer, then those of the second.
    Both(&'a Activations, &'a Activations),
    /// All channels of the first buffer instead of as many channels of the second, then the rest of the second.
    Replacing(&'a Activations, &'a Activations),
}

/// What a linear layer does with its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// Clamped to -4095..=4095.
    Activation,
    /// Clamped to 0..=4095.
    Relu,
    /// Added to what the output holds, and clamped to -4095..=4095.
    Residual,
}

/// The uniform of all kernels, `Params` in `arithmetic.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    positions: u32,
    inputs: u32,
    outputs: u32,
    epilogue: u32,
    first_count: u32,
    first_stride: u32,
    second_start: u32,
    second_stride: u32,
    phase_start: [u32; 4],
    phase_count: [u32; 4],
    phase_group: [u32; 4],
}

/// Commands that are computed together, in the order in which they were recorded.
#[derive(Debug)]
pub struct Recorder<'a> {
    gpu: &'a Gpu,
    encoder: wgpu::CommandEncoder,
    results: Vec<wgpu::Buffer>,
}

impl<'a> Recorder<'a> {
    /// An empty list of commands.
    pub fn new(gpu: &'a Gpu) -> Self {
        Self { gpu, encoder: gpu.device.create_command_encoder(&Default::default()), results: Vec::new() }
    }

    /// A linear layer at every position of a level.
    pub fn linear(
        &mut self,
        layer: &LayerBuffers,
        level: &Level,
        input: Input<'_>,
        store: Store,
        output: &Activations,
    ) {
        let (first, second, second_start) = match input {
            Input::One(a) => (a, a, 0),
            Input::Both(a, b) => (a, b, 0),
            Input::Replacing(a, b) => (a, b, a.channels),
        };
        let params = Params {
            epilogue: match store {
                Store::Activation => 0,
                Store::Relu => 1,
                Store::Residual => 2,
            },
            second_start,
            second_stride: second.channels,
            ..product(layer, level, first)
        };
        let buffers = [&layer.weights, &layer.rows, &output.buffer, &first.buffer, &second.buffer];
        self.product(&self.gpu.linear, params, &buffers, params.positions, 1);
    }

    /// The 3x3 layer: reads the stream `[.., C]` and writes its convolved first quarter to `part` `[.., C/4]`.
    pub fn partial(&mut self, layer: &LayerBuffers, level: &Level, stream: &Activations, part: &Activations) {
        let params = product(layer, level, stream);
        let buffers = [&layer.weights, &layer.rows, &part.buffer, &stream.buffer, &level.places];
        self.product(&self.gpu.partial, params, &buffers, params.positions, 1);
    }

    /// Up-sampling from the coarse to the middle level.
    pub fn up_coarse(&mut self, layer: &LayerBuffers, batch: &Batch, input: &Activations, output: &Activations) {
        self.up(layer, &batch.coarse, &batch.coarse_targets, input, output);
    }

    /// Up-sampling from the middle to the fine level.
    pub fn up_middle(&mut self, layer: &LayerBuffers, batch: &Batch, input: &Activations, output: &Activations) {
        self.up(layer, &batch.middle, &batch.middle_targets, input, output);
    }

    fn up(
        &mut self,
        layer: &LayerBuffers,
        level: &Level,
        targets: &wgpu::Buffer,
        input: &Activations,
        output: &Activations,
    ) {
        let params = product(layer, level, input);
        let buffers = [&layer.weights, &layer.rows, &output.buffer, &input.buffer, &level.places, targets];
        self.product(&self.gpu.up, params, &buffers, params.positions, 1);
    }

    /// The head of pass 0..=3: reads `[fine, H]` and writes `[fine, M/2]`, for the `M/4` latents of every position their
    /// means in 1/64 of a step, then their scale indices.
    pub fn head(
        &mut self,
        layer: &LayerBuffers,
        gains: &GainBuffers,
        pass: usize,
        batch: &Batch,
        input: &Activations,
        output: &Activations,
    ) {
        let params = Params {
            phase_start: batch.phase_start,
            phase_count: batch.phase_count,
            phase_group: GROUP[pass].map(|g| g as u32),
            ..product(layer, &batch.fine, input)
        };
        let largest = batch.phase_count.into_iter().max().unwrap_or(0);
        let buffers =
            [&layer.weights, &layer.rows, &output.buffer, &input.buffer, &batch.by_phase, &gains.to_parameters];
        self.product(&self.gpu.head, params, &buffers, largest, 4);
    }

    /// Writes the latents of pass 0..=3 to `feedback` `[fine, M]`. `symbols` are those of all tiles in coding order,
    /// `parameters` what [`head`](Self::head) wrote.
    pub fn feedback(
        &mut self,
        gains: &GainBuffers,
        pass: usize,
        batch: &Batch,
        symbols: &[i16],
        parameters: &Activations,
        feedback: &Activations,
    ) {
        let words: Vec<u32> = symbols.chunks(2).map(|p| pack(p[0], p.get(1).copied().unwrap_or(0))).collect();
        let symbols = self.gpu.upload(&words, wgpu::BufferUsages::STORAGE);
        let part = feedback.channels / 4;
        let params = Params {
            positions: batch.fine.positions,
            outputs: part,
            phase_group: GROUP[pass].map(|g| g as u32),
            ..Params::default()
        };
        let buffers = [&symbols, &parameters.buffer, &feedback.buffer, &batch.fine.places, &gains.to_feedback];
        let groups = [params.positions.div_ceil(16), part.div_ceil(16), 1];
        self.dispatch(&self.gpu.feedback, params, &buffers, groups);
    }

    /// Copies all values of a buffer to where [`finish`](Self::finish) returns them.
    pub fn read(&mut self, from: &Activations) {
        self.read_buffer(&from.buffer, from.buffer.size());
    }

    /// Copies the first bytes of a buffer to where [`finish_bytes`](Self::finish_bytes) returns them.
    pub(super) fn read_buffer(&mut self, from: &wgpu::Buffer, size: u64) {
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let to = self.gpu.buffer(size, usage);
        self.encoder.copy_buffer_to_buffer(from, 0, &to, 0, size);
        self.results.push(to);
    }

    /// Sends the commands off and, if something is to be read, waits for the values of every [`read`](Self::read).
    pub fn finish(self) -> Result<Vec<Vec<i32>>, GpuError> {
        let words = |bytes: Vec<u8>| bytes.as_chunks::<4>().0.iter().map(|&word| i32::from_le_bytes(word)).collect();
        Ok(self.finish_bytes()?.into_iter().map(words).collect())
    }

    /// As [`finish`](Self::finish), for other types of numbers.
    pub(super) fn finish_bytes(self) -> Result<Vec<Vec<u8>>, GpuError> {
        self.gpu.queue.submit([self.encoder.finish()]);
        if self.results.is_empty() { self.gpu.check().map(|()| Vec::new()) } else { self.gpu.read(&self.results) }
    }

    fn product(
        &mut self,
        pipeline: &wgpu::ComputePipeline,
        params: Params,
        buffers: &[&wgpu::Buffer],
        rows: u32,
        slices: u32,
    ) {
        let groups = [rows.div_ceil(64), params.outputs.div_ceil(64), slices];
        self.dispatch(pipeline, params, buffers, groups);
    }

    /// Runs a kernel; its bindings are the parameters and the buffers in this order.
    pub(super) fn dispatch(
        &mut self,
        pipeline: &wgpu::ComputePipeline,
        params: impl bytemuck::NoUninit,
        buffers: &[&wgpu::Buffer],
        groups: [u32; 3],
    ) {
        let params = self.gpu.upload(&[params], wgpu::BufferUsages::UNIFORM);
        let all = std::iter::once(&params).chain(buffers.iter().copied());
        let entries: Vec<_> = (0..)
            .zip(all)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let bind_group = self.gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let mut pass = self.encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &bind_group, &[]);
        pass.dispatch_workgroups(groups[0], groups[1], groups[2]);
    }
}

fn product(layer: &LayerBuffers, level: &Level, first: &Activations) -> Params {
    Params {
        positions: level.positions,
        inputs: layer.inputs,
        outputs: layer.outputs,
        first_count: first.channels,
        first_stride: first.channels,
        ..Params::default()
    }
}
