//! The chunks of a PNG that are not its pixels.
//!
//! EXIF and texts, XMP among them, may stand behind the pixels, where decoders have stopped reading; and a chunk that
//! is damaged is passed over by them without a word. So the chunks are gone through here, and pixels are skipped.

use std::io::{self, Cursor, ErrorKind, Read, Seek};

use image::Limits;
use image::codecs::png::PngDecoder;

use super::exif::of_texts;
use super::metadata::Claims;
use super::{Channels, Lost, PhotoError, PhotoMetadata};

const SIGNATURE: usize = 8;
/// Length and name before a chunk's content, checksum behind it.
const HEADER: usize = 8;
const CHECKSUM: u64 = 4;

/// Most bytes of what is not pixels: a profile in iCCP is compressed, and a megabyte of zeros becomes a gigabyte. No profile is as large.
const INFLATED: usize = 64 << 20;

/// Limits of a reader that has what is not pixels in memory.
pub(super) fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(INFLATED as u64);
    limits
}

/// How an iTXt chunk with XMP begins.
const XMP_KEYWORD: &[u8] = b"XML:com.adobe.xmp\0";

/// A PNG without its pixels.
pub(super) struct Chunks {
    /// What the chunks before the pixels say.
    pub(super) info: png::Info<'static>,
    /// Signature and chunks, of those behind the pixels the ones that may stand there, and the beginning of pixels that
    /// do not follow: what decoders read up to the first pixel.
    bare: Vec<u8>,
    icc: bool,
    exif: bool,
    xmp: bool,
}

impl Chunks {
    /// Goes through a file; `None` if it is damaged before its pixels, about which a decoder has more to say.
    pub(super) fn read(mut file: impl Read + Seek) -> io::Result<Option<Self>> {
        let mut bare = vec![0; SIGNATURE];
        if !filled(&mut file, &mut bare)? {
            return Ok(None);
        }
        let (mut icc, mut exif, mut xmp, mut behind) = (false, false, false, false);
        let mut header = [0; HEADER];
        while filled(&mut file, &mut header)? {
            let [a, b, c, d, name @ ..] = header;
            let length = u64::from(u32::from_be_bytes([a, b, c, d])) + CHECKSUM;
            match &name {
                b"IEND" => break,
                b"IDAT" => behind = true,
                b"iCCP" => icc = true,
                b"eXIf" => exif = true,
                _ => {}
            }
            if behind && !matches!(&name, b"eXIf" | b"iTXt" | b"zTXt" | b"tEXt") {
                file.seek_relative(i64::try_from(length).unwrap_or(i64::MAX))?;
                continue;
            }
            let start = bare.len();
            bare.extend(header);
            let read = file.by_ref().take(length).read_to_end(&mut bare)?;
            let body = bare.get(start + HEADER..).unwrap_or_default();
            xmp |= name == *b"iTXt" && body.starts_with(XMP_KEYWORD);
            if (read as u64) < length {
                bare.truncate(start);
                break;
            }
        }
        bare.extend(*b"\0\0\0\0IDAT");
        let limits = png::Limits { bytes: INFLATED };
        let reader = png::Decoder::new_with_limits(Cursor::new(&bare), limits).read_info();
        let info = reader.ok().map(|reader| reader.info().clone());
        Ok(info.map(|info| Self { info, bare, icc, exif, xmp }))
    }

    /// Whether there are several pictures.
    pub(super) fn animated(&self) -> bool {
        is_animated(&self.info)
    }

    /// All that the file says beside its samples, which have these channels.
    ///
    /// # Errors
    /// [`PhotoError::Damaged`].
    pub(super) fn metadata(&self, channels: Channels) -> Result<(PhotoMetadata, Vec<Lost>), PhotoError> {
        let &Self { icc, exif, xmp, .. } = self;
        let cicp = self.info.coding_independent_code_points.map(|cicp| {
            let full_range = u8::from(cicp.is_video_full_range_image);
            [cicp.color_primaries, cicp.transfer_function, cicp.matrix_coefficients, full_range]
        });
        let srgb = self.info.srgb.is_some();
        // Better words for the same colours.
        let said = icc || cicp.is_some() || srgb;
        let lost = if said { Vec::new() } else { foreign_colours(&self.info) };
        // A text counts where there is no chunk; of a damaged one nothing but the claim is left.
        let text = if exif { None } else { of_texts(&self.info) };
        let (exif, other_exif) = (exif || text == Some(None), text.flatten());
        let mut decoder = PngDecoder::with_limits(Cursor::new(&self.bare), limits())?;
        Ok(PhotoMetadata::read(&mut decoder, Claims { icc, exif, other_exif, xmp, cicp, srgb, lost }, Some(channels)))
    }
}

/// Whether a PNG that begins like this has several pictures.
pub(super) fn is_animated(info: &png::Info<'_>) -> bool {
    info.animation_control.is_some_and(|control| control.num_frames > 1)
}

/// Gamma and chromaticities of sRGB, and how far others may be from them so that nobody sees it; in 1/100000.
const SRGB_GAMMA: u32 = 45455;
const SAME_GAMMA: u32 = 500;
const SRGB_CHROMATICITIES: [u32; 8] = [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000];
const SAME_CHROMATICITY: u32 = 100;

/// What gAMA and cHRM say, if it is not sRGB.
fn foreign_colours(info: &png::Info<'_>) -> Vec<Lost> {
    let gamma = info.gama_chunk.map(png::ScaledFloat::into_scaled);
    let gamma = gamma.filter(|gamma| gamma.abs_diff(SRGB_GAMMA) > SAME_GAMMA);
    let chromaticities = info.chrm_chunk.map(|of| {
        let [white, red, green, blue] = [of.white, of.red, of.green, of.blue];
        [white.0, white.1, red.0, red.1, green.0, green.1, blue.0, blue.1].map(png::ScaledFloat::into_scaled)
    });
    let chromaticities = chromaticities.filter(|all| {
        all.iter().zip(SRGB_CHROMATICITIES).any(|(value, srgb)| value.abs_diff(srgb) > SAME_CHROMATICITY)
    });
    gamma.map(Lost::ForeignGamma).into_iter().chain(chromaticities.map(Lost::ForeignChromaticities)).collect()
}

/// Fills all of `bytes`; `false` if the file ends before.
fn filled(file: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
