//! What is not overwritten unless the user says `--overwrite`: files that may be the only copy of something. That an output is its own input is never
//! allowed, and is `jobs.rs`'s.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use anyhow::bail;
use lic_codec::format::SIGNATURE;
use lic_model::checkpoint;

use crate::exit::Usage;
use crate::jobs::Job;
use crate::source::Place;

/// Keyword and text of the chunk by which PNGs that are written here are known again: they can be made anew.
pub const SOFTWARE: [&str; 2] = ["Software", "lic"];

/// Whether a file is one of lic's by its first bytes, which those that nobody lets us read are not; `None` where there is no regular file with any.
fn is_lic(path: &Path) -> Option<bool> {
    // Asked before it is opened: opening a pipe waits for somebody who writes into it.
    path.metadata().ok().filter(|file| file.is_file() && file.len() > 0)?;
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(SIGNATURE.len() as u64).read_to_end(&mut start));
    Some(read.is_ok() && start == SIGNATURE)
}

/// Whether a PNG was written here; `None` where there is none.
fn is_own_png(path: &Path) -> Option<bool> {
    path.metadata().ok().filter(Metadata::is_file)?;
    let reader = png::Decoder::new(BufReader::new(File::open(path).ok()?)).read_info().ok()?;
    let [keyword, text] = SOFTWARE;
    Some(reader.info().uncompressed_latin1_text.iter().any(|chunk| chunk.keyword == keyword && chunk.text == text))
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

/// Whether a file is write-protected, or another's to write: taking its place needs nothing but permission to write into the folder.
fn is_protected(path: &Path) -> bool {
    let is_denied = |error: std::io::Error| error.kind() == ErrorKind::PermissionDenied;
    path.metadata().is_ok_and(|file| {
        file.is_file()
            && (file.permissions().readonly() || OpenOptions::new().write(true).open(path).is_err_and(is_denied))
    })
}

/// Refuses to replace a write-protected file.
pub fn keep_protected(job: &Job) -> Result<(), Usage> {
    keep(job, is_protected, "is write-protected, so it is not overwritten: name another output, or say --overwrite")
}

/// Refuses to write over a training checkpoint: the hours that made it are in no other file.
pub fn keep_checkpoint(path: &Path) -> Result<(), Usage> {
    if checkpoint::exists(path) {
        let name = path.display();
        return Err(Usage(format!("{name} is a training checkpoint, so it is not overwritten: name another output")));
    }
    Ok(())
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

/// Refuses to write over an image that the `.lic` file may have been made of: over a PNG that was not written here where an output in a folder or one of the
/// input's own name beside it (`lic decode IMG_1.*` names both) would take its place, and over other images that are not newer than the input: any in a folder,
/// WebP of the input's own name.
pub fn keep_originals(job: &Job, in_folder: bool) -> Result<(), Usage> {
    let (Some(input), Some(output)) = (job.input.path(), job.output.path()) else { return Ok(()) };
    let time = |path: &Path| path.metadata().ok().filter(Metadata::is_file)?.modified().ok();
    let place = |path: &Path| Some((path.canonicalize().ok()?.parent()?.to_owned(), path.file_stem()?.to_owned()));
    let in_the_way = in_folder || place(output).is_some_and(|of_output| place(input) == Some(of_output));
    if !in_the_way {
        return Ok(());
    }
    // Of the formats that bear no mark PNM is what programs hand on; what they have made of a file before it was made anew is theirs to replace.
    let is_webp = output.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("webp"));
    let stays = match is_own_png(output) {
        Some(own) => !own,
        None if in_folder || is_webp => {
            matches!((time(input), time(output)), (Some(input), Some(output)) if output <= input)
        }
        None => false,
    };
    if stays {
        return Err(Usage(format!(
            "{} may be what {} was made of, so it is not overwritten: name another output, or say --overwrite",
            job.output, job.input
        )));
    }
    Ok(())
}

/// Refuses to write a PNG over a file that is none of ours, where there is no --overwrite: with `-o *.png` the first photo is the output.
pub fn check_png(path: &Path) -> Result<(), Usage> {
    let is_there = path.metadata().is_ok_and(|file| file.is_file() && file.len() > 0);
    if is_there && is_own_png(path) != Some(true) {
        return Err(Usage(format!("{} exists and was not written by lic: name another file", path.display())));
    }
    Ok(())
}
