//! [`LicDecoder`]: `.lic` files as an [`ImageDecoder`].

use std::io::Read;
use std::sync::{Arc, OnceLock};

use ::image::error::{ImageError, ImageResult, LimitError, LimitErrorKind};
use ::image::metadata::Orientation;
use ::image::{ColorType, ImageDecoder, ImageDecoderRect, LimitSupport, Limits};

use super::front::{Front, Recorded};
use super::{decoding, wrong_length, wrong_rectangle};
use crate::decoder::Decoder;
use crate::device::DeviceChoice;
use crate::error::Error;
use crate::format::{BitDepth, ColourModel};
use crate::metadata::Metadata;
use crate::model::Model;
use crate::needed::{Needed, Reach};
use crate::picture::Picture;
use crate::rows::RowBand;
use crate::samples::Samples;
use crate::view::{Region, View};

/// A `.lic` file that is being read.
///
/// [`Self::new`] reads no more than it must: the header, and of a file with sections these too, because only they say whether there is
/// alpha; at most 64 MiB of them, an alpha plane behind them not counted, because limits can be set only afterwards. Pictures of 10 and 12 bits
/// are offered with 16. Colours are independent of alpha ("straight"). The orientation is the file's own section, never the tag inside EXIF.
#[derive(Debug)]
pub struct LicDecoder<R> {
    /// With what has been read of the file.
    file: Recorded<R>,
    front: Front,
    limits: Limits,
    decoder: Option<Arc<Decoder>>,
}

impl<R: Read> LicDecoder<R> {
    /// Reads header and sections. The picture is decoded with the model inside the program.
    ///
    /// # Errors
    /// The file cannot be read, is no `.lic` file, is damaged, has too many bytes of sections, or needs what this version does not know.
    pub fn new(reader: R) -> ImageResult<Self> {
        let (front, file) = Front::read(reader).map_err(decoding)?;
        Ok(Self { file, front, limits: Limits::no_limits(), decoder: None })
    }

