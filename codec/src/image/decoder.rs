//! [`LicDecoder`]: `.lic` files as an [`ImageDecoder`].

use std::io::Read;
use std::sync::{Arc, OnceLock};

use ::image::error::{ImageError, ImageResult, LimitError, LimitErrorKind};
use ::image::metadata::Orientation;
use ::image::{ColorType, ImageDecoder, LimitSupport, Limits};

use super::{decoding, wrong_length};
use crate::decoder::Decoder;
use crate::device::DeviceChoice;
use crate::error::Error;
use crate::format::header::MAX_HEADER_BYTES;
use crate::format::{BitDepth, ColourModel, Header, LicFile, SectionKind};
use crate::limits::Needed;
use crate::metadata::Metadata;
use crate::model::Model;
use crate::picture::Picture;
use crate::samples::Samples;
use crate::view::View;

/// A `.lic` file that is being read.
///
/// [`Self::new`] reads no more than it must: the header, and of a file with sections the rest too, because only they say whether there is
/// alpha. Pictures of 10 and 12 bits are offered with 16. Colours are independent of alpha ("straight"). The orientation is the file's
/// own section, never the tag inside EXIF.
#[derive(Debug)]
pub struct LicDecoder<R> {
    reader: R,
    /// What has been read of the file.
    bytes: Vec<u8>,
    header: Header,
    has_alpha: bool,
    metadata: Metadata,
    limits: Limits,
    decoder: Option<Arc<Decoder>>,
}

impl<R: Read> LicDecoder<R> {
    /// Reads the header. The picture is decoded with the model inside the program.
    ///
    /// # Errors
    /// The file cannot be read, is no `.lic` file, is damaged, or needs what this version does not know.
    pub fn new(mut reader: R) -> ImageResult<Self> {
        let mut bytes = Vec::new();
        reader.by_ref().take(MAX_HEADER_BYTES as u64).read_to_end(&mut bytes)?;
        let header = Header::parse(&bytes).map_err(decoding)?;
        let (mut has_alpha, mut metadata) = (false, Metadata::default());
        if header.has_sections {
            reader.read_to_end(&mut bytes)?;
            let file = LicFile::parse(&bytes).map_err(decoding)?;
            has_alpha = file.section(SectionKind::Alpha).is_some();
            metadata = Metadata::of_file(&file);
        }
        Ok(Self { reader, bytes, header, has_alpha, metadata, limits: Limits::no_limits(), decoder: None })
    }

    /// The same with a decoder of the caller's: another model, a chosen device.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_decoder(reader: R, decoder: Arc<Decoder>) -> ImageResult<Self> {
        Ok(Self { decoder: Some(decoder), ..Self::new(reader)? })
    }

    /// The picture, straight alpha, as it is stored.
    fn decode(mut self) -> ImageResult<Picture> {
        // One byte more than allowed shows that there are too many, without reading them all.
        let most = self.limits.max_alloc.map_or(u64::MAX, |most| most.saturating_add(1));
        self.reader.by_ref().take(most).read_to_end(&mut self.bytes)?;
        self.check_memory()?;
        let decoder = match self.decoder {
            Some(decoder) => decoder,
            None => shared().map_err(decoding)?,
        };
        let mut picture = decoder.decode(&self.bytes).map_err(decoding)?.picture;
        picture.unpremultiply();
        Ok(picture)
    }

    /// Whether what is known of the file, the picture's samples and the work beside them fit into the limit.
    fn check_memory(&self) -> ImageResult<()> {
        // Samples of 10 and 12 bits are stretched into a copy.
        let copy = match self.header.depth {
            BitDepth::Ten | BitDepth::Twelve => self.total_bytes(),
            _ => 0,
        };
        let picture = Needed::of(&self.header, self.has_alpha, &View::default()).map_err(decoding)?;
        let needed = self.bytes.len() as u64 + picture.bytes() + copy;
        match self.limits.max_alloc {
            Some(most) if needed > most => {
                Err(ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory)))
            }
            _ => Ok(()),
        }
    }
}

