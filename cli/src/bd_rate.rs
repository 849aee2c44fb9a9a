//! `lic bd-rate`: encode and decode a folder of images for real, and compare the curve with published ones.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use lic_benches::measure::{Mean, Measurement, mean_curve, means, measure, not_rising};
use lic_benches::{Anchor, Bd, Curve, Interval, anchors, bd_psnr, bd_rate};
use lic_codec::{Decoder, Effort, EncodeOptions, Encoder, Stats};
use lic_datasets::{KODAK, Photo, images_in};
use serde::Serialize;

use crate::engine::EngineArgs;
use crate::exit::Usage;
use crate::output::{print_json, print_line};
use crate::picture::from_photo;
use crate::units::speed;

/// Arguments of `lic bd-rate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of images.
    #[arg(long, value_name = "DIR")]
    dataset: PathBuf,
    /// Published curves on Kodak to compare with, separated by commas; by default all, if the folder is Kodak.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    anchor: Vec<String>,
    /// Qualities to measure at, separated by commas.
    #[arg(long, value_name = "0..100", value_delimiter = ',', default_value = "0,10,25,40,55,70,85,100")]
    qualities: Vec<f32>,
    /// The encoder's effort, as of `lic encode`.
    #[arg(short, long, value_name = "0|1", default_value = "1", value_parser = crate::encode::effort)]
    effort: Effort,
    #[command(flatten)]
    engine: EngineArgs,
    /// Print JSON, with all images.
    #[arg(long)]
    json: bool,
}

/// Everything that was measured.
#[derive(Serialize)]
struct Results {
    dataset: String,
    images: usize,
    parse_id: String,
    synthesis_id: String,
    /// Means over images of bits per pixel of whole files, and of PSNR (RGB) of 8-bit pictures.
    means: Vec<Mean>,
    /// Megapixels per second over all images and qualities, files not counted.
    speed: Speed,
    comparisons: Vec<Comparison>,
    per_image: Vec<ImageResult>,
}

#[derive(Serialize)]
struct ImageResult {
    name: String,
    points: Vec<Mean>,
    /// Pairs of qualities between which bytes or PSNR do not rise.
    not_rising: Vec<(f32, f32)>,
}

/// Per stage, in megapixels per second.
#[derive(Serialize)]
struct Speed {
    analysis: f64,
    encoder_prior: f64,
    encoder_coding: f64,
    decoder_prior: f64,
    decoder_coding: f64,
    synthesis: f64,
}

/// A figure against one anchor, or why there is none.
#[derive(Serialize)]
struct Comparison {
    anchor: &'static str,
    description: &'static str,
    source: &'static str,
    figure: &'static str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    bd: Option<Bd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    none_because: Option<String>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let qualities = qualities(&args.qualities)?;
    let images = images_in(&args.dataset).context("--dataset")?;
    let anchors = anchors(&args.anchor, &args.dataset, &images)?;
    let (model, device) = args.engine.start()?;
    let (encoder, decoder) = (Encoder::new(&model, device)?, Decoder::new(&model, device)?);
    if let Some(warning) = encoder.warning() {
        eprintln!("warning: {warning}");
    }

    let options = EncodeOptions { effort: args.effort, ..EncodeOptions::default() };
    let bar = progress(images.len() as u64);
    let mut measured = Vec::new();
    for path in &images {
        let one = || -> anyhow::Result<_> {
            let picture = from_photo(Photo::open(path)?)?;
            Ok(measure(&encoder, &decoder, &picture, &options, &qualities)?)
        };
        measured.push(one().with_context(|| path.display().to_string())?);
        bar.inc(1);
    }
    bar.finish_and_clear();

    let means = means(&measured);
    let results = Results {
        dataset: args.dataset.display().to_string(),
        images: images.len(),
        parse_id: format!("{:08x}", model.parse_id()),
        synthesis_id: format!("{:08x}", model.synthesis_id()),
        comparisons: compare(&means, &anchors),
        means,
        speed: Speed::of(&measured),
        per_image: images.iter().zip(&measured).map(|(path, points)| ImageResult::of(path, points)).collect(),
    };
    if args.json { print_json(&results) } else { print_line(&results.text()) }
}

/// Sorted qualities without repetitions.
fn qualities(asked: &[f32]) -> anyhow::Result<Vec<f32>> {
    let mut qualities = asked.to_vec();
    qualities.sort_by(f32::total_cmp);
    qualities.dedup();
    if let Some(wrong) = qualities.iter().find(|q| !(0.0..=100.0).contains(*q)) {
        bail!(Usage(format!("--qualities: {wrong} is not in 0..100")));
    }
    Ok(qualities)
}

/// The anchors asked for, or all; none for other images than those they were measured on.
fn anchors(names: &[String], folder: &Path, images: &[PathBuf]) -> anyhow::Result<Vec<Anchor>> {
    let file_names = images.iter().filter_map(|path| path.file_name()?.to_str());
    let problem = if !KODAK.has_names(file_names) {
        Some("these are not exactly the 24 images of Kodak".to_owned())
    } else {
        let altered = KODAK.verify(folder).altered;
        (!altered.is_empty()).then(|| format!("altered files of Kodak: {}", altered.join(", ")))
    };
    match problem {
        None if names.is_empty() => {
            Ok(anchors::kodak_names().into_iter().map(anchors::kodak).collect::<Result<_, _>>()?)
        }
        None => {
            names.iter().map(|name| anchors::kodak(name).map_err(|e| Usage(format!("--anchor: {e}")).into())).collect()
        }
        Some(problem) => {
            ensure!(
                names.is_empty(),
                Usage(format!("--anchor: published curves hold for the images they were measured on, and {problem}"))
            );
            eprintln!("no comparison with published curves: {problem}");
            Ok(Vec::new())
        }
    }
}

