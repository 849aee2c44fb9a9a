//! `lic train`, `lic quantize`, `lic distill` and `lic curves`, as far as no hours are needed.

use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::process::Stdio;

use crate::fixture::{folder, lic, save};
#[cfg(unix)]
use crate::fixture::{lic_with_interrupt, signal};

#[test]
fn the_logs_of_runs_become_a_picture_that_names_them() {
    let here = folder("curves");
    fs::create_dir(here.join("run")).expect("a folder");
    // The last line was cut off by a kill.
    let log = "{\"step\":0,\"seconds\":0.0,\"score\":9.5}\n\
               {\"step\":50,\"seconds\":60.0,\"loss\":11.5}\n\
               {\"step\":100,\"seconds\":120.0,\"loss\":11.2}\n\
               {\"step\":100,\"seconds\":130.0,\"score\":9.4}\n\
               {\"step\":150,\"sec";
    fs::write(here.join("run/log.jsonl"), log).expect("a log");
    lic(&here, ["curves", "run", "the teacher=run", "-o", "curves.svg", "--title", "Two runs"]).well();
    let svg = fs::read_to_string(here.join("curves.svg")).expect("a picture");
    let picture = roxmltree::Document::parse(&svg).expect("XML");
    let texts: Vec<&str> = picture.descendants().filter_map(|node| node.text()).collect();
    for text in ["Two runs", "run", "the teacher", "hours of training"] {
        assert!(texts.contains(&text), "no {text:?} in {texts:?}");
    }
    lic(&here, ["curves", "nothing", "-o", "curves.svg"]).with(1, &["log.jsonl"]);
}

#[test]
fn a_distillation_needs_its_length_and_a_teacher_that_is_one() {
    let here = folder("distill");
    fs::write(here.join("teacher.safetensors"), b"no model").expect("a file");
    let run = ["distill", "--teacher", "teacher.safetensors", "--preset", "tiny", "--data", ".", "--out", "out"];
    lic(&here, run).with(2, &["--steps or --minutes"]);
    lic(&here, run.iter().chain(&["--steps", "1"])).with(4, &["teacher.safetensors"]);
    lic(&here, run.iter().chain(&["--channels", "--steps", "1"])).with(2, &["--channels"]);
    lic(&here, run.iter().chain(&["--channels", "--smallest-scale=2"])).with(2, &["between 0.1 and 1"]);
    for weight in ["--feature-weight=-1", "--channel-weight=NaN"] {
        let (flag, value) = weight.split_once('=').expect("a value");
        lic(&here, run.iter().chain(&["--steps=1", weight])).with(2, &[flag, value]);
    }
}

#[test]
fn numbers_that_mean_nothing_end_a_training_with_two_before_it_begins() {
    let here = folder("train-numbers");
    let run = ["train", "--preset=tiny", "--data=.", "--out=run"];
    for length in ["--steps=0", "--minutes=0", "--minutes=NaN", "--minutes=-1"] {
        let (flag, value) = length.split_once('=').expect("a value");
        lic(&here, run.into_iter().chain([length])).with(2, &[flag, value]);
    }
    let numbers = [
        "--rate=0",
        "--rate=inf",
        "--cooldown=0",
        "--quantised-share=2",
        "--checkpoint-minutes=NaN",
        "--validate-minutes=-1",
    ];
    for number in numbers {
        let (flag, value) = number.split_once('=').expect("a value");
        lic(&here, run.into_iter().chain(["--steps=1", number])).with(2, &[flag, value]);
    }
    lic(&here, run.into_iter().chain(["--steps=1", "--revive"])).with(2, &["--revive needs --from"]);
    lic(&here, run.into_iter().chain(["--steps=1", "--additions=x"])).with(2, &["--additions needs --from"]);
    lic(&here, run.into_iter().chain(["--steps=1", "--revived-rate=4"]))
        .with(2, &["--revived-rate 4: it must be 1 without --revive"]);
    let distill = ["distill", "--teacher=x", "--preset=tiny", "--data=.", "--out=run", "--steps=3", "--revived-rate=4"];
    lic(&here, distill).with(2, &["--revived-rate 4: it must be 1 without --revive"]);
    let revived = ["--steps=1", "--revive", "--from=x", "--revived-rate=-1"];
    lic(&here, run.into_iter().chain(revived)).with(2, &["--revived-rate -1"]);
    assert!(!here.join("run").exists());
}

