//! `lic train`, `lic quantize`, `lic distill` and `lic curves`, as far as no hours are needed.

use std::fs;

use crate::fixture::{folder, lic, save};

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
    lic(&here, run).with(1, &["--steps or --minutes"]);
    lic(&here, run.iter().chain(&["--steps", "1"])).with(1, &["teacher.safetensors"]);
    lic(&here, run.iter().chain(&["--channels", "--steps", "1"])).with(2, &["--channels"]);
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
    for name in ["deblock.weight", "preview.head.weight", "prior.scale.cdf"] {
        assert!(weights.windows(name.len()).any(|part| part == name.as_bytes()), "no {name}");
    }
    lic(&here, ["encode", "photos/a.png", "a.lic", "--model=fitted.safetensors", "--device=cpu"]).well();
    lic(&here, ["decode", "a.lic", "a.png", "--model=fitted.safetensors", "--device=cpu"]).well();
    let info = lic(&here, ["info", "a.lic"]).well().stdout;
    let info = String::from_utf8(info).expect("text");
    assert!(info.contains(&parse_id(&fitted)), "{info}");
    fs::create_dir(here.join("none")).expect("a folder");
    lic(&here, quantize.iter().chain(&["x.safetensors", "--fit=none"])).with(1, &["none"]);
    assert!(!here.join("x.safetensors").exists());
}