    /// The same with a decoder of the caller's: another model, a chosen device, [`crate::Limits`]. These are looked at when samples are read, not before:
    /// `DynamicImage::from_decoder` makes room for the whole picture first, so call [`Self::set_limits`], too, before you hand a stranger's file to it.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_decoder(reader: R, decoder: Arc<Decoder>) -> ImageResult<Self> {
        Ok(Self { decoder: Some(decoder), ..Self::new(reader)? })
    }

    /// Writes part of the picture, or all of it, as it is stored but with straight alpha, to `buf`, a row every `pitch` bytes. Reads what is left of
    /// the file, unless the limits forbid.
    fn decode(&mut self, view: &View, buf: &mut [u8], pitch: usize) -> ImageResult<()> {
        let most = self.limits.max_alloc.map_or(u64::MAX, |most| most.saturating_sub(self.beside(view)));
        self.file.read_on(most).map_err(decoding)?;
        self.check_memory(view)?;
        let decoder = match &self.decoder {
            Some(decoder) => decoder.clone(),
            None => shared().map_err(decoding)?,
        };
        let header = &self.front.header;
        let [width, _] = view.size(header).map_err(decoding)?;
        let take = |band: RowBand| {
            let RowBand { y, height, pixels, alpha } = band;
            let metadata = Metadata::default();
            let mut rows = Picture { width, height, colour: header.colour, pixels, alpha, metadata };
            rows.unpremultiply();
            if let Some(place) = buf.get_mut(y as usize * pitch..) {
                write(&rows, place, pitch);
            }
        };
        decoder.each_band(self.file.came(), view, take).map_err(decoding)
    }

    /// Bytes that decoding takes beside the file.
    fn beside(&self, view: &View) -> u64 {
        let header = &self.front.header;
        // One copy of the metadata is here, another comes with the rows.
        let metadata = self.front.metadata.bytes();
        let reach = self.decoder.as_ref().map_or_else(Reach::default, |decoder| decoder.reach());
        // Who asks has checked the rectangle.
        let Ok(needed) = Needed::of(header, self.front.alpha, view, reach) else { return u64::MAX };
        let rows = needed.rows().keeping(2 * metadata);
        match header.depth {
            // Their samples are stretched into a copy.
            BitDepth::Ten | BitDepth::Twelve => rows.copied().bytes(),
            BitDepth::Eight | BitDepth::Sixteen => rows.bytes(),
        }
    }

    /// Whether what is known of the file and the work beside it fit into the limit.
    fn check_memory(&self, view: &View) -> ImageResult<()> {
        let needed = self.beside(view).saturating_add(self.file.memory());
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
        (self.front.header.width.into(), self.front.header.height.into())
    }

    fn color_type(&self) -> ColorType {
        let deep = self.front.header.depth != BitDepth::Eight;
        match (self.front.header.colour, self.front.alpha.is_some(), deep) {
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
        Ok(self.front.metadata.icc.clone())
    }

    fn exif_metadata(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.front.metadata.exif.clone())
    }

    fn xmp_metadata(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.front.metadata.xmp.clone())
    }

    fn orientation(&mut self) -> ImageResult<Orientation> {
        Ok(Orientation::from_exif(self.front.metadata.orientation).unwrap_or(Orientation::NoTransforms))
    }

    /// `max_alloc` counts the file, the metadata and the work memory, of which rows on their way into the caller's buffer are a part, but not that
    /// buffer nor copies of metadata that were asked for. `ImageReader` takes the buffer from its own limit, 512 MiB unless told otherwise, before it
    /// hands on the rest: pictures of up to about 96 megapixels in RGB of 8 bits go through, or 44 of 16. A picture that does not fit is refused
    /// here, and not only when it is read, because `DynamicImage::from_decoder` makes room for all of it before it reads. For rectangles of such a
    /// picture set [`crate::Limits`] in a decoder of your own ([`Self::with_decoder`]) in place of `max_alloc`: they count the work of a rectangle, not
    /// the file, nor a copy of samples of 10 and 12 bits that are stretched.
    fn set_limits(&mut self, limits: Limits) -> ImageResult<()> {
        limits.check_support(&LimitSupport::default())?;
        let (width, height) = self.dimensions();
        limits.check_dimensions(width, height)?;
        self.limits = limits;
        self.check_memory(&View::default())
    }

    /// Does not panic: a buffer of another length is an error. After any other error some rows may be there.
    fn read_image(mut self, buf: &mut [u8]) -> ImageResult<()> {
        if buf.len() as u64 != self.total_bytes() {
            return Err(wrong_length());
        }
        let pitch = buf.len() / usize::from(self.front.header.height).max(1);
        self.decode(&View::default(), buf, pitch)
    }

    fn read_image_boxed(self: Box<Self>, buf: &mut [u8]) -> ImageResult<()> {
        (*self).read_image(buf)
    }
}

impl<R: Read> ImageDecoderRect for LicDecoder<R> {
    /// Decodes the tiles that the rectangle needs, and no others; may be called again and again. The first call reads the file to its end,
    /// or as far as the limits allow. After an error some rows may be there.
    fn read_rect(
        &mut self,
        x: u32,
        y: u32,
        width: u32,
        height: u32,
        buf: &mut [u8],
        row_pitch: usize,
    ) -> ImageResult<()> {
        let view = View::of(Region { x, y, width, height });
        view.size(&self.front.header).map_err(|_| wrong_rectangle())?;
        let row = width as usize * usize::from(self.color_type().bytes_per_pixel());
        // The last row may end with the buffer.
        let least = (height as usize - 1).checked_mul(row_pitch).and_then(|above| above.checked_add(row));
        if row_pitch < row || least.is_none_or(|least| buf.len() < least) {
            return Err(wrong_length());
        }
        self.decode(&view, buf, row_pitch)
    }
}

