//! Distillation as its user sees it: every phase lowers its loss, survives a kill, and leaves nothing of itself in a weight file.

mod support;

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use lic_model::distill::{DistillError, DistillOptions, Entropies, Phase, Teacher, channels, distill};
use lic_model::net::Precision;
use lic_model::network::Network;
use lic_model::params;
use lic_model::prior::{Rounding, Taps};
use lic_model::quantise::checkpoint_to_weights;
use lic_model::train::{Budget, Crops, Event, Kernels, Optimiser, StepReport, train};
use lic_model::weights::WeightFile;
use lic_model::{Preset, checkpoint, rate};
use support::{options, photos};

/// A teacher of the student's size that has been trained a little, and that has another seed.
fn teacher(folder: &Path) -> PathBuf {
    let out = folder.join("teacher");
    let mut options = options(folder, &out, 60);
    options.seed = 7;
    train(&options, &mut |_| {}).unwrap();
    out.join("checkpoint.safetensors")
}

fn distillation(folder: &Path, out: &str, steps: u64, phases: &[Phase]) -> DistillOptions {
    let teacher = folder.join("teacher").join("checkpoint.safetensors");
    let mut options = DistillOptions::new(options(folder, &folder.join(out), steps), teacher);
    options.crops = 16;
    options.phases = phases.to_vec();
    options
}

fn reports(options: &DistillOptions) -> Vec<StepReport> {
    let mut reports = Vec::new();
    let mut note = |_, event: Event<'_>| {
        if let Event::Step { report, .. } = event {
            reports.push(report);
        }
    };
    distill(options, &mut note).unwrap();
    reports
}

fn mean(reports: &[StepReport], f: fn(&StepReport) -> f64) -> f64 {
    reports.iter().map(f).sum::<f64>() / reports.len() as f64
}

#[test]
fn every_phase_brings_the_student_nearer_to_the_teacher_and_lowers_its_loss() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    teacher(folder.path());
    let phases = [Phase::Features, Phase::Channels];
    for (phase, kernels) in phases.into_iter().flat_map(|phase| [(phase, Kernels::Burn), (phase, Kernels::Own)]) {
        let mut options = distillation(folder.path(), &format!("{phase:?}-{kernels:?}"), 60, &[phase]);
        options.student.schedule.peak = 1e-3;
        options.student.kernels = kernels;
        let reports = reports(&options);
        for (name, f) in [
            ("distance", (|r: &StepReport| r.added) as fn(&StepReport) -> f64),
            ("loss", |r: &StepReport| r.loss + r.added),
        ] {
            let (first, last) = (mean(&reports[..8], f), mean(&reports[52..], f));
            assert!(last < 0.9 * first, "{phase:?}, {kernels:?}, {name}: {first} to {last}");
        }
    }
}

#[test]
fn the_three_phases_follow_each_other_and_are_not_run_twice() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    teacher(folder.path());
    let mut options = distillation(folder.path(), "student", 20, &Phase::ALL);
    options.student.schedule.quantised_share = 0.4;
    let all = reports(&options);
    assert_eq!(all.len(), 20);
    assert!(all[..12].iter().all(|r| r.added > 0.0) && all[12..].iter().all(|r| r.added == 0.0), "{all:?}");
    let (meta, _) = checkpoint::load(&folder.path().join("student/phase3/checkpoint.safetensors")).unwrap();
    assert_eq!((meta.step, meta.lead), (8, 12));
    assert!(meta.grid.is_some());

    options.student.resume = true;
    let mut seen = Vec::new();
    distill(&options, &mut |phase, event| seen.push(format!("{} {event:?}", phase.number()))).unwrap();
    assert_eq!(seen, ["1 Complete { step: 5 }", "2 Complete { step: 7 }", "3 Complete { step: 8 }"]);

    // A longer length is the last phase's: the others have been gone on from.
    options.student.schedule.budget = Budget::Steps(40);
    let (mut steps, mut changes) = (Vec::new(), Vec::new());
    distill(&options, &mut |phase, event| match event {
        Event::Ready { changed, .. } => changes.push((phase, changed)),
        Event::Step { step, .. } => steps.push((phase, step)),
        _ => {}
    })
    .unwrap();
    assert_eq!(steps, (9..=16u64).map(|step| (Phase::FineTuning, step)).collect::<Vec<_>>());
    assert_eq!(changes, [(Phase::FineTuning, vec!["length: 16 steps, was 8 steps".to_owned()])]);
    options.student.resume = false;
    let error = distill(&options, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("already holds a checkpoint"), "{error}");
}

