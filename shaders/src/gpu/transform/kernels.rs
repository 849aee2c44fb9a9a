//! The kernels: which pieces of WGSL each consists of, and its pipeline.

use std::sync::OnceLock;

use super::super::Gpu;

/// Where a product's inputs come from, and where its outputs go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    /// Channels to channels.
    Plain,
    /// The 3x3 neighbourhood of the first quarter of the channels to channels.
    Taps,
    /// Channels, the first of them replaced, to pairs of a value and its gate.
    Gate,
    /// Channels to channels that are added to the stream.
    Residual,
    /// 2x2 positions to one.
    Down,
    /// One position to 2x2, times a gain.
    Up,
    /// 8-bit samples to channels.
    FromSamples,
    /// Channels to 8-bit samples.
    ToSamples,
}

impl Kernel {
    const COUNT: usize = 8;

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Taps => "taps",
            Self::Gate => "gate",
            Self::Residual => "residual",
            Self::Down => "down",
            Self::Up => "up",
            Self::FromSamples => "from samples",
            Self::ToSamples => "to samples",
        }
    }

    fn sources(self) -> [&'static str; 3] {
        const PRODUCT: &str = include_str!("../../kernels/float/product.wgsl");
        const CHANNELS: &str = include_str!("../../kernels/float/channels.wgsl");
        const TAPS: &str = include_str!("../../kernels/float/taps.wgsl");
        const NEIGHBOURHOOD: &str = include_str!("../../kernels/float/neighbourhood.wgsl");
        const FROM_SAMPLES: &str = include_str!("../../kernels/float/from_samples.wgsl");
        const PLAIN: &str = include_str!("../../kernels/float/plain.wgsl");
        const GATE: &str = include_str!("../../kernels/float/gate.wgsl");
        const RESIDUAL: &str = include_str!("../../kernels/float/residual.wgsl");
        const SHUFFLE: &str = include_str!("../../kernels/float/shuffle.wgsl");
        const TO_SAMPLES: &str = include_str!("../../kernels/float/to_samples.wgsl");
        let (from, to) = match self {
            Self::Plain => (CHANNELS, PLAIN),
            Self::Taps => (TAPS, PLAIN),
            Self::Gate => (CHANNELS, GATE),
            Self::Residual => (CHANNELS, RESIDUAL),
            Self::Down => (NEIGHBOURHOOD, PLAIN),
            Self::Up => (CHANNELS, SHUFFLE),
            Self::FromSamples => (FROM_SAMPLES, PLAIN),
            Self::ToSamples => (CHANNELS, TO_SAMPLES),
        };
        [PRODUCT, from, to]
    }

    /// Whether inputs come from two buffers.
    pub(super) fn has_second(self) -> bool {
        !matches!(self, Self::Taps | Self::Down | Self::FromSamples)
    }
}

/// The pipelines that have been compiled.
#[derive(Debug, Default)]
pub(super) struct Kernels([OnceLock<wgpu::ComputePipeline>; Kernel::COUNT]);

impl Kernels {
    pub(super) fn get(&self, gpu: &Gpu, kernel: Kernel) -> &wgpu::ComputePipeline {
        self.0[kernel as usize].get_or_init(|| gpu.pipeline(kernel.name(), &kernel.sources()))
    }
}
