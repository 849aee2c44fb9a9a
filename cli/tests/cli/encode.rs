//! Encoding and decoding files.

use std::fs;

use image::GenericImageView;

use crate::fixture::{folder, lic_with_model, psnr, samples, save};

#[test]
fn a_picture_comes_back_alike_and_smaller() {
    let here = folder("round-trip");
    save(&here, "in.png", 150, 100);
    let encoded = lic_with_model(&here, "encode", &["in.png", "out.lic", "-q", "60"]).well();
    assert!(
        encoded.stderr.contains("in.png: 150x100 RGB, quality 59.9 -> out.lic") && encoded.stderr.contains("bpp"),
        "{}",
        encoded.stderr
    );
    assert!(encoded.stdout.is_empty());
    lic_with_model(&here, "decode", &["out.lic", "back.png"]).well();
    let psnr = psnr(&here.join("in.png"), &here.join("back.png"));
    assert!(psnr > 20.0, "{psnr} dB");
    assert!(fs::metadata(here.join("out.lic")).expect("written").len() < 150 * 100 * 3 / 4);
}

#[test]
fn odd_sizes_come_back() {
    let here = folder("sizes");
    for (width, height) in [(1, 1), (7, 5), (1, 300), (65, 64)] {
        save(&here, "in.png", width, height);
        lic_with_model(&here, "encode", &["in.png", "out.lic"]).well();
        lic_with_model(&here, "decode", &["out.lic", "back.png"]).well();
        assert_eq!(image::open(here.join("back.png")).expect("an image").dimensions(), (width, height));
    }
}

#[test]
fn grey_pictures_stay_grey_and_the_extension_chooses_the_format() {
    let here = folder("grey");
    let page = samples().join("page.png");
    lic_with_model(&here, "encode", &[page.to_str().expect("UTF-8"), "page.lic"]).well();
    for (name, start) in [
        ("page.png", &b"\x89PNG"[..]),
        ("page.pgm", b"P5"),
        ("page.pnm", b"P5"),
        ("page.ppm", b"P6"),
        ("page.webp", b"RIFF"),
    ] {
        lic_with_model(&here, "decode", &["page.lic", name]).well();
        assert!(fs::read(here.join(name)).expect("written").starts_with(start), "{name}");
    }
    assert_eq!(image::open(here.join("page.png")).expect("an image").color(), image::ColorType::L8);
}

#[test]
fn input_is_recognised_by_content() {
    let here = folder("content");
    save(&here, "in.png", 40, 30);
    fs::rename(here.join("in.png"), here.join("in.jpg")).expect("renamed");
    lic_with_model(&here, "encode", &["in.jpg", "out.lic"]).well();
}

#[test]
fn several_inputs_go_into_a_folder_and_one_bad_input_stops_none() {
    let here = folder("several");
    save(&here, "a.png", 30, 20);
    save(&here, "c.png", 20, 30);
    fs::write(here.join("b.png"), b"no image").expect("written");
    let ended = lic_with_model(&here, "encode", &["a.png", "b.png", "c.png", "--out-dir", "out"]);
    ended.with(3, &["error: b.png: not a PNG", "1 of 3 images failed"]);
    assert!(here.join("out/a.lic").is_file() && here.join("out/c.lic").is_file() && !here.join("out/b.lic").exists());
    lic_with_model(&here, "decode", &["out/a.lic", "out/c.lic", "--out-dir=back", "--format=ppm", "--quiet"]).well();
    assert!(here.join("back/a.ppm").is_file() && here.join("back/c.ppm").is_file());
}

#[test]
fn json_has_a_line_for_every_image() {
    let here = folder("json");
    save(&here, "a.png", 30, 20);
    save(&here, "b.png", 20, 30);
    let ended = lic_with_model(&here, "encode", &["a.png", "b.png", "--out-dir=out", "--json", "--quiet"]).well();
    assert!(ended.stderr.is_empty(), "{}", ended.stderr);
    let lines: Vec<serde_json::Value> =
        String::from_utf8_lossy(&ended.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2);
    let bytes = fs::metadata(here.join("out/b.lic")).expect("written").len();
    assert_eq!((&lines[1]["width"], &lines[1]["bytes"]), (&20.into(), &bytes.into()));
    assert!(lines[0]["stages"]["analysis"].as_f64().expect("a number") > 0.0);
}

