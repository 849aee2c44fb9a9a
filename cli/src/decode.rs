//! `lic decode`: `.lic` files to images.

use std::time::Instant;

use lic_codec::Decoder;
use serde::Serialize;

use crate::batch::{BatchArgs, Job, Report};
use crate::engine::EngineArgs;
use crate::picture::{self, Format};
use crate::save;
use crate::source::Place;
use crate::units::{Stages, bits_per_pixel, times};

/// Arguments of `lic decode`.
#[derive(Debug, clap::Args)]
#[command(override_usage = "lic decode [OPTIONS] IN OUT\n       lic decode [OPTIONS] IN... --out-dir DIR")]
pub struct Args {
    #[command(flatten)]
    batch: BatchArgs,
    /// Format of the output; by default what the output's name says, and png for - and --out-dir.
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    engine: EngineArgs,
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
    seconds: f64,
    stages: Stages,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let jobs = args.batch.jobs(args.format.unwrap_or(Format::Png).extension())?;
    let mut formats = Vec::new();
    for job in &jobs {
        formats.push(match (args.format, &job.output) {
            (Some(format), _) => format,
            (None, Place::Standard) => Format::Png,
            (None, Place::File(path)) => Format::of(path)?,
        });
    }
    args.engine.set_threads()?;
    let start = || Ok(Decoder::new(&args.engine.model()?, args.engine.device())?);
    let read = |job: &Job| job.input.read();
    args.batch.run(&jobs, start, read, |decoder, number, job, bytes| {
        let format = formats.get(number).copied().unwrap_or(Format::Png);
        one(job, decoder, format, &bytes, args.batch.no_clobber())
    })
}

fn one(job: &Job, decoder: &Decoder, format: Format, bytes: &[u8], no_clobber: bool) -> anyhow::Result<Report<Record>> {
    let start = Instant::now();
    let decoded = decoder.decode(bytes)?;
    let time = start.elapsed();
    let (width, height, colour) = (decoded.picture.width, decoded.picture.height, decoded.picture.colour);
    let (file, lost) = save::to_file(decoded.picture, format)?;
    job.output.write(&file, no_clobber)?;

    let (size, stats) = (bytes.len() as u64, decoded.stats);
    let bpp = bits_per_pixel(size, stats.pixels);
    let record = Record {
        input: job.input.to_string(),
        output: job.output.to_string(),
        width,
        height,
        bytes: size,
        bpp,
        seconds: time.as_secs_f64(),
        stages: Stages::from(&stats),
    };
    let line = format!(
        "{}: {size} bytes, {bpp:.3} bpp -> {}: {width}x{height} {}, {}",
        job.input,
        job.output,
        picture::colour_name(colour),
        times(time, &stats)
    );
    let warnings = decoded.warnings.iter().map(ToString::to_string).chain(lost).collect();
    Ok(Report { line, warnings, record, late_error: None })
}
