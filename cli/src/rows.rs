//! Encoding in rows, from an image that is never in memory as a whole: one thread reads, the others encode.

use std::sync::mpsc::sync_channel;

use anyhow::Context;
use lic_codec::format::BitDepth;
use lic_codec::{Colour, EncodeOptions, Encoded, Encoder, Frame, Samples};
use lic_datasets::{Channels, PhotoBand, PhotoRows, PhotoSamples};

use crate::picture::metadata_of;

/// Rows that are read together, and how many such bands wait for the encoder.
const BAND: u32 = 64;
const WAITING: usize = 4;

/// An image, and what the encoder must know of it before its rows come.
pub struct RowSource {
    /// Size, colours and metadata.
    pub frame: Frame,
    rows: PhotoRows,
}

impl RowSource {
    /// Takes over an image that was opened.
    pub fn new(mut rows: PhotoRows) -> Self {
        let frame = Frame {
            width: rows.width,
            height: rows.height,
            colour: match rows.channels {
                Channels::Grey => Colour::Grey,
                Channels::Rgb => Colour::Rgb,
            },
            depth: if rows.deep { BitDepth::Sixteen } else { BitDepth::Eight },
            // As PNG defines it.
            alpha: rows.has_alpha.then_some(false),
            metadata: metadata_of(std::mem::take(&mut rows.metadata)),
        };
        Self { frame, rows }
    }

    /// Encodes all rows.
    pub fn encode(self, encoder: &Encoder, options: &EncodeOptions) -> anyhow::Result<Encoded> {
        let Self { frame, mut rows } = self;
        let mut into = encoder.rows(&frame, options)?;
        let (sender, receiver) = sync_channel(WAITING);
        // Moved into the scope, so that the reader does not wait for a receiver that is gone.
        std::thread::scope(move |scope| {
            let reader = scope.spawn(move || {
                while let Some(band) = rows.next(BAND).transpose() {
                    // Nobody listens when encoding has failed.
                    if sender.send(band).is_err() {
                        break;
                    }
                }
            });
            for band in receiver {
                let (pixels, alpha): PhotoBand = band?;
                into.push(samples(pixels), alpha.map(samples))?;
            }
            reader.join().ok().context("the image cannot be read")?;
            Ok(into.finish()?)
        })
    }
}

fn samples(samples: PhotoSamples) -> Samples {
    match samples {
        PhotoSamples::Eight(samples) => Samples::Eight(samples),
        PhotoSamples::Sixteen(samples) => Samples::Deep(BitDepth::Sixteen, samples),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use image::{DynamicImage, GrayAlphaImage, LumaA};
    use lic_codec::{DeviceChoice, Model};
    use lic_datasets::{Photo, generate};

    use super::*;
    use crate::picture::of_photo;

    fn rows(path: &Path) -> RowSource {
        RowSource::new(PhotoRows::open(path, 0).unwrap().unwrap())
    }

    fn encoder() -> Encoder {
        Encoder::new(&Model::embedded().unwrap(), DeviceChoice::Cpu).unwrap()
    }

    #[test]
    fn a_png_in_rows_becomes_the_file_of_the_whole_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tall.png");
        let (encoder, options) = (encoder(), EncodeOptions { tile: 128, ..EncodeOptions::default() });
        let fading = GrayAlphaImage::from_fn(150, 1300, |x, y| LumaA([(y / 6) as u8, (x + 50) as u8]));
        for image in [generate::landscape(150, 1300, 1).into_image().unwrap(), DynamicImage::ImageLumaA8(fading)] {
            image.save(&path).unwrap();
            let whole = encoder.encode(&of_photo(Photo::open(&path).unwrap()).unwrap(), &options).unwrap().bytes;
            assert!(rows(&path).encode(&encoder, &options).unwrap().bytes == whole);
        }
    }

    #[test]
    fn a_file_that_breaks_off_is_an_error_and_nobody_waits_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.png");
        generate::landscape(150, 1300, 1).into_image().unwrap().save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let options = EncodeOptions::default();
        assert!(rows(&path).encode(&encoder(), &options).is_err());
        // And an encoder that stops while the reader still has rows to give.
        std::fs::write(&path, &bytes).unwrap();
        let mut source = rows(&path);
        source.frame.height = 100;
        assert!(source.encode(&encoder(), &options).is_err());
    }
}
