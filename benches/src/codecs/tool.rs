//! Running installed programs: finding them, asking for their version, and passing pictures through files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use image::ExtendedColorType;
use lic_codec::Picture;
use lic_datasets::{Channels, Photo};
use tempfile::TempDir;

use super::{CodecError, picture_like};

/// What a program prints when asked; both streams, because few agree on one.
pub(super) fn ask(
    codec: &'static str,
    program: &'static str,
    argument: &str,
    hint: &'static str,
) -> Result<String, CodecError> {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output();
    let output = output.map_err(|_| CodecError::NoProgram { codec, program, hint })?;
    let text = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Runs a program to its end and says how long that took.
pub(super) fn run<A: AsRef<OsStr>>(
    program: &'static str,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Duration, CodecError> {
    let start = Instant::now();
    let mut command = Command::new(program);
    let output = command.args(arguments).stdin(Stdio::null()).output();
    let time = start.elapsed();
    let output = output.map_err(|source| CodecError::File { what: "run", path: program.into(), source })?;
    if output.status.success() {
        return Ok(time);
    }
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let mut last: Vec<&str> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
    last.reverse();
    Err(CodecError::ProgramFailed { program: program.to_owned(), status: output.status, message: last.join("; ") })
}

/// A folder of one picture's files, gone when the work is done.
pub(super) struct Desk<'a> {
    folder: TempDir,
    picture: &'a Picture,
}

impl<'a> Desk<'a> {
    /// Writes the picture as `original.png`.
    pub(super) fn new(picture: &'a Picture) -> Result<(Self, PathBuf), CodecError> {
        let failed = |what, path: &Path, source| CodecError::File { what, path: path.to_owned(), source };
        let folder = tempfile::Builder::new().prefix("lic-bd-rate-").tempdir();
        let folder = folder.map_err(|source| failed("make a folder in", &std::env::temp_dir(), source))?;
        let path = folder.path().join("original.png");
        let colour = if picture.channels() == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
        let saved = image::save_buffer(&path, &picture.pixels, picture.width, picture.height, colour);
        saved.map_err(|error| failed("write", &path, std::io::Error::other(error)))?;
        Ok((Self { folder, picture }, path))
    }

    /// The path of a file in the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Reads a file that a program wrote.
    pub(super) fn read(&self, path: &Path) -> Result<Vec<u8>, CodecError> {
        std::fs::read(path).map_err(|source| CodecError::File { what: "read", path: path.to_owned(), source })
    }

    /// Writes a file for a program.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), CodecError> {
        std::fs::write(path, bytes).map_err(|source| CodecError::File { what: "write", path: path.to_owned(), source })
    }

    /// Reads an image that a program decoded, as a picture like the original.
    pub(super) fn picture(&self, program: &'static str, path: &Path) -> Result<Picture, CodecError> {
        let photo = Photo::open(path).map_err(|source| CodecError::Output { program, source })?;
        let like = Picture { width: photo.width, height: photo.height, ..self.shape() };
        Ok(match (photo.channels, self.picture.channels()) {
            (Channels::Rgb, _) => picture_like(&like, photo.pixels)?,
            (Channels::Grey, 1) => Picture::new(like.width, like.height, like.colour, photo.pixels)?,
            (Channels::Grey, _) => {
                let rgb = photo.pixels.iter().flat_map(|&grey| [grey; 3]).collect();
                picture_like(&like, rgb)?
            }
        })
    }

    /// The original without its samples.
    fn shape(&self) -> Picture {
        let &Picture { width, height, colour, .. } = self.picture;
        Picture { width, height, colour, pixels: Vec::new() }
    }
}
