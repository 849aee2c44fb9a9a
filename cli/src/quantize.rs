//! `lic quantize`: checkpoint (or weight file, fitted anew) -> shipped weight file with all that is fitted to it, and the check that the integers cost what the floats promised.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use burn::tensor::Device;
use image::imageops::FilterType;
use image::{RgbImage, imageops};
use lic_codec::deblock::DeblockFit;
use lic_codec::enhance::EnhanceFit;
use lic_codec::entropy::HYPER_KNOTS;
use lic_codec::format::BitDepth;
use lic_codec::prior::FastEngine;
use lic_codec::symbols::decode_symbols;
use lic_codec::{Colour, Decoder, DeviceChoice, Effort, EncodeOptions, Encoder, Model, Picture, QualityIndex, Samples};
use lic_model::prior::Taps;
use lic_model::quantise::{self, HyperCounts, PreviewFit, Quantised, ScaleCounts};
use lic_model::train::{VALIDATION_KNOTS, load_folder, validate};
use lic_model::weights::{WeightFile, WeightsError};

use crate::draft::write_atomically;
use crate::exit::Usage;
use crate::guard;
use crate::jobs::same_file;
use crate::output::{print_line, tell};

/// Arguments of `lic quantize`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Training checkpoint (checkpoint.safetensors of `lic train`), or a weight file that is to be fitted anew with --fit.
    checkpoint: PathBuf,
    /// Weight file to write.
    #[arg(long, short)]
    out: PathBuf,
    /// Folder of photos to choose the prior's integer grid from. Needed if the checkpoint's training has not reached its quantised stage; of others it
    /// replaces the grid that they were trained with.
    #[arg(long, value_name = "DIR")]
    calibrate: Option<PathBuf>,
    /// Folder of photos to fit to what is not trained: the probability tables of the latents (without it they are Gaussians that do not adapt to the picture, and files
    /// 1.5 % larger) and of the hyper-latents by their neighbours (without which files are 0.2 to 0.8 % larger), the filters that smooth the grid of patches and mend what is left (without which files are 3 % larger for the same PSNR),
    /// and the preview of lic decode --preview. Without --fit the weight file has none of it. At most 100 photos are used, 400 for the last filter, at five to eight qualities each.
    #[arg(long, value_name = "DIR")]
    fit: Option<PathBuf>,
    /// Fit filters and preview only, to a weight file: it keeps its parse id, and decodes what was made with it before.
    #[arg(long, requires = "fit")]
    keep_parse_id: bool,
    /// Folder of photos to encode with the result: prints payload bits against the float model's estimate at five qualities.
    #[arg(long, value_name = "DIR")]
    check: Option<PathBuf>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if same_file(&args.checkpoint, &args.out) {
        let name = args.out.display();
        bail!(Usage(format!(
            "{name} is checkpoint and weight file at once: training goes on from it, name another --out"
        )));
    }
    guard::check_output(&args.out)?;
    guard::keep_checkpoint(&args.out)?;
    let given = weight_file(args)?;
    // First, so that a wrong folder is not found out after the work of an hour.
    let to_fit = args.fit.as_deref().map(Photos::load).transpose()?;
    let to_check = args.check.as_deref().map(load_folder).transpose()?;
    let is_checkpoint = given.is_none();
    let mut quantised = match given {
        Some(quantised) => quantised,
        None => quantise::checkpoint_to_weights(&args.checkpoint, args.calibrate.as_deref())
            .with_context(|| format!("cannot quantise {}", args.checkpoint.display()))?,
    };
    if let Some(Photos { few: photos, many }) = to_fit {
        // A filter is fitted to pictures that went through none.
        quantised.bytes = quantise::without_enhancement(&quantise::without_deblocking(&quantised.bytes)?)?;
        // Once only: of the units that are left some are the rarest each time.
        if is_checkpoint {
            let pruned = quantise::without_rare_units(&quantised.bytes, &photos)?;
            for (block, units) in &pruned.units {
                tell(format_args!("{block}: {} hidden units that the photos hardly use taken out", units.len()));
            }
            quantised.bytes = pruned.bytes;
        }
        if !args.keep_parse_id {
            quantised.bytes = with_tables(quantised.bytes, &photos)?;
            quantised.bytes = with_contexts(quantised.bytes, &photos)?;
        }
        quantised.bytes = with_preview_and_smoothing(quantised.bytes, &photos)?;
        quantised.bytes = with_enhancement(quantised.bytes, &many)?;
    }
    let model = Model::from_bytes(quantised.bytes)
        .with_context(|| format!("{} becomes no usable weight file, nothing is written", args.checkpoint.display()))?;
    write_atomically(&args.out, model.bytes(), false)?;
    tell(format_args!(
        "{}: {} bytes, parse id {:08x}, synthesis id {:08x}, {} steps of training",
        args.out.display(),
        model.bytes().len(),
        model.parse_id(),
        model.synthesis_id(),
        quantised.steps
    ));
    match args.check.as_deref().zip(to_check) {
        Some((folder, images)) => check(&args.checkpoint, &model, folder, &images),
        None => Ok(()),
    }
}

