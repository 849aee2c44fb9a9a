//! The model that all targets share: the frozen tiny weights, loaded once.

use std::sync::{Arc, LazyLock};

use lic_codec::{Decoder, DeviceChoice, Encoder, Limits, Model};

/// Most pixels that a target decodes: an application's limit, and what keeps a run at milliseconds.
pub const MOST_PIXELS: u64 = 4608;

/// The tiny weights.
pub static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let weights = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../model/weights/tiny.safetensors"));
    Model::from_bytes(weights.to_vec()).expect("the tiny weights are valid")
});

/// Their decoder, with a limit.
pub static DECODER: LazyLock<Arc<Decoder>> = LazyLock::new(|| {
    let decoder = Decoder::new(&MODEL, DeviceChoice::Cpu).expect("the CPU is always there");
    Arc::new(decoder.with_limits(Limits { max_pixels: Some(MOST_PIXELS), max_bytes: None }))
});

/// Their encoder.
pub static ENCODER: LazyLock<Arc<Encoder>> =
    LazyLock::new(|| Arc::new(Encoder::new(&MODEL, DeviceChoice::Cpu).expect("the CPU is always there")));

/// Parse id and synthesis id.
pub fn ids() -> [u32; 2] {
    [MODEL.parse_id(), MODEL.synthesis_id()]
}
