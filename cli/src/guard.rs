//! What is not overwritten unless the user says `--overwrite`: files that may be the only copy of something. That an output is its own input is never
//! allowed, and is `jobs.rs`'s.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;

use anyhow::bail;
use lic_codec::format::SIGNATURE;

use crate::exit::Usage;
use crate::jobs::Job;
use crate::source::Place;

/// Whether a file is one of lic's by its first bytes; `None` where there is no regular file with any.
fn is_lic(path: &Path) -> Option<bool> {
    // Asked before it is opened: opening a pipe waits for somebody who writes into it.
    path.metadata().ok().filter(Metadata::is_file)?;
    let mut start = Vec::new();
    File::open(path).ok()?.take(SIGNATURE.len() as u64).read_to_end(&mut start).ok()?;
    (!start.is_empty()).then_some(start == SIGNATURE)
}

/// Refuses an output where there is a file of a kind that stays; `because` says why, and what to do.
fn keep(job: &Job, stays: impl Fn(&Path) -> bool, because: &str) -> Result<(), Usage> {
    match job.output.path() {
        Some(path) if stays(path) => Err(Usage(format!("{} {because}", path.display()))),
        _ => Ok(()),
    }
}

/// Refuses to write over what is no `.lic` file: in a folder of two photos, `lic encode *.jpg` names the second as the output.
pub fn keep_photos(job: &Job) -> Result<(), Usage> {
    let because = "exists and is no .lic file, so it is not overwritten: name another output (for several inputs use --out-dir), or say --overwrite";
    keep(job, |path| is_lic(path) == Some(false), because)
}

/// Refuses to write over a `.lic` file: in a folder of two, `lic decode *.lic --format png` names the second as the output.
pub fn keep_lic_files(job: &Job) -> Result<(), Usage> {
    let because = "is a .lic file, so no picture is written over it: name another output (for several inputs use --out-dir), or say --overwrite";
    keep(job, |path| is_lic(path) == Some(true), because)
}

/// Whether a file is write-protected: taking its place needs nothing but permission to write into the folder.
fn is_protected(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().readonly())
}

/// Refuses to replace a write-protected file.
pub fn keep_protected(job: &Job) -> Result<(), Usage> {
    keep(job, is_protected, "is write-protected, so it is not overwritten: name another output, or say --overwrite")
}

/// Refuses a name that says something else than what is written: it may be that of an input.
pub fn check_name(path: &Path, extension: &str) -> Result<(), Usage> {
    if path.extension().is_some_and(|of| of.eq_ignore_ascii_case(extension)) {
        return Ok(());
    }
    Err(Usage(format!("a .{extension} file is written: {} should be named so", path.display())))
}

/// Fails early where a command that has no --overwrite cannot write a file, or would replace a write-protected one.
pub fn check_output(path: &Path) -> anyhow::Result<()> {
    let place = Place::File(path.to_owned());
    if is_protected(path) {
        bail!(Usage(format!("{} is write-protected, so it is not overwritten: name another file", path.display())));
    }
    place.check_writable(false)
}

/// Refuses to write over an image that is older than the `.lic` file, so that it may be the original, where the user has not named it.
pub fn keep_originals(job: &Job) -> Result<(), Usage> {
    let time = |place: &Place| place.path()?.metadata().ok().filter(Metadata::is_file)?.modified().ok();
    match (time(&job.input), time(&job.output)) {
        (Some(input), Some(output)) if output < input => Err(Usage(format!(
            "{} is older than {}, and may be what that was made of: use another --out-dir, or say --overwrite",
            job.output, job.input
        ))),
        _ => Ok(()),
    }
}