#[test]
fn filters_for_a_loss_are_those_of_a_weight_file_that_has_some_and_need_our_own_kernels() {
    let here = folder("train-filters");
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/weights");
    for name in ["tiny", "student"].map(|name| format!("{name}.safetensors")) {
        fs::copy(weights.join(&name), here.join(&name)).expect("a copy");
    }
    fs::write(here.join("photo.safetensors"), b"no model").expect("a file");
    fs::create_dir(here.join("photos")).expect("a folder");
    save(&here, "photos/a.png", 96, 96);
    let run = ["train", "--preset=tiny", "--data=photos", "--out=run", "--crop=64", "--batch=1", "--resume"];
    let with = |file: &str, more: &[&str]| {
        let filters = format!("--filters={file}.safetensors");
        let arguments = run.iter().copied().chain([filters.as_str()]).chain(more.iter().copied());
        lic(&here, arguments.map(ToOwned::to_owned).collect::<Vec<_>>())
    };
    with("none", &["--steps=1"]).with(1, &["none.safetensors"]);
    with("photo", &["--steps=1"]).with(4, &["photo.safetensors"]);
    with("tiny", &["--steps=1"]).with(4, &["tiny.safetensors", "lic quantize --fit"]);
    with("student", &["--steps=1", "--device=flex"]).with(2, &["--filters", "--device cpu"]);
    with("student", &["--steps=1"]).well();
    let said = lic(&here, run.iter().chain(&["--steps=2"])).well().stderr;
    assert!(said.contains("filters in the loss: none, was "), "{said}");
}

