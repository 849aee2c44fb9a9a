//! `log.jsonl`: a line of means every 50 steps, and a line for every validation.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::TrainError;
use super::step::StepReport;
use super::validate::{Point, score};
use crate::checkpoint::Meta;
use crate::grow::Shut;

/// Steps between two lines.
const EVERY: u64 = 50;

/// The log of a run.
pub(super) struct Log {
    path: PathBuf,
    file: File,
    /// Report, gradient norm and seconds of the steps since the last line.
    since: Vec<(StepReport, f64, f64)>,
}

impl Log {
    /// Goes on with the log of a folder, or begins one.
    pub(super) fn open(folder: &Path) -> Result<Self, TrainError> {
        let path = folder.join("log.jsonl");
        match std::fs::OpenOptions::new().create(true).append(true).open(&path) {
            Ok(file) => Ok(Self { path, file, since: Vec::new() }),
            Err(source) => Err(TrainError::Io { path, source }),
        }
    }

    fn write(&mut self, line: &serde_json::Value) -> Result<(), TrainError> {
        writeln!(self.file, "{line}").map_err(|source| TrainError::Io { path: self.path.clone(), source })
    }

    /// Notes a step that `meta` counts already.
    pub(super) fn step(
        &mut self,
        meta: &Meta,
        report: StepReport,
        norm: f64,
        seconds: f64,
        rate: f64,
    ) -> Result<(), TrainError> {
        self.since.push((report, norm, seconds));
        if !meta.step.is_multiple_of(EVERY) {
            return Ok(());
        }
        let since = std::mem::take(&mut self.since);
        let mean = |f: &dyn Fn(&(StepReport, f64, f64)) -> f64| since.iter().map(f).sum::<f64>() / since.len() as f64;
        self.write(&serde_json::json!({
            "step": meta.step,
            "seconds": (meta.seconds * 10.0).round() / 10.0,
            "loss": mean(&|s| s.0.loss),
            "added": mean(&|s| s.0.added),
            "bpp": mean(&|s| s.0.bpp),
            "psnr": 10.0 * (255.0 * 255.0 / mean(&|s| s.0.mse).max(1e-9)).log10(),
            "gradient_norm": mean(&|s| s.1),
            "seconds_per_step": mean(&|s| s.2),
            "rate": rate,
            "integer_grid": meta.grid.is_some(),
        }))
    }

    /// Notes a validation, and how many hidden units of each transform do nothing.
    pub(super) fn validation(&mut self, meta: &Meta, points: &[Point], shut: &[Shut]) -> Result<(), TrainError> {
        let count = |f: fn(&Shut) -> usize| shut.iter().map(f).sum::<usize>();
        self.write(&serde_json::json!({
            "step": meta.step,
            "seconds": meta.seconds,
            "score": score(points),
            "valid": points,
            "shut_units": count(|shut| shut.units.len()),
            "units": count(|shut| shut.of),
        }))
    }
}
