//! [`LicEncoder`]: `.lic` files as an [`ImageEncoder`].

use std::io::Write;
use std::sync::{Arc, OnceLock};

use ::image::error::{ImageResult, UnsupportedError};
use ::image::metadata::Orientation;
use ::image::{ExtendedColorType, ImageEncoder};

use super::{encoding, unsupported, unsupported_error, wrong_length};
use crate::alpha::Alpha;
use crate::device::DeviceChoice;
use crate::encoder::Encoder;
use crate::error::Error;
use crate::format::{BitDepth, Cicp, ColourModel};
use crate::metadata::{Metadata, is_tiff};
use crate::model::Model;
use crate::options::EncodeOptions;
use crate::picture::Picture;
use crate::samples::Samples;

/// What JPEG has before EXIF, and some readers leave there.
const JPEG_PREFIX: &[u8] = b"Exif\0\0";

/// Writes one `.lic` file. Grey and RGB with 8 or 16 bits, with and without alpha, are taken.
#[derive(Debug)]
pub struct LicEncoder<W> {
    writer: W,
    options: EncodeOptions,
    metadata: Metadata,
    encoder: Option<Arc<Encoder>>,
}

impl<W: Write> LicEncoder<W> {
    /// Encodes with the model inside the program and [`EncodeOptions::default`].
    pub fn new(writer: W) -> Self {
        Self::with_options(writer, EncodeOptions::default())
    }

    /// Encodes with other options.
    pub fn with_options(writer: W, options: EncodeOptions) -> Self {
        Self { writer, options, metadata: Metadata::default(), encoder: None }
    }

    /// Encodes with an encoder of the caller's: another model, a chosen device.
    pub fn with_encoder(writer: W, options: EncodeOptions, encoder: Arc<Encoder>) -> Self {
        Self { encoder: Some(encoder), ..Self::with_options(writer, options) }
    }

    /// XMP packet; `image` has no word for it yet.
    pub fn set_xmp_metadata(&mut self, xmp: Vec<u8>) {
        self.metadata.xmp = Some(xmp);
    }

    /// Colour as code points of ITU-T H.273, which go before a profile; `image` has no word for them yet.
    pub fn set_cicp(&mut self, cicp: Cicp) {
        self.metadata.cicp = Some(cicp);
    }

    /// Says how to turn the picture for display; samples are written as they are. EXIF that is set later and says that the picture is turned
    /// goes before this.
    pub fn set_orientation(&mut self, orientation: Orientation) {
        self.metadata.orientation = orientation.to_exif();
    }
}

/// The encoder of the model inside the program, made once.
fn shared() -> Result<Arc<Encoder>, Error> {
    static SHARED: OnceLock<Arc<Encoder>> = OnceLock::new();
    if let Some(encoder) = SHARED.get() {
        return Ok(encoder.clone());
    }
    // Two threads may both make one; the first stays.
    let encoder = Arc::new(Encoder::new(&Model::embedded()?, DeviceChoice::Auto)?);
    Ok(SHARED.get_or_init(|| encoder).clone())
}

impl<W: Write> ImageEncoder for LicEncoder<W> {
    /// Does not panic: a buffer of another length is an error.
    fn write_image(mut self, buf: &[u8], width: u32, height: u32, color_type: ExtendedColorType) -> ImageResult<()> {
        let (colour, has_alpha, deep) = match color_type {
            ExtendedColorType::L8 => (ColourModel::Grey, false, false),
            ExtendedColorType::La8 => (ColourModel::Grey, true, false),
            ExtendedColorType::L16 => (ColourModel::Grey, false, true),
            ExtendedColorType::La16 => (ColourModel::Grey, true, true),
            ExtendedColorType::Rgb8 => (ColourModel::Rgb, false, false),
            ExtendedColorType::Rgba8 => (ColourModel::Rgb, true, false),
            ExtendedColorType::Rgb16 => (ColourModel::Rgb, false, true),
            ExtendedColorType::Rgba16 => (ColourModel::Rgb, true, true),
            other => return Err(unsupported(&format!("pixels of the type {other:?}"))),
        };
        let channels = crate::picture::channels(colour);
        let per_pixel = (channels + usize::from(has_alpha)) * (1 + usize::from(deep));
        // Does not fit u64 for the largest sides.
        let expected = u128::from(width) * u128::from(height) * per_pixel as u128;
        if buf.len() as u128 != expected {
            return Err(wrong_length());
        }
        let alpha_after = has_alpha.then_some(channels);
        let (pixels, alpha) = if deep {
            let samples: Vec<u16> = buf.as_chunks::<2>().0.iter().map(|&bytes| u16::from_ne_bytes(bytes)).collect();
            let (pixels, alpha) = split(samples, alpha_after);
            let deep = |samples| Samples::Deep(BitDepth::Sixteen, samples);
            (deep(pixels), alpha.map(deep))
        } else {
            let (pixels, alpha) = split(buf.to_vec(), alpha_after);
            (Samples::Eight(pixels), alpha.map(Samples::Eight))
        };
        let mut picture = Picture::new(width, height, colour, pixels).map_err(encoding)?;
        picture.alpha = alpha.map(|samples| Alpha { samples, premultiplied: false });
        picture.metadata = self.metadata;
        let encoder = match self.encoder {
            Some(encoder) => encoder,
            None => shared().map_err(encoding)?,
        };
        let encoded = encoder.encode(&picture, &self.options).map_err(encoding)?;
        self.writer.write_all(&encoded.bytes)?;
        Ok(self.writer.flush()?)
    }

    fn set_icc_profile(&mut self, icc_profile: Vec<u8>) -> Result<(), UnsupportedError> {
        self.metadata.icc = Some(icc_profile);
        Ok(())
    }

    /// An orientation inside becomes the file's own, which is the only one that counts, and goes before one that was set. One that says upright, or
    /// none, leaves what was set: so does the EXIF of a picture that was turned already, or that comes from a `.lic` file. What is set later counts in
    /// any case. `Exif\0\0`, which stands before EXIF in JPEG, is taken away.
    ///
    /// # Errors
    /// The EXIF does not start like TIFF; nothing is set then.
    fn set_exif_metadata(&mut self, mut exif: Vec<u8>) -> Result<(), UnsupportedError> {
        if exif.starts_with(JPEG_PREFIX) {
            exif.drain(..JPEG_PREFIX.len());
        }
        if !is_tiff(&exif) {
            return Err(unsupported_error("EXIF that does not start like TIFF"));
        }
        match Orientation::remove_from_exif_chunk(&mut exif) {
            None | Some(Orientation::NoTransforms) => {}
            Some(orientation) => self.set_orientation(orientation),
        }
        self.metadata.exif = Some(exif);
        Ok(())
    }
}

/// Samples of pixels with alpha behind so many colours, apart.
fn split<T: Copy>(samples: Vec<T>, alpha_after: Option<usize>) -> (Vec<T>, Option<Vec<T>>) {
    let Some(channels) = alpha_after else { return (samples, None) };
    let (mut colours, mut alpha) = (Vec::with_capacity(samples.len()), Vec::new());
    for pixel in samples.chunks_exact(channels + 1) {
        let (colour, rest) = pixel.split_at(channels);
        colours.extend_from_slice(colour);
        alpha.extend_from_slice(rest);
    }
    (colours, Some(alpha))
}
