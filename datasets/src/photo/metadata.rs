//! What an image file says beside its samples: colour profile, code points, EXIF, XMP, orientation.
//!
//! These are taken over as they are or, if they are not what they claim to be, left out and said: see [`Lost`]. So are
//! other words about colours, and captions (IPTC). Nothing is said of the rest, such as comments and resolutions.
//! Orientation has one source, EXIF; it is taken out of there, so that nobody turns an image twice.

use image::metadata::Orientation;
use image::{ImageDecoder, ImageResult};

use super::Channels;
use super::exif::{exif_to_srgb, implied_profile};

/// What belongs to an image beside its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoMetadata {
    /// ICC profile, of the same kind of colours as the samples; that of Adobe RGB where a camera has said so in EXIF only.
    pub icc: Option<Vec<u8>>,
    /// Colour as code points of ITU-T H.273: primaries and transfer. The samples are RGB (or grey) in full range.
    pub cicp: Option<[u8; 2]>,
    /// EXIF, a TIFF structure; its orientation tag says 1, and where the file itself says sRGB, so does it.
    pub exif: Option<Vec<u8>>,
    /// XMP packet, UTF-8.
    pub xmp: Option<Vec<u8>>,
    /// How to turn the samples for display, as EXIF says it, 1..=8; 1 is upright.
    pub orientation: u8,
}

impl Default for PhotoMetadata {
    /// Nothing: upright sRGB.
    fn default() -> Self {
        Self { icc: None, cicp: None, exif: None, xmp: None, orientation: 1 }
    }
}

/// Something in an image file that cannot be taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// The bytes are no ICC profile.
    #[error("the ICC profile is damaged and left out: colours are taken as sRGB")]
    DamagedIcc,
    /// The profile is for other samples than these.
    #[error("the ICC profile is for {profile} samples, not for {samples}, and left out: colours are taken as sRGB")]
    ForeignIcc {
        /// The profile's colours, as it names them.
        profile: String,
        /// Those of the image.
        samples: &'static str,
    },
    /// The profile of a JPEG of inks (CMYK) cannot be used.
    #[error("the ICC profile of the inks cannot be used: they are converted to sRGB without it")]
    UnusableInks,
    /// Code points for samples that are no full-range RGB.
    #[error("the CICP code points {0:?} are not those of full-range RGB and left out")]
    ForeignCicp(
        /// Primaries, transfer, matrix, full range.
        [u8; 4],
    ),
    /// The bytes are no EXIF.
    #[error("the EXIF data are damaged and left out")]
    DamagedExif,
    /// The bytes are no XMP packet.
    #[error("the XMP data are damaged and left out")]
    DamagedXmp,
    /// XMP of a JPEG that does not fit into one segment; nobody but XMP's own libraries puts it together with the
    /// packet.
    #[error("the extended XMP data are left out, only the packet they extend is kept")]
    ExtendedXmp,
    /// Captions and keywords as they were before XMP. What Photoshop writes around them is not looked into.
    #[error("the IPTC data (captions, keywords) and other data of Photoshop are left out")]
    Iptc,
    /// A PNG's gamma, with nothing better about its colours.
    #[error(
        "the gamma (gAMA) of {:.5} is not that of sRGB and left out: colours are taken as sRGB",
        f64::from(*.0) / 1e5
    )]
    ForeignGamma(
        /// Exponent from light to samples, in 1/100000.
        u32,
    ),
    /// A PNG's primaries and white, with nothing better about its colours.
    #[error("the chromaticities (cHRM) {0:?} are not those of sRGB and left out: colours are taken as sRGB")]
    ForeignChromaticities(
        /// x and y of white, red, green and blue, in 1/100000.
        [u32; 8],
    ),
}

/// What a look at a file has found without its decoder, which says nothing about what it cannot use.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// There is a profile, or part of one.
    pub(super) icc: bool,
    /// There is EXIF.
    pub(super) exif: bool,
    /// EXIF that decoders do not look for.
    pub(super) other_exif: Option<Vec<u8>>,
    /// There is XMP.
    pub(super) xmp: bool,
    /// Code points: primaries, transfer, matrix, full range.
    pub(super) cicp: Option<[u8; 4]>,
    /// The samples are said to be sRGB, and not by EXIF.
    pub(super) srgb: bool,
    /// What nobody takes over.
    pub(super) lost: Vec<Lost>,
}