#[test]
fn a_target_size_is_met_from_below() {
    let here = folder("target");
    save(&here, "in.png", 256, 192);
    let size = |name: &str| fs::metadata(here.join(name)).expect("written").len();
    lic_with_model(&here, "encode", &["in.png", "low.lic", "-q", "30"]).well();
    lic_with_model(&here, "encode", &["in.png", "high.lic", "-q", "50"]).well();
    let wanted = (size("low.lic") + size("high.lic")) / 2;
    let ended = lic_with_model(&here, "encode", &["in.png", "out.lic", "--target-size", &wanted.to_string(), "--json"]);
    assert!(size("out.lic") <= wanted, "{} of {wanted} bytes", size("out.lic"));
    let ended = ended.well();
    assert_eq!(ended.json()["target"]["met"], true);
    let far = (size("out.lic") as f64) < 0.97 * wanted as f64;
    assert_eq!(ended.stderr.contains("smaller than it may be"), far, "{}", ended.stderr);
}

#[test]
fn a_budget_that_no_quality_fills_is_kept_and_said() {
    let here = folder("budget");
    save(&here, "in.png", 64, 64);
    let ended = lic_with_model(&here, "encode", &["in.png", "out.lic", "--target-size=1000000", "--json"]).well();
    assert!(ended.stderr.contains("smaller than it may be") && ended.stderr.contains("highest quality"));
    assert_eq!(ended.json()["target"]["met"], true);
    let quality = ended.json()["quality"].as_f64().expect("a number");
    assert!(quality > 99.9, "{quality}");
    // A quality is not kept from below.
    lic_with_model(&here, "encode", &["in.png", "out.lic", "--target-psnr=90"]).with(5, &["highest quality"]);
}

#[test]
fn a_target_out_of_reach_gives_the_nearest_file_and_its_own_exit_code() {
    let here = folder("far-target");
    save(&here, "in.png", 64, 64);
    lic_with_model(&here, "encode", &["in.png", "out.lic", "--target-size=3"])
        .with(5, &["instead of 3", "lowest quality"]);
    assert!(here.join("out.lic").is_file());
}

#[test]
fn small_tiles_work() {
    let here = folder("tiles");
    save(&here, "in.png", 200, 100);
    lic_with_model(&here, "encode", &["in.png", "out.lic", "--tile=64", "-j", "2"]).well();
    lic_with_model(&here, "decode", &["out.lic", "back.png", "-j", "1"]).well();
    assert!(psnr(&here.join("in.png"), &here.join("back.png")) > 20.0);
}

#[test]
fn what_is_lost_is_said_of_every_file() {
    let here = folder("lost");
    let cat = samples().join("chelsea.png");
    fs::copy(&cat, here.join("a.png")).expect("copied");
    fs::copy(&cat, here.join("b.png")).expect("copied");
    lic_with_model(&here, "encode", &["a.png", "b.png", "--out-dir=out"]).well();
    let files = ["out/a.lic", "out/b.lic", "--out-dir=out", "--format=ppm", "--json"];
    let ended = lic_with_model(&here, "decode", &files).well();
    let lost = "the ICC profile cannot be kept in ppm";
    for file in ["out/a.lic", "out/b.lic"] {
        assert!(ended.stderr.contains(&format!("{file}: warning: {lost}")), "{}", ended.stderr);
    }
    assert_eq!(String::from_utf8_lossy(&ended.stdout).matches(&format!("\"warnings\":[\"{lost}\"")).count(), 2);
}