#[test]
fn a_resumed_training_says_what_is_another_than_before_and_refuses_what_must_not_be() {
    let here = folder("train-resume");
    fs::create_dir(here.join("photos")).expect("a folder");
    save(&here, "photos/a.png", 96, 96);
    let run = ["train", "--preset=tiny", "--data=photos", "--out=run", "--crop=64"];
    lic(&here, run.into_iter().chain(["--steps=1", "--batch=2"])).well();
    let again = |arguments: [&'static str; 3]| lic(&here, run.into_iter().chain(["--resume"]).chain(arguments));
    lic(&here, run.into_iter().chain(["--steps=2", "--batch=2"])).with(2, &["--resume"]);
    again(["--steps=2", "--batch=3", "--seed=0"]).with(2, &["--batch 2, not 3"]);
    let said = again(["--steps=2", "--batch=2", "--rate=2e-3"]).well().stderr;
    for line in ["length: 2 steps, was 1 steps", "highest learning rate: 0.002, was 0.001"] {
        assert!(said.contains(line), "no {line:?} in {said}");
    }
    let said = again(["--steps=2", "--batch=2", "--rate=2e-3"]).well().stderr;
    assert!(said.contains("nothing is left to train") && !said.contains(", was "), "{said}");

    fs::write(here.join("run/checkpoint.safetensors"), b"no model").expect("a file");
    again(["--steps=3", "--batch=2", "--seed=0"]).with(4, &["checkpoint.safetensors"]);
    fs::remove_file(here.join("run/checkpoint.safetensors")).expect("removed");
    fs::write(here.join("photos/b.png"), b"no picture").expect("a file");
    again(["--steps=3", "--batch=2", "--seed=0"]).with(3, &["b.png"]);
}

/// Ends by the signal, after a step with a checkpoint; also where SIGTERM alone can end it.
#[cfg(unix)]
#[test]
fn a_training_that_is_told_to_stop_loses_no_step() {
    use std::io::{BufRead, BufReader, Read};
    use std::os::unix::process::ExitStatusExt;
    let here = folder("train-stop");
    fs::create_dir(here.join("photos")).expect("a folder");
    save(&here, "photos/a.png", 96, 96);
    let run = ["train", "--preset=tiny", "--data=photos", "--out=run", "--crop=64", "--batch=2", "--resume"];
    let mut step = 0;
    for (name, means) in [("INT", true), ("TERM", true), ("TERM", false)] {
        let mut command = lic_with_interrupt(means);
        let child = command.args(run).arg("--minutes=5").current_dir(&here).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("started");
        let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        said.read_line(&mut line).expect("a line");
        assert!(line.ends_with(&format!("starting at step {step}\n")), "{line}");
        signal(name, &child);
        let mut rest = String::new();
        said.read_to_string(&mut rest).expect("text");
        let ended = child.wait().expect("it ends");
        assert_eq!((ended.code(), ended.signal()), (None, Some(2)), "{rest}");
        let after = rest.split("told to stop after step ").nth(1).and_then(|text| text.split(';').next());
        let after: u64 = after.and_then(|number| number.parse().ok()).expect(&rest);
        assert!(after > step, "{after} {step}");
        let log = fs::read_to_string(here.join("run/log.jsonl")).expect("a log");
        let logged: serde_json::Value = serde_json::from_str(log.lines().last().expect("a line")).expect("JSON");
        assert_eq!(logged["step"], after);
        step = after;
    }
}

#[test]
fn a_checkpoint_becomes_a_weight_file_with_all_that_is_fitted_to_photos() {
    let here = folder("quantize");
    fs::create_dir(here.join("photos")).expect("a folder");
    save(&here, "photos/a.png", 320, 256);
    save(&here, "photos/b.png", 256, 300);
    let train = ["train", "--preset=tiny", "--data=photos", "--out=run", "--steps=3", "--crop=64", "--batch=2"];
    lic(&here, train).well();
    let quantize = ["quantize", "run/checkpoint.safetensors", "--calibrate=photos", "--out"];
    let plain = lic(&here, quantize.iter().chain(&["plain.safetensors"])).well().stderr;
    let fitted = lic(&here, quantize.iter().chain(&["fitted.safetensors", "--fit=photos"])).well().stderr;
    let parse_id = |said: &str| said.split("parse id ").nth(1).expect(said)[..8].to_owned();
    // The tables are others, and a file says by which it was coded.
    assert_ne!(parse_id(&plain), parse_id(&fitted));
    let weights = fs::read(here.join("fitted.safetensors")).expect("a file");
    let names = [
        "deblock.weight",
        "enhance.weight",
        "preview.head.weight",
        "prior.scale.cdf",
        "prior.adapt.score",
        "prior.z.context.cdf",
    ];
    for name in names {
        assert!(weights.windows(name.len()).any(|part| part == name.as_bytes()), "no {name}");
    }
    lic(&here, ["encode", "photos/a.png", "a.lic", "--model=fitted.safetensors", "--device=cpu"]).well();
    lic(&here, ["decode", "a.lic", "a.png", "--model=fitted.safetensors", "--device=cpu"]).well();
    let info = lic(&here, ["info", "a.lic"]).well().stdout;
    let info = String::from_utf8(info).expect("text");
    assert!(info.contains(&parse_id(&fitted)), "{info}");
    // A weight file is quantised already.
    let again = ["quantize", "plain.safetensors", "--out", "again.safetensors"];
    lic(&here, again.iter().chain(&["--fit=photos"])).well();
    // With filters alone it decodes what was made before.
    let filters = ["quantize", "fitted.safetensors", "--fit=photos", "--keep-parse-id", "--out=filters.safetensors"];
    let filters = lic(&here, filters).well().stderr;
    assert_eq!(parse_id(&filters), parse_id(&fitted));
    lic(&here, ["decode", "a.lic", "filtered.png", "--model=filters.safetensors", "--device=cpu"]).well();
    let checkpoint = quantize.iter().chain(&["x.safetensors", "--fit=photos", "--keep-parse-id"]);
    lic(&here, checkpoint).with(2, &["--keep-parse-id", "or no weights at all"]);
    let onto = ["quantize", "plain.safetensors", "--fit=photos", "--out=run/checkpoint.safetensors"];
    lic(&here, onto).with(2, &["run/checkpoint.safetensors is a training checkpoint"]);
    for other in [&[][..], &["--fit=photos", "--check=photos"], &["--fit=photos", "--calibrate=photos"]] {
        lic(&here, again.iter().chain(other)).with(2, &["can only be fitted anew"]);
    }
    lic(&here, ["encode", "photos/a.png", "b.lic", "--model=again.safetensors", "--device=cpu"]).well();
    lic(&here, ["decode", "b.lic", "b.png", "--model=again.safetensors", "--device=cpu"]).well();
    fs::create_dir(here.join("none")).expect("a folder");
    lic(&here, quantize.iter().chain(&["x.safetensors", "--fit=none"])).with(1, &["none"]);
    assert!(!here.join("x.safetensors").exists());
}

#[test]
fn a_checkpoint_is_never_overwritten_by_its_weight_file() {
    let here = folder("quantize-itself");
    fs::write(here.join("checkpoint"), b"of a long training").expect("written");
    lic(&here, ["quantize", "checkpoint", "--out", "./checkpoint"]).with(2, &["checkpoint and weight file at once"]);
    assert_eq!(fs::read(here.join("checkpoint")).expect("there"), b"of a long training");
    lic(&here, ["quantize", "checkpoint", "--out", "nowhere/weights"]).with(1, &["cannot write nowhere/weights"]);
    lic(&here, ["quantize", "checkpoint", "--out", "weights"]).with(4, &["not a training checkpoint"]);
    lic(&here, ["quantize", "none", "--out", "weights"]).with(1, &["cannot read none"]);
}

#[test]
fn a_run_needs_its_length_and_a_crop_that_can_be_coded() {
    let here = folder("train-arguments");
    let run = ["train", "--data", "photos", "--out", "run"];
    lic(&here, run).with(2, &["--steps or --minutes"]);
    lic(&here, run.into_iter().chain(["--steps=1", "--crop=100"])).with(2, &["--crop", "a multiple of 64"]);
}
