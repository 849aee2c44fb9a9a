//! JPEG XL by libjxl's programs `cjxl` and `djxl`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lic_codec::Picture;

use super::tool::{Desk, ask, run};
use super::{Codec, CodecError, Coded, Session, Spec, dial};

const HINT: &str = "install libjxl's programs (Debian: libjxl-tools)";

/// JPEG XL.
pub(super) struct Jxl {
    label: String,
    version: String,
    settings: String,
    effort: u8,
    qualities: Vec<f32>,
}

impl Jxl {
    /// Option: `effort=1..9`, 9 is the slowest and best.
    pub(super) fn new(spec: &Spec) -> Result<Self, CodecError> {
        spec.only(&["effort"])?;
        let effort = spec.number("effort", 7, [1, 9])?;
        ask("jxl", "djxl", "--version", HINT)?;
        let version = ask("jxl", "cjxl", "--version", HINT)?;
        Ok(Self {
            label: spec.label().to_owned(),
            version: version.lines().next().unwrap_or_default().trim().to_owned(),
            settings: format!("effort {effort}, -q (100 is lossless), XYB without subsampling (4:4:4), one thread"),
            effort,
            qualities: dial(5, 95, 10),
        })
    }
}

impl Codec for Jxl {
    fn label(&self) -> &str {
        &self.label
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn settings(&self) -> &str {
        &self.settings
    }

    fn qualities(&self) -> &[f32] {
        &self.qualities
    }

    fn open<'a>(&'a self, picture: &'a Picture) -> Result<Box<dyn Session + 'a>, CodecError> {
        let (desk, original) = Desk::new(picture)?;
        Ok(Box::new(Work { codec: self, desk, original }))
    }
}

struct Work<'a> {
    codec: &'a Jxl,
    desk: Desk<'a>,
    original: PathBuf,
}

impl Session for Work<'_> {
    fn encode(&mut self, quality: f32) -> Result<Coded, CodecError> {
        let coded = self.desk.path("coded.jxl");
        let effort = self.codec.effort.to_string();
        let fixed = ["-q", &quality.to_string(), "-e", &effort, "--num_threads=0"].map(OsString::from);
        let files = [self.original.clone().into_os_string(), coded.clone().into_os_string()];
        let time = run("cjxl", files.into_iter().chain(fixed))?;
        Ok(Coded { file: self.desk.read(&coded)?, time })
    }

    fn decode(&mut self, file: &[u8]) -> Result<(Picture, Duration), CodecError> {
        let (coded, decoded) = (self.desk.path("decode.jxl"), self.desk.path("decoded.ppm"));
        self.desk.write(&coded, file)?;
        let fixed = ["--num_threads=1", "--bits_per_sample=8"].map(OsString::from);
        let files = [coded.into_os_string(), decoded.clone().into_os_string()];
        let time = run("djxl", files.into_iter().chain(fixed))?;
        Ok((self.desk.picture("djxl", &decoded)?, time))
    }
}
