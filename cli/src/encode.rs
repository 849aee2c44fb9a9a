//! `lic encode`: images to `.lic` files.

use std::ops::ControlFlow;
use std::time::Instant;

use anyhow::bail;
use indicatif::ProgressBar;
use lic_codec::format::{SIGNATURE, is_tile_size};
use lic_codec::{Effort, EncodeOptions, Encoded, Encoder, Miss, Picture, Target, TargetOutcome};
use lic_datasets::folder::EXTENSIONS;
use lic_datasets::{Photo, PhotoRows};
use serde::Serialize;

use crate::batch::{BatchArgs, Report};
use crate::colour::to_srgb;
use crate::engine::EngineArgs;
use crate::exit::{TargetMissed, Usage};
use crate::guard::keep_photos;
use crate::jobs::{Job, Kinds};
use crate::picture;
use crate::rows::RowSource;
use crate::units::{Stages, bits_per_pixel, times};

/// Arguments of `lic encode`.
#[derive(Debug, clap::Args)]
#[command(override_usage = "lic encode [OPTIONS] IN OUT\n       lic encode [OPTIONS] IN... --out-dir DIR")]
pub struct Args {
    #[command(flatten)]
    batch: BatchArgs,
    /// Quality, 0 (smallest file) to 100 (best picture).
    #[arg(short, long, value_name = "0..100", default_value_t = EncodeOptions::default().quality, value_parser = quality, allow_negative_numbers = true)]
    quality: f32,
    #[command(flatten)]
    target: TargetArgs,
    /// Time to spend on a smaller file of the same quality: 0 rounds to the nearest, 1 weighs bits against error and fits a filter to the picture, 2 searches for
    /// seconds (8 % smaller than 0), 3 for up to two minutes (half a per cent more).
    #[arg(short, long, value_name = "0..3", default_value = "1", value_parser = effort, allow_negative_numbers = true)]
    effort: Effort,
    /// Code alpha with losses, at this quality; without it alpha is kept exactly.
    #[arg(long, value_name = "0..100", value_parser = quality, allow_negative_numbers = true)]
    alpha_quality: Option<f32>,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// Edge of the tiles that are coded independently, in pixels: a multiple of 64.
    #[arg(long, value_name = "PX", default_value_t = EncodeOptions::default().tile, value_parser = tile)]
    tile: u32,
}

/// What of an image's metadata goes into the file.
#[derive(Debug, Clone, Copy, clap::Args)]
struct KeepArgs {
    /// Leave out EXIF and XMP. The colour profile and the orientation stay: they change what is seen.
    #[arg(long)]
    strip: bool,
    /// Convert the colours to sRGB, and leave out ICC profile and CICP.
    #[arg(long)]
    to_srgb: bool,
}

/// What to reach instead of a quality.
#[derive(Debug, clap::Args)]
#[group(multiple = false, conflicts_with = "quality")]
struct TargetArgs {
    /// Find the quality whose file has at most X bits per pixel.
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    target_bpp: Option<f64>,
    /// Find the quality whose file has at most this many bytes.
    #[arg(long, value_name = "BYTES", value_parser = size, allow_negative_numbers = true)]
    target_size: Option<u64>,
    /// Find the lowest quality with at least this PSNR.
    #[arg(long, value_name = "DB", value_parser = positive, allow_negative_numbers = true)]
    target_psnr: Option<f64>,
}

impl TargetArgs {
    fn target(&self) -> Option<Target> {
        let bpp = self.target_bpp.map(Target::BitsPerPixel);
        bpp.or(self.target_size.map(Target::Bytes)).or(self.target_psnr.map(Target::Psnr))
    }
}

/// Parses `--quality`.
pub fn quality(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(quality) if (0.0..=100.0).contains(&quality) => Ok(quality),
        _ => Err("a number from 0 to 100 is needed".to_owned()),
    }
}

/// Parses `--effort`.
pub fn effort(text: &str) -> Result<Effort, String> {
    text.parse().ok().and_then(Effort::new).ok_or_else(|| "a number from 0 to 3 is needed".to_owned())
}

/// Parses bits per pixel and decibels.
pub fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("a number above 0 is needed".to_owned()),
    }
}

/// Parses `--target-size`.
fn size(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(bytes) if bytes > 0 => Ok(bytes),
        _ => Err("a whole number of bytes above 0 is needed, without a unit".to_owned()),
    }
}

fn tile(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(tile) if is_tile_size(tile) => Ok(tile),
        _ => Err("a multiple of 64 from 64 to 4096 is needed".to_owned()),
    }
}

/// One line of `--json`.
#[derive(Serialize)]
struct Record {
    input: String,
    output: String,
    width: u32,
    height: u32,
    bytes: u64,
    bpp: f64,
    quality: f64,
    seconds: f64,
    stages: Stages,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<TargetRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// How a target was met.
#[derive(Serialize)]
struct TargetRecord {
    reached: f64,
    trials: u32,
    /// Whether it is kept: a size from below, however far.
    met: bool,
}

/// What is encoded of a folder, by name; files that are named themselves are recognised by their content.
const KINDS: Kinds = Kinds { inputs: EXTENSIONS, output: "lic" };

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let jobs = args.batch.jobs(KINDS)?;
    args.engine.set_threads()?;
    let &Args { quality, tile, effort, alpha_quality, .. } = args;
    let options = EncodeOptions { quality, tile, target: args.target.target(), effort, alpha_quality };
    let start = || Ok(Encoder::new(&args.engine.model()?, args.engine.device())?);
    let read = |job: &Job| read(job, args.keep, &options);
    let bar = || args.batch.percent(jobs.len(), options.effort.number() < 2);
    args.batch.run(&jobs, start, keep_photos, read, |encoder, _, job, input| {
        one(job, encoder, &options, input, args.batch.no_clobber(), &bar())
    })
}

