//! `lic bench`.

use std::fs;

use crate::fixture::{folder, lic_with_model, save};

#[test]
fn a_bench_reports_every_stage_of_the_file_that_encode_would_write() {
    let here = folder("bench");
    save(&here, "a.png", 96, 64);
    lic_with_model(&here, "encode", &["a.png", "a.lic", "-q", "30"]).well();
    let json = lic_with_model(&here, "bench", &["a.png", "-q", "30", "--runs=2", "--json"]).well().json();
    assert_eq!(json["bytes"].as_u64(), Some(fs::metadata(here.join("a.lic")).expect("written").len()));
    let rows = json["rows"].as_array().expect("rows");
    let stages = |task: &str| -> Vec<Option<&str>> {
        rows.iter().filter(|row| row["task"] == task).map(|row| row["stage"].as_str()).collect()
    };
    assert_eq!(stages("encode"), [None, Some("analysis"), Some("filter"), Some("prior"), Some("coding")]);
    assert_eq!(stages("decode"), [None, Some("prior"), Some("coding"), Some("synthesis")]);
    for row in rows {
        let (seconds, speed) = (row["seconds"].as_f64().expect("a number"), row["speed"].as_f64().expect("a number"));
        assert!((seconds * speed - 96.0 * 64.0 / 1e6).abs() < 1e-9, "{row}");
    }
    let text = lic_with_model(&here, "bench", &["a.png", "--runs=1"]).well().stdout;
    let text = String::from_utf8(text).expect("text");
    assert!(text.contains("medians of 1 runs") && text.contains("synthesis"), "{text}");
}

#[test]
fn wrong_files_and_numbers_are_named() {
    let here = folder("bench-wrong");
    lic_with_model(&here, "bench", &["nowhere.png"]).with(1, &["nowhere.png"]);
    fs::write(here.join("a.png"), b"no image").expect("written");
    lic_with_model(&here, "bench", &["a.png"]).with(3, &["a.png"]);
    lic_with_model(&here, "bench", &["a.png", "--runs=0"]).with(2, &["--runs"]);
}

#[test]
fn a_search_is_a_stage_of_its_own() {
    let here = folder("bench-search");
    save(&here, "a.png", 64, 64);
    let json = lic_with_model(&here, "bench", &["a.png", "--effort=2", "--runs=1", "--json"]).well().json();
    let search = json["rows"].as_array().expect("rows").iter().find(|row| row["stage"] == "search");
    assert!(search.expect("a row")["seconds"].as_f64().expect("a number") > 0.0);
}
