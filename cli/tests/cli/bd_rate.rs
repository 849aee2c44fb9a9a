//! `lic bd-rate`.

use std::fs;
use std::path::Path;

use lic_datasets::KODAK;

use crate::fixture::{Ended, folder, lic, lic_with_model, psnr, save};

/// Runs `lic bd-rate` with the test's model, on the CPU, without results from before.
fn bd_rate(here: &Path, arguments: &[&str]) -> Ended {
    lic_with_model(here, "bd-rate", &[arguments, &["--no-cache"]].concat())
}

/// A folder `set` of two small pictures.
fn with_set(name: &str) -> std::path::PathBuf {
    let here = folder(name);
    fs::create_dir(here.join("set")).expect("a folder");
    save(&here, "set/a.png", 96, 64);
    save(&here, "set/b.png", 64, 64);
    here
}

fn number(value: &serde_json::Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn means_are_those_of_real_files() {
    let here = with_set("bd-rate");
    let arguments =
        ["--dataset=set", "--qualities=80,20,50", "--metric=psnr", "--format=json", "--anchor=jpeg:q=2/5/10/30"];
    let json = bd_rate(&here, &arguments).well().json();
    let (mut bpp, mut decibels) = (0.0, 0.0);
    for (name, pixels) in [("a", 96.0 * 64.0), ("b", 64.0 * 64.0)] {
        let (png, file) = (format!("set/{name}.png"), format!("{name}.lic"));
        lic_with_model(&here, "encode", &[&png, &file, "-q", "20"]).well();
        lic_with_model(&here, "decode", &[&file, "back.png"]).well();
        bpp += 8.0 * fs::metadata(here.join(&file)).expect("written").len() as f64 / pixels / 2.0;
        decibels += psnr(&here.join(&png), &here.join("back.png")) / 2.0;
    }
    let codec = &json["codecs"][0];
    let mean = &codec["means"][0];
    assert_eq!((codec["label"].as_str(), &mean["quality"]), (Some("lic"), &20.0.into()));
    assert!((number(&mean["bpp"]) - bpp).abs() < 1e-9, "{mean}, expected {bpp}");
    assert!((number(&mean["scores"]["psnr"]["mean"]) - decibels).abs() < 1e-9, "{mean}, expected {decibels}");
    assert_eq!(codec["images"].as_array().map(Vec::len), Some(2));
    assert!(codec["settings"].as_str().expect("words").contains("effort 1"), "{codec}");
    // The anchor was run too, at its own qualities.
    assert_eq!((&json["codecs"][1]["label"], &json["codecs"][1]["means"][0]["quality"]), (&"jpeg".into(), &2.0.into()));
}

#[test]
fn a_codec_against_itself_in_other_clothes_is_zero() {
    let here = with_set("bd-rate-self");
    let arguments =
        ["--dataset=set", "--codec=jpeg,jpeg:chroma=420", "--anchor=jpeg", "--metric=psnr", "--format=json"];
    let json = bd_rate(&here, &arguments).well().json();
    let comparison = &json["comparisons"]["list"][0];
    assert_eq!((comparison["anchor"].as_str(), comparison["test"].as_str()), (Some("jpeg"), Some("jpeg:chroma=420")));
    assert_eq!(number(&comparison["rate"]["bd"]["value"]), 0.0);
    assert_eq!(number(&comparison["images"]["mean"]), 0.0);
}

#[test]
fn every_format_says_the_same() {
    let here = with_set("bd-rate-formats");
    let run = |format: &str| {
        let arguments = ["--dataset=set", "--codec=webp", "--metric=psnr,ssimulacra2", "--qualities=20,50,80", format];
        String::from_utf8(bd_rate(&here, &arguments).well().stdout).expect("text")
    };
    let json: serde_json::Value = serde_json::from_str(&run("--format=json")).expect("JSON");
    // No published curves hold for this folder: JPEG was run to be the anchor.
    assert_eq!(json["comparisons"]["list"][0]["anchor"], "jpeg");
    let rate = number(&json["comparisons"]["list"][0]["rate"]["bd"]["value"]);
    let (table, markdown, csv) = (run("--format=table"), run("--format=md"), run("--format=csv"));
    for text in [&table, &markdown] {
        assert!(text.contains(&format!("{rate:+.2} %")), "no {rate} in {text}");
        for word in ["libwebp", "method 4", "4:2:0", "pchip", "arithmetic means", "set, 2 images"] {
            assert!(text.contains(word), "no {word:?} in {text}");
        }
    }
    assert!(table.contains("a webp, b jpeg") && !markdown.contains("a webp, b jpeg"), "a chart for terminals: {table}");
    assert!(markdown.contains("|---") && !table.contains("|---"), "{markdown}");
    let row = csv.lines().find(|line| line.starts_with("bd-rate-percent")).expect("a row");
    assert!(row.contains(&rate.to_string()), "no {rate} in {row}");
    assert!(row.contains("overlap ") && csv.contains("arithmetic means over images"), "{csv}");
    let columns = csv.lines().next().expect("a header").split(',').count();
    assert!(csv.lines().filter(|line| !line.contains('"')).all(|line| line.split(',').count() == columns), "{csv}");
}

#[test]
fn results_are_kept_and_found_again() {
    let here = with_set("bd-rate-cache");
    let run = |extra: &[&str]| {
        let arguments =
            ["--dataset=set", "--codec=jpeg", "--anchor=webp", "--metric=psnr", "--cache-dir=kept", "--format=json"];
        lic(&here, ["bd-rate"].iter().chain(&arguments).chain(extra)).well().json()
    };
    let first = run(&["--qualities=20,50,80"]);
    // What is found is not measured: a changed result shows.
    let mut changed = 0;
    for entry in fs::read_dir(here.join("kept")).expect("results are kept") {
        for file in fs::read_dir(entry.expect("a folder").path()).expect("a folder of results") {
            let path = file.expect("a result").path();
            let mut sample: serde_json::Value =
                serde_json::from_slice(&fs::read(&path).expect("readable")).expect("JSON");
            sample["bytes"] = (sample["bytes"].as_u64().expect("a number") * 2).into();
            fs::write(&path, sample.to_string()).expect("writable");
            changed += 1;
        }
    }
    assert_eq!(changed, 12, "two images, two codecs, three qualities");
    let second = run(&["--qualities=20,50,80"]);
    let bpp = |json: &serde_json::Value| number(&json["codecs"][0]["means"][0]["bpp"]);
    assert!((bpp(&second) / bpp(&first) - 2.0).abs() < 1e-9, "{}, {}", bpp(&second), bpp(&first));
    // Other settings are other results.
    let other = run(&["--qualities=21,50,80"]);
    assert!(bpp(&other) < 1.5 * bpp(&first));
}

#[test]
fn plots_and_pages_are_written() {
    let here = with_set("bd-rate-report");
    let arguments = ["--dataset=set", "--codec=jpeg", "--anchor=webp", "--metric=psnr", "--qualities=20,50,80"];
    bd_rate(&here, &[&arguments[..], &["--plot=curves.svg", "--report=page"]].concat()).well();
    let plot = fs::read_to_string(here.join("curves.svg")).expect("a plot");
    assert!(plot.contains("<svg") && plot.contains("jpeg") && plot.contains("webp"));
    let page = fs::read_to_string(here.join("page/index.html")).expect("a page");
    assert!(page.contains("set, 2 images") && page.contains("data:image/png;base64,"));
}

#[test]
fn published_curves_are_for_the_whole_set_they_were_measured_on() {
    let here = folder("bd-rate-anchors");
    save(&here, "a.png", 64, 64);
    lic(&here, ["bd-rate", "--dataset=.", "--anchor=vtm"]).with(2, &["--anchor", "none of kodak"]);
    lic(&here, ["bd-rate", "--dataset=.", "--codec=published:jpeg"]).with(2, &["--codec", "none of kodak"]);
}

#[test]
fn altered_and_missing_images_of_kodak_are_named() {
    let here = folder("bd-rate-altered");
    for file in KODAK.files {
        save(&here, file.name, 768, 512);
    }
    lic(&here, ["bd-rate", "--dataset=.", "--anchor=jpeg"]).with(1, &["altered", "kodim01.png"]);
    let here = folder("bd-rate-missing");
    fs::create_dir(here.join("kodak")).expect("a folder");
    save(&here, "kodak/other.png", 64, 64);
    lic(&here, ["bd-rate", "--dataset=kodak", "--data-dir=."]).with(1, &["24 of 24", "missing"]);
}

#[test]
fn curves_that_cannot_be_compared_end_with_an_error_after_the_table() {
    let here = with_set("bd-rate-impossible");
    let arguments = ["--dataset=set", "--codec=jpeg", "--anchor=webp", "--metric=psnr"];
    let least = "a curve of jpeg needs at least 3 qualities with pchip, and there are 2";
    bd_rate(&here, &[&arguments[..], &["--qualities=20,80"]].concat()).with(2, &[least]);
    // Nobody has asked for the anchor that there is by default.
    let alone = bd_rate(&here, &["--dataset=set", "--codec=webp:q=20/80", "--metric=psnr"]).well();
    let text = String::from_utf8_lossy(&alone.stdout).into_owned();
    assert!(text.contains("warning: no BD-rate: a curve of webp needs at least 3 qualities"), "{text}");
    // And those that have enough are compared with it.
    let both = bd_rate(&here, &["--dataset=set", "--codec=mozjpeg:q=30/60/90,webp:q=20/80", "--metric=psnr"]).well();
    let text = String::from_utf8_lossy(&both.stdout).into_owned();
    assert!(text.contains("no BD-rate: a curve of webp") && text.contains("Bjontegaard deltas"), "{text}");
    let few = ["--dataset=set", "--codec=webp:q=20/50/80", "--qualities=20,80", "--metric=psnr"];
    bd_rate(&here, &few).well();
    let far = ["--dataset=set", "--codec=jpeg:q=10/15/20", "--anchor=webp:q=90/95/100", "--metric=psnr"];
    bd_rate(&here, &far).with(1, &["no BD-rate", "do not overlap"]);
}

#[test]
fn lossless_points_are_left_out_and_named() {
    let here = with_set("bd-rate-lossless");
    let arguments = ["--dataset=set", "--codec=jxl:effort=1:q=50/80/90/100", "--metric=psnr", "--anchor=jpeg"];
    let ended = bd_rate(&here, &arguments).well();
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(
        text.contains("warning: jxl:effort=1: no error that a metric sees, on an image or all, at quality 100"),
        "{text}"
    );
}

#[test]
fn a_codec_alone_is_measured_and_that_is_all() {
    let here = with_set("bd-rate-alone");
    let json = bd_rate(&here, &["--dataset=set", "--codec=jpeg", "--metric=psnr", "--format=json"]).well().json();
    assert_eq!(json["codecs"][0]["label"], "jpeg");
    assert_eq!(json["comparisons"]["list"].as_array().map(Vec::len), Some(0));
}

#[test]
fn anchors_named_twice_count_once_and_their_qualities_are_not_ignored() {
    let here = with_set("bd-rate-anchors-twice");
    let arguments = ["--dataset=set", "--codec=jpeg,webp", "--metric=psnr", "--format=json"];
    let json = bd_rate(&here, &[&arguments[..], &["--anchor=webp,webp"]].concat()).well().json();
    assert_eq!(json["comparisons"]["list"].as_array().map(Vec::len), Some(1));
    bd_rate(&here, &[&arguments[..], &["--anchor=webp:q=1/2/3"]].concat()).with(2, &["webp:q=1/2/3", "--codec"]);
}

#[test]
fn an_anchor_that_nobody_has_named_takes_its_own_qualities_where_it_needs_whole_ones() {
    let here = with_set("bd-rate-fractions");
    let arguments = ["--dataset=set", "--codec=lic", "--metric=psnr", "--qualities=12.5,50,87.5", "--format=json"];
    let json = bd_rate(&here, &arguments).well().json();
    assert_eq!(json["comparisons"]["list"][0]["anchor"], "jpeg");
    bd_rate(&here, &[&arguments[..], &["--anchor=jpeg"]].concat())
        .with(2, &["jpeg takes whole qualities only, not 12.5"]);
}

#[test]
fn threads_can_be_chosen_with_a_known_set_too() {
    let here = folder("bd-rate-threads");
    fs::create_dir(here.join("kodak")).expect("a folder");
    for file in KODAK.files {
        fs::write(here.join("kodak").join(file.name), b"no image").expect("written");
    }
    // The set is looked at, with threads, and found altered.
    lic(&here, ["bd-rate", "--dataset=kodak", "--data-dir=.", "--threads=1"]).with(1, &["altered"]);
}

#[test]
fn wrong_arguments_are_named() {
    let here = with_set("bd-rate-wrong");
    lic(&here, ["bd-rate", "--dataset=nowhere"]).with(2, &["--dataset", "nowhere"]);
    lic(&here, ["bd-rate", "--dataset=."]).with(1, &["no images"]);
    for (argument, words) in [
        ("--qualities=20,120", &["--qualities", "120"][..]),
        ("--codec=jpg", &["--codec", "\"jpg\", choose from lic"]),
        ("--codec=webp:method=9", &["--codec", "method=9", "0 to 6"]),
        ("--codec=jpeg,jpeg", &["jpeg is named twice"]),
        ("--codec=jpeg:q=20.5/50/80", &["jpeg takes whole qualities only, not 20.5"]),
        ("--metric=vmaf", &["vmaf", "psnr"]),
        ("--method=spline", &["spline", "akima"]),
        ("--interval=36..28", &["36..28", "0.15..1.2bpp"]),
        ("--interval=28..36", &["--interval 28..36", "one --metric"]),
    ] {
        lic(&here, ["bd-rate", "--dataset=set", argument]).with(2, words);
    }
    bd_rate(&here, &["--dataset=set"]).with(2, &["a.png", "MS-SSIM", "161", "--metric"]);
    fs::write(here.join("set/c.png"), b"no image").expect("written");
    bd_rate(&here, &["--dataset=set", "--metric=psnr"]).with(3, &["c.png"]);
}
