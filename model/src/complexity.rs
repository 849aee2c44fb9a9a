//! Parameters and multiply-accumulates (MAC) per pixel of every part of a model.
//!
//! Counted from the parameters themselves: every layer here is a matrix product, so a weight tensor's size is its MAC per output position, and the layer's
//! place in the network tells how many positions there are per pixel. Elementwise work is not counted, as in the literature.

use burn::tensor::Device;

use crate::network::Network;
use crate::params::slots;
use crate::preset::ModelConfig;

/// Cost of one part of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// The part's name.
    pub part: &'static str,
    /// Trained parameters.
    pub parameters: usize,
    /// Multiply-accumulates per pixel of the image.
    pub macs: f64,
}

/// The parts, and the prefixes of their parameters' names. Hyper-analysis runs in the encoder only.
const PARTS: [(&str, &[&str]); 6] = [
    ("analysis", &["analysis."]),
    ("synthesis", &["synthesis."]),
    ("hyper-analysis", &["prior.hyper_analysis."]),
    ("hyper-synthesis", &["prior.hyper."]),
    ("context", &["prior.passes.", "prior.heads."]),
    ("tables", &["prior.density.", "prior.log_gain"]),
];

/// Costs of all parts of a model of these sizes.
pub fn costs(config: &ModelConfig) -> Vec<Cost> {
    let slots = slots(&Network::new(config, 0, &Device::flex()));
    PARTS
        .iter()
        .map(|&(part, prefixes)| {
            let mine = slots.iter().filter(|s| s.rate > 0.0 && prefixes.iter().any(|p| s.name.starts_with(p)));
            let mut cost = Cost { part, parameters: 0, macs: 0.0 };
            for slot in mine {
                cost.parameters += slot.len();
                cost.macs += slot.len() as f64 * uses_per_pixel(&slot.name, slot.shape.len());
            }
            cost.macs += attention_macs(config, part);
            cost
        })
        .collect()
}

/// How often each element of a tensor is multiplied, per pixel.
fn uses_per_pixel(name: &str, dimensions: usize) -> f64 {
    let at = |scale: f64| 1.0 / (scale * scale);
    let has = |part: &str| name.contains(part);
    // Biases, gains and tables are not multiplied; the MLP of the attention's position bias runs once per weights, not per position.
    if dimensions < 2 || has(".knots") || has(".position.") || has("log_gain") || has(".density.") || has("_bias") {
        return 0.0;
    }
    // A position decodes one of the four groups in each pass.
    if has(".heads.") {
        return at(16.0) / 4.0;
    }
    let scale = match name {
        n if n.starts_with("prior.hyper_analysis.") => match () {
            () if has(".stem.") || has(".block1.") => 16.0,
            () if has(".down1.") || has(".block2.") => 32.0,
            () => 64.0,
        },
        n if n.starts_with("prior.hyper.") => match () {
            () if has(".up1.") => 64.0,
            () if has(".block1.") || has(".up2.") => 32.0,
            () => 16.0,
        },
        n if n.starts_with("prior.") => 16.0,
        n if has("blocks8")
            || has("attention8")
            || n.starts_with("analysis.stem")
            || n.starts_with("synthesis.head") =>
        {
            8.0
        }
        _ => 16.0,
    };
    at(scale)
}

/// Scores and weighted sums of window attention: 2 * 64 keys * c per position, at 1/8 and at 1/16.
fn attention_macs(config: &ModelConfig, part: &str) -> f64 {
    let transform = part == "analysis" || part == "synthesis";
    match config.head_width {
        Some(_) if transform => 128.0 * (config.c8 as f64 / 64.0 + config.c16 as f64 / 256.0),
        _ => 0.0,
    }
}
