//! `lic decode`: `.lic` files to images.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lic_codec::format::Header;
use lic_codec::{Decoder, Error, Limits, Region, Scale, View, Warning};
use serde::Serialize;

use crate::batch::{BatchArgs, Report};
use crate::draft::SharedDraft;
use crate::engine::EngineArgs;
use crate::exit::Unsupported;
use crate::guard::{keep_lic_files, keep_originals};
use crate::jobs::{Job, Kinds};
use crate::picture::{self, Format};
use crate::save::{self, Saved};
use crate::source::{Input, Place};
use crate::units::{Stages, bits_per_pixel, seconds, times};

/// Arguments of `lic decode`.
#[derive(Debug, clap::Args)]
#[command(override_usage = "lic decode [OPTIONS] IN OUT\n       lic decode [OPTIONS] IN... --out-dir DIR")]
pub struct Args {
    #[command(flatten)]
    batch: BatchArgs,
    /// Format of the output; by default what the output's name says, and png for - and --out-dir.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Decode only this part of the stored picture, in pixels; only the tiles that it needs are read and decoded.
    #[arg(long, value_name = "X,Y,W,H", value_parser = region, allow_hyphen_values = true)]
    region: Option<Region>,
    /// Make the picture smaller: means of 2x2, 4x4 or 8x8 pixels.
    #[arg(long, value_name = "1/2|1/4|1/8", default_value = "1", hide_default_value = true, value_parser = scale)]
    scale: Scale,
    /// An eighth of the size, estimated from the latents: less exact than --scale 1/8, as sharp, and several times as fast. With --region,
    /// all the eighths that it touches.
    #[arg(long, conflicts_with = "scale")]
    preview: bool,
    /// The smallest of --preview, --scale 1/4, 1/2 and the full size whose longer side has at least this many pixels.
    #[arg(long, value_name = "PX", conflicts_with_all = ["scale", "preview", "region"], value_parser = side, allow_negative_numbers = true)]
    thumbnail: Option<u32>,
    /// Refuse files of which more pixels would be decoded than this: those of the picture, or of the tiles that --region needs.
    #[arg(long, value_name = "N")]
    max_pixels: Option<u64>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    bpp: Option<f64>,
    seconds: f64,
    stages: Stages,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let extension = args.format.unwrap_or(Format::Png).extension();
    let jobs = args.batch.jobs(Kinds { inputs: &["lic"], output: extension })?;
    let mut formats = Vec::new();
    // Outputs in a folder have the name of this format; one that failed before it began has none.
    let format = args.format.or(args.batch.has_folder().then_some(Format::Png));
    for job in &jobs {
        formats.push(match (format, &job.output) {
            (Some(format), _) => format,
            (None, Place::Standard) => Format::Png,
            (None, Place::File(path)) => {
                job.output.check_is_file()?;
                Format::of(path)?
            }
        });
    }
    args.engine.set_threads()?;
    let view = args.view();
    let limits = args.max_pixels.map_or_else(Limits::default, |most| Limits::default().with_pixels(most));
    let start = || Ok(Decoder::new(&args.engine.model()?, args.engine.device())?.with_limits(limits));
    let keep = |job: &Job| {
        keep_lic_files(job)?;
        keep_originals(job, args.batch.has_folder())
    };
    let open = |job: &Job| job.input.open();
    args.batch.run(&jobs, start, keep, open, |decoder, number, job, input| {
        let format = formats.get(number).copied().unwrap_or(Format::Png);
        one(job, decoder, format, view, input, args.batch.no_clobber())
    })
}

/// Counts the bytes that are read.
struct Counted<R> {
    reader: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.reader.seek(to)
    }
}

/// The limit in the words of the command line.
fn too_large(error: Error) -> anyhow::Error {
    match error {
        Error::LimitExceeded { found, allowed, .. } => {
            Unsupported(format!("{found} pixels would be decoded, more than the {allowed} of --max-pixels")).into()
        }
        error => error.into(),
    }
}

fn one(
    job: &Job,
    decoder: &Decoder,
    format: Format,
    wanted: Wanted,
    input: Input,
    no_clobber: bool,
) -> anyhow::Result<Report<Record>> {
    let bytes = Arc::new(AtomicU64::new(0));
    let view = |header: &Header| wanted.of(header);
    let rows = match input {
        Input::File(reader) => decoder.rows_seeking_with(Counted { reader, bytes: bytes.clone() }, view),
        Input::Stream(reader) => decoder.rows_with(Counted { reader, bytes: bytes.clone() }, view),
    };
    let mut rows = rows.map_err(too_large)?;
    let draft = SharedDraft::new(job.output.create()?);
    let Saved { size: [width, height], lost } = save::write(&mut rows, format, &draft)?;
    draft.commit(no_clobber)?;

    let (lasting, once): (Vec<Warning>, Vec<Warning>) =
        rows.warnings().iter().partition(|warning| matches!(warning, Warning::SectionSkipped { .. }));
    let warnings: Vec<String> = lasting.iter().map(ToString::to_string).chain(lost).collect();
    let once: Vec<String> = once.iter().map(ToString::to_string).collect();

    let time = rows.elapsed();
    let (colour, stats) = (rows.header().colour, rows.stats());
    let size = bytes.load(Ordering::Relaxed);
    let whole = wanted.of(rows.header()) == View::default();
    let bpp = whole.then(|| bits_per_pixel(size, stats.pixels));
    let record = Record {
        input: job.input.to_string(),
        output: job.output.to_string(),
        width,
        height,
        bytes: size,
        bpp,
        seconds: time.as_secs_f64(),
        stages: Stages::from(&stats),
        warnings: once.iter().chain(&warnings).cloned().collect(),
    };
    let amount = bpp.map_or_else(|| "read".to_owned(), |bpp| format!("{bpp:.3} bpp"));
    let line = format!(
        "{}: {size} bytes, {amount} -> {}: {width}x{height} {}, {}",
        job.input,
        job.output,
        picture::colour_name(colour),
        if whole { times(time, &stats) } else { seconds(time, &stats) }
    );
    Ok(Report { line, warnings, once, record, late_error: None })
}

/// Parses `--region`.
fn region(text: &str) -> Result<Region, String> {
    let numbers: Option<Vec<u32>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[x, y, width, height]) if width > 0 && height > 0 => Ok(Region { x, y, width, height }),
        _ => Err("four numbers are needed: left, top, width and height in pixels, as in 100,50,640,480".to_owned()),
    }
}

/// Parses `--thumbnail`.
fn side(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "a whole number of pixels is needed".to_owned())
}

/// Parses `--scale`.
fn scale(text: &str) -> Result<Scale, String> {
    match text {
        "1" | "1/1" => Ok(Scale::Full),
        "1/2" => Ok(Scale::Half),
        "1/4" => Ok(Scale::Quarter),
        "1/8" => Ok(Scale::Eighth),
        _ => Err("1/2, 1/4 or 1/8 is needed".to_owned()),
    }
}

/// What to decode, which may depend on the picture's size.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    View(View),
    Thumbnail(u32),
}

impl Args {
    fn view(&self) -> Wanted {
        let scale = if self.preview { Scale::Preview } else { self.scale };
        self.thumbnail.map_or(Wanted::View(View { region: self.region, scale }), Wanted::Thumbnail)
    }
}

impl Wanted {
    /// The view of a file with this header.
    fn of(self, header: &Header) -> View {
        match self {
            Self::View(view) => view,
            Self::Thumbnail(side) => View::at_least(side, header),
        }
    }
}
