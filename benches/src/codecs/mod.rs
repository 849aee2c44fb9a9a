//! Codecs run for real: a picture to the bytes of a whole file, and these bytes back to a picture.
//!
//! `lic` is the project's own, with any weight file. `jpeg` and `webp` run as libraries inside this program; `avif`
//! and `jxl` run the installed programs of libavif and libjxl, which are better encoders than any permissive library of
//! today. Every codec has a dial of quality from 0 to 100, says what it is and how it is set, and is chosen with a
//! [`Spec`] such as `webp:method=6`.

mod avif;
mod jpeg;
mod jxl;
mod lic;
mod spec;
mod tool;
mod webp;

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use lic_codec::{DeviceChoice, Effort, Model, Picture};

pub use spec::{Spec, SpecError, sort_qualities};

/// Names of all codecs that can be run.
pub const NAMES: [&str; 6] = ["lic", "jpeg", "mozjpeg", "webp", "avif", "jxl"];

/// What a codec is and how it is set.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// Its name in tables, as asked for: `jpeg`, `webp:method=6`.
    pub label: String,
    /// The program or library, with its version.
    pub version: String,
    /// All settings that matter for the result, in words.
    pub settings: String,
    /// The qualities to measure at if nobody asks for others.
    pub qualities: Vec<f32>,
    /// Whether qualities between two whole numbers do not exist.
    pub whole_qualities: bool,
}

/// A codec with its settings.
pub trait Codec: Send + Sync {
    /// What it is.
    fn about(&self) -> &About;
    /// Tells results of this codec from those of any other; part of the key under which results are kept.
    fn identity(&self) -> String {
        let About { version, settings, .. } = self.about();
        format!("{version} | {settings}")
    }
    /// What a reader should hear about it.
    fn warning(&self) -> Option<String> {
        None
    }
    /// Starts the work on a picture: what all qualities have in common is done once.
    ///
    /// # Errors
    /// The codec cannot take this picture, or its program cannot be run.
    fn open<'a>(&'a self, picture: &'a Picture) -> Result<Box<dyn Session + 'a>, CodecError>;
}

/// A codec at work on one picture.
pub trait Session {
    /// The picture as a whole file, and the time that took: for a program, the time of its process.
    ///
    /// # Errors
    /// Those of the codec.
    fn encode(&mut self, quality: f32) -> Result<Coded, CodecError>;
    /// A file back to a picture of 8 bits per sample, and the time that took.
    ///
    /// # Errors
    /// Those of the codec.
    fn decode(&mut self, file: &[u8]) -> Result<(Picture, Duration), CodecError>;
}

/// An encoded picture.
#[derive(Debug)]
pub struct Coded {
    /// The whole file.
    pub file: Vec<u8>,
    /// How long encoding took.
    pub time: Duration,
}

/// What `lic` runs with if its [`Spec`] does not say otherwise.
#[derive(Debug, Clone)]
pub struct LicDefaults {
    /// The weights.
    pub model: Model,
    /// Where the networks run.
    pub device: DeviceChoice,
    /// The encoder's effort.
    pub effort: Effort,
}

/// Why a codec does not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// `lic` itself.
    #[error(transparent)]
    Lic(#[from] lic_codec::Error),
    /// A specification that makes no sense.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A program that is not there.
    #[error("{program} is not installed, it is needed to run {codec}: {hint}")]
    NoProgram {
        /// The codec.
        codec: &'static str,
        /// The program.
        program: &'static str,
        /// Where to get it.
        hint: &'static str,
    },
    /// A program that failed.
    #[error("{program} failed ({status}): {message}")]
    ProgramFailed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines it printed.
        message: String,
    },
    /// A library that failed.
    #[error("{library}: {message}")]
    Library {
        /// The library.
        library: &'static str,
        /// What it says.
        message: String,
    },
    /// A picture the codec cannot hold.
    #[error("{width}x{height} pixels are too many for {codec}: at most {limit} a side")]
    TooLarge {
        /// The codec.
        codec: &'static str,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Longest side in pixels.
        limit: u32,
    },
    /// A file for or from a program.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// What a program decoded is not an image of the right kind.
    #[error("{program} wrote an image that cannot be read: {source}")]
    Output {
        /// The program.
        program: &'static str,
        /// What is wrong with it.
        source: lic_datasets::PhotoError,
    },
}

/// A codec from its specification.
///
/// # Errors
/// An unknown option or a value out of its range, a weight file that cannot be used, a program that is not installed.
pub fn open(spec: &Spec, defaults: &LicDefaults) -> Result<Box<dyn Codec>, CodecError> {
    Ok(match spec.name() {
        "lic" => Box::new(lic::Lic::new(spec, defaults)?),
        "jpeg" => Box::new(jpeg::Jpeg::new(spec, jpeg::Encoder::Baseline)?),
        "mozjpeg" => Box::new(jpeg::Jpeg::new(spec, jpeg::Encoder::MozJpeg)?),
        "webp" => Box::new(webp::Webp::new(spec)?),
        "avif" => Box::new(avif::Avif::new(spec)?),
        "jxl" => Box::new(jxl::Jxl::new(spec)?),
        other => return Err(SpecError::Unknown { name: other.to_owned() }.into()),
    })
}

/// Qualities at equal distances, ends included.
fn dial(first: u8, last: u8, step: u8) -> Vec<f32> {
    (first..=last).step_by(step.max(1).into()).map(f32::from).collect()
}

/// Refuses pictures that a format cannot hold.
fn check_sides(codec: &'static str, picture: &Picture, limit: u32) -> Result<(), CodecError> {
    let &Picture { width, height, .. } = picture;
    if width.max(height) > limit { Err(CodecError::TooLarge { codec, width, height, limit }) } else { Ok(()) }
}

/// A picture as RGB samples of 8 bits, for codecs that have no grey.
pub fn rgb_samples(picture: &Picture) -> std::borrow::Cow<'_, [u8]> {
    if picture.channels() == 3 {
        return picture.pixels.to_eight();
    }
    picture.pixels.to_eight().iter().flat_map(|&grey| [grey; 3]).collect::<Vec<u8>>().into()
}

/// RGB samples [height, width, 3] as a picture of the colour model of `like`: grey is the mean of the three, rounded.
fn picture_like(like: &Picture, [width, height]: [u32; 2], rgb: Vec<u8>) -> Result<Picture, lic_codec::Error> {
    let pixels = if like.channels() == 3 {
        rgb
    } else {
        rgb.chunks_exact(3).map(|c| ((c.iter().map(|&v| u16::from(v)).sum::<u16>() + 1) / 3) as u8).collect()
    };
    Picture::new(width, height, like.colour, pixels)
}
