//! Phases one after the other.

use std::path::Path;

use super::channels::{ChannelDistillation, latent_sizes};
use super::features::{FeatureAlignment, stage_sizes};
use super::teacher::store;
use super::{DistillError, DistillOptions, Entropies, Phase, Teacher};
use crate::checkpoint;
use crate::train::{CHECKPOINT, Crops, Event, Kernels, Objective, Options, RateDistortion, train_towards};

/// The file of channel entropies in a run's folder.
const ENTROPIES: &str = "channels.tsv";

/// Runs the phases; with `resume` those that have ended are passed over, and one that was killed goes on. `observe` hears of every step of each phase.
///
/// # Errors
/// See [`DistillError`]. The last checkpoint of the phase stays usable.
pub fn distill(options: &DistillOptions, observe: &mut dyn FnMut(Phase, Event<'_>)) -> Result<(), DistillError> {
    let part = options.crops;
    if part < crate::train::FIXED_PARTS {
        return Err(DistillError::FewCrops(part));
    }
    for &phase in &options.phases {
        let out = phase.folder(&options.student.out);
        let run = Options {
            schedule: phase.schedule(&options.student.schedule, &options.phases),
            from: phase.begins_with(&options.student),
            // What an earlier phase revived has learnt since.
            revive: options.student.revive && phase.number() == 1,
            out,
            ..options.student.clone()
        };
        if run.resume && has_ended(&run)? {
            continue;
        }
        let mut objective = objective(options, &run, phase)?;
        train_towards(&run, objective.as_mut(), &mut |event| observe(phase, event))?;
    }
    Ok(())
}

fn has_ended(run: &Options) -> Result<bool, DistillError> {
    let path = run.out.join(CHECKPOINT);
    if !path.exists() {
        return Ok(false);
    }
    let meta = checkpoint::meta(&path).map_err(|e| DistillError::Train(Box::new(e.into())))?;
    Ok(run.schedule.progress(meta.step, meta.seconds) >= 1.0)
}

fn objective(options: &DistillOptions, run: &Options, phase: Phase) -> Result<Box<dyn Objective>, DistillError> {
    if phase == Phase::FineTuning {
        return Ok(Box::new(RateDistortion));
    }
    let mut teacher = Teacher::load(&options.teacher, &run.device)?;
    if run.kernels == Kernels::Own {
        teacher = teacher.with_own_kernels()?;
    }
    let crops = crops(&options.student)?;
    let (student, side) = (run.preset.config(), run.side as usize);
    // Beside the phases' folders, so that runs of a phase with other settings find it again.
    let place = &options.student;
    std::fs::create_dir_all(&place.out).map_err(|source| DistillError::Io { path: place.out.clone(), source })?;
    if phase == Phase::Features {
        let sizes = stage_sizes(&teacher.config, side);
        let cache = store(place, &teacher, &crops, "stages", &sizes, options.store)?;
        let (weight, set) = (options.feature_weight, options.crops);
        let loss = FeatureAlignment::new(teacher, cache, &student, weight, set, run.seed, &run.device);
        return Ok(Box::new(loss));
    }
    let entropies = Entropies::load_or_measure(&place.out.join(ENTROPIES), &teacher, &crops)?;
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
/// The teacher or the photos cannot be read, or the file not be written.
pub fn channels(options: &Options, teacher: &Path) -> Result<Entropies, DistillError> {
    let teacher = Teacher::load(teacher, &options.device)?;
    std::fs::create_dir_all(&options.out).map_err(|source| DistillError::Io { path: options.out.clone(), source })?;
    Entropies::load_or_measure(&options.out.join(ENTROPIES), &teacher, &crops(options)?)
}