/// The first argument, if it is a weight file.
fn weight_file(args: &Args) -> anyhow::Result<Option<Quantised>> {
    let name = args.checkpoint.display();
    let bytes = std::fs::read(&args.checkpoint).with_context(|| format!("cannot read {name}"))?;
    let steps = match WeightFile::parse(&bytes) {
        Ok(file) => file.info.steps,
        Err(WeightsError::NoInfo | WeightsError::Safetensors(_)) if args.keep_parse_id => {
            bail!(Usage(format!(
                "{name} is a checkpoint of a training, or no weights at all: only a weight file has what --keep-parse-id keeps"
            )))
        }
        Err(WeightsError::NoInfo | WeightsError::Safetensors(_)) => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot fit {name}")),
    };
    if args.fit.is_none() || args.calibrate.is_some() || args.check.is_some() {
        bail!(Usage(format!(
            "{name} is a weight file, not a checkpoint: it is quantised already and can only be fitted anew, with --fit alone"
        )));
    }
    Ok(Some(Quantised { bytes, steps }))
}

/// Photos that something is fitted to, at most: a preview's 257 unknowns per output need no more, nor do 63 tables. Those of the hyper-latents are drawn towards
/// what is known without neighbours.
const PHOTOS: usize = 100;

/// Photos that the last filter is fitted to, at most: it has 112,320 weights.
const MENDED: usize = 400;
/// They are made smaller by one of these, as crops are in training: JPEG photos as they are have their own grid and noise, which is not to be learnt.
const SCALES: [f64; 5] = [0.5, 0.6, 0.7, 0.8, 0.9];

/// One tile, so that the order of positions is that of the picture.
const OPTIONS: EncodeOptions =
    EncodeOptions { tile: 4096, quality: 50.0, target: None, effort: Effort::Optimised, alpha_quality: None };

/// Photos of a folder to fit something to: at least one of each, and none larger than a tile.
struct Photos {
    few: Vec<RgbImage>,
    many: Vec<RgbImage>,
}

impl Photos {
    fn load(folder: &Path) -> anyhow::Result<Self> {
        let images = load_folder(folder)?;
        let some = |most: usize| images.iter().step_by(images.len().div_ceil(most).max(1));
        let smaller = |(image, scale): (&RgbImage, &f64)| {
            let side = |side: u32| ((f64::from(side) * scale) as u32).max(1);
            imageops::resize(image, side(image.width()), side(image.height()), FilterType::Lanczos3)
        };
        let many = some(MENDED).zip(SCALES.iter().cycle()).map(smaller).collect();
        Ok(Self { few: some(PHOTOS).cloned().collect(), many })
    }
}

/// The five qualities of a fit.
fn qualities() -> impl Iterator<Item = QualityIndex> {
    DeblockFit::QUALITIES.into_iter().filter_map(QualityIndex::new)
}

fn picture_of(image: &RgbImage) -> anyhow::Result<Picture> {
    Ok(Picture::new(image.width(), image.height(), Colour::Rgb, image.as_raw().clone())?)
}

