//! The model that all targets share: the frozen tiny weights with all that is fitted to them, loaded once.

use std::sync::{Arc, LazyLock};

use lic_codec::{Decoder, DeviceChoice, Encoder, Limits, Model};

/// Most pixels that a target decodes: an application's limit, and what keeps a run at milliseconds.
pub const MOST_PIXELS: u64 = 4608;

/// Tables that adapt, hyper-latents' tables by their neighbours, a filter between patches, a preview: `tiny` has none of them.
pub static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let weights = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../model/weights/tiny-enhanced.safetensors"));
    Model::from_bytes(weights.to_vec()).expect("the weights are valid")
});

/// Their decoder, with a limit.
pub static DECODER: LazyLock<Arc<Decoder>> = LazyLock::new(|| {
    let decoder = Decoder::new(&MODEL, DeviceChoice::Cpu).expect("the CPU is always there");
    Arc::new(decoder.with_limits(Limits::default().with_pixels(MOST_PIXELS)))
});

/// Their encoder.
pub static ENCODER: LazyLock<Arc<Encoder>> =
    LazyLock::new(|| Arc::new(Encoder::new(&MODEL, DeviceChoice::Cpu).expect("the CPU is always there")));

/// Parse id and synthesis id.
pub fn ids() -> [u32; 2] {
    [MODEL.parse_id(), MODEL.synthesis_id()]
}
