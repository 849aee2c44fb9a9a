//! The model that all targets share: the frozen tiny weights, loaded once.

use std::sync::{Arc, LazyLock};

use lic_codec::{Decoder, DeviceChoice, Encoder, Limits, Model};
use lic_model::weights::{Entry, WeightFile};

/// Most pixels that a target decodes: an application's limit, and what keeps a run at milliseconds.
pub const MOST_PIXELS: u64 = 4608;

/// The tiny weights, with a preview made up, because they have none.
pub static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let weights = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../model/weights/tiny.safetensors"));
    let file = WeightFile::parse(weights).expect("the tiny weights are valid");
    let latents = file.info.config.y;
    let weight: Vec<f32> = (0..latents * 12).map(|i| (i % 7) as f32 / 100.0).collect();
    let with_preview = file.with(|entries| {
        entries.insert("preview.head.weight".to_owned(), Entry::f16(&[latents, 12], &weight));
        entries.insert("preview.head.bias".to_owned(), Entry::f16(&[12], &[0.0; 12]));
    });
    let weights = with_preview.expect("shapes fit");
    Model::from_bytes(weights).expect("the weights are valid")
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