/// The weight file with probability tables fitted to photos. Every quality counts as much as every other, although more symbols are
/// coded at a high one, and symbols that were rounded as much as those that were chosen by their bits.
fn with_tables(weights: Vec<u8>, photos: &[RgbImage]) -> anyhow::Result<Vec<u8>> {
    let model = Model::from_bytes(weights)?;
    let encoder = Encoder::new(&model, DeviceChoice::Cpu)?;
    let mut engine = FastEngine::new(model.prior().clone());
    let mut found: Vec<(ScaleCounts, u64)> = vec![Default::default(); qualities().count()];
    for image in photos {
        let picture = picture_of(image)?;
        for effort in [Effort::Nearest, Effort::Optimised] {
            let analysed = encoder.analyse(&picture, &EncodeOptions { effort, ..OPTIONS })?;
            for ((counts, bytes), quality) in found.iter_mut().zip(qualities()) {
                let file = analysed.encode(quality)?;
                *bytes += file.stats.payload;
                for tile in decode_symbols(&model, &mut engine, &file.bytes)? {
                    counts.add(&tile.symbols, &tile.indices);
                }
            }
        }
    }
    let all: u64 = found.iter().map(|(_, bytes)| bytes).sum();
    let mut counts = ScaleCounts::default();
    for (own, bytes) in &found {
        counts.add_weighted(own, all as f64 / (found.len() as f64 * (*bytes).max(1) as f64));
    }
    Ok(quantise::with_scale_tables(model.bytes(), &counts)?)
}

/// The weight file with the hyper-latents' tables by their neighbours, fitted to photos at the quality in the middle of each knot that they have.
fn with_contexts(weights: Vec<u8>, photos: &[RgbImage]) -> anyhow::Result<Vec<u8>> {
    let model = Model::from_bytes(weights)?;
    let encoder = Encoder::new(&model, DeviceChoice::Cpu)?;
    let mut engine = FastEngine::new(model.prior().clone());
    let mut counts = HyperCounts::default();
    let knots = (0..HYPER_KNOTS).filter_map(|knot| Some((knot, QualityIndex::new(32 * knot as u8)?)));
    for image in photos {
        let analysed = encoder.analyse(&picture_of(image)?, &EncodeOptions { effort: Effort::Nearest, ..OPTIONS })?;
        for (knot, quality) in knots.clone() {
            for tile in decode_symbols(&model, &mut engine, &analysed.encode(quality)?.bytes)? {
                counts.add(knot, &tile.hyper, tile.shape.hyper().width, model.prior().sizes().hyper);
            }
        }
    }
    Ok(quantise::with_hyper_contexts(model.bytes(), &counts)?)
}

/// The weight file with a preview and a filter between patches fitted to photos.
fn with_preview_and_smoothing(weights: Vec<u8>, photos: &[RgbImage]) -> anyhow::Result<Vec<u8>> {
    let model = Model::from_bytes(weights)?;
    let (encoder, decoder) = (Encoder::new(&model, DeviceChoice::Cpu)?, Decoder::new(&model, DeviceChoice::Cpu)?);
    let mut engine = FastEngine::new(model.prior().clone());
    let (mut preview, mut filter) = (PreviewFit::new(model.prior().sizes().latents), DeblockFit::default());
    for image in photos {
        let picture = picture_of(image)?;
        let analysed = encoder.analyse(&picture, &OPTIONS)?;
        for quality in qualities() {
            let file = analysed.encode(quality)?.bytes;
            for tile in decode_symbols(&model, &mut engine, &file)? {
                let samples = preview_samples(image, tile.shape.width, tile.shape.height);
                preview.add(&tile.latents(&model, quality), &samples);
            }
            filter.add(quality.get(), &picture, &decoder.decode(&file)?.picture);
        }
    }
    let head = preview.solve().context("the photos are not enough to fit a preview to")?;
    let filter = filter.solve().context("the photos are too small to fit a filter to")?;
    Ok(quantise::with_deblocking(&quantise::with_preview(model.bytes(), &head)?, &filter)?)
}