#[test]
fn a_folder_is_encoded_and_decoded_with_all_that_is_below_it() {
    let here = folder("tree");
    fs::create_dir_all(here.join("in/2024/may")).expect("folders");
    save(&here, "in/a.png", 30, 20);
    save(&here, "in/2024/may/a.png", 20, 30);
    fs::write(here.join("in/2024/notes.txt"), b"no image").expect("written");
    let ended = lic_with_model(&here, "encode", &["in", "--out-dir", "out"]).well();
    assert!(ended.stderr.contains("passed over: 1 file (1 .txt)"), "{}", ended.stderr);
    assert!(here.join("out/a.lic").is_file() && here.join("out/2024/may/a.lic").is_file());
    let ended = lic_with_model(&here, "encode", &["in", "--out-dir", "out", "--no-clobber"]).well();
    assert_eq!(ended.stderr.matches("a.png: passed over").count(), 2, "{}", ended.stderr);
    lic_with_model(&here, "decode", &["out", "--out-dir", "back", "--format", "ppm"]).well();
    assert!(here.join("back/a.ppm").is_file() && here.join("back/2024/may/a.ppm").is_file());
    lic_with_model(&here, "encode", &["out", "--out-dir", "new"]).with(2, &["no file named .png", "out"]);
}

/// Root reads every folder, whatever its mode.
#[cfg(unix)]
fn may_read(folder: &std::path::Path) -> bool {
    folder.read_dir().is_ok()
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_read_stops_no_other() {
    use std::os::unix::fs::PermissionsExt;

    let here = folder("unreadable");
    fs::create_dir_all(here.join("in/locked")).expect("folders");
    save(&here, "in/a.png", 30, 20);
    let mode = |mode| fs::set_permissions(here.join("in/locked"), fs::Permissions::from_mode(mode)).expect("a mode");
    mode(0);
    if may_read(&here.join("in/locked")) {
        eprintln!("skipped: this user may read everything");
        return;
    }
    let ended = lic_with_model(&here, "encode", &["in", "--out-dir", "out", "--json"]);
    let ended = ended.with(1, &["in/locked: cannot read this folder", "1 of 2 images failed"]);
    assert!(here.join("out/a.lic").is_file(), "{}", ended.stderr);
    assert_eq!(String::from_utf8_lossy(&ended.stdout).lines().count(), 2);
    mode(0o755);
}

#[test]
fn an_empty_folder_stops_no_other_input() {
    let here = folder("one-empty");
    fs::create_dir(here.join("empty")).expect("a folder");
    save(&here, "a.png", 30, 20);
    let ended = lic_with_model(&here, "encode", &["a.png", "empty", "--out-dir=out"]);
    ended.with(1, &["empty: there is no file named .png", "1 of 2 images failed"]);
    assert!(here.join("out/a.lic").is_file());
    lic_with_model(&here, "encode", &["empty", "--out-dir=nothing"]).with(2, &["empty: there is no file named .png"]);
    assert!(!here.join("nothing").exists());
}

#[test]
fn a_missed_target_is_one_record_that_says_so() {
    let here = folder("missed-json");
    save(&here, "in.png", 64, 64);
    let ended = lic_with_model(&here, "encode", &["in.png", "out.lic", "--target-size=3", "--json"]);
    let ended = ended.with(5, &["the target was missed"]);
    assert_eq!(ended.json()["target"]["met"], false);
}

#[test]
fn missed_targets_hide_no_failure() {
    let here = folder("missed-and-failed");
    save(&here, "a.png", 64, 64);
    save(&here, "b.png", 64, 64);
    let encode = ["a.png", "b.png", "--out-dir=out", "--target-size=3"];
    lic_with_model(&here, "encode", &encode).with(5, &["2 of 2 images missed the target", "encoded"]);
    fs::write(here.join("c.png"), b"no image").expect("written");
    let ended = lic_with_model(&here, "encode", &[&encode[..], &["c.png"]].concat());
    ended.with(3, &["1 of 3 images failed, and 2 missed the target"]);
}

#[test]
fn a_name_that_is_too_long_is_found_before_the_work() {
    let here = folder("long-name");
    save(&here, "in.png", 64, 64);
    let ended = lic_with_model(&here, "encode", &["in.png", &format!("{}.lic", "x".repeat(300))]);
    ended.with(1, &["cannot write xxx", "too long"]);
    // Also where the input would be refused.
    fs::write(here.join("bad.png"), b"no image").expect("written");
    let ended = lic_with_model(&here, "encode", &["bad.png", &format!("{}.lic", "x".repeat(300))]);
    ended.with(1, &["cannot write xxx"]);
}