/// Every figure against every anchor.
fn compare(means: &[Mean], anchors: &[Anchor]) -> Vec<Comparison> {
    type Figure = fn(&Curve, &Curve) -> Result<Bd, lic_benches::BdError>;
    let figures: [(&str, Figure); 4] = [
        ("BD-rate %, common interval", |anchor, test| bd_rate(anchor, test, Interval::Common)),
        ("BD-rate %, 0.15..1.2 bpp of lic", |anchor, test| bd_rate(anchor, test, Interval::Rate(0.15, 1.2))),
        ("BD-rate %, 28..36 dB", |anchor, test| bd_rate(anchor, test, Interval::Quality(28.0, 36.0))),
        ("BD-PSNR dB, common log10(bpp)", bd_psnr),
    ];
    let curve = mean_curve(means);
    let mut comparisons = Vec::new();
    for anchor in anchors {
        for (figure, compute) in figures {
            let found = match &curve {
                Ok(curve) => compute(&anchor.curve, curve).map_err(|e| e.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let (bd, none_because) = match found {
                Ok(bd) => (Some(bd), None),
                Err(reason) => (None, Some(reason)),
            };
            let &Anchor { name, description, source, .. } = anchor;
            comparisons.push(Comparison { anchor: name, description, source, figure, bd, none_because });
        }
    }
    comparisons
}

fn progress(images: u64) -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(images) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} images, {eta} left") {
        bar.set_style(style);
    }
    bar
}

impl ImageResult {
    fn of(path: &Path, measured: &[Measurement]) -> Self {
        let points = measured.iter().map(|m| Mean { quality: m.quality, point: m.point, worst_psnr: m.point.psnr });
        Self {
            name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            points: points.collect(),
            not_rising: not_rising(measured),
        }
    }
}

impl Speed {
    fn of(measured: &[Vec<Measurement>]) -> Self {
        let (mut encode, mut decode) = (Stats::default(), Stats::default());
        for one in measured.iter().flatten() {
            encode += one.encode;
            decode += one.decode;
        }
        let of = |stats: &Stats, time: Duration| speed(stats.pixels, time);
        Self {
            analysis: of(&encode, encode.analysis),
            encoder_prior: of(&encode, encode.prior),
            encoder_coding: of(&encode, encode.coding),
            decoder_prior: of(&decode, decode.prior),
            decoder_coding: of(&decode, decode.coding),
            synthesis: of(&decode, decode.synthesis),
        }
    }
}

impl Results {
    fn text(&self) -> String {
        let mut lines = vec![
            format!(
                "{}: {} images, model parse id {}, synthesis id {}",
                self.dataset, self.images, self.parse_id, self.synthesis_id
            ),
            "means over images; bits per pixel of whole files, PSNR (RGB) of 8-bit pictures".to_owned(),
            "quality      bpp  PSNR dB  worst image".to_owned(),
        ];
        for mean in &self.means {
            let (quality, point) = (mean.quality, mean.point);
            lines.push(format!("{quality:>7.1} {:>8.4} {:>8.3} {:>8.3}", point.bpp, point.psnr, mean.worst_psnr));
        }
        let Speed { analysis, encoder_prior, encoder_coding, decoder_prior, decoder_coding, synthesis } = self.speed;
        lines.push(format!(
            "encode, MP/s: analysis {analysis:.2}, prior {encoder_prior:.2}, coding {encoder_coding:.2}"
        ));
        lines.push(format!(
            "decode, MP/s: prior {decoder_prior:.2}, coding {decoder_coding:.2}, synthesis {synthesis:.2}"
        ));
        for image in self.per_image.iter().filter(|image| !image.not_rising.is_empty()) {
            let steps: Vec<String> = image.not_rising.iter().map(|(a, b)| format!("{a}..{b}")).collect();
            lines.push(format!(
                "warning: {}: bytes or PSNR do not rise with quality at {}",
                image.name,
                steps.join(", ")
            ));
        }
        let mut anchor = "";
        for comparison in &self.comparisons {
            if comparison.anchor != anchor {
                anchor = comparison.anchor;
                lines.push(format!("against {anchor} ({}; {}), PCHIP:", comparison.description, comparison.source));
            }
            lines.push(comparison.text());
        }
        lines.join("\n")
    }
}

impl Comparison {
    fn text(&self) -> String {
        match (&self.bd, &self.none_because) {
            (Some(bd), _) => {
                let warnings: String = bd.warnings().iter().map(|warning| format!("; warning: {warning}")).collect();
                let [low, high] = bd.interval;
                format!(
                    "  {:<32} {:>8.2}  [{low:.2}, {high:.2}], overlap {:.0} %, points: lic {}, anchor {}{warnings}",
                    self.figure,
                    bd.value,
                    100.0 * bd.overlap,
                    bd.test_points,
                    bd.anchor_points
                )
            }
            (None, reason) => format!("  {:<32}     none: {}", self.figure, reason.as_deref().unwrap_or_default()),
        }
    }
}