#[test]
fn a_phase_goes_on_with_its_own_teacher_and_crops_only() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    teacher(folder.path());
    let options = distillation(folder.path(), "student", 6, &[Phase::Features]);
    assert_eq!(reports(&options).len(), 6);
    // Without the teacher the projections would be gone from the checkpoint.
    let mut alone = options.student.clone();
    alone.resume = true;
    alone.out = folder.path().join("student/phase1");
    alone.schedule.budget = Budget::Steps(9);
    let error = train(&alone, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("go on with it by lic distill --resume"), "{error}");
    // Ended or not.
    let mut again = options.clone();
    again.student.resume = true;
    assert_eq!(reports(&again).len(), 0);
    again.crops *= 2;
    let error = distill(&again, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().starts_with("the run began with --crops"), "{error}");
    again.crops = options.crops;
    again.student.seed += 1;
    let error = distill(&again, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().starts_with("the run began with --seed"), "{error}");
}

#[test]
fn with_soap_a_phase_begins_with_a_student_that_has_no_bases_for_its_projections() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    teacher(folder.path());
    let mut student = options(folder.path(), &folder.path().join("student"), 2);
    student.optimiser = Optimiser::Soap;
    train(&student, &mut |_| {}).unwrap();
    let mut options = distillation(folder.path(), "soap", 2, &[Phase::Features]);
    options.student.optimiser = Optimiser::Soap;
    options.student.from = Some(folder.path().join("student/checkpoint.safetensors"));
    assert!(reports(&options).iter().all(|report| report.loss.is_finite()));
}

#[test]
fn projections_are_in_the_checkpoint_of_phase_1_and_never_in_a_weight_file() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    teacher(folder.path());
    distill(&distillation(folder.path(), "student", 2, &[Phase::Features]), &mut |_, _| {}).unwrap();
    let path = folder.path().join("student/phase1/checkpoint.safetensors");
    let (_, parts) = checkpoint::load(&path).unwrap();
    let of_projections = |name: &&String| name.starts_with("projection.");
    assert_eq!(parts["weights"].keys().filter(of_projections).count(), 8);

    let large = folder.path().join("large");
    std::fs::create_dir(&large).unwrap();
    image::RgbImage::from_fn(256, 256, |x, y| image::Rgb([x as u8, y as u8, (x ^ y) as u8]))
        .save(large.join("photo.png"))
        .unwrap();
    let quantised = checkpoint_to_weights(&path, Some(&large)).unwrap();
    let file = WeightFile::parse(&quantised.bytes).unwrap();
    let names: Vec<String> = file.tensors().names().iter().map(ToString::to_string).collect();
    assert!(names.iter().all(|name| !name.contains("projection")), "{names:?}");
    let plain = checkpoint_to_weights(&folder.path().join("teacher/checkpoint.safetensors"), None).unwrap();
    let file = WeightFile::parse(&plain.bytes).unwrap();
    let mut expected: Vec<String> = file.tensors().names().iter().map(ToString::to_string).collect();
    let mut names = names;
    names.sort();
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn a_phase_cut_short_and_resumed_ends_like_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    teacher(folder.path());
    for phase in [Phase::Features, Phase::Channels] {
        let expected = reports(&distillation(folder.path(), &format!("{phase:?}-whole"), 9, &[phase]));
        let mut cut = distillation(folder.path(), &format!("{phase:?}-cut"), 9, &[phase]);
        cut.student.checkpoint_minutes = 0.0;
        let checkpoint = phase.folder(&cut.student.out).join("checkpoint.safetensors");
        let saved = folder.path().join("saved.safetensors");
        distill(&cut, &mut |_, event| {
            // Checkpoints are written after the observer has heard of the step: at step 6 the file is that of step 5.
            if let Event::Step { step: 6, .. } = event {
                std::fs::copy(&checkpoint, &saved).unwrap();
            }
        })
        .unwrap();
        std::fs::copy(&saved, &checkpoint).unwrap();
        let mut resumed = cut.clone();
        resumed.student.resume = true;
        let rest = reports(&resumed);
        assert_eq!(rest.len(), 4);
        for (a, b) in rest.iter().zip(&expected[5..]) {
            assert!((a.loss - b.loss).abs() < 1e-4 * b.loss, "{phase:?}: {a:?} instead of {b:?}");
            assert!((a.added - b.added).abs() < 1e-4 * b.added, "{phase:?}: {a:?} instead of {b:?}");
        }
    }
}

