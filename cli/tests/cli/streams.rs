//! Standard streams, and what happens to files that exist.

use std::fs;

use lic_codec::format::SIGNATURE;

use crate::fixture::{folder, lic_with_input, lic_with_model, lic_with_model_and_input, save};
#[cfg(unix)]
use crate::fixture::{lic_with_interrupt, signal};

#[test]
fn a_dash_reads_and_writes_standard_streams() {
    let here = folder("pipes");
    save(&here, "in.png", 50, 40);
    let png = fs::read(here.join("in.png")).expect("written");
    let encoded = lic_with_model_and_input(&here, "encode", &["-", "-"], &png).well();
    lic_with_model(&here, "encode", &["in.png", "out.lic"]).well();
    assert_eq!(encoded.stdout, fs::read(here.join("out.lic")).expect("written"));
    let decoded = lic_with_model_and_input(&here, "decode", &["-", "-"], &encoded.stdout).well();
    assert!(decoded.stdout.starts_with(b"\x89PNG"));
    let decoded = lic_with_model_and_input(&here, "decode", &["-", "-", "--format=ppm"], &encoded.stdout).well();
    assert!(decoded.stdout.starts_with(b"P6"));
    let info = lic_with_input(&here, ["info", "-", "--json"], &encoded.stdout).well();
    assert_eq!(info.json()["width"], 50);
}

#[test]
fn existing_files_are_overwritten_unless_forbidden() {
    let here = folder("clobber");
    save(&here, "in.png", 20, 20);
    fs::write(here.join("out.lic"), SIGNATURE).expect("written");
    lic_with_model(&here, "encode", &["in.png", "out.lic", "--no-clobber"]).with(1, &["out.lic", "--no-clobber"]);
    assert_eq!(fs::read(here.join("out.lic")).expect("still there"), SIGNATURE);
    lic_with_model(&here, "encode", &["in.png", "out.lic"]).well();
    assert_ne!(fs::read(here.join("out.lic")).expect("written"), SIGNATURE);
}

