//! Lossy WebP (VP8) by libwebp. Its chroma is always 4:2:0.

use std::time::{Duration, Instant};

use lic_codec::Picture;
use webp::{Decoder, Encoder, WebPConfig};

use super::{Codec, CodecError, Coded, Session, Spec, dial, picture_like, rgb_samples};

/// Longest side of the format.
const LONGEST_SIDE: u32 = 16383;

/// WebP.
pub(super) struct Webp {
    label: String,
    settings: String,
    method: u8,
    qualities: Vec<f32>,
}

impl Webp {
    /// Option: `method=0..6`, 6 is the slowest and best.
    pub(super) fn new(spec: &Spec) -> Result<Self, CodecError> {
        spec.only(&["method"])?;
        let method = spec.number("method", 4, [0, 6])?;
        let settings = format!("lossy, method {method}, chroma 4:2:0 (the format has no other)");
        Ok(Self { label: spec.label().to_owned(), settings, method, qualities: dial(5, 95, 5) })
    }
}

impl Codec for Webp {
    fn label(&self) -> &str {
        &self.label
    }

    fn version(&self) -> &'static str {
        "libwebp 1.3.1 (libwebp-sys 0.9.6)"
    }

    fn settings(&self) -> &str {
        &self.settings
    }

    fn qualities(&self) -> &[f32] {
        &self.qualities
    }

    fn open<'a>(&'a self, picture: &'a Picture) -> Result<Box<dyn Session + 'a>, CodecError> {
        let &Picture { width, height, .. } = picture;
        if width.max(height) > LONGEST_SIDE {
            return Err(CodecError::TooLarge { codec: "WebP", width, height, limit: LONGEST_SIDE });
        }
        Ok(Box::new(Work { codec: self, picture }))
    }
}

struct Work<'a> {
    codec: &'a Webp,
    picture: &'a Picture,
}

fn failed(message: impl Into<String>) -> CodecError {
    CodecError::Library { library: "libwebp", message: message.into() }
}

impl Session for Work<'_> {
    fn encode(&mut self, quality: f32) -> Result<Coded, CodecError> {
        let start = Instant::now();
        let mut config = WebPConfig::new().map_err(|()| failed("its versions do not fit together"))?;
        config.quality = quality;
        config.method = self.codec.method.into();
        let rgb = rgb_samples(self.picture);
        let encoder = Encoder::from_rgb(&rgb, self.picture.width, self.picture.height);
        let file = encoder.encode_advanced(&config).map_err(|error| failed(format!("{error:?}")))?.to_vec();
        Ok(Coded { file, time: start.elapsed() })
    }

    fn decode(&mut self, file: &[u8]) -> Result<(Picture, Duration), CodecError> {
        let start = Instant::now();
        let image = Decoder::new(file).decode().ok_or_else(|| failed("it does not read what it wrote"))?;
        if image.is_alpha() {
            return Err(failed("it returned transparency for an opaque picture"));
        }
        let picture = picture_like(self.picture, image.to_vec())?;
        Ok((picture, start.elapsed()))
    }
}
