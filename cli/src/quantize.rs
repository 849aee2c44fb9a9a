//! `lic quantize`: checkpoint -> shipped weight file, and the check that the integers cost what the floats promised.

use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::tensor::Device;
use lic_codec::{Colour, DeviceChoice, Effort, EncodeOptions, Encoder, Model, Picture, QualityIndex};
use lic_model::prior::Taps;
use lic_model::quantise;
use lic_model::train::{VALIDATION_KNOTS, load_folder, validate};

use crate::output::write_atomically;

/// Arguments of `lic quantize`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Training checkpoint (checkpoint.safetensors of `lic train`).
    checkpoint: PathBuf,
    /// Weight file to write.
    #[arg(long, short)]
    out: PathBuf,
    /// Folder of photos for calibration, if the checkpoint's training has not reached its quantised stage.
    #[arg(long, value_name = "DIR")]
    calibrate: Option<PathBuf>,
    /// Folder of photos to encode with the result: prints payload bits against the float model's estimate at five qualities.
    #[arg(long, value_name = "DIR")]
    check: Option<PathBuf>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let quantised = quantise::checkpoint_to_weights(&args.checkpoint, args.calibrate.as_deref())
        .with_context(|| format!("cannot quantise {}", args.checkpoint.display()))?;
    write_atomically(&args.out, &quantised.bytes, false)?;
    eprintln!(
        "{}: {} bytes, parse id {:08x}, synthesis id {:08x}, {} steps of training",
        args.out.display(),
        quantised.bytes.len(),
        quantised.parse_id,
        quantised.synthesis_id,
        quantised.steps
    );
    match &args.check {
        Some(folder) => check(&args.checkpoint, quantised.bytes, folder),
        None => Ok(()),
    }
}

fn check(checkpoint: &Path, weights: Vec<u8>, folder: &Path) -> anyhow::Result<()> {
    let device = Device::flex();
    let network = quantise::checkpoint_network(checkpoint, &device)?;
    let model = Model::from_bytes(weights)?;
    let encoder = Encoder::new(&model, DeviceChoice::Cpu)?;
    let images = load_folder(folder)?;
    // The estimate knows neither tiles nor choices of symbols.
    let plain = EncodeOptions { tile: 4096, effort: Effort::Nearest, ..EncodeOptions::default() };
    let mut bits = [(0.0f64, 0.0f64); VALIDATION_KNOTS.len()];
    for image in &images {
        let pixels = f64::from(image.width()) * f64::from(image.height());
        let estimates = validate(&network, std::slice::from_ref(image), &device, &mut Taps::Off);
        let picture = Picture::new(image.width(), image.height(), Colour::Rgb, image.as_raw().clone())?;
        let analysed = encoder.analyse(&picture, &plain)?;
        for ((sum, estimate), knot) in bits.iter_mut().zip(&estimates).zip(VALIDATION_KNOTS) {
            let quality = QualityIndex::new(4 * knot as u8).context("a knot beyond the quality axis")?;
            sum.0 += estimate.bpp * pixels;
            sum.1 += 8.0 * analysed.encode(quality)?.stats.payload as f64;
        }
    }
    println!("{}: {} images, payload bits against the float model's estimate", folder.display(), images.len());
    for (knot, (estimate, payload)) in VALIDATION_KNOTS.iter().zip(bits) {
        println!(
            "knot {knot:2}: estimate {estimate:.0}, payload {payload:.0}, {:+.2} %",
            100.0 * (payload / estimate - 1.0)
        );
    }
    Ok(())
}
