//! Lossy WebP (VP8) by libwebp. Its chroma is always 4:2:0.

use std::time::{Duration, Instant};

use lic_codec::Picture;
use webp::{Decoder, Encoder, WebPConfig};

use super::{About, Codec, CodecError, Coded, Session, Spec, check_sides, dial, picture_like, rgb_samples};

/// Longest side of the format.
const LONGEST_SIDE: u32 = 16383;

/// WebP.
pub(super) struct Webp {
    about: About,
    method: u8,
}

impl Webp {
    /// Option: `method=0..6`, 6 is the slowest and best.
    pub(super) fn new(spec: &Spec) -> Result<Self, CodecError> {
        spec.only(&["method"])?;
        let method = spec.number("method", 4, [0, 6])?;
        let about = About {
            label: spec.label().to_owned(),
            version: "libwebp 1.3.1 (libwebp-sys 0.9.6)".to_owned(),
            settings: format!("lossy, method {method}, chroma 4:2:0 (the format has no other)"),
            qualities: dial(5, 95, 5),
            whole_qualities: false,
        };
        Ok(Self { about, method })
    }
}

impl Codec for Webp {
    fn about(&self) -> &About {
        &self.about
    }

    fn open<'a>(&'a self, picture: &'a Picture) -> Result<Box<dyn Session + 'a>, CodecError> {
        check_sides("WebP", picture, LONGEST_SIDE)?;
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
        let picture = picture_like(self.picture, [self.picture.width, self.picture.height], image.to_vec())?;
        Ok((picture, start.elapsed()))
    }
}
