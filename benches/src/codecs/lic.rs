//! `lic` itself, with the embedded weights or any weight file.

use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use lic_codec::format::is_tile_size;
use lic_codec::{Analysed, Decoder, DeviceChoice, Effort, EncodeOptions, Encoder, Model, Picture, quality_index};
use lic_datasets::manifest::sha256_hex;

use super::{About, Codec, CodecError, Coded, LicDefaults, Session, Spec, SpecError};

/// The project's own codec.
pub(super) struct Lic {
    about: About,
    /// SHA-256 of the weight file: the ids do not cover the encoder's networks.
    weights_digest: String,
    options: EncodeOptions,
    encoder: Encoder,
    decoder: Decoder,
}

impl Lic {
    /// Options: `model=FILE`, `effort=0..3`, `tile=PIXELS`, `device=NAME`.
    pub(super) fn new(spec: &Spec, defaults: &LicDefaults) -> Result<Self, CodecError> {
        spec.only(&["device", "effort", "model", "tile"])?;
        let model = match spec.text("model") {
            Some(path) => Model::open(Path::new(path))?,
            None => defaults.model.clone(),
        };
        let wrong = |option, value: &str, allowed: &str| SpecError::Value {
            codec: "lic",
            option,
            value: value.to_owned(),
            allowed: allowed.to_owned(),
        };
        let mut options = EncodeOptions { effort: defaults.effort, ..EncodeOptions::default() };
        if let Some(value) = spec.text("effort") {
            let effort = value.parse().ok().and_then(Effort::new);
            options.effort = effort.ok_or_else(|| wrong("effort", value, "0 to 3"))?;
        }
        if let Some(value) = spec.text("tile") {
            let tile = value.parse().ok().filter(|&tile| is_tile_size(tile));
            options.tile = tile.ok_or_else(|| wrong("tile", value, "multiples of 64 from 64 to 4096"))?;
        }
        let mut device = defaults.device;
        if let Some(name) = spec.text("device") {
            let known = DeviceChoice::from_name(name);
            device = known.ok_or_else(|| wrong("device", name, "auto, cpu, reference or gpu"))?;
        }
        let (encoder, decoder) = (Encoder::new(&model, device)?, Decoder::new(&model, device)?);
        let about = About {
            label: spec.label().to_owned(),
            version: format!(
                "lic {}, weights with parse id {:08x}, synthesis id {:08x}",
                env!("CARGO_PKG_VERSION"),
                model.parse_id(),
                model.synthesis_id()
            ),
            settings: format!(
                "effort {}, tiles of {} pixels, device {}",
                options.effort.number(),
                options.tile,
                // What `auto` has come to: results of another device are others.
                encoder.device()
            ),
            qualities: vec![0.0, 10.0, 25.0, 40.0, 55.0, 70.0, 85.0, 100.0],
            whole_qualities: false,
        };
        Ok(Self { about, weights_digest: sha256_hex(model.bytes()), options, encoder, decoder })
    }
}

impl Codec for Lic {
    fn about(&self) -> &About {
        &self.about
    }

    /// With the digest of the program: while `lic` is worked on, its version says too little.
    fn identity(&self) -> String {
        let About { version, settings, .. } = &self.about;
        format!("{version} | {settings} | weights {} | program {}", self.weights_digest, program_digest())
    }

    fn warning(&self) -> Option<String> {
        self.encoder.warning().map(|warning| warning.to_string())
    }

    fn open<'a>(&'a self, picture: &'a Picture) -> Result<Box<dyn Session + 'a>, CodecError> {
        let start = Instant::now();
        let analysed = self.encoder.analyse(picture, &self.options)?;
        Ok(Box::new(Work { analysed, analysis: start.elapsed(), decoder: &self.decoder }))
    }
}

/// The analysis does not depend on the quality: it runs once and is counted in full at each.
struct Work<'a> {
    analysed: Analysed<'a>,
    analysis: Duration,
    decoder: &'a Decoder,
}

impl Session for Work<'_> {
    fn encode(&mut self, quality: f32) -> Result<Coded, CodecError> {
        let start = Instant::now();
        let encoded = self.analysed.encode(quality_index(quality)?)?;
        Ok(Coded { file: encoded.bytes, time: self.analysis + start.elapsed() })
    }

    fn decode(&mut self, file: &[u8]) -> Result<(Picture, Duration), CodecError> {
        let start = Instant::now();
        let decoded = self.decoder.decode(file)?;
        Ok((decoded.picture, start.elapsed()))
    }
}

/// SHA-256 of the running program, also if its file has been replaced since it was started; something that is never found again if it cannot be read.
fn program_digest() -> &'static str {
    static DIGEST: OnceLock<String> = OnceLock::new();
    DIGEST.get_or_init(|| {
        let running = std::fs::read("/proc/self/exe");
        let bytes = running.or_else(|_| std::env::current_exe().and_then(std::fs::read));
        let unknown = |_| format!("unread, of process {} at {:?}", std::process::id(), SystemTime::now());
        bytes.map_or_else(unknown, |bytes| sha256_hex(&bytes))
    })
}
