//! `lic datasets`, with servers on this machine and never the user's own cache.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use image::GrayImage;
use lic_datasets::{CLIC_PRO_VALID, KODAK};

use crate::fixture::{Ended, folder, save};

#[allow(dead_code, reason = "it can misbehave in more ways than are tested here")]
#[path = "../../../datasets/tests/fetch/server.rs"]
mod server;
use server::{Manner, Server};

/// Runs `lic` in a folder, with `cache` in it as the user's cache.
fn lic(here: &Path, arguments: &[&str]) -> Ended {
    lic_with(here, arguments, &[])
}

/// The same with more environment.
fn lic_with(here: &Path, arguments: &[&str], environment: &[(&str, &OsStr)]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_lic"))
        .args(arguments)
        .current_dir(here)
        .env_remove("LIC_DATA_DIR")
        .env("XDG_CACHE_HOME", here.join("cache"))
        .env("HOME", here)
        .env("NO_PROXY", "127.0.0.1")
        .envs(environment.iter().copied())
        .output()
        .expect("lic starts");
    let code = output.status.code().expect("lic is not killed");
    Ended { code, stdout: output.stdout, stderr: String::from_utf8_lossy(&output.stderr).into_owned() }
}

fn text(ended: &Ended) -> String {
    String::from_utf8_lossy(&ended.stdout).into_owned()
}

/// Images that look like those of the CLIC set, of which no digests are known.
fn clic(folder: &Path, count: usize) {
    fs::create_dir_all(folder).expect("a writable folder");
    for file in CLIC_PRO_VALID.files.iter().take(count) {
        GrayImage::new(file.width, file.height).save(folder.join(file.name)).expect("a writable folder");
    }
}

#[test]
fn the_list_says_what_is_there_and_where_the_rest_comes_from() {
    let here = folder("datasets-list");
    clic(&here.join("data/clic-pro-valid"), 2);
    let ended = lic(&here, &["datasets", "list", "--data-dir=data"]).well();
    for words in
        ["kodak            24 images  not here: lic datasets fetch kodak", "2 unverified", "39 missing", "r0k.us"]
    {
        assert!(text(&ended).contains(words), "no {words:?} in {}", text(&ended));
    }
    let json = lic(&here, &["datasets", "list", "--data-dir=data", "--json"]).well().json();
    assert_eq!((&json[0]["name"], &json[0]["folder"]), (&"kodak".into(), &serde_json::Value::Null));
    assert_eq!(json[2]["unverified"].as_array().map(Vec::len), Some(2));
    assert_eq!(json[2]["complete"], false);
}

#[test]
fn a_set_is_found_in_the_environments_folder_and_in_the_cache() {
    let here = folder("datasets-places");
    clic(&here.join("cache/lic/datasets/clic-pro-valid"), 41);
    let cached = lic(&here, &["datasets", "verify", "clic-pro-valid"]);
    if cfg!(target_os = "linux") {
        assert!(text(&cached.well()).contains("complete: 41 unverified content"));
    }
    clic(&here.join("mine/clic-pro-valid"), 3);
    let environment = [("LIC_DATA_DIR", OsStr::new("mine"))];
    lic_with(&here, &["datasets", "verify", "clic-pro-valid"], &environment).with(1, &["mine", "38 missing"]);
}

#[test]
fn verification_lists_every_file_and_fails_if_any_is_not_right() {
    let here = folder("datasets-verify");
    clic(&here.join("set"), 3);
    save(&here, &format!("set/{}", CLIC_PRO_VALID.files[2].name), 8, 9);
    save(&here, "set/holiday.png", 8, 8);
    let ended = lic(&here, &["datasets", "verify", "set"]).with(1, &["NOT COMPLETE", "1 ALTERED", "38 missing"]);
    let state = |name: &str| {
        let text = text(&ended);
        let line = text.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.split("  ").next().unwrap_or_default().trim().to_owned()
    };
    let states: Vec<String> = CLIC_PRO_VALID.files[..4].iter().map(|file| state(file.name)).collect();
    assert_eq!(states, ["unverified content", "unverified content", "ALTERED", "missing"]);
    assert_eq!(state("holiday.png"), "not of the set");
    let json = lic(&here, &["datasets", "verify", "set", "--json"]).with(1, &[]).json();
    assert_eq!(json["altered"][0], CLIC_PRO_VALID.files[2].name);
}

