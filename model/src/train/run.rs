//! The training loop: data ahead in a thread, steps, checkpoints, validation, log.

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Instant;

use super::data::{Batch, Crops};
use super::start::{Start, begin};
use super::step::{StepReport, step};
use super::validate::{Point, load_folder, score, validate};
use super::{Adam, Options, TrainError};
use crate::checkpoint::{self, Meta};
use crate::net::{Precision, in_f32, set_matrix_precision};
use crate::network::Network;
use crate::params;
use crate::prior::{Grid, Taps};
use crate::quantise::calibrate;

/// What a run tells its caller.
#[derive(Debug)]
pub enum Event<'a> {
    /// Images are loaded and the network stands.
    Ready {
        /// Training images.
        images: usize,
        /// Parameters.
        parameters: usize,
        /// First step of this session.
        step: u64,
        /// Hidden units that were put in the places of shut ones.
        revived: usize,
    },
    /// After every step.
    Step {
        /// Steps taken in all.
        step: u64,
        /// 0..=1.
        progress: f64,
        /// This step's numbers.
        report: StepReport,
        /// Seconds this step took.
        seconds: f64,
    },
    /// After a validation.
    Validated {
        /// Steps taken in all.
        step: u64,
        /// One point a quality.
        points: &'a [Point],
        /// See [`score`].
        score: f64,
    },
}

/// Steps between two lines of the log.
const LOG_EVERY: u64 = 50;

/// Gradients in a row that may fail to be finite.
const MOST_BAD_STEPS: u32 = 20;

