//! `log.jsonl`: a line of means every 50 steps and at the end, and a line for every validation.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::TrainError;
use super::step::StepReport;
use super::validate::{Point, score};
use super::whole::write_whole;
use crate::checkpoint::Meta;
use crate::grow::Shut;

/// The log's name in the folder of a run.
const NAME: &str = "log.jsonl";

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
    /// Goes on with the log of a folder after `step` steps, or begins one at 0. What was logged of later steps is taken out, as it will be logged
    /// again; so is the half line that a kill may have left.
    pub(super) fn open(folder: &Path, step: u64) -> Result<Self, TrainError> {
        let path = folder.join(NAME);
        let failed = |source| TrainError::Io { path: path.clone(), source };
        let old = match std::fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error)),
        };
        let stays = |line: &&str| step > 0 && parsed(line).is_some_and(|(at, _)| at <= step);
        let kept: String = old.lines().filter(stays).flat_map(|line| [line, "\n"]).collect();
        if kept != old {
            write_whole(&path, kept.as_bytes()).map_err(failed)?;
        }
        let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        Ok(Self { path, file, since: Vec::new() })
    }

    fn write(&mut self, line: &Value) -> Result<(), TrainError> {
        // In one piece, so that a kill leaves half a line as rarely as possible.
        let line = format!("{line}\n");
        self.file.write_all(line.as_bytes()).map_err(|source| TrainError::Io { path: self.path.clone(), source })
    }

    /// Notes a step that `meta` counts already, the `last` one of the run or one before. One whose loss or gradient is not finite is in no mean.
    pub(super) fn step(
        &mut self,
        meta: &Meta,
        report: StepReport,
        norm: f64,
        seconds: f64,
        rate: f64,
        last: bool,
    ) -> Result<(), TrainError> {
        if report.loss.is_finite() && norm.is_finite() {
            self.since.push((report, norm, seconds));
        }
        if last || meta.step.is_multiple_of(EVERY) { self.rest(meta, rate) } else { Ok(()) }
    }

    /// Writes the line of the steps since the last one, if there are any.
    pub(super) fn rest(&mut self, meta: &Meta, rate: f64) -> Result<(), TrainError> {
        let since = std::mem::take(&mut self.since);
        if since.is_empty() {
            return Ok(());
        }
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

/// Whether the log of a folder has a validation after this many steps.
pub(crate) fn has_score(folder: &Path, step: u64) -> bool {
    let text = std::fs::read_to_string(folder.join(NAME)).unwrap_or_default();
    text.lines().filter_map(parsed).any(|(at, line)| at == step && line.get("score").is_some())
}

/// Steps and content of a line that is whole.
fn parsed(line: &str) -> Option<(u64, Value)> {
    let line: Value = serde_json::from_str(line).ok()?;
    Some((line.get("step")?.as_u64()?, line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::Preset;

    #[test]
    fn what_will_be_logged_again_and_half_a_line_are_taken_out_when_a_run_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let early = "{\"step\":0,\"score\":9.0}\n{\"step\":50}\n";
        let late = "{\"step\":100}\n{\"step\":100,\"score\":8.0}\n{\"step\":50,\"sec";
        std::fs::write(&path, format!("{early}{late}")).unwrap();
        let mut log = Log::open(folder.path(), 60).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), early);
        assert!(has_score(folder.path(), 0) && !has_score(folder.path(), 50) && !has_score(folder.path(), 100));
        log.write(&serde_json::json!({ "step": 70 })).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{early}{{\"step\":70}}\n"));

        // A run that begins has a log of its own.
        drop(Log::open(folder.path(), 0).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn the_steps_after_the_last_fifty_are_logged_at_the_end_but_for_those_without_a_loss() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path(), 0).unwrap();
        let mut meta = Meta::new(Preset::Tiny, 0);
        for step in 1..=53 {
            meta.step = step;
            let loss = if step == 52 { f64::NAN } else { step as f64 };
            let report = StepReport { loss, mse: 1.0, ..StepReport::default() };
            log.step(&meta, report, 1.0, 0.1, 1e-3, step == 53).unwrap();
        }
        let text = std::fs::read_to_string(folder.path().join(NAME)).unwrap();
        let losses: Vec<(u64, Option<f64>)> =
            text.lines().filter_map(parsed).map(|(step, line)| (step, line["loss"].as_f64())).collect();
        assert_eq!(losses, [(50, Some(25.5)), (53, Some(52.0))]);
    }
}
