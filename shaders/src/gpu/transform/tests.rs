//! The networks on the device against `transform/reference.rs`, with channel counts that fill no tile of a kernel.

use super::super::AdapterPolicy;
use super::*;
use crate::KNOTS;
use crate::transform::reference::{self, Activations};
use crate::transform::{Activation, Analysis, Block, Conv3x3, Dense, HyperAnalysis, PATCH, Synthesis};

const QUALITY: u8 = 130;
const Y: usize = 18;

/// The device, or `None` where the environment says that this machine has none.
fn float_gpu() -> Option<FloatGpu> {
    if std::env::var_os("LIC_TEST_NO_GPU").is_some() {
        return None;
    }
    let gpu = Gpu::new(AdapterPolicy::Any).expect("an adapter (install mesa-vulkan-drivers, or set LIC_TEST_NO_GPU)");
    Some(FloatGpu::new(Arc::new(gpu)))
}

/// A small linear congruential generator.
struct Noise(u64);

impl Noise {
    /// A number in -size..size.
    fn next(&mut self, size: f32) -> f32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 40) as f32 / (1u32 << 23) as f32 - 1.0) * size
    }

    fn numbers(&mut self, count: usize, size: f32) -> Vec<f32> {
        (0..count).map(|_| self.next(size)).collect()
    }

    /// A layer whose outputs are about as large as its inputs.
    fn dense(&mut self, inputs: usize, outputs: usize) -> Dense {
        let size = (3.0 / inputs as f32).sqrt();
        Dense { inputs, outputs, weight: self.numbers(inputs * outputs, size), bias: self.numbers(outputs, 0.3) }
    }

    fn block(&mut self, channels: usize, activation: Activation) -> Block {
        let part = channels / 4;
        let size = (3.0 / (9.0 * part as f32)).sqrt();
        let conv =
            Conv3x3 { channels: part, weight: self.numbers(9 * part * part, size), bias: self.numbers(part, 0.3) };
        let hidden = if activation == Activation::Gate { channels } else { 2 * channels };
        Block { conv, expand: self.dense(channels, 2 * channels), activation, project: self.dense(hidden, channels) }
    }

    fn gates(&mut self, channels: usize) -> Vec<Block> {
        (0..2).map(|_| self.block(channels, Activation::Gate)).collect()
    }

    fn latents(&mut self, (rows, columns): (usize, usize)) -> Activations {
        Activations { rows, columns, values: self.numbers(rows * columns * Y, 2.0) }
    }
}

fn window(plane: &Activations) -> Window<f32> {
    Window { rows: plane.rows, columns: plane.columns, values: plane.values.clone() }
}

/// Two windows of different size go through the same memory.
const WINDOWS: [(usize, usize); 2] = [(5, 9), (4, 3)];

#[test]
fn synthesis_agrees_with_the_reference_within_one_step() {
    let Some(float) = float_gpu() else { return };
    let mut noise = Noise(1);
    let net = Synthesis {
        stem: noise.dense(Y, 28),
        blocks16: noise.gates(28),
        up: noise.dense(28, 4 * 12),
        gain: noise.numbers(KNOTS * 12, 1.5),
        blocks8: noise.gates(12),
        head: Dense { bias: vec![0.0; PATCH], ..noise.dense(12, PATCH) },
    };
    let buffers = SynthesisBuffers::new(&float, &net);
    let planes = WINDOWS.map(|size| noise.latents(size));
    for grey in [false, true] {
        let found = buffers.samples(&float, &planes.each_ref().map(window), QUALITY, grey).unwrap();
        let head = if grey { net.head.mean_of_colours() } else { net.head.clone() };
        let net = Synthesis { head, ..net.clone() };
        for (plane, found) in planes.iter().zip(found) {
            let expected = reference::synthesise(&net, plane, QUALITY);
            assert_eq!(found.len(), expected.values.len());
            let mut inside = 0;
            for (found, value) in found.into_iter().zip(expected.values) {
                let exact = (value + 0.5).clamp(0.0, 1.0) * 255.0;
                inside += usize::from(exact > 0.0 && exact < 255.0);
                assert!((f32::from(found) - exact).abs() < 0.51, "{found} is not {exact}");
            }
            assert!(inside > 500, "{inside} samples are neither black nor white: the test sees too little");
        }
    }
}

#[test]
fn analysis_agrees_with_the_reference() {
    let Some(float) = float_gpu() else { return };
    let mut noise = Noise(2);
    let net = Analysis {
        stem: noise.dense(PATCH, 20),
        blocks8: noise.gates(20),
        down: noise.dense(4 * 20, 36),
        blocks16: noise.gates(36),
        head: noise.dense(36, Y),
    };
    let buffers = AnalysisBuffers::new(&float, &net);
    for grey in [false, true] {
        let net = if grey { Analysis { stem: net.stem.sum_of_colours(), ..net.clone() } } else { net.clone() };
        let windows = WINDOWS.map(|(rows, columns)| {
            let count = 4 * rows * columns * net.stem.inputs;
            let values = noise.numbers(count, 128.0).into_iter().map(|v| (v + 128.0) as u8).collect();
            Window { rows, columns, values }
        });
        let found = buffers.samples(&float, &windows, grey).unwrap();
        for (window, found) in windows.iter().zip(found) {
            let values = window.values.iter().map(|&sample| f32::from(sample) / 255.0 - 0.5).collect();
            let patches = Activations { rows: 2 * window.rows, columns: 2 * window.columns, values };
            close(&found, &reference::analyse(&net, &patches).values);
        }
    }
}

#[test]
fn hyper_analysis_agrees_with_the_reference() {
    let Some(float) = float_gpu() else { return };
    let mut noise = Noise(3);
    let net = HyperAnalysis {
        stem: noise.dense(Y, 24),
        knots: noise.numbers(KNOTS * 24, 1.0),
        block1: noise.block(24, Activation::Relu),
        down1: noise.dense(4 * 24, 24),
        block2: noise.block(24, Activation::Relu),
        down2: noise.dense(4 * 24, 7),
    };
    let buffers = HyperBuffers::new(&float, &net);
    for size in [(8, 12), (4, 4)] {
        let plane = noise.latents(size);
        let found = buffers.run(&float, &window(&plane), QUALITY).unwrap();
        close(&found, &reference::hyper_analyse(&net, &plane, QUALITY).values);
    }
}

fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-4 * expected.abs().max(1.0), "{found} is not {expected}");
    }
}