/// Pixels from which on a PNG is read and encoded in rows: memory stays below 1 GB, for about a tenth more time.
const IN_ROWS: u64 = 100_000_000;

/// What a job has to encode, with what of the image is lost against the user's will.
struct Input {
    pixels: Pixels,
    lost: Vec<String>,
}

enum Pixels {
    Picture(Picture),
    Rows(Box<RowSource>),
}

fn read(job: &Job, keep: KeepArgs, options: &EncodeOptions) -> anyhow::Result<Input> {
    if let Some(path) = job.input.path()
        && options.target.is_none()
        && !keep.to_srgb
        && let Some(mut rows) = PhotoRows::open(path, IN_ROWS)?
    {
        let lost = rows.lost.iter().map(ToString::to_string).collect();
        keep.apply(&mut rows.metadata.exif, &mut rows.metadata.xmp);
        return Ok(Input { pixels: Pixels::Rows(Box::new(RowSource::new(rows))), lost });
    }
    let bytes = job.input.read()?;
    if bytes.starts_with(&SIGNATURE) {
        bail!(Usage("this is a .lic file already: use lic decode".to_owned()));
    }
    let photo = Photo::read(&bytes)?;
    let lost = photo.lost.iter().map(ToString::to_string).collect();
    let mut picture = picture::of_photo(photo)?;
    if keep.to_srgb {
        to_srgb(&mut picture)?;
    }
    keep.apply(&mut picture.metadata.exif, &mut picture.metadata.xmp);
    Ok(Input { pixels: Pixels::Picture(picture), lost })
}

impl KeepArgs {
    fn apply(self, exif: &mut Option<Vec<u8>>, xmp: &mut Option<Vec<u8>>) {
        if self.strip {
            (*exif, *xmp) = (None, None);
        }
    }
}

fn one(
    job: &Job,
    encoder: &Encoder,
    options: &EncodeOptions,
    Input { pixels, lost: mut warnings }: Input,
    no_clobber: bool,
    bar: &ProgressBar,
) -> anyhow::Result<Report<Record>> {
    let start = Instant::now();
    let (encoded, width, height, colour) = match pixels {
        Pixels::Picture(picture) => {
            let mut watch = |done: f64| {
                bar.set_position((done * 1000.0) as u64);
                ControlFlow::Continue(())
            };
            let encoded = encoder.encode_watched(&picture, options, &mut watch)?;
            bar.finish_and_clear();
            (encoded, picture.width, picture.height, picture.colour)
        }
        Pixels::Rows(rows) => {
            let (width, height, colour) = (rows.frame.width, rows.frame.height, rows.frame.colour);
            (rows.encode(encoder, options)?, width, height, colour)
        }
    };
    let Encoded { bytes, quality, stats, target, .. } = encoded;
    let time = start.elapsed();
    job.output.write(&bytes, no_clobber)?;

    warnings.extend(target.as_ref().and_then(below));
    let size = bytes.len() as u64;
    let bpp = bits_per_pixel(size, stats.pixels);
    let quality = f64::from(quality.get()) / 2.52;
    let record = Record {
        input: job.input.to_string(),
        output: job.output.to_string(),
        width,
        height,
        bytes: size,
        bpp,
        quality,
        seconds: time.as_secs_f64(),
        stages: Stages::from(&stats),
        target: target.map(|t| TargetRecord { reached: t.reached, trials: t.trials, met: broken(&t).is_none() }),
        warnings: warnings.clone(),
    };
    let line = format!(
        "{}: {width}x{height} {}, quality {quality:.1} -> {}: {size} bytes, {bpp:.3} bpp, {}",
        job.input,
        picture::colour_name(colour),
        job.output,
        times(time, &stats)
    );
    let late_error = target.as_ref().and_then(broken).map(anyhow::Error::from);
    let once = encoder.warning().map(|warning| warning.to_string()).into_iter().collect();
    Ok(Report { line, warnings, once, record, late_error })
}

/// What was reached, beside what was asked for.
fn reached(outcome: &TargetOutcome) -> String {
    match outcome.wanted {
        Target::BitsPerPixel(wanted) => format!("{:.4} bpp instead of {wanted}", outcome.reached),
        Target::Bytes(wanted) => format!("{} bytes instead of {wanted}", outcome.reached),
        Target::Psnr(wanted) => format!("{:.2} dB instead of {wanted}", outcome.reached),
    }
}

/// Why a size is far below what it may be at most.
fn below(outcome: &TargetOutcome) -> Option<String> {
    let miss = outcome.miss.filter(|_| broken(outcome).is_none())?;
    Some(format!("the file is smaller than it may be: {}, {miss}", reached(outcome)))
}

/// Why a file takes more than it may, or a picture is not as good as it must be.
fn broken(outcome: &TargetOutcome) -> Option<TargetMissed> {
    let miss = outcome.miss?;
    let kept = !matches!(outcome.wanted, Target::Psnr(_)) && miss != Miss::LowestQuality;
    (!kept).then(|| TargetMissed(format!("{}, {miss}", reached(outcome))))
}
