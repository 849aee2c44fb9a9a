//! Runs that go on: they end like those that were not interrupted, follow a new length, and keep what they began with.

mod support;

use std::path::Path;
use std::sync::atomic::Ordering;

use burn::tensor::Device;
use lic_model::checkpoint::Meta;
use lic_model::net::Precision;
use lic_model::network::Network;
use lic_model::train::{Budget, Event, Kernels, Optimiser, Options, TrainError, train};
use lic_model::{Preset, checkpoint, params};
use support::{losses, photos};

const CHECKPOINT: &str = "checkpoint.safetensors";

/// A run that saves after every step and ends on the integer grid.
fn options(data: &Path, out: &Path, steps: u64) -> Options {
    let mut options = support::options(data, out, steps);
    options.schedule.quantised_share = 0.4;
    options.checkpoint_minutes = 0.0;
    options
}

/// The same, resumed.
fn resumed(data: &Path, out: &Path, steps: u64) -> Options {
    Options { resume: true, ..options(data, out, steps) }
}

/// Runs to the end; what was said to be another than before.
fn changed(options: &Options) -> Vec<String> {
    let mut lines = Vec::new();
    let result = train(options, &mut |event| {
        if let Event::Ready { changed, .. } = event {
            lines = changed;
        }
    });
    result.unwrap();
    lines
}

/// Changes what a checkpoint of a run of `tiny` says of itself.
fn edit(path: &Path, change: impl FnOnce(&mut Meta)) {
    let (mut meta, parts) = checkpoint::load(path).unwrap();
    let slots = params::slots(&Network::new(&Preset::Tiny.config(), 0, &Device::flex()));
    let adam = checkpoint::optimiser(path, &meta, &parts, &slots, Precision::F32).unwrap();
    change(&mut meta);
    checkpoint::save(path, &meta, &adam, &slots).unwrap();
}

#[test]
fn a_run_cut_short_and_resumed_ends_like_one_that_was_not() {
    cut_and_resumed(6, |_| {});
}

#[test]
fn a_run_with_soap_cut_short_and_resumed_ends_like_one_that_was_not() {
    cut_and_resumed(6, |options| options.optimiser = Optimiser::Soap);
}

#[test]
fn a_run_with_our_own_kernels_cut_short_and_resumed_ends_like_one_that_was_not() {
    cut_and_resumed(6, |options| options.kernels = Kernels::Own);
}

#[test]
fn a_run_cut_short_on_the_integer_grid_and_resumed_ends_like_one_that_was_not() {
    cut_and_resumed(8, |_| {});
}

/// A run of ten steps, the last four on the grid.
fn cut_and_resumed(cut_at: u64, change: impl Fn(&mut Options)) {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let run = |out: &Path| {
        let mut options = options(folder.path(), out, 10);
        change(&mut options);
        options
    };
    let whole = folder.path().join("whole");
    let cut = folder.path().join("cut");
    let expected = losses(&run(&whole));

    let begun = Options { checkpoint_minutes: 1e3, ..run(&cut) };
    let stopped = train(&begun, &mut |event| {
        let at = matches!(event, Event::Step { step, .. } if step == cut_at);
        begun.stop.store(at, Ordering::Relaxed);
    });
    assert!(matches!(stopped, Err(TrainError::Stopped(step)) if step == cut_at), "{stopped:?}");
    let meta = checkpoint::meta(&cut.join(CHECKPOINT)).unwrap();
    assert_eq!((meta.step, meta.grid.is_some()), (cut_at, cut_at > 6));
    let rest = losses(&Options { resume: true, ..run(&cut) });

    assert_eq!(rest.len() as u64, 10 - cut_at);
    for (a, b) in rest.iter().zip(&expected[cut_at as usize..]) {
        assert!((a - b).abs() < 1e-4 * b, "{a} instead of {b}");
    }
    let (_, one) = checkpoint::load(&whole.join(CHECKPOINT)).unwrap();
    let (_, two) = checkpoint::load(&cut.join(CHECKPOINT)).unwrap();
    for (name, (_, values)) in &one["average"] {
        for (a, b) in values.iter().zip(&two["average"][name].1) {
            assert!((a - b).abs() < 1e-4 + 1e-3 * a.abs(), "{name}: {a} and {b}");
        }
    }
    let log = std::fs::read_to_string(cut.join("log.jsonl")).unwrap();
    // A line when it was stopped, and one at the end.
    let logged: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(logged.iter().map(|line| line["step"].as_u64().unwrap()).collect::<Vec<_>>(), [cut_at, 10], "{log}");
}

#[test]
fn a_run_made_longer_leaves_the_integer_grid_and_comes_back_to_it_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let out = folder.path().join("run");
    let path = out.join(CHECKPOINT);
    losses(&options(folder.path(), &out, 6));
    assert!(checkpoint::meta(&path).unwrap().grid.is_some());

    let mut at_half = None;
    train(&resumed(folder.path(), &out, 18), &mut |event| {
        if let Event::Step { step: 10, .. } = event {
            at_half = Some(checkpoint::meta(&path).unwrap());
        }
    })
    .unwrap();
    let at_half = at_half.unwrap();
    assert_eq!((at_half.step, at_half.grid), (9, None));
    let end = checkpoint::meta(&path).unwrap();
    assert!(end.step == 18 && end.grid.is_some(), "{end:?}");
}

