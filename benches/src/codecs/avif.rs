//! AVIF by libavif's programs `avifenc` and `avifdec`, with the encoder aom.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use lic_codec::Picture;

use super::tool::{Desk, Program, ask, run, version};
use super::{About, Codec, CodecError, Session, Spec, dial};

const HINT: &str = "install libavif's programs (Debian: libavif-bin)";

/// AVIF.
pub(super) struct Avif {
    about: About,
    speed: u8,
    depth: &'static str,
    chroma: &'static str,
    tune: &'static str,
    /// Since version 1.0 `avifenc` has a dial of quality; before, quantizers from 0 to 63 are given.
    has_quality: bool,
}

impl Avif {
    /// Options: `speed=0..10` (0 is the slowest and best), `chroma=444|420`, `depth=10|8` bits of the coded planes, `tune=ssim|psnr|iq`: what aom aims at.
    /// SSIM is what `avifenc` 0.11 tells aom by itself, whatever its help says; from libavif 1.4 on it is `iq`, which older ones do not know.
    pub(super) fn new(spec: &Spec) -> Result<Self, CodecError> {
        spec.only(&["chroma", "depth", "speed", "tune"])?;
        let speed = spec.number("speed", 6, [0, 10])?;
        let chroma = spec.word("chroma", &["444", "420"])?;
        let depth = spec.word("depth", &["10", "8"])?;
        let tune = spec.word("tune", &["ssim", "psnr", "iq"])?;
        let [encoder, decoder] = ["avifenc", "avifdec"].map(|program| version("avif", program, HINT));
        let has_quality = ask("avif", "avifenc", "--help", HINT)?.contains("--qcolor");
        let dotted = if chroma == "444" { "4:4:4" } else { "4:2:0" };
        let dial_text = if has_quality { "-q" } else { "aom's cq-level from 63 to 0" };
        let about = About {
            label: spec.label().to_owned(),
            version: format!("avifenc {}; avifdec {}", encoder?, decoder?),
            settings: format!(
                "aom, speed {speed}, tuned for {}, chroma {dotted}, {depth} bits, full range, quality as {dial_text}, one thread",
                tune.to_uppercase()
            ),
            qualities: dial(5, 85, 10),
            whole_qualities: true,
        };
        Ok(Self { about, speed, depth, chroma, tune, has_quality })
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
    fn about(&self) -> &About {
        &self.about
    }

    fn open<'a>(&'a self, picture: &'a Picture) -> Result<Box<dyn Session + 'a>, CodecError> {
        Ok(Box::new(Desk::new(self, picture)?))
    }
}

impl Program for Avif {
    const CODED: &'static str = "coded.avif";
    const DECODED: &'static str = "decoded.png";
    const DECODER: &'static str = "avifdec";

    fn encode(&self, original: &Path, coded: &Path, quality: f32) -> Result<Duration, CodecError> {
        let Avif { speed, depth, chroma, tune, .. } = self;
        let (speed, tune) = (speed.to_string(), format!("tune={tune}"));
        let fixed = ["-j", "1", "-c", "aom", "-s", &speed, "-d", depth, "-y", chroma, "-a", &tune].map(OsString::from);
        let quality = self.quality_arguments(quality).into_iter().map(OsString::from);
        run("avifenc", fixed.into_iter().chain(quality).chain([original.into(), coded.into()]))
    }

    fn decode(&self, coded: &Path, decoded: &Path) -> Result<Duration, CodecError> {
        let fixed = ["-j", "1", "-d", "8", "--png-compress", "0"].map(OsString::from);
        run(Self::DECODER, fixed.into_iter().chain([coded.into(), decoded.into()]))
    }
}