#[test]
fn a_phase_is_not_resumed_with_other_crops_or_another_teacher_and_another_weight_is_said() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    teacher(folder.path());
    let mut options = distillation(folder.path(), "student", 2, &[Phase::Channels]);
    reports(&options);
    options.student.resume = true;
    options.student.schedule.budget = Budget::Steps(3);
    let refused = |options: &DistillOptions| distill(options, &mut |_, _| {}).unwrap_err().to_string();
    let error = refused(&DistillOptions { crops: 24, ..options.clone() });
    assert!(error.contains("--crops 16, not 24"), "{error}");
    let other = folder.path().join("student/phase2/checkpoint.safetensors");
    let error = refused(&DistillOptions { teacher: other, ..options.clone() });
    assert!(error.contains("began with --teacher"), "{error}");
    options.channel_weight = 5.0;
    let mut changes = Vec::new();
    distill(&options, &mut |_, event| {
        if let Event::Ready { changed, .. } = event {
            changes.extend(changed);
        }
    })
    .unwrap();
    assert_eq!(changes, ["length: 3 steps, was 2 steps", "weight of the distance to the teacher: 5, was 1"]);
}

#[test]
fn channel_entropies_sum_to_the_rate_and_a_silent_channel_has_none() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let path = teacher(folder.path());
    let device = Device::flex();
    let mut teacher = Teacher::load(&path, &device).unwrap();
    // Channel 13, the sixth of group 1, is made zero and expected to be zero.
    let mut values = params::values(&teacher.network);
    for slot in params::slots(&teacher.network) {
        let of_head = slot.name.starts_with("prior.heads.");
        for i in 0..slot.len() {
            let silent = match slot.name.as_str() {
                "analysis.head.weight" | "analysis.head.bias" => i % 32 == 13,
                _ if of_head && slot.name.ends_with("_bias") => i == 13,
                _ if of_head => i % 8 == 5 && i / (32 * 8) == 1,
                _ => false,
            };
            if silent {
                values[slot.offset + i] = if slot.name.ends_with("scale_bias") { -20.0 } else { 0.0 };
            }
        }
    }
    teacher.network = params::with_values(teacher.network, &values);
    let crops = Crops::load(folder.path(), 64, 0).unwrap();
    let entropies = Entropies::measure(&teacher, &crops);

    let (mut bits, mut pixels) = (0.0, 0.0);
    for i in 0..32 {
        let batch = crops.batch(u64::MAX / 8 - i, 8);
        let patches = Tensor::<4>::from_data(TensorData::new(batch.patches, [8, 8, 8, 192]), &device);
        let (_, coded) = Network::forward(&teacher.network, patches, &batch.knots, Rounding::Hard, &mut Taps::Off);
        let residual: Vec<f32> = params::read(coded.residual).into_iter().map(f32::round).collect();
        bits += rate::rate(&residual, &params::read(coded.log_scale), None, 1, 1).bits[0];
        pixels += 8.0 * 64.0 * 64.0;
    }
    let sum: f64 = entropies.bits.iter().sum();
    assert!((sum - bits / pixels).abs() < 1e-4 * sum, "{sum} instead of {}", bits / pixels);
    let (last, fewest) = entropies.ranked().last().copied().unwrap();
    assert_eq!(last, 13);
    assert!(fewest < 1e-6 && entropies.ranked()[30].1 > 10.0 * fewest, "{:?}", entropies.ranked());
}

