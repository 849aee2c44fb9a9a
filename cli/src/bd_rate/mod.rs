//! `lic bd-rate`: run codecs on a set of images for real, and compare their curves with each other and with published ones.

mod cast;
mod interval;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::ValueEnum;
use lic_benches::Method;
use lic_benches::cache::Cache;
use lic_benches::codecs::LicDefaults;
use lic_benches::metric::Metric;
use lic_benches::report::compare::Side;
use lic_benches::report::plot::RateAxis;
use lic_benches::report::table::Style;
use lic_benches::report::{self, AVERAGING, Comparisons, Images, Mean, Measured, Report};
use lic_benches::run::Plan;
use lic_codec::Effort;
use lic_datasets::search::user_cache;
use lic_datasets::{Dataset, Search};

use crate::draft::write_atomically;
use crate::engine::EngineArgs;
use crate::exit::Usage;
use crate::guard;
use crate::output::{print_json, print_line, progress};
use cast::Cast;
use interval::Between;

/// Arguments of `lic bd-rate`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// kodak, tecnick, clic-pro-valid, sample, or a folder of images of 8 bits without alpha; folders inside it are left out.
    #[arg(long, value_name = "NAME|DIR")]
    dataset: String,
    /// Folder with the known sets in folders of their names; else $LIC_DATA_DIR and the user's cache are searched.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Go on with a known set of which images are missing; every output says so, and there are no published curves.
    #[arg(long)]
    partial: bool,
    /// Codecs to run, separated by commas.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "lic")]
    codec: Vec<String>,
    /// What to compare with, separated by commas: codecs, or published curves if the set has them; by default VTM if
    /// it was published by one of the metrics, else jpeg, which then is run.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    anchor: Vec<String>,
    /// Metrics, separated by commas: psnr, ms-ssim, ssimulacra2, butteraugli.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "psnr,ms-ssim")]
    metric: Vec<Metric>,
    /// Qualities for all codecs that are run, separated by commas; each codec has its own by default.
    #[arg(long, value_name = "0..100", value_delimiter = ',')]
    qualities: Vec<f32>,
    /// The effort of lic, as of `lic encode`.
    #[arg(short, long, value_name = "0..3", default_value = "1", value_parser = crate::encode::effort)]
    effort: Effort,
    /// Interpolation between points: pchip, akima or cubic (one polynomial).
    #[arg(long, value_name = "NAME", default_value = "pchip")]
    method: Method,
    /// Where BD-rate compares curves: common, or qualities as 28..36 (MS-SSIM in dB, Butteraugli negative), or rates of the
    /// tested codec as 0.15..1.2bpp.
    #[arg(long, value_name = "RANGE", default_value = "common", allow_hyphen_values = true)]
    interval: Between,
    /// What to print.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Also draw rate-distortion curves to an SVG file.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// The scale of the rate in the plot.
    #[arg(long, value_enum, default_value = "log")]
    rate_axis: Axis,
    /// Also write a page with plots, tables, every image and decoded crops: DIR/index.html.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Images worked on at a time; as many as threads (-j) if not given.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Where results are kept for the next run; by default in the user's cache.
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    cache_dir: Option<PathBuf>,
    /// Measure everything anew and keep nothing.
    #[arg(long)]
    no_cache: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

const HELP: &str = "\
Codecs, with their options and what each is by default:
  lic       effort=0..3, model=FILE (other weights), tile=PIXELS (1024),
            device=auto|cpu|reference|gpu
  jpeg      baseline, as libjpeg-turbo: chroma=420|444|420dct
            (as libjpeg 7 to 9, which the published curve is of)
  mozjpeg   progressive with trellis quantisation:
            chroma=420|444|420dct
  webp      method=0..6 (4)
  avif      speed=0..10 (6), chroma=444|420, depth=10|8,
            tune=ssim|psnr|iq (ssim, as avifenc 0.11 by
            itself); runs avifenc and avifdec
  jxl       effort=1..9 (7); runs cjxl and djxl
  published:NAME  a published curve, beside codecs that are run
Options follow colons, qualities are separated by slashes:
  --codec lic,lic:effort=0,webp:method=6:q=20/50/80
