//! The training loop: data ahead in a thread, steps, checkpoints, validation, log.

use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Instant;

use burn::module::Module;
use image::RgbImage;

use super::alone::lock;
use super::data::{Batch, Crops};
use super::log::{Log, has_score};
use super::objective::{Objective, Place, RateDistortion, Weights};
use super::start::{Start, begin};
use super::validate::{load_folder, score, validate};
use super::{Event, Kernels, Options, TrainError};
use crate::backprop::{Engine, Setting};
use crate::checkpoint;
use crate::grow::shut_units;
use crate::net::{Precision, in_f32, set_matrix_precision};
use crate::params;
use crate::prior::Taps;
use crate::quantise::calibrate;

/// Gradients in a row that may fail to be finite.
const MOST_BAD_STEPS: u32 = 20;

/// The checkpoint's name in the folder of a run.
pub(crate) const CHECKPOINT: &str = "checkpoint.safetensors";

/// Trains on the rate-distortion loss until the schedule ends or it is told to stop; `observe` hears of every step.
///
/// # Errors
/// See [`TrainError`]. The last checkpoint stays usable: none is written while gradients are not finite.
pub fn train(options: &Options, observe: &mut dyn FnMut(Event<'_>)) -> Result<(), TrainError> {
    train_towards(options, &mut RateDistortion, observe)
}

/// Trains on any loss until the schedule ends; `observe` hears of every step.
///
/// # Errors
/// See [`TrainError`]. The last checkpoint stays usable.
pub(crate) fn train_towards(
    options: &Options,
    objective: &mut dyn Objective,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<(), TrainError> {
    options.check()?;
    options.check_start()?;
    let path = options.out.join(CHECKPOINT);
    std::fs::create_dir_all(&options.out).map_err(|source| TrainError::Io { path: options.out.clone(), source })?;
    let _alone = lock(&options.out)?;
    let crops = Crops::load(&options.data, options.side, options.seed)?.scaled_from(options.smallest_scale);
    let validation = options.valid.as_deref().map(load_folder).transpose()?;
    set_matrix_precision(options.precision);
    let mut start = begin(options, &crops, objective)?;
    observe(Event::Ready {
        images: crops.len(),
        parameters: start.network.num_params(),
        step: start.meta.step,
        revived: start.revived,
        changed: std::mem::take(&mut start.changed),
    });
    let mut log = Log::open(&options.out, start.meta.step)?;
    let complete = options.schedule.progress(start.meta.step, start.meta.seconds) >= 1.0;
    // What the run begins with, where curves start; or its end, if a kill came before that was validated.
    let due = start.meta.step == 0 || (complete && !has_score(&options.out, start.meta.step));
    if let Some(images) = validation.as_ref().filter(|_| due) {
        validate_average(&start, images, &crops, options, &mut log, observe)?;
    }
    if complete {
        observe(Event::Complete { step: start.meta.step });
        return Ok(());
    }
    let mut engine = match options.kernels {
        Kernels::Burn => None,
        Kernels::Own => Some(Engine::new(&options.preset.config(), &start.slots)?),
    };

    let (mut saved, mut validated) = (Instant::now(), Instant::now());
    let mut bad = 0;
    let mut gradient = Vec::new();
    let (sender, receiver) = mpsc::sync_channel::<Batch>(2);
    std::thread::scope(|scope| -> Result<(), TrainError> {
        let (first, count, fixed, crops) =
            (start.meta.step, options.batch, objective.guide().map(|guide| guide.crops), &crops);
        let draw = move |step| match fixed {
            None => crops.batch(step, count),
            Some(set) => crops.fixed_batch(step, count, set),
        };
        scope.spawn(move || (first..).find(|&step| sender.send(draw(step)).is_err()));
        // Dropped at the end of this closure, which ends the thread.
        let receiver = receiver;
        loop {
            let Start { network, adam, meta, slots, .. } = &mut start;
            let progress = options.schedule.progress(meta.step, meta.seconds);
            if progress >= 1.0 {
                break;
            }
            match (meta.grid.is_some(), options.schedule.quantised(progress)) {
                // The run was made longer: the grid is calibrated again when it is due.
                (true, false) => meta.grid = None,
                (false, true) => {
                    let average = params::with_values(network.clone(), &adam.average);
                    meta.grid = Some(in_f32(|| calibrate(&average, crops, &options.device)));
                }
                _ => {}
            }
            // Finer than bf16, the grid would mean nothing in it. burn has one precision for all; own kernels need this one in the prior alone.
            let precision = if meta.grid.is_some() { Precision::F32 } else { options.precision };
            set_matrix_precision(precision);
            let begun = Instant::now();
            let Ok(batch) = receiver.recv() else { break };
            let report = match &mut engine {
                Some(engine) => {
                    let weights = Weights { values: &adam.weights, slots: slots.as_slice(), precision };
                    let setting = Setting {
                        place: [options.seed, meta.step],
                        grid: meta.grid.as_ref(),
                        precision: options.precision,
                        addition: objective.addition(&batch, weights)?,
                        filters: options.filters.as_deref().map(|filters| filters.of_knots.as_slice()),
                    };
                    engine.step_towards(&adam.weights, &batch, setting, &mut gradient)
                }
                None => {
                    let mut taps = meta.grid.as_ref().map_or(Taps::Off, Taps::Round);
                    let place = Place { seed: options.seed, step: meta.step, device: &options.device };
                    let (report, own) = objective.step(network, &batch, place, &mut taps)?;
                    gradient = own;
                    report
                }
            };
            let rate = options.schedule.rate(meta.step, progress);
            let norm = adam.update(&gradient, slots, rate);
            bad = if norm.is_finite() { 0 } else { bad + 1 };
            if bad >= MOST_BAD_STEPS {
                return Err(TrainError::Diverged(bad));
            }
            if engine.is_none() {
                *network = params::with_values(network.clone(), &adam.weights);
                objective.set_values(start.own_values());
            }
            let meta = &mut start.meta;
            meta.step += 1;
            // Validations and checkpoints are no training.
            let seconds = begun.elapsed().as_secs_f64();
            meta.seconds += seconds;
            let last = options.schedule.progress(meta.step, meta.seconds) >= 1.0;
            log.step(meta, report, norm, seconds, rate, last)?;
            observe(Event::Step { step: meta.step, progress, report, seconds });
            if last && bad > 0 {
                return Err(TrainError::Diverged(bad));
            }
            let minutes = |since: Instant| since.elapsed().as_secs_f64() / 60.0;
            // Weights with such gradients take no usable checkpoint's place.
            let stop = bad == 0 && !last && options.stop.load(Ordering::Relaxed);
            if bad == 0 && (last || stop || minutes(saved) >= options.checkpoint_minutes) {
                checkpoint::save(&path, meta, &start.adam, &start.slots)?;
                saved = Instant::now();
            }
            if stop {
                log.rest(meta, rate)?;
                return Err(TrainError::Stopped(meta.step));
            }
            if let Some(images) = validation.as_ref().filter(|_| last || minutes(validated) >= options.validate_minutes)
            {
                validate_average(&start, images, crops, options, &mut log, observe)?;
                validated = Instant::now();
            }
        }
        Ok(())
    })
}

/// Validates the averaged weights, in f32 and without autodiff.
fn validate_average(
    start: &Start,
    images: &[RgbImage],
    crops: &Crops,
    options: &Options,
    log: &mut Log,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<(), TrainError> {
    let average = params::with_values(start.network.clone(), &start.adam.average).valid();
    let mut taps = start.meta.grid.as_ref().map_or(Taps::Off, Taps::Round);
    let device = options.device.clone().without_autodiff();
    let filters = options.filters.as_deref().map(|filters| filters.of_knots.as_slice());
    let (points, shut) =
        in_f32(|| (validate(&average, images, &device, &mut taps, filters), shut_units(&average, crops, &device)));
    log.validation(&start.meta, &points, &shut)?;
    observe(Event::Validated { step: start.meta.step, points: &points, score: score(&points) });
    Ok(())
}