/// The weight file with a filter fitted to photos that mends what is left, as they are without a filter of their own.
fn with_enhancement(weights: Vec<u8>, photos: &[RgbImage]) -> anyhow::Result<Vec<u8>> {
    let model = Model::from_bytes(weights)?;
    let (encoder, decoder) = (Encoder::new(&model, DeviceChoice::Cpu)?, Decoder::new(&model, DeviceChoice::Cpu)?);
    let mut fit = EnhanceFit::default();
    for image in photos {
        let eight = picture_of(image)?;
        // Decoders mend samples before they are rounded to 8 bits.
        let deep = Samples::Deep(BitDepth::Sixteen, eight.pixels.to_sixteen().into_owned());
        let picture = Picture { pixels: deep, ..eight };
        let analysed = encoder.analyse(&picture, &EncodeOptions { effort: Effort::Nearest, ..OPTIONS })?;
        for quality in qualities() {
            fit.add(quality.get(), &picture, &decoder.decode(&analysed.encode(quality)?.bytes)?.picture);
        }
    }
    let equations = fit.equations().context("the photos are too small to fit a filter to")?;
    let enhancement = quantise::solve_enhancement(equations).context("the photos are not enough to fit a filter to")?;
    Ok(quantise::with_enhancement(model.bytes(), &enhancement)?)
}

/// The samples [rows, columns, 2, 2, 3] of a preview: means of 8x8 pixels, -0.5..=0.5, the edge continued.
fn preview_samples(image: &RgbImage, columns: usize, rows: usize) -> Vec<f32> {
    let mean = |left: u32, top: u32, colour: usize| {
        let pixels = (0..64).map(|i| {
            let (x, y) = ((left + i % 8).min(image.width() - 1), (top + i / 8).min(image.height() - 1));
            f32::from(image.get_pixel(x, y).0[colour])
        });
        pixels.sum::<f32>() / (64.0 * 255.0) - 0.5
    };
    let mut samples = Vec::with_capacity(rows * columns * 12);
    for (row, column) in (0..rows as u32).flat_map(|row| (0..columns as u32).map(move |column| (row, column))) {
        for (y, x) in [(0, 0), (0, 8), (8, 0), (8, 8)] {
            samples.extend((0..3).map(|colour| mean(16 * column + x, 16 * row + y, colour)));
        }
    }
    samples
}

fn check(checkpoint: &Path, model: &Model, folder: &Path, images: &[RgbImage]) -> anyhow::Result<()> {
    let device = Device::flex();
    let network = quantise::checkpoint_network(checkpoint, &device)?;
    let encoder = Encoder::new(model, DeviceChoice::Cpu)?;
    // The estimate knows neither tiles nor choices of symbols, nor does it adapt.
    let plain = EncodeOptions { effort: Effort::Nearest, ..OPTIONS };
    let mut bits = [(0.0f64, 0.0f64); VALIDATION_KNOTS.len()];
    for image in images {
        let pixels = f64::from(image.width()) * f64::from(image.height());
        let estimates = validate(&network, std::slice::from_ref(image), &device, &mut Taps::Off, None);
        let analysed = encoder.analyse(&picture_of(image)?, &plain)?;
        for ((sum, estimate), knot) in bits.iter_mut().zip(&estimates).zip(VALIDATION_KNOTS) {
            let quality = QualityIndex::new(4 * knot as u8).context("a knot beyond the quality axis")?;
            sum.0 += estimate.bpp * pixels;
            sum.1 += 8.0 * analysed.encode(quality)?.stats.payload as f64;
        }
    }
    print_line(&format!(
        "{}: {} images, payload bits against the float model's estimate",
        folder.display(),
        images.len()
    ))?;
    VALIDATION_KNOTS.iter().zip(bits).try_for_each(|(knot, (estimate, payload))| {
        let difference = 100.0 * (payload / estimate - 1.0);
        print_line(&format!("knot {knot:2}: estimate {estimate:.0}, payload {payload:.0}, {difference:+.2} %"))
    })
}
