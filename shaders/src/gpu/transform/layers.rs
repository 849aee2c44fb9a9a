//! Layers uploaded to a device, in the order in which the kernels read them.

use super::super::Gpu;
use crate::transform::{Activation, Block, Conv3x3, Dense};

/// A matrix product.
#[derive(Debug)]
pub(super) struct LayerBuffers {
    pub(super) inputs: u32,
    pub(super) outputs: u32,
    /// `[inputs, outputs]`, rows padded with zeros to a multiple of four.
    pub(super) weights: wgpu::Buffer,
    /// `[outputs]`, padded.
    bias: Vec<f32>,
    pub(super) bias_buffer: wgpu::Buffer,
}

impl LayerBuffers {
    pub(super) fn dense(gpu: &Gpu, layer: &Dense) -> Self {
        Self::new(gpu, layer.inputs, layer.outputs, &layer.weight, &layer.bias)
    }

    /// A convolution as a product with its inputs in the order row, column, channel.
    fn conv(gpu: &Gpu, layer: &Conv3x3) -> Self {
        let part = layer.channels;
        let mut weight = Vec::with_capacity(layer.weight.len());
        for (tap, input) in (0..9).flat_map(|tap| (0..part).map(move |input| (tap, input))) {
            weight.extend((0..part).map(|output| layer.weight[(output * part + input) * 9 + tap]));
        }
        Self::new(gpu, 9 * part, part, &weight, &layer.bias)
    }

    /// An expansion whose outputs are pairs of a value and its gate.
    fn gated(gpu: &Gpu, layer: &Dense) -> Self {
        let pairs = |row: &[f32]| {
            let (values, gates) = row.split_at(row.len() / 2);
            values.iter().zip(gates).flat_map(|(&value, &gate)| [value, gate]).collect::<Vec<f32>>()
        };
        let weight: Vec<f32> = layer.weight.chunks_exact(layer.outputs).flat_map(pairs).collect();
        Self::new(gpu, layer.inputs, layer.outputs, &weight, &pairs(&layer.bias))
    }

    fn new(gpu: &Gpu, inputs: usize, outputs: usize, weight: &[f32], bias: &[f32]) -> Self {
        let padded = |row: &[f32]| {
            let mut row = row.to_vec();
            row.resize(outputs.next_multiple_of(4), 0.0);
            row
        };
        let weight: Vec<f32> = weight.chunks_exact(outputs).flat_map(padded).collect();
        let bias = padded(bias);
        Self {
            inputs: inputs as u32,
            outputs: outputs as u32,
            weights: gpu.upload(&weight, wgpu::BufferUsages::STORAGE),
            bias_buffer: gpu.upload(&bias, wgpu::BufferUsages::STORAGE),
            bias,
        }
    }

    /// The bias with something added to it.
    pub(super) fn more_bias(&self, gpu: &Gpu, more: &[f32]) -> wgpu::Buffer {
        let mut bias = self.bias.clone();
        bias.iter_mut().zip(more).for_each(|(bias, more)| *bias += more);
        gpu.upload(&bias, wgpu::BufferUsages::STORAGE)
    }
}

/// A residual block.
#[derive(Debug)]
pub(super) struct BlockBuffers {
    pub(super) conv: LayerBuffers,
    pub(super) expand: LayerBuffers,
    pub(super) activation: Activation,
    pub(super) project: LayerBuffers,
}

impl BlockBuffers {
    pub(super) fn new(gpu: &Gpu, block: &Block) -> Self {
        Self {
            conv: LayerBuffers::conv(gpu, &block.conv),
            expand: match block.activation {
                Activation::Gate => LayerBuffers::gated(gpu, &block.expand),
                Activation::Relu => LayerBuffers::dense(gpu, &block.expand),
            },
            activation: block.activation,
            project: LayerBuffers::dense(gpu, &block.project),
        }
    }

    pub(super) fn all(gpu: &Gpu, blocks: &[Block]) -> Vec<Self> {
        blocks.iter().map(|block| Self::new(gpu, block)).collect()
    }
}