/// Writes a picture's samples to `buf`, a row every `pitch` bytes: 8 bits, or 16 in the machine's order, alpha behind the colours.
fn write(picture: &Picture, buf: &mut [u8], pitch: usize) {
    let channels = picture.channels();
    let width = picture.width as usize;
    let alpha = picture.alpha.as_ref().map(|alpha| &alpha.samples);
    let rows = buf.chunks_mut(pitch.max(1));
    if let Samples::Eight(pixels) = &picture.pixels {
        let alpha = alpha.map(Samples::to_eight);
        for (number, (row, pixels)) in rows.zip(pixels.chunks_exact(width * channels)).enumerate() {
            match alpha.as_ref().and_then(|alpha| alpha.get(number * width..(number + 1) * width)) {
                None => row.iter_mut().zip(pixels).for_each(|(to, sample)| *to = *sample),
                Some(alpha) => {
                    row.iter_mut().zip(join(pixels, alpha, channels)).for_each(|(to, sample)| *to = sample);
                }
            }
        }
    } else {
        let (pixels, alpha) = (picture.pixels.to_sixteen(), alpha.map(Samples::to_sixteen));
        for (number, (row, pixels)) in rows.zip(pixels.chunks_exact(width * channels)).enumerate() {
            let places = row.as_chunks_mut::<2>().0.iter_mut();
            match alpha.as_ref().and_then(|alpha| alpha.get(number * width..(number + 1) * width)) {
                None => places.zip(pixels).for_each(|(to, sample)| *to = sample.to_ne_bytes()),
                Some(alpha) => {
                    places.zip(join(pixels, alpha, channels)).for_each(|(to, sample)| *to = sample.to_ne_bytes());
                }
            }
        }
    }
}

/// Colour samples [height, width, channels] with the alpha [height, width] behind every pixel's.
fn join<'a, T: Copy>(colours: &'a [T], alpha: &'a [T], channels: usize) -> impl Iterator<Item = T> + 'a {
    let pixels = colours.chunks_exact(channels).zip(alpha);
    pixels.flat_map(|(pixel, alpha)| pixel.iter().chain([alpha]).copied())
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::format::Header;
    use crate::format::header::test_header;

    fn start_of(header: &Header) -> Vec<u8> {
        let mut bytes = Vec::new();
        header.write(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn room_for_a_file_without_an_end_stays_within_the_limit() {
        for limit in [1_000_000, 1_300_000, 1_700_000, 3_000_000] {
            let start = start_of(&test_header(64, 32));
            let mut decoder = LicDecoder::new(start.as_slice().chain(io::repeat(0))).unwrap();
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(limit);
            decoder.set_limits(limits).unwrap();
            let whole = decoder.beside(&View::default());
            let mut buffer = vec![0; 64 * 32 * 3];
            let refused = decoder.read_rect(0, 0, 64, 32, &mut buffer, 64 * 3);
            assert!(matches!(refused, Err(ImageError::Limits(_))), "{refused:?}");
            // All that may be read is, and one byte shows that there is more.
            assert_eq!(decoder.file.memory() + whole, limit + 1);
        }
    }

    #[test]
    fn image_open_reads_large_photos_within_its_default_limit() {
        for (width, height, depth, fits) in [
            (12_000, 8_000, BitDepth::Eight, true),
            (8_192, 5_460, BitDepth::Sixteen, true),
            (16_000, 12_000, BitDepth::Eight, false),
        ] {
            let start = start_of(&Header { depth, ..test_header(width, height) });
            let mut decoder = LicDecoder::new(start.as_slice()).unwrap();
            // As `ImageReader::decode` does.
            let mut limits = Limits::default();
            let room = limits.reserve(decoder.total_bytes()).and_then(|()| decoder.set_limits(limits));
            assert_eq!(room.is_ok(), fits, "{width}x{height}, {depth:?}");
        }
    }

    #[test]
    fn samples_that_are_stretched_count_once_more_for_the_rows_that_are_made() {
        let beside = |depth, view: &View| {
            let start = start_of(&Header { depth, ..test_header(1000, 700) });
            LicDecoder::new(start.as_slice()).unwrap().beside(view)
        };
        let region = Region { x: 900, y: 10, width: 7, height: 5 };
        // Whole latents, and those that the synthesis sees beyond a region.
        for (view, samples) in [(View::default(), 1008 * 704 * 3), (View::of(region), 240 * 144 * 3)] {
            // Eight bits are not stretched, but have as many of sixteen beside them that are not rounded yet.
            let made = beside(BitDepth::Eight, &view) + samples;
            for depth in [BitDepth::Ten, BitDepth::Twelve] {
                assert_eq!(beside(depth, &view) - made, 2 * samples, "{depth:?}, {view:?}");
            }
        }
    }
}