/// Trains until the schedule ends; `observe` hears of every step.
///
/// # Errors
/// See [`TrainError`]. The last checkpoint stays usable.
pub fn train(options: &Options, observe: &mut dyn FnMut(Event<'_>)) -> Result<(), TrainError> {
    if options.side == 0 || !options.side.is_multiple_of(64) {
        return Err(TrainError::Side(options.side));
    }
    if !(0.1..=1.0).contains(&options.smallest_scale) {
        return Err(TrainError::Scale(options.smallest_scale));
    }
    let io = |path: &PathBuf| {
        let path = path.clone();
        move |source| TrainError::Io { path, source }
    };
    std::fs::create_dir_all(&options.out).map_err(io(&options.out))?;
    let path = options.out.join("checkpoint.safetensors");
    if path.exists() && !options.resume {
        return Err(TrainError::Exists(options.out.clone()));
    }
    let crops = Crops::load(&options.data, options.side, options.seed)?.scaled_from(options.smallest_scale);
    let validation = options.valid.as_deref().map(load_folder).transpose()?;
    set_matrix_precision(options.precision);
    let Start { mut network, mut adam, mut meta, slots, revived } = begin(options, &crops)?;
    observe(Event::Ready { images: crops.len(), parameters: adam.weights.len(), step: meta.step, revived });

    let log_path = options.out.join("log.jsonl");
    let mut log = std::fs::OpenOptions::new().create(true).append(true).open(&log_path).map_err(io(&log_path))?;
    let mut write_log = |line: serde_json::Value| writeln!(log, "{line}").map_err(io(&log_path));

    if let (0, Some(images)) = (meta.step, &validation) {
        // What the run begins with: curves start here.
        let points = validate_average(&network, &adam, images, options, meta.grid.as_ref());
        write_log(serde_json::json!({ "step": 0, "seconds": 0.0, "score": score(&points), "valid": points }))?;
        observe(Event::Validated { step: 0, points: &points, score: score(&points) });
    }

    let before = meta.seconds;
    let clock = Instant::now();
    let (mut saved, mut validated) = (Instant::now(), Instant::now());
    let mut bad = 0;
    let mut since_log: Vec<(StepReport, f64, f64)> = Vec::new();
    let (sender, receiver) = mpsc::sync_channel::<Batch>(2);
    std::thread::scope(|scope| -> Result<(), TrainError> {
        let (first, count, crops) = (meta.step, options.batch, &crops);
        scope.spawn(move || (first..).find(|&s| sender.send(crops.batch(s, count)).is_err()));
        // Dropped at the end of this closure, which ends the thread.
        let receiver = receiver;
        loop {
            let progress = options.schedule.progress(meta.step, meta.seconds);
            if progress >= 1.0 {
                break;
            }
            if meta.grid.is_none() && options.schedule.quantised(progress) {
                let average = params::with_values(network.clone(), &adam.average);
                meta.grid = Some(in_f32(|| calibrate(&average, crops, &options.device)));
            }
            // Finer than bf16, the grid would mean nothing in it.
            set_matrix_precision(if meta.grid.is_some() { Precision::F32 } else { options.precision });
            let begun = Instant::now();
            let Ok(batch) = receiver.recv() else { break };
            let mut taps = meta.grid.as_ref().map_or(Taps::Off, Taps::Round);
            let (report, gradient) = step(&network, &batch, options.seed, meta.step, &options.device, &mut taps);
            let rate = options.schedule.rate(meta.step, progress);
            let norm = adam.update(&gradient, &slots, rate);
            bad = if norm.is_finite() { 0 } else { bad + 1 };
            if bad >= MOST_BAD_STEPS {
                return Err(TrainError::Diverged(bad));
            }
            network = params::with_values(network, &adam.weights);
            meta.step = adam.step;
            meta.seconds = before + clock.elapsed().as_secs_f64();
            let seconds = begun.elapsed().as_secs_f64();
            since_log.push((report, norm, seconds));
            if meta.step % LOG_EVERY == 0 {
                write_log(log_line(&since_log, &meta, rate))?;
                since_log.clear();
            }
            observe(Event::Step { step: meta.step, progress, report, seconds });
            let minutes = |since: Instant| since.elapsed().as_secs_f64() / 60.0;
            let last = options.schedule.progress(meta.step, meta.seconds) >= 1.0;
            if last || minutes(saved) >= options.checkpoint_minutes {
                checkpoint::save(&path, &meta, &adam, &slots)?;
                saved = Instant::now();
            }
            if let Some(images) = validation.as_ref().filter(|_| last || minutes(validated) >= options.validate_minutes)
            {
                let points = validate_average(&network, &adam, images, options, meta.grid.as_ref());
                write_log(
                    serde_json::json!({ "step": meta.step, "seconds": meta.seconds, "score": score(&points), "valid": points }),
                )?;
                observe(Event::Validated { step: meta.step, points: &points, score: score(&points) });
                validated = Instant::now();
            }
        }
        Ok(())
    })
}

/// Validates the averaged weights, in f32 and without autodiff.
fn validate_average(
    network: &Network,
    adam: &Adam,
    images: &[image::RgbImage],
    options: &Options,
    grid: Option<&Grid>,
) -> Vec<Point> {
    use burn::module::Module;
    let average = params::with_values(network.clone(), &adam.average).valid();
    let mut taps = grid.map_or(Taps::Off, Taps::Round);
    in_f32(|| validate(&average, images, &options.device.clone().without_autodiff(), &mut taps))
}

/// Means since the last line.
fn log_line(since: &[(StepReport, f64, f64)], meta: &Meta, rate: f64) -> serde_json::Value {
    let count = since.len().max(1) as f64;
    let mean = |f: &dyn Fn(&(StepReport, f64, f64)) -> f64| since.iter().map(f).sum::<f64>() / count;
    serde_json::json!({
        "step": meta.step,
        "seconds": (meta.seconds * 10.0).round() / 10.0,
        "loss": mean(&|s| s.0.loss),
        "bpp": mean(&|s| s.0.bpp),
        "psnr": 10.0 * (255.0 * 255.0 / mean(&|s| s.0.mse).max(1e-9)).log10(),
        "gradient_norm": mean(&|s| s.1),
        "seconds_per_step": mean(&|s| s.2),
        "rate": rate,
        "integer_grid": meta.grid.is_some(),
    })
}