#[test]
fn a_run_that_has_ended_says_so_keeps_its_grid_and_is_validated_if_it_was_not() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let out = folder.path().join("run");
    losses(&options(folder.path(), &out, 5));
    let before = std::fs::read(out.join(CHECKPOINT)).unwrap();
    assert!(checkpoint::meta(&out.join(CHECKPOINT)).unwrap().grid.is_some());

    let again = Options { valid: Some(folder.path().to_owned()), ..resumed(folder.path(), &out, 5) };
    let heard = || {
        let mut heard = Vec::new();
        train(&again, &mut |event| {
            heard.push(match event {
                Event::Ready { .. } => "ready".to_owned(),
                Event::Step { .. } => "step".to_owned(),
                Event::Validated { step, .. } => format!("validated at {step}"),
                Event::Complete { step } => format!("complete at {step}"),
            });
        })
        .unwrap();
        heard
    };
    assert_eq!(heard(), ["ready", "validated at 5", "complete at 5"]);
    assert_eq!(heard(), ["ready", "complete at 5"]);
    assert_eq!(std::fs::read(out.join(CHECKPOINT)).unwrap(), before);
}

/// What is named otherwise, and the answer.
type Case = (fn(&mut Options), &'static str);

#[test]
fn a_run_is_not_resumed_with_other_crops_or_another_optimiser() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let out = folder.path().join("run");
    losses(&options(folder.path(), &out, 2));
    let cases: [Case; 5] = [
        (|o| o.seed = 5, "the run began with --seed 0, not 5"),
        (|o| o.batch = 3, "the run began with --batch 4, not 3"),
        (|o| o.side = 128, "the run began with --crop 64, not 128"),
        (|o| o.smallest_scale = 1.0, "the run began with --smallest-scale 0.5, not 1"),
        (|o| o.optimiser = Optimiser::Soap, "the checkpoint is of optimiser adam, not soap"),
    ];
    for (change, message) in cases {
        let mut again = resumed(folder.path(), &out, 4);
        change(&mut again);
        let error = train(&again, &mut |_| {}).unwrap_err();
        assert!(error.to_string().starts_with(message), "{error} instead of {message}");
    }
    assert_eq!(checkpoint::meta(&out.join(CHECKPOINT)).unwrap().step, 2);
}

#[test]
fn what_may_change_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let out = folder.path().join("run");
    assert_eq!(changed(&options(folder.path(), &out, 2)), [""; 0]);
    let mut again = resumed(folder.path(), &out, 3);
    again.schedule.peak = 2e-3;
    again.schedule.warmup = 4;
    again.schedule.quantised_share = 0.0;
    let expected = [
        "length: 3 steps, was 2 steps",
        "highest learning rate: 0.002, was 0.001",
        "steps of warm-up: 4, was 3",
        "share on the integer grid: 0, was 0.4",
    ];
    assert_eq!(changed(&again), expected);
    again.schedule.budget = Budget::Steps(4);
    assert_eq!(changed(&again), ["length: 4 steps, was 3 steps"]);
}

#[test]
fn a_checkpoint_from_before_settings_were_kept_goes_on_with_what_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let out = folder.path().join("run");
    losses(&options(folder.path(), &out, 2));
    edit(&out.join(CHECKPOINT), |meta| meta.settings = None);
    let again = Options { batch: 2, ..resumed(folder.path(), &out, 3) };
    assert_eq!(changed(&again), [""; 0]);
    let error = train(&resumed(folder.path(), &out, 4), &mut |_| {}).unwrap_err();
    assert!(matches!(error, TrainError::Changed { flag: "--batch", .. }), "{error}");
}

#[test]
fn revived_blocks_keep_the_learning_rate_that_the_run_began_with() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let out = folder.path().join("run");
    let path = out.join(CHECKPOINT);
    losses(&options(folder.path(), &out, 2));
    edit(&path, |meta| {
        meta.revived = vec!["analysis.blocks16.0".to_owned()];
        meta.settings.as_mut().unwrap().revived_rate = 0.0;
    });
    let (_, before) = checkpoint::load(&path).unwrap();
    let lines = changed(&resumed(folder.path(), &out, 4));
    assert!(lines.iter().any(|line| line.contains("revived blocks: 0 times")), "{lines:?}");
    let (meta, after) = checkpoint::load(&path).unwrap();
    assert!(meta.settings.is_some_and(|settings| settings.revived_rate == 0.0));
    let moved = |name: &str| before["weights"][name].1 != after["weights"][name].1;
    for name in ["conv.weight", "expand.weight", "expand.bias", "project.weight"] {
        assert!(!moved(&format!("analysis.blocks16.0.{name}")), "{name}");
        assert!(moved(&format!("analysis.blocks8.0.{name}")), "{name}");
    }
}

#[test]
fn a_file_that_is_no_checkpoint_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.safetensors");
    for bytes in [&b""[..], &b"short"[..], &[255; 40][..], &b"\x02\0\0\0\0\0\0\0{}"[..]] {
        std::fs::write(&path, bytes).unwrap();
        let error = checkpoint::meta(&path).unwrap_err().to_string();
        assert!(error.contains("other.safetensors is not a training checkpoint"), "{error}");
    }
}