An anchor is a codec that is run, else a published curve, else a codec
that is then run; published:NAME means the curve.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
    Md,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Axis {
    Log,
    Linear,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut metrics = args.metric.clone();
    metrics.sort();
    metrics.dedup();
    let interval = args.interval.check(&metrics)?;
    // First of all: threads can be chosen only before anything uses them.
    let (model, device) = args.engine.start()?;
    let search = Search { data_dir: args.data_dir.clone() };
    let dataset = Dataset::open(&args.dataset, &search, args.partial).context("--dataset")?;
    let defaults = LicDefaults { model, device, effort: args.effort };
    let asked = qualities(&args.qualities)?;
    let what = (&metrics[..], args.method);
    let Cast { subjects, published, anchors, bare } =
        Cast::new(&args.codec, &args.anchor, &asked, &dataset, &defaults, what)?;
    let cache = cache(args)?;
    // Not after an hour's work.
    if let Some(path) = &args.plot {
        guard::check_name(path, "svg").context("--plot")?;
        guard::check_output(path).context("--plot")?;
    }
    if let Some(folder) = &args.report {
        std::fs::create_dir_all(folder).with_context(|| format!("--report: cannot make {}", folder.display()))?;
        guard::check_output(&folder.join(report::html::FILE_NAME)).context("--report")?;
    }
    // Not more than -j says.
    let threads = NonZeroUsize::new(rayon::current_num_threads()).unwrap_or(NonZeroUsize::MIN);
    let jobs = args.jobs.unwrap_or(threads);
    let plan = Plan { images: &dataset.images, subjects: &subjects, metrics: &metrics, jobs, cache: &cache };

    let bar = progress(plan.points() as u64, "{bar:24} {pos}/{len} points, {eta} left", false);
    let samples = plan.run(&|| bar.inc(1))?;
    bar.finish_and_clear();

    let codecs = Measured::all(&subjects, &dataset, &samples, &metrics);
    let mut warnings: Vec<String> = bare.iter().map(|(_, why)| format!("no BD-rate: {why}")).collect();
    warnings.extend(subjects.iter().filter_map(|subject| subject.codec.warning()));
    warnings.extend(codecs.iter().flat_map(|codec| [not_rising(codec), lossless(codec)]).flatten());
    let sides = Side::all(&codecs, &published);
    let comparisons = Comparisons::new(
        &cast::chosen(&sides, &anchors),
        &cast::tests(&sides, &args.codec, &bare),
        &metrics,
        args.method,
        interval,
    );
    let report = Report {
        program: format!("lic {}", env!("CARGO_PKG_VERSION")),
        command: command_line(),
        dataset: Images::of(&dataset),
        averaging: AVERAGING,
        jobs: jobs.get(),
        metrics,
        comparisons,
        codecs,
        published,
        warnings,
    };
    // First of all, so that it is not lost to an error of the rest.
    let printed = match args.format {
        Format::Json => print_json(&report),
        Format::Csv => print_line(report::csv::text(&report)?.trim_end()),
        Format::Table => print_line(&report::table::text(&report, Style::Terminal)),
        Format::Md => print_line(&report::table::text(&report, Style::Markdown)),
    };
    if let Some(path) = &args.plot {
        let axis = if matches!(args.rate_axis, Axis::Log) { RateAxis::Log } else { RateAxis::Linear };
        write_atomically(path, report::plot::svg(&report, axis).as_bytes(), false)?;
    }
    if let Some(folder) = &args.report {
        let details = report::crops::at_equal_rate(&report, &subjects, &dataset.images)?;
        report::html::write(folder, &report::html::page(&report, &details)).context("--report")?;
    }
    printed?;
    let mut failures = report.comparisons.impossible();
    // Nobody asked for the default anchor.
    if !args.anchor.is_empty() {
        failures.extend(report.comparisons.idle());
    }
    if !failures.is_empty() {
        bail!(failures.join("; "));
    }
    Ok(())
}

/// Sorted qualities without repetitions.
fn qualities(asked: &[f32]) -> anyhow::Result<Vec<f32>> {
    let mut qualities = asked.to_vec();
    lic_benches::codecs::sort_qualities(&mut qualities);
    if let Some(wrong) = qualities.iter().find(|q| !(0.0..=100.0).contains(*q)) {
        bail!(Usage(format!("--qualities: {wrong} is not in 0..100")));
    }
    Ok(qualities)
}

fn cache(args: &Args) -> anyhow::Result<Cache> {
    if args.no_cache {
        return Ok(Cache::none());
    }
    if let Some(folder) = &args.cache_dir {
        return Ok(Cache::at(folder.clone()));
    }
    let user = user_cache().context("this user has no cache folder: name one with --cache-dir, or use --no-cache")?;
    Ok(Cache::at(user.join("results")))
}

/// Where more quality did not mean a larger file and more PSNR.
fn not_rising(codec: &Measured) -> Option<String> {
    let images = codec.images.iter().map(|image| (image, image.not_rising())).filter(|(_, steps)| !steps.is_empty());
    let words: Vec<String> = images
        .map(|(image, steps)| {
            let steps: Vec<String> = steps.iter().map(|[a, b]| format!("{a}..{b}")).collect();
            format!("{} at {}", image.name, steps.join(", "))
        })
        .collect();
    (!words.is_empty())
        .then(|| format!("{}: bytes or PSNR do not rise with quality everywhere: {}", codec.label, words.join("; ")))
}

/// Points without any error lie on no curve: their PSNR is infinite, and so are the decibels of an MS-SSIM of 1.
fn lossless(codec: &Measured) -> Option<String> {
    let is_lossless = |mean: &&Mean| mean.scores.iter().any(|(metric, score)| !metric.axis(score.mean).is_finite());
    let qualities: Vec<String> = codec.means.iter().filter(is_lossless).map(|mean| mean.quality.to_string()).collect();
    (!qualities.is_empty()).then(|| {
        format!(
            "{}: no error that a metric sees, on an image or all, at quality {}, which lies on no curve",
            codec.label,
            qualities.join(", ")
        )
    })
}

/// The command line as it can be pasted into a shell.
fn command_line() -> String {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_=.,:/~+@%".contains(c));
    let quoted = |text: String| if plain(&text) { text } else { format!("'{}'", text.replace('\'', r"'\''")) };
    let words = std::env::args_os().skip(1).map(|word| quoted(word.to_string_lossy().into_owned()));
    std::iter::once("lic".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