#[test]
fn what_cannot_be_verified_or_fetched_is_named() {
    let here = folder("datasets-wrong");
    lic(&here, &["datasets", "verify", "kodak"])
        .with(1, &["not on this machine", "lic datasets fetch kodak", "--data-dir"]);
    lic(&here, &["datasets", "verify", "kodka"]).with(2, &["kodka", "kodak, tecnick, clic-pro-valid"]);
    save(&here, "a.png", 8, 8);
    lic(&here, &["datasets", "verify", "."]).with(2, &["no image of a known set"]);
    lic(&here, &["datasets", "fetch", "sample"]).with(2, &["sample", "kodak, tecnick, clic-pro-valid"]);
    fs::create_dir(here.join("kodak")).expect("a writable folder");
    lic(&here, &["datasets", "verify", "kodak"]).with(1, &["./kodak"]);
}

#[test]
fn nothing_wrong_is_ever_put_in_place() {
    let here = folder("datasets-fetch-wrong");
    let other = fs::read(crate::fixture::samples().join("chelsea.png")).expect("a sample");
    let server = Server::start(Manner::Good, &[("k/kodim01.png", &other)]);
    let from = format!("--from={}/k", server.address);
    let ended = lic(&here, &["datasets", "fetch", "kodak", "--data-dir=data", &from]);
    ended.with(1, &["cannot fetch kodak", &server.address, "kodim01.png", "bytes instead of 736501"]);
    assert_eq!(fs::read_dir(here.join("data/kodak")).expect("made").count(), 0);
    let ended = lic(&here, &["datasets", "fetch", "kodak", "--data-dir=data", &format!("--from={}/x", server.address)]);
    ended.with(1, &["/x/kodim01.png", "404", "--from"]);
}

#[test]
fn an_archive_that_cannot_be_had_can_be_put_there_by_hand() {
    let here = folder("datasets-by-hand");
    let server = Server::start(Manner::Good, &[("testimages.zip", b"<html>choose a mirror</html>")]);
    let from = format!("--from={}", server.address);
    let ended = lic(&here, &["datasets", "fetch", "tecnick", "--data-dir=data", &from]);
    ended.with(1, &["no zip archive", "by hand", "sourceforge.net/projects/testimages", "testimages.zip"]);
}

#[test]
fn a_broken_download_goes_on_in_the_next_run() {
    let here = folder("datasets-resume");
    let file = vec![7; 736_501];
    let broken = Server::start(Manner::BreaksAndForgets, &[("kodim01.png", &file)]);
    let fetch = |server: &Server| {
        lic(&here, &["datasets", "fetch", "kodak", "--data-dir=data", &format!("--from={}", server.address)])
    };
    fetch(&broken).with(1, &["trying again", "404"]);
    let part = here.join("data/kodak/kodim01.png.part");
    assert_eq!(fs::metadata(&part).expect("kept").len(), 368_250);
    let good = Server::start(Manner::Good, &[("kodim01.png", &file)]);
    // All bytes arrive, but they are not those of the set.
    fetch(&good).with(1, &["kodim01.png", "another SHA-256"]);
    assert_eq!(good.requests()[0].range, Some(368_250));
    assert!(!part.exists());
}

#[test]
fn what_is_there_is_not_downloaded() {
    let here = folder("datasets-there");
    clic(&here.join("data/clic-pro-valid"), 41);
    let server = Server::start(Manner::Good, &[]);
    let from = format!("--from={}", server.address);
    let ended = lic(&here, &["datasets", "fetch", "clic-pro-valid", "--data-dir=data", &from]).well();
    assert!(ended.stderr.contains("0 images fetched, 41 were there"), "{}", ended.stderr);
    assert!(server.requests().is_empty());
    let quiet = lic(&here, &["datasets", "fetch", "clic-pro-valid", "--data-dir=data", &from, "--quiet"]).well();
    assert!(quiet.stderr.is_empty(), "{}", quiet.stderr);
}

/// Whether the set's real images, if this machine has them, are what the manifest says: LIC_DATA_DIR=... cargo test -- --ignored
#[test]
#[ignore = "needs the Kodak images in $LIC_DATA_DIR"]
fn real_images_are_fetched_and_intact() {
    let here = folder("datasets-real");
    let real = Path::new(&std::env::var_os("LIC_DATA_DIR").expect("LIC_DATA_DIR is set")).join("kodak");
    let files: Vec<(&str, Vec<u8>)> =
        KODAK.files.iter().map(|file| (file.name, fs::read(real.join(file.name)).expect("an image"))).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    let server = Server::start(Manner::BreaksOnce, &files);
    lic(&here, &["datasets", "fetch", "kodak", &format!("--from={}", server.address), "--data-dir=d"]).well();
    let ended = lic(&here, &["datasets", "verify", "kodak", "--data-dir=d"]).well();
    assert!(text(&ended).contains("complete: 24 intact"), "{}", text(&ended));
}
