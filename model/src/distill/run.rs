//! Phases one after the other.

use std::path::Path;

use super::channels::{ChannelDistillation, latent_sizes};
use super::features::{FeatureAlignment, stage_sizes};
use super::teacher::store;
use super::{DistillError, DistillOptions, Entropies, Phase, Teacher};
use crate::checkpoint;
use crate::train::{
    CHECKPOINT, Crops, Event, Guide, Kernels, Objective, Options, RateDistortion, TrainError, has_score, train_towards,
};

/// The file of channel entropies in a run's folder.
const ENTROPIES: &str = "channels.tsv";

/// Runs the phases; with `resume` those that have ended are passed over, and one that was killed or made longer goes on. `observe` hears of every step
/// of each phase.
///
/// # Errors
/// See [`DistillError`]. The last checkpoint of the phase stays usable.
pub fn distill(options: &DistillOptions, observe: &mut dyn FnMut(Phase, Event<'_>)) -> Result<(), DistillError> {
    options.check()?;
    for &phase in &options.phases {
        let from = phase.begins_with(&options.student);
        let is_first = from == options.student.from;
        let run = Options {
            schedule: phase.schedule(&options.student.schedule, &options.phases),
            // What an earlier phase revived has learnt since.
            revive: options.student.revive && is_first,
            revived_rate: if is_first { options.student.revived_rate } else { 1.0 },
            additions: options.student.additions.clone().filter(|_| is_first),
            from,
            out: phase.folder(&options.student.out),
            ..options.student.clone()
        };
        if let Some(step) = ended(options, &run, phase)? {
            observe(phase, Event::Complete { step });
            continue;
        }
        run.check_start()?;
        let mut objective = objective(options, &run, phase)?;
        train_towards(&run, objective.as_mut(), &mut |event| observe(phase, event))?;
    }
    Ok(())
}

/// The steps of a phase that is resumed and has ended: by its schedule, or because a later one has gone on from it. To train such a phase further, when
/// the run has been made longer, would help nobody.
fn ended(options: &DistillOptions, run: &Options, phase: Phase) -> Result<Option<u64>, DistillError> {
    if !run.resume {
        return Ok(None);
    }
    let begun = |phase: &Phase| phase.folder(&options.student.out).join(CHECKPOINT).exists();
    let followed = options.phases.iter().any(|later| later.number() > phase.number() && begun(later));
    if !begun(&phase) {
        return Ok(followed.then_some(0));
    }
    let meta = checkpoint::meta(&run.out.join(CHECKPOINT)).map_err(TrainError::from)?;
    if let Some(settings) = &meta.settings {
        // Who the teacher of an ended phase was is not looked at: it is not asked any more.
        settings.resumed(meta.seed, run, settings.guide.map(|guide| Guide { crops: options.crops, ..guide }))?;
    }
    // A kill may have come between the last step and its validation.
    let validated = run.valid.is_none() || has_score(&run.out, meta.step);
    let complete = run.schedule.progress(meta.step, meta.seconds) >= 1.0 && validated;
    Ok((followed || complete).then_some(meta.step))
}

fn objective(options: &DistillOptions, run: &Options, phase: Phase) -> Result<Box<dyn Objective>, DistillError> {
    if phase == Phase::FineTuning {
        return Ok(Box::new(RateDistortion));
    }
    let mut teacher = Teacher::load(&options.teacher, &run.device)?;
    if run.kernels == Kernels::Own {
        teacher = teacher.with_own_kernels(run.precision)?;
    }
    let crops = crops(&options.student)?;
    let (student, side) = (run.preset.config(), run.side as usize);
    // Beside the phases' folders, so that runs of a phase with other settings find it again.
    let place = options.student.out.as_path();
    std::fs::create_dir_all(place).map_err(|source| DistillError::Io { path: place.to_owned(), source })?;
    if phase == Phase::Features {
        let sizes = stage_sizes(&teacher.config, side);
        let cache = store(place, &teacher, &crops, "stages", &sizes, options.store)?;
        let (weight, set) = (options.feature_weight, options.crops);
        let loss = FeatureAlignment::new(teacher, cache, &student, weight, set, run.seed, &run.device);
        return Ok(Box::new(loss));
    }
    let entropies = Entropies::load_or_measure(&place.join(ENTROPIES), &teacher, &crops)?;
    let sizes = latent_sizes(&teacher.config, side);
    let cache = store(place, &teacher, &crops, "latents", &sizes, options.store)?;
    let (weight, set) = (options.channel_weight, options.crops);
    Ok(Box::new(ChannelDistillation::new(teacher, cache, &entropies, &student, weight, set)?))
}

fn crops(options: &Options) -> Result<Crops, DistillError> {
    Ok(Crops::load(&options.data, options.side, options.seed)?.scaled_from(options.smallest_scale))
}

/// The bits of a teacher's channels: from the file in the run's folder, or measured on the run's photos and written there.
///
/// # Errors
/// The teacher or the photos cannot be read, the file not be written, or no crops be drawn with these options.
pub fn channels(options: &Options, teacher: &Path) -> Result<Entropies, DistillError> {
    options.check_crops()?;
    let teacher = Teacher::load(teacher, &options.device)?;
    std::fs::create_dir_all(&options.out).map_err(|source| DistillError::Io { path: options.out.clone(), source })?;
    Entropies::load_or_measure(&options.out.join(ENTROPIES), &teacher, &crops(options)?)
}
