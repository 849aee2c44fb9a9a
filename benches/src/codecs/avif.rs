//! AVIF by libavif's programs `avifenc` and `avifdec`, with the encoder aom.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lic_codec::Picture;

use super::tool::{Desk, ask, run};
use super::{Codec, CodecError, Coded, Session, Spec, dial};

const HINT: &str = "install libavif's programs (Debian: libavif-bin)";

/// AVIF.
pub(super) struct Avif {
    label: String,
    version: String,
    settings: String,
    speed: u8,
    depth: &'static str,
    chroma: &'static str,
    /// Since version 1.0 `avifenc` has a dial of quality; before, quantizers from 0 to 63 are given.
    has_quality: bool,
    qualities: Vec<f32>,
}

impl Avif {
    /// Options: `speed=0..10` (0 is the slowest and best), `chroma=444|420`, `depth=10|8` bits of the coded planes.
    pub(super) fn new(spec: &Spec) -> Result<Self, CodecError> {
        spec.only(&["chroma", "depth", "speed"])?;
        let speed = spec.number("speed", 6, [0, 10])?;
        let chroma = spec.word("chroma", &["444", "420"])?;
        let depth = spec.word("depth", &["10", "8"])?;
        ask("avif", "avifdec", "--version", HINT)?;
        let version = ask("avif", "avifenc", "--version", HINT)?;
        let has_quality = ask("avif", "avifenc", "--help", HINT)?.contains("--qcolor");
        let version = version.lines().next().unwrap_or_default().trim_start_matches("Version:").trim().to_owned();
        let dotted = if chroma == "444" { "4:4:4" } else { "4:2:0" };
        let dial_text = if has_quality { "-q" } else { "aom's cq-level from 63 to 0" };
        Ok(Self {
            label: spec.label().to_owned(),
            version: format!("avifenc {version}"),
            settings: format!(
                "aom, speed {speed}, chroma {dotted}, {depth} bits, full range, quality as {dial_text}, one thread"
            ),
            speed,
            depth,
            chroma,
            has_quality,
            qualities: dial(5, 85, 10),
        })
    }

    fn quality_arguments(&self, quality: f32) -> Vec<String> {
        let quality = quality.round();
        if self.has_quality {
            return vec!["-q".to_owned(), quality.to_string()];
        }
        // As libavif 1.0 turns a quality into a quantizer (avifQualityToQuantizer): 100 is 0, 0 is 63.
        let quantizer = ((100.0 - quality) * 63.0 / 100.0).round();
        let level = format!("cq-level={quantizer}");
        ["--min", "0", "--max", "63", "-a", "end-usage=q", "-a", &level].map(str::to_owned).to_vec()
    }
}

impl Codec for Avif {
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
    codec: &'a Avif,
    desk: Desk<'a>,
    original: PathBuf,
}

impl Session for Work<'_> {
    fn encode(&mut self, quality: f32) -> Result<Coded, CodecError> {
        let coded = self.desk.path("coded.avif");
        let Avif { speed, depth, chroma, .. } = self.codec;
        let fixed = ["-j", "1", "-c", "aom", "-s", &speed.to_string(), "-d", depth, "-y", chroma].map(OsString::from);
        let quality = self.codec.quality_arguments(quality).into_iter().map(OsString::from);
        let files = [self.original.clone().into_os_string(), coded.clone().into_os_string()];
        let time = run("avifenc", fixed.into_iter().chain(quality).chain(files))?;
        Ok(Coded { file: self.desk.read(&coded)?, time })
    }

    fn decode(&mut self, file: &[u8]) -> Result<(Picture, Duration), CodecError> {
        let (coded, decoded) = (self.desk.path("decode.avif"), self.desk.path("decoded.png"));
        self.desk.write(&coded, file)?;
        let fixed = ["-j", "1", "-d", "8", "--png-compress", "0"].map(OsString::from);
        let files = [coded.into_os_string(), decoded.clone().into_os_string()];
        let time = run("avifdec", fixed.into_iter().chain(files))?;
        Ok((self.desk.picture("avifdec", &decoded)?, time))
    }
}