impl PhotoMetadata {
    /// Asks a decoder for everything, but for the profile only if there are `channels` that it still applies to.
    pub(super) fn read(
        decoder: &mut impl ImageDecoder,
        claims: Claims,
        channels: Option<Channels>,
    ) -> (Self, Vec<Lost>) {
        let mut lost = Vec::new();
        let mut kept = |checked: Result<Option<Vec<u8>>, Lost>| {
            checked.unwrap_or_else(|problem| {
                lost.push(problem);
                None
            })
        };
        // Of WebP, which is not looked at without its decoder, only that knows of a profile.
        let mut colours_said = claims.icc || claims.srgb || claims.cicp.is_some();
        let mut icc = channels.and_then(|channels| {
            let icc = found(decoder.icc_profile(), claims.icc, Lost::DamagedIcc);
            colours_said |= !matches!(icc, Ok(None));
            kept(icc.and_then(|icc| icc.map(|icc| check_icc(icc, channels)).transpose()))
        });
        let exif = found(decoder.exif_metadata(), claims.exif, Lost::DamagedExif);
        let exif = exif.map(|exif| exif.or(claims.other_exif));
        let mut exif = kept(exif.and_then(|exif| exif.map(check_exif).transpose()));
        if channels == Some(Channels::Rgb) && !colours_said {
            icc = exif.as_deref().and_then(implied_profile);
        }
        // The word for sRGB has no place here: nothing may be left that contradicts it.
        let srgb = claims.srgb && icc.is_none() && claims.cicp.is_none();
        if let Some(exif) = exif.as_deref_mut().filter(|_| srgb) {
            exif_to_srgb(exif);
        }
        let xmp = found(decoder.xmp_metadata(), claims.xmp, Lost::DamagedXmp);
        let xmp = kept(xmp.and_then(|xmp| xmp.map(check_xmp).transpose()));
        let cicp = claims.cicp.and_then(|[primaries, transfer, matrix, full_range]| match (matrix, full_range) {
            (0, 1) => Some([primaries, transfer]),
            _ => {
                lost.push(Lost::ForeignCicp([primaries, transfer, matrix, full_range]));
                None
            }
        });
        if !matches!(decoder.iptc_metadata(), Ok(None)) {
            lost.push(Lost::Iptc);
        }
        lost.extend(claims.lost);
        let orientation = exif.as_mut().and_then(|exif| Orientation::remove_from_exif_chunk(exif));
        let orientation = orientation.map_or(1, Orientation::to_exif);
        (Self { icc, cicp, exif, xmp, orientation }, lost)
    }
}

/// What a decoder has found, or that it is damaged: it cannot be read, or not even be found where it is.
fn found(read: ImageResult<Option<Vec<u8>>>, claimed: bool, damaged: Lost) -> Result<Option<Vec<u8>>, Lost> {
    match read {
        Ok(None) if claimed => Err(damaged),
        other => other.map_err(|_| damaged),
    }
}

/// Header of an ICC profile in bytes; the colours' name and the signature in it.
const ICC_HEADER: usize = 128;

/// The four letters with which a profile names the colours it is for; none if it is no profile.
fn icc_colours(icc: &[u8]) -> Option<[u8; 4]> {
    let header = icc.first_chunk::<ICC_HEADER>()?;
    (header.get(36..40)? == b"acsp").then(|| header.get(16..20)?.try_into().ok()).flatten()
}

fn check_icc(icc: Vec<u8>, channels: Channels) -> Result<Vec<u8>, Lost> {
    let colours = icc_colours(&icc).ok_or(Lost::DamagedIcc)?;
    let (wanted, samples) = match channels {
        Channels::Grey => (b"GRAY", "grey"),
        Channels::Rgb => (b"RGB ", "RGB"),
    };
    if colours == *wanted {
        return Ok(icc);
    }
    Err(Lost::ForeignIcc { profile: String::from_utf8_lossy(&colours).trim_end().to_owned(), samples })
}

/// EXIF from its byte order mark on: JPEG's prefix is found in other formats too.
fn check_exif(exif: Vec<u8>) -> Result<Vec<u8>, Lost> {
    let exif = exif.strip_prefix(b"Exif\0\0").map(<[u8]>::to_vec).unwrap_or(exif);
    if exif.starts_with(b"II*\0") || exif.starts_with(b"MM\0*") { Ok(exif) } else { Err(Lost::DamagedExif) }
}

fn check_xmp(xmp: Vec<u8>) -> Result<Vec<u8>, Lost> {
    if std::str::from_utf8(&xmp).is_ok() { Ok(xmp) } else { Err(Lost::DamagedXmp) }
}
