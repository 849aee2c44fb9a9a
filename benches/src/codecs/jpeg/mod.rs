//! JPEG by one library in two ways: as libjpeg-turbo writes it (baseline), and with everything mozjpeg can do; chroma also as
//! the older libjpeg of the Independent JPEG Group resamples it ([`dct`]).

mod dct;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use lic_codec::Picture;
use mozjpeg::qtable::{AnnexK_Chroma, AnnexK_Luma};
use mozjpeg::{ColorSpace, Compress, Decompress};

use super::{About, Codec, CodecError, Coded, Session, Spec, check_sides, dial, picture_like};

/// Longest side the library takes (JPEG_MAX_DIMENSION).
const LONGEST_SIDE: u32 = 65500;

/// Below this quality some scaled entries of Annex K's tables exceed 8 bits (121 times 210 % is 254).
const FIRST_UNCLAMPED_QUALITY: f32 = 24.0;

/// How the library is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoder {
    /// Sequential, Annex K's tables, standard Huffman codes: what libjpeg, libjpeg-turbo and Pillow write by default.
    Baseline,
    /// Progressive, trellis quantisation, optimised scans and Huffman codes.
    MozJpeg,
}

/// JPEG with one of its encoders.
pub(super) struct Jpeg {
    about: About,
    encoder: Encoder,
    chroma: &'static str,
}

impl Jpeg {
    /// Option: `chroma=420|444|420dct`.
    pub(super) fn new(spec: &Spec, encoder: Encoder) -> Result<Self, CodecError> {
        spec.only(&["chroma"])?;
        let chroma = spec.word("chroma", &["420", "444", "420dct"])?;
        let how = match encoder {
            Encoder::Baseline => "baseline as libjpeg-turbo, standard tables and Huffman codes",
            Encoder::MozJpeg => "mozjpeg's defaults: progressive, trellis, optimised scans",
        };
        let dotted = match chroma {
            "420" => "4:2:0",
            "444" => "4:4:4",
            _ => "4:2:0 resampled by DCT as libjpeg 7 to 9",
        };
        let about = About {
            label: spec.label().to_owned(),
            version: "mozjpeg 0.10.13 (mozjpeg-sys 2.2.3)".to_owned(),
            settings: format!("{how}, chroma {dotted}"),
            qualities: dial(5, 95, 5),
            whole_qualities: true,
        };
        Ok(Self { about, encoder, chroma })
    }

    fn compress(&self, picture: &Picture, quality: f32) -> std::io::Result<Vec<u8>> {
        let grey = picture.channels() == 1;
        let mut compress = Compress::new(if grey { ColorSpace::JCS_GRAYSCALE } else { ColorSpace::JCS_RGB });
        compress.set_size(picture.width as usize, picture.height as usize);
        // libjpeg has no quality 0.
        let quality = quality.round().max(1.0);
        match self.encoder {
            Encoder::Baseline => {
                compress.set_fastest_defaults();
                compress.set_quality(quality);
                if quality < FIRST_UNCLAMPED_QUALITY {
                    // As libjpeg's force_baseline: entries end at 255. Its scale is a whole number of percent.
                    // A little more, as halves are rounded up and the crate's arithmetic is not that exact.
                    let exact = 5000.0 / ((5000.0 / quality).floor() + 1e-3);
                    compress.set_luma_qtable(&AnnexK_Luma.scaled(exact, exact));
                    compress.set_chroma_qtable(&AnnexK_Chroma.scaled(exact, exact));
                }
            }
            Encoder::MozJpeg => compress.set_quality(quality),
        }
        if !grey {
            let size = if self.chroma == "444" { (1, 1) } else { (2, 2) };
            compress.set_chroma_sampling_pixel_sizes(size, size);
            if self.chroma == "420dct" {
                return dct::compress(
                    compress,
                    &picture.pixels.to_eight(),
                    [picture.width as usize, picture.height as usize],
                );
            }
        }
        let mut started = compress.start_compress(Vec::new())?;
        started.write_scanlines(&picture.pixels.to_eight())?;
        started.finish()
    }
}

impl Codec for Jpeg {
    fn about(&self) -> &About {
        &self.about
    }

    fn open<'a>(&'a self, picture: &'a Picture) -> Result<Box<dyn Session + 'a>, CodecError> {
        check_sides("JPEG", picture, LONGEST_SIDE)?;
        Ok(Box::new(Work { codec: self, picture }))
    }
}

struct Work<'a> {
    codec: &'a Jpeg,
    picture: &'a Picture,
}

/// Runs the library, which reports what is wrong with a file by unwinding (its documentation asks for this).
fn guarded<T>(work: impl FnOnce() -> std::io::Result<T>) -> Result<T, CodecError> {
    let failed = |message| CodecError::Library { library: "mozjpeg", message };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| failed(error.to_string())),
        Err(panic) => {
            let message = panic.downcast_ref::<String>().cloned();
            Err(failed(message.unwrap_or_else(|| "it gave up without a reason".to_owned())))
        }
    }
}

impl Session for Work<'_> {
    fn encode(&mut self, quality: f32) -> Result<Coded, CodecError> {
        let start = Instant::now();
        let file = guarded(|| self.codec.compress(self.picture, quality))?;
        Ok(Coded { file, time: start.elapsed() })
    }

    fn decode(&mut self, file: &[u8]) -> Result<(Picture, Duration), CodecError> {
        let start = Instant::now();
        let read = || -> std::io::Result<Vec<u8>> {
            if self.codec.chroma == "420dct" && self.picture.channels() == 3 {
                return dct::decompress(file);
            }
            let mut image = Decompress::new_mem(file)?.rgb()?;
            let samples = image.read_scanlines()?;
            image.finish()?;
            Ok(samples)
        };
        let picture = picture_like(self.picture, [self.picture.width, self.picture.height], guarded(read)?)?;
        Ok((picture, start.elapsed()))
    }
}