/// The decoder of the model inside the program, made once.
fn shared() -> Result<Arc<Decoder>, Error> {
    static SHARED: OnceLock<Arc<Decoder>> = OnceLock::new();
    if let Some(decoder) = SHARED.get() {
        return Ok(decoder.clone());
    }
    // Two threads may both make one; the first stays.
    let decoder = Arc::new(Decoder::new(&Model::embedded()?, DeviceChoice::Auto)?);
    Ok(SHARED.get_or_init(|| decoder).clone())
}

impl<R: Read> ImageDecoder for LicDecoder<R> {
    fn dimensions(&self) -> (u32, u32) {
        (self.header.width.into(), self.header.height.into())
    }

    fn color_type(&self) -> ColorType {
        let deep = self.header.depth != BitDepth::Eight;
        match (self.header.colour, self.has_alpha, deep) {
            (ColourModel::Grey, false, false) => ColorType::L8,
            (ColourModel::Grey, true, false) => ColorType::La8,
            (ColourModel::Grey, false, true) => ColorType::L16,
            (ColourModel::Grey, true, true) => ColorType::La16,
            (ColourModel::Rgb, false, false) => ColorType::Rgb8,
            (ColourModel::Rgb, true, false) => ColorType::Rgba8,
            (ColourModel::Rgb, false, true) => ColorType::Rgb16,
            (ColourModel::Rgb, true, true) => ColorType::Rgba16,
        }
    }

    fn icc_profile(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.metadata.icc.clone())
    }

    fn exif_metadata(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.metadata.exif.clone())
    }

    fn xmp_metadata(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.metadata.xmp.clone())
    }

    fn orientation(&mut self) -> ImageResult<Orientation> {
        Ok(Orientation::from_exif(self.metadata.orientation).unwrap_or(Orientation::NoTransforms))
    }

    /// `max_alloc` counts the file, the decoded samples and the work memory of the CPU's path, but not the caller's buffer.
    fn set_limits(&mut self, limits: Limits) -> ImageResult<()> {
        limits.check_support(&LimitSupport::default())?;
        let (width, height) = self.dimensions();
        limits.check_dimensions(width, height)?;
        self.limits = limits;
        self.check_memory()
    }

    /// Does not panic: a buffer of another length is an error.
    fn read_image(self, buf: &mut [u8]) -> ImageResult<()> {
        if buf.len() as u64 != self.total_bytes() {
            return Err(wrong_length());
        }
        let picture = self.decode()?;
        let channels = picture.channels();
        let alpha = picture.alpha.as_ref().map(|alpha| &alpha.samples);
        if let Samples::Eight(pixels) = &picture.pixels {
            let places = buf.iter_mut();
            match alpha.map(Samples::to_eight) {
                None => places.zip(pixels).for_each(|(to, sample)| *to = *sample),
                Some(alpha) => places.zip(join(pixels, &alpha, channels)).for_each(|(to, sample)| *to = sample),
            }
        } else {
            let pixels = picture.pixels.to_sixteen();
            let places = buf.as_chunks_mut::<2>().0.iter_mut();
            match alpha.map(Samples::to_sixteen) {
                None => places.zip(pixels.iter()).for_each(|(to, sample)| *to = sample.to_ne_bytes()),
                Some(alpha) => {
                    places.zip(join(&pixels, &alpha, channels)).for_each(|(to, sample)| *to = sample.to_ne_bytes());
                }
            }
        }
        Ok(())
    }

    fn read_image_boxed(self: Box<Self>, buf: &mut [u8]) -> ImageResult<()> {
        (*self).read_image(buf)
    }
}

/// Colour samples [height, width, channels] with the alpha [height, width] behind every pixel's.
fn join<'a, T: Copy>(colours: &'a [T], alpha: &'a [T], channels: usize) -> impl Iterator<Item = T> + 'a {
    let pixels = colours.chunks_exact(channels).zip(alpha);
    pixels.flat_map(|(pixel, alpha)| pixel.iter().chain([alpha]).copied())
}
