//! Layers and gain tables uploaded to a device.

use super::Gpu;
use crate::gain::GainRow;
use crate::knots::QualityIndex;
use crate::layer::{Head, Linear};

/// A linear layer, the taps of a partial convolution, or the four layers of a head one after the other.
#[derive(Debug)]
pub struct LayerBuffers {
    pub(super) inputs: u32,
    /// Outputs of one of the stacked layers.
    pub(super) outputs: u32,
    /// Two i16 in a word, `[layers, outputs, ceil(inputs / 2)]`.
    pub(super) weights: wgpu::Buffer,
    /// Bias, shift1, mult, shift2, `[layers, outputs, 4]`.
    pub(super) rows: wgpu::Buffer,
}

impl LayerBuffers {
    /// Uploads a layer with the biases of one quality.
    pub fn linear(gpu: &Gpu, layer: &Linear, quality: QualityIndex) -> Self {
        Self::stacked(gpu, std::slice::from_ref(layer), layer, quality)
    }

    /// Uploads a head; its biases do not depend on the quality.
    pub fn head(gpu: &Gpu, head: &Head) -> Self {
        Self::stacked(gpu, head.groups(), &head.groups()[0], QualityIndex::MAX)
    }

    fn stacked(gpu: &Gpu, layers: &[Linear], first: &Linear, quality: QualityIndex) -> Self {
        let mut words = Vec::new();
        for row in layers.iter().flat_map(|layer| layer.rows().weight.chunks(layer.inputs())) {
            words.extend(row.chunks(2).map(|pair| pack(pair[0], pair.get(1).copied().unwrap_or(0))));
        }
        let rows: Vec<i32> = layers.iter().flat_map(|layer| constants(layer, quality)).collect();
        Self {
            inputs: first.inputs() as u32,
            outputs: first.outputs() as u32,
            weights: gpu.upload(&words, wgpu::BufferUsages::STORAGE),
            rows: gpu.upload(&rows, wgpu::BufferUsages::STORAGE),
        }
    }

    /// Replaces the biases by those of another quality; `layer` is the one this was made from.
    pub fn set_quality(&self, gpu: &Gpu, layer: &Linear, quality: QualityIndex) {
        gpu.queue.write_buffer(&self.rows, 0, bytemuck::cast_slice(&constants(layer, quality)));
    }
}

/// Two values in a word, the first one low.
pub(super) fn pack(low: i16, high: i16) -> u32 {
    u32::from(low as u16) | u32::from(high as u16) << 16
}

fn constants(layer: &Linear, quality: QualityIndex) -> Vec<i32> {
    let rows = layer.rows();
    let shifts = rows.shift1.iter().zip(&rows.shift2);
    let constants = layer.bias(quality).into_iter().zip(&rows.mult).zip(shifts);
    constants
        .flat_map(|((bias, &mult), (&shift1, &shift2))| [bias, shift1.into(), mult.into(), shift2.into()])
        .collect()
}

/// Gain tables at one quality.
#[derive(Debug)]
pub struct GainBuffers {
    /// mult, shift, offset, 0 for every channel.
    pub(super) to_parameters: wgpu::Buffer,
    /// inverse, shift_a, shift_b, 0 for every channel.
    pub(super) to_feedback: wgpu::Buffer,
}

impl GainBuffers {
    /// Uploads the tables.
    pub fn new(gpu: &Gpu, gains: &GainRow) -> Self {
        let upload = |words: Vec<[i32; 4]>| gpu.upload(&words, wgpu::BufferUsages::STORAGE);
        let forward = gains.mult.iter().zip(&gains.shift).zip(&gains.offset);
        let back = gains.inverse.iter().zip(&gains.shift_a).zip(&gains.shift_b);
        Self {
            to_parameters: upload(forward.map(|((&mult, &shift), &offset)| [mult, shift as i32, offset, 0]).collect()),
            to_feedback: upload(back.map(|((&inverse, &a), &b)| [inverse, a as i32, b as i32, 0]).collect()),
        }
    }
}
