//! `lic curves`: the logs of training runs as a picture.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use lic_benches::report::plot::{ProgressPanel, progress_svg};
use serde_json::Value;

use crate::draft::write_atomically;
use crate::guard;

/// What the common axis shows.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Over {
    /// Hours of training.
    Hours,
    /// Steps.
    Steps,
}

/// Arguments of `lic curves`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folders of runs (of `lic train`, or of a phase of `lic distill`); LABEL=FOLDER names a run otherwise than its folder.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// SVG file to write.
    #[arg(long, short)]
    out: PathBuf,
    /// What the common axis shows.
    #[arg(long, value_enum, default_value = "hours")]
    over: Over,
    /// Heading of the picture.
    #[arg(long, default_value = "Training")]
    title: String,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<()> {
    guard::check_name(&args.out, "svg")?;
    guard::check_output(&args.out)?;
    let mut labels = Vec::new();
    let mut score = panel("validation score: mean loss over five qualities");
    let mut loss = panel("training loss: running means, crops and qualities differ from step to step");
    for run in &args.runs {
        let (label, folder) = named(run);
        let lines = read(&folder)?;
        let (scores, losses) = (points(&lines, "score", args.over), points(&lines, "loss", args.over));
        if scores.is_empty() && losses.is_empty() {
            bail!("there is nothing to draw in {} yet: no step was logged, no validation made", folder.display());
        }
        score.curves.push(scores);
        loss.curves.push(smoothed(&losses));
        labels.push(label);
    }
    let axis = match args.over {
        Over::Hours => "hours of training",
        Over::Steps => "steps",
    };
    let svg = progress_svg(&args.title, axis, &labels, &[score, loss]);
    write_atomically(&args.out, svg.as_bytes(), false)
}

fn panel(title: &str) -> ProgressPanel {
    ProgressPanel { title: title.to_owned(), curves: Vec::new() }
}

/// Label and folder of a run.
fn named(run: &str) -> (String, PathBuf) {
    match run.split_once('=') {
        // A folder may be called so itself.
        Some((label, folder)) if !Path::new(run).is_dir() => (label.to_owned(), folder.into()),
        _ => {
            let folder = PathBuf::from(run);
            let name = folder.file_name().map_or_else(|| run.to_owned(), |name| name.to_string_lossy().into_owned());
            (name, folder)
        }
    }
}

/// The lines of a run's log; a kill may have left half a line at the end of a session, which is passed over.
fn read(folder: &Path) -> anyhow::Result<Vec<Value>> {
    let path = folder.join("log.jsonl");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

fn points(lines: &[Value], quantity: &str, over: Over) -> Vec<(f64, f64)> {
    let place = |line: &Value| match over {
        Over::Hours => line.get("seconds").and_then(Value::as_f64).map(|seconds| seconds / 3600.0),
        Over::Steps => line.get("step").and_then(Value::as_f64),
    };
    lines.iter().filter_map(|line| Some((place(line)?, line.get(quantity)?.as_f64()?))).collect()
}

/// Points of a smoothed curve, about.
const POINTS: usize = 100;

/// Means of neighbouring points: a line of the log is noisier than a run's whole progress.
fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mean = |chunk: &[(f64, f64)]| {
        let (x, y) = chunk.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (x / chunk.len() as f64, y / chunk.len() as f64)
    };
    points.chunks(points.len().div_ceil(POINTS).max(1)).map(mean).collect()
}