#[test]
fn a_batch_that_is_repeated_passes_over_what_is_there_and_does_the_rest() {
    let here = folder("repeat");
    save(&here, "a.png", 20, 20);
    save(&here, "b.png", 20, 20);
    fs::create_dir(here.join("out")).expect("made");
    fs::write(here.join("out/a.lic"), b"old").expect("written");
    let all = ["a.png", "b.png", "--out-dir=out", "--no-clobber", "--json"];
    let ended = lic_with_model(&here, "encode", &all).well();
    assert!(ended.stderr.contains("a.png: passed over"), "{}", ended.stderr);
    assert!(String::from_utf8_lossy(&ended.stdout).lines().next().is_some_and(|l| l.contains("\"skipped\":true")));
    assert_eq!(fs::read(here.join("out/a.lic")).expect("still there"), b"old");
    assert!(here.join("out/b.lic").is_file());
    fs::write(here.join("c.png"), b"nothing").expect("written");
    let ended = lic_with_model(&here, "encode", &["a.png", "c.png", "--out-dir=out", "--no-clobber", "--json"]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(String::from_utf8_lossy(&ended.stdout).contains("\"code\":3"));
}

#[cfg(unix)]
#[test]
fn nobody_who_listens_is_no_reason_to_stop() {
    let here = folder("silent");
    for name in ["a.png", "b.png", "c.png"] {
        save(&here, name, 20, 20);
    }
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let Ok(full) = full else { return };
    let tiny = crate::fixture::model();
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_lic"))
        .args(["encode", "a.png", "b.png", "c.png", "--out-dir=out", "--model"])
        .arg(tiny)
        .current_dir(&here)
        .stderr(full)
        .status()
        .expect("started");
    assert!(ended.success());
    assert_eq!(fs::read_dir(here.join("out")).expect("a folder").count(), 3);
}

#[test]
fn a_folder_that_is_not_there_is_found_before_any_work() {
    let here = folder("nowhere");
    save(&here, "in.png", 20, 20);
    fs::write(here.join("bad.png"), b"nothing").expect("written");
    // The input is not even looked at.
    lic_with_model(&here, "encode", &["bad.png", "no/out.lic"]).with(1, &["cannot write no/out.lic"]);
}

#[test]
fn a_failure_leaves_the_old_file_and_no_other() {
    let here = folder("atomic");
    fs::write(here.join("bad.png"), b"\x89PNG\r\n\x1a\nnothing").expect("written");
    fs::write(here.join("out.lic"), SIGNATURE).expect("written");
    lic_with_model(&here, "encode", &["bad.png", "out.lic"]).with(3, &["bad.png"]);
    assert_eq!(fs::read(here.join("out.lic")).expect("still there"), SIGNATURE);
    assert_eq!(fs::read_dir(&here).expect("a folder").count(), 2);
}

#[cfg(unix)]
#[test]
fn outputs_are_ordinary_files_and_links_are_followed() {
    use std::os::unix::fs::PermissionsExt;
    let here = folder("unix");
    save(&here, "in.png", 20, 20);
    fs::write(here.join("ordinary"), b"").expect("written");
    fs::write(here.join("target.lic"), SIGNATURE).expect("written");
    std::os::unix::fs::symlink("target.lic", here.join("link.lic")).expect("a link");
    let mode = |name: &str| fs::metadata(here.join(name)).expect("there").permissions().mode();
    lic_with_model(&here, "encode", &["in.png", "out.lic"]).well();
    assert_eq!(mode("out.lic"), mode("ordinary"));
    lic_with_model(&here, "encode", &["in.png", "link.lic"]).well();
    assert!(here.join("link.lic").is_symlink());
    assert_eq!(fs::read(here.join("target.lic")).expect("written"), fs::read(here.join("out.lic")).expect("written"));
    lic_with_model(&here, "encode", &["in.png", "/dev/null"]).well();
    assert!(!fs::metadata("/dev/null").expect("there").is_file());
}

/// A named pipe.
#[cfg(unix)]
fn pipe(path: &std::path::Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo starts").success());
}

#[cfg(unix)]
#[test]
fn named_pipes_are_written_to_and_passed_over_in_folders() {
    let here = folder("named-pipe");
    save(&here, "in.png", 20, 20);
    pipe(&here.join("pipe"));
    let path = here.join("pipe");
    let reader = std::thread::spawn(move || fs::read(path).expect("read"));
    lic_with_model(&here, "encode", &["in.png", "pipe"]).well();
    assert!(reader.join().expect("the reader ends").starts_with(&SIGNATURE));
    fs::create_dir(here.join("in")).expect("a folder");
    fs::rename(here.join("in.png"), here.join("in/a.png")).expect("moved");
    pipe(&here.join("in/b.png"));
    let ended = lic_with_model(&here, "encode", &["in", "--out-dir=out"]).well();
    assert!(ended.stderr.contains("passed over: 1 file (1 as a pipe or device)"), "{}", ended.stderr);
}

/// Shells stop a loop where a program was ended by the signal, not where it exits with a code of its own.
#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_by_the_signal_and_leaves_nothing() {
    use std::os::unix::process::ExitStatusExt;
    let here = folder("interrupted");
    save(&here, "in.png", 1600, 1200);
    lic_with_model(&here, "encode", &["in.png", "in.lic"]).well();
    let tiny = crate::fixture::model();
    fs::create_dir(here.join("out")).expect("a folder");
    let files = || fs::read_dir(here.join("out")).expect("a folder").count();
    // Also where Ctrl-C has no meaning.
    for (name, means) in [("INT", true), ("TERM", false)] {
        let mut child = lic_with_interrupt(means)
            .args(["decode", "in.lic", "out/back.png", "-j1", "--device=reference", "--model"])
            .arg(&tiny)
            .current_dir(&here)
            .spawn()
            .expect("started");
        while files() == 0 && child.try_wait().expect("asked").is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        signal(name, &child);
        let ended = child.wait().expect("it ends");
        assert_eq!((ended.code(), ended.signal()), (None, Some(2)), "{name}");
        assert_eq!(files(), 0, "{name}");
    }
}
