//! `lic bench`: how fast this machine encodes and decodes an image, stage by stage.
//!
//! Everything happens in memory; reading and writing files is not counted. Speeds are medians over runs after one that warms
//! up, so that one pause of the system does not show. For how good the codec is see `bd_rate`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use lic_codec::{Decoder, Effort, EncodeOptions, Encoder, Stats};
use lic_datasets::Photo;
use serde::Serialize;

use crate::engine::EngineArgs;
use crate::output::{print_json, print_line, tell};
use crate::picture::colour_name;
use crate::units::{bits_per_pixel, speed};

/// Arguments of `lic bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Image (PNG, JPEG, WebP, PNM), which is coded upright and without metadata.
    #[arg(value_name = "FILE")]
    input: PathBuf,
    /// Quality to encode with.
    #[arg(short, long, value_name = "0..100", default_value = "50", value_parser = crate::encode::quality)]
    quality: f32,
    /// Effort to encode with, as of `lic encode`.
    #[arg(short, long, value_name = "0..3", default_value = "1", value_parser = crate::encode::effort)]
    effort: Effort,
    /// Runs after the one that warms up.
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    #[command(flatten)]
    engine: EngineArgs,
    /// Print one line of JSON instead.
    #[arg(long)]
    json: bool,
}

/// What was measured.
#[derive(Serialize)]
struct Measured {
    input: String,
    width: u32,
    height: u32,
    bytes: u64,
    bpp: f64,
    quality: f32,
    effort: u8,
    runs: u16,
    threads: usize,
    /// Where the networks ran.
    device: String,
    /// Seconds from the weight file to networks that are ready, encoder and decoder.
    start_seconds: f64,
    rows: Vec<Row>,
    /// Most memory this process ever had, in bytes; only where the system says so (Linux).
    peak_memory: Option<u64>,
}

/// A stage of encoding or decoding, or the whole of it.
#[derive(Serialize)]
struct Row {
    task: &'static str,
    /// `None` for the whole.
    stage: Option<&'static str>,
    seconds: f64,
    /// Megapixels per second.
    speed: f64,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let name = args.input.display().to_string();
    let photo = Photo::open(&args.input).with_context(|| name.clone())?;
    let picture = lic_benches::run::picture_of(photo.upright())?;
    let (model, device) = args.engine.start()?;
    let start = Instant::now();
    let (encoder, decoder) = (Encoder::new(&model, device)?, Decoder::new(&model, device)?);
    let start_seconds = start.elapsed().as_secs_f64();
    if let Some(warning) = encoder.warning() {
        tell(format_args!("warning: {warning}"));
    }
    let options = EncodeOptions { quality: args.quality, effort: args.effort, ..EncodeOptions::default() };

    let (mut encodings, mut decodings, mut bytes) = (Vec::new(), Vec::new(), 0);
    for run in 0..=args.runs {
        let start = Instant::now();
        let encoded = encoder.encode(&picture, &options)?;
        let encoding = (start.elapsed(), encoded.stats);
        let start = Instant::now();
        let decoded = decoder.decode(&encoded.bytes)?;
        let decoding = (start.elapsed(), decoded.stats);
        ensure!(
            (decoded.picture.width, decoded.picture.height) == (picture.width, picture.height),
            "{name}: lost pixels"
        );
        bytes = encoded.bytes.len() as u64;
        if run > 0 {
            encodings.push(encoding);
            decodings.push(decoding);
        }
    }
    let pixels = u64::from(picture.width) * u64::from(picture.height);
    let measured = Measured {
        input: name,
        width: picture.width,
        height: picture.height,
        bytes,
        bpp: bits_per_pixel(bytes, pixels),
        quality: args.quality,
        effort: args.effort.number(),
        runs: args.runs,
        threads: rayon::current_num_threads(),
        device: encoder.device(),
        start_seconds,
        rows: rows(pixels, &encodings, &decodings),
        peak_memory: peak_memory(),
    };
    if args.json { print_json(&measured) } else { print_line(&measured.text(colour_name(picture.colour))) }
}

/// A whole run and its stages.
type Run = (Duration, Stats);

fn rows(pixels: u64, encodings: &[Run], decodings: &[Run]) -> Vec<Row> {
    let row = |task, stage, runs: &[Run], time: fn(&Run) -> Duration| {
        let time = median(runs.iter().map(time).collect());
        Row { task, stage, seconds: time.as_secs_f64(), speed: speed(pixels, time) }
    };
    let encode = |stage, time| row("encode", stage, encodings, time);
    let decode = |stage, time| row("decode", stage, decodings, time);
    let search = encode(Some("search"), |(_, stats)| stats.search);
    let filter = encode(Some("filter"), |(_, stats)| stats.filter);
    let mut rows = vec![
        encode(None, |(whole, _)| *whole),
        encode(Some("analysis"), |(_, stats)| stats.analysis),
        encode(Some("prior"), |(_, stats)| stats.prior),
        encode(Some("coding"), |(_, stats)| stats.coding),
        decode(None, |(whole, _)| *whole),
        decode(Some("prior"), |(_, stats)| stats.prior),
        decode(Some("coding"), |(_, stats)| stats.coding),
        decode(Some("synthesis"), |(_, stats)| stats.synthesis),
    ];
    // Efforts 0 and 1 have no search, effort 0 no filter.
    for stage in [filter, search] {
        if stage.seconds > 0.0 {
            rows.insert(2, stage);
        }
    }
    rows
}

/// The middle of some times, the later of two; zero if there are none.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The largest resident set of this process so far (`VmHWM`), in bytes.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(1024 * line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?)
}

impl Measured {
    fn text(&self, colour: &str) -> String {
        let Self { input, width, height, bytes, bpp, quality, effort, runs, threads, device, .. } = self;
        let mut lines = vec![
            format!(
                "{input}: {width}x{height} {colour}, quality {quality}, effort {effort}: {bytes} bytes, {bpp:.3} bpp"
            ),
            format!("medians of {runs} runs with {threads} threads, device {device}"),
            format!("{:<12} {:>9} {:>9}", "", "seconds", "MP/s"),
        ];
        for Row { task, stage, seconds, speed } in &self.rows {
            let name = stage.map_or_else(|| (*task).to_owned(), |stage| format!("  {stage}"));
            lines.push(format!("{name:<12} {seconds:>9.4} {speed:>9.2}"));
        }
        lines.push(format!("{:<12} {:>9.4}", "start", self.start_seconds));
        if let Some(peak) = self.peak_memory {
            lines.push(format!("most memory  {:>9.1} MB", peak as f64 / 1e6));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_in_any_order() {
        let seconds = |list: &[u64]| median(list.iter().map(|&s| Duration::from_secs(s)).collect()).as_secs();
        assert_eq!(seconds(&[9, 1, 5]), 5);
        assert_eq!(seconds(&[7]), 7);
        assert_eq!(seconds(&[]), 0);
    }
}
