//! JPEG XL by libjxl's programs `cjxl` and `djxl`.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use lic_codec::Picture;

use super::tool::{Desk, Program, run, version};
use super::{About, Codec, CodecError, Session, Spec, dial};

const HINT: &str = "install libjxl's programs (Debian: libjxl-tools)";

/// JPEG XL.
pub(super) struct Jxl {
    about: About,
    effort: u8,
}

impl Jxl {
    /// Option: `effort=1..9`, 9 is the slowest and best.
    pub(super) fn new(spec: &Spec) -> Result<Self, CodecError> {
        spec.only(&["effort"])?;
        let effort = spec.number("effort", 7, [1, 9])?;
        let [encoder, decoder] = ["cjxl", "djxl"].map(|program| version("jxl", program, HINT));
        let about = About {
            label: spec.label().to_owned(),
            version: format!("{}; {}", encoder?, decoder?),
            settings: format!("effort {effort}, -q (100 is lossless), XYB without subsampling (4:4:4), one thread"),
            qualities: dial(5, 95, 10),
            whole_qualities: false,
        };
        Ok(Self { about, effort })
    }
}

impl Codec for Jxl {
    fn about(&self) -> &About {
        &self.about
    }

    fn open<'a>(&'a self, picture: &'a Picture) -> Result<Box<dyn Session + 'a>, CodecError> {
        Ok(Box::new(Desk::new(self, picture)?))
    }
}

impl Program for Jxl {
    const CODED: &'static str = "coded.jxl";
    const DECODED: &'static str = "decoded.ppm";
    const DECODER: &'static str = "djxl";

    fn encode(&self, original: &Path, coded: &Path, quality: f32) -> Result<Duration, CodecError> {
        let effort = self.effort.to_string();
        let fixed = ["-q", &quality.to_string(), "-e", &effort, "--num_threads=0"].map(OsString::from);
        run("cjxl", [original.into(), coded.into()].into_iter().chain(fixed))
    }

    fn decode(&self, coded: &Path, decoded: &Path) -> Result<Duration, CodecError> {
        let fixed = ["--num_threads=1", "--bits_per_sample=8"].map(OsString::from);
        run(Self::DECODER, [coded.into(), decoded.into()].into_iter().chain(fixed))
    }
}
