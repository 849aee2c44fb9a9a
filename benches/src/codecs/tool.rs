//! Codecs that are installed programs: finding them, asking for their version, and passing pictures through files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use image::ExtendedColorType;
use lic_codec::Picture;
use lic_datasets::{Channels, Photo};
use tempfile::TempDir;

use super::{CodecError, Coded, Session, picture_like};

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

/// What a program says of its version, in its first line.
pub(super) fn version(codec: &'static str, program: &'static str, hint: &'static str) -> Result<String, CodecError> {
    let said = ask(codec, program, "--version", hint)?;
    Ok(said.lines().next().unwrap_or_default().trim_start_matches("Version:").trim().to_owned())
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

/// A codec that is a pair of programs, which read and write files.
pub(super) trait Program {
    /// Name of an encoded file, with the extension that the programs know it by.
    const CODED: &'static str;
    /// Name of a decoded file, in a format that the decoder writes and we read.
    const DECODED: &'static str;
    /// The decoder.
    const DECODER: &'static str;
    /// Encodes one file to another.
    fn encode(&self, original: &Path, coded: &Path, quality: f32) -> Result<Duration, CodecError>;
    /// Decodes one file to another.
    fn decode(&self, coded: &Path, decoded: &Path) -> Result<Duration, CodecError>;
}

/// A folder with one picture's files, gone when the work is done.
pub(super) struct Desk<'a, P> {
    program: &'a P,
    picture: &'a Picture,
    folder: TempDir,
    original: PathBuf,
}

impl<'a, P> Desk<'a, P> {
    /// Writes the picture as PNG.
    pub(super) fn new(program: &'a P, picture: &'a Picture) -> Result<Self, CodecError> {
        let folder = tempfile::Builder::new().prefix("lic-bd-rate-").tempdir();
        let folder = folder.map_err(|source| failed("make a folder in", &std::env::temp_dir(), source))?;
        let original = folder.path().join("original.png");
        let colour = if picture.channels() == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
        let saved = image::save_buffer(&original, &picture.pixels.to_eight(), picture.width, picture.height, colour);
        saved.map_err(|error| failed("write", &original, std::io::Error::other(error)))?;
        Ok(Self { program, picture, folder, original })
    }
}

impl<P: Program> Session for Desk<'_, P> {
    fn encode(&mut self, quality: f32) -> Result<Coded, CodecError> {
        let coded = self.folder.path().join(P::CODED);
        let time = self.program.encode(&self.original, &coded, quality)?;
        let file = std::fs::read(&coded).map_err(|source| failed("read", &coded, source))?;
        Ok(Coded { file, time })
    }

    fn decode(&mut self, file: &[u8]) -> Result<(Picture, Duration), CodecError> {
        let (coded, decoded) = (self.folder.path().join(P::CODED), self.folder.path().join(P::DECODED));
        std::fs::write(&coded, file).map_err(|source| failed("write", &coded, source))?;
        let time = self.program.decode(&coded, &decoded)?;
        let photo = Photo::open(&decoded).map_err(|source| CodecError::Output { program: P::DECODER, source })?;
        let size = [photo.width, photo.height];
        let pixels = photo.pixels.into_eight();
        let rgb = match photo.channels {
            Channels::Rgb => pixels,
            Channels::Grey => pixels.iter().flat_map(|&grey| [grey; 3]).collect(),
        };
        Ok((picture_like(self.picture, size, rgb)?, time))
    }
}

fn failed(what: &'static str, path: &Path, source: std::io::Error) -> CodecError {
    CodecError::File { what, path: path.to_owned(), source }
}