#[test]
fn what_is_kept_of_a_teacher_is_used_again_by_the_same_one_on_the_same_photos_only() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let path = teacher(folder.path());
    let run = options(folder.path(), &folder.path().join("student"), 1);
    let measured = channels(&run, &path).unwrap();
    let file = run.out.join("channels.tsv");
    let text = std::fs::read_to_string(&file).unwrap();
    let edited = text.replace("its hyper-latent has 0.", "its hyper-latent has 7.");
    std::fs::write(&file, &edited).unwrap();
    assert!(channels(&run, &path).unwrap().hyper >= 7.0);
    let other = edited.replace(&format!("{:08x}", measured.teacher), "00000000");
    std::fs::write(&file, other).unwrap();
    assert!((channels(&run, &path).unwrap().hyper - measured.hyper).abs() < 1e-9);

    let mut options = distillation(folder.path(), "student", 1, &[Phase::Channels]);
    let stores = || {
        let names = run.out.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".latents")).count()
    };
    reports(&options);
    assert_eq!(stores(), 1);
    // As many photos of the same sizes, but one is another.
    std::fs::write(&file, &edited).unwrap();
    image::RgbImage::from_fn(160, 128, |x, y| image::Rgb([x as u8, y as u8, 77]))
        .save(folder.path().join("a.png"))
        .unwrap();
    options.student.schedule.budget = Budget::Steps(2);
    options.student.resume = true;
    assert_eq!(reports(&options).len(), 1);
    assert_eq!(stores(), 2);
    assert!(channels(&run, &path).unwrap().hyper < 7.0);
}

#[test]
fn hidden_units_are_revived_in_the_phase_that_begins_with_the_student_given() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let path = teacher(folder.path());
    // A student with one hidden unit whose gate is shut: of 32 values and 32 gates the first.
    let (meta, mut parts) = checkpoint::load(&path).unwrap();
    let biases = parts.get_mut("average").unwrap();
    biases.get_mut("analysis.blocks16.0.expand.bias").unwrap().1[32] = -1000.0;
    let slots = params::slots(&Network::new(&Preset::Tiny.config(), 0, &Device::flex()));
    let adam = checkpoint::optimiser(&path, &meta, &parts, &slots, Precision::F32).unwrap();
    let shut = folder.path().join("shut.safetensors");
    checkpoint::save(&shut, &meta, &adam, &slots).unwrap();

    let mut options = distillation(folder.path(), "student", 4, &[Phase::Channels, Phase::FineTuning]);
    options.student.from = Some(shut);
    options.student.revive = true;
    let mut counts = Vec::new();
    distill(&options, &mut |phase, event| {
        if let Event::Ready { revived, .. } = event {
            counts.push((phase, revived));
        }
    })
    .unwrap();
    assert!(matches!(counts[..], [(Phase::Channels, 1..), (Phase::FineTuning, 0)]), "{counts:?}");
}

#[test]
fn a_set_of_unequal_parts_and_a_teacher_that_is_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let mut options = distillation(folder.path(), "student", 1, &[Phase::Features]);
    for crops in [0, 7, 12] {
        options.crops = crops;
        let error = distill(&options, &mut |_, _| {}).unwrap_err();
        assert!(matches!(error, DistillError::Crops(found) if found == crops));
    }
    options.crops = 8;
    options.teacher = folder.path().join("a.png");
    let error = distill(&options, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("a.png"), "{error}");
}
