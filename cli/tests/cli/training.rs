//! `lic train`, `lic distill` and `lic curves`, as far as no hours are needed.

use std::fs;

use crate::fixture::{folder, lic};

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
