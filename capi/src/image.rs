//! [`LicImage`]: what lies behind a handle, a file that has been looked into but not decoded.

use std::sync::LazyLock;

use lic_codec::format::{Cicp, Header, LicFile, SectionKind};
use lic_codec::{Colour, Decoder, DeviceChoice, Error, Limits, Model, Picture};

use crate::status::{Failure, LicStatus};

/// An opened file.
#[derive(Debug)]
pub struct LicImage {
    /// The whole file.
    bytes: Vec<u8>,
    pub(crate) header: Header,
    has_alpha: bool,
    pub(crate) orientation: u8,
    pub(crate) cicp: Option<Cicp>,
    /// Bytes that decoding may take, with those of the file.
    pub(crate) limit: u64,
}

/// The networks, loaded when they are first needed. The thread that loads them is none of rayon's, so the others can wait for it.
static DECODER: LazyLock<Result<Decoder, Error>> = LazyLock::new(|| {
    // In a build of the whole workspace the codec has its GPU path even if nobody has asked this crate for it.
    let device = if cfg!(feature = "gpu") { DeviceChoice::Auto } else { DeviceChoice::Cpu };
    Decoder::new(&Model::embedded()?, device)
});

impl LicImage {
    /// Checks header, sections and index, and keeps a copy of the file.
    pub(crate) fn open(file: &[u8]) -> Result<Self, Failure> {
        let parsed = LicFile::open(file).map_err(|error| Failure::from(&error))?;
        let has_alpha = parsed.alpha().map_err(|error| Failure::from(&error))?.is_some();
        let cicp = match parsed.section(SectionKind::Cicp) {
            Some(section) => section.cicp().map_err(|error| Failure::from(&error))?,
            None => None,
        };
        let mut bytes = Vec::new();
        if bytes.try_reserve_exact(file.len()).is_err() {
            return Err(Failure::from(&Error::OutOfMemory { bytes: file.len() as u64 }));
        }
        bytes.extend_from_slice(file);
        Ok(Self {
            header: *parsed.header(),
            has_alpha,
            orientation: parsed.orientation(),
            cicp,
            bytes,
            limit: u64::MAX,
        })
    }

    /// The body of a section, where it lies in the file. Sections are looked for anew each time, and not copied.
    pub(crate) fn section(&self, kind: SectionKind) -> Result<Option<&[u8]>, Failure> {
        let file = LicFile::open(&self.bytes).map_err(|error| Failure::from(&error))?;
        Ok(file.section(kind).map(|section| section.body))
    }

    /// 1 for grey, 3 for RGB, one more with alpha.
    pub(crate) fn channels(&self) -> u32 {
        let colours = match self.header.colour {
            Colour::Grey => 1,
            _ => 3,
        };
        colours + u32::from(self.has_alpha)
    }

    /// The picture with straight alpha.
    pub(crate) fn decode(&self) -> Result<Picture, Failure> {
        let file = self.bytes.len() as u64;
        let decoder = DECODER.as_ref().map_err(Failure::from)?.clone();
        let limits = Limits::default().with_bytes(self.limit.saturating_sub(file));
        let decoded = decoder.with_limits(limits).decode(&self.bytes).map_err(|error| match error {
            Error::LimitExceeded { found, .. } => {
                let needed = found.saturating_add(file);
                let message = format!("decoding takes {needed} bytes of memory, the limit is {}", self.limit);
                Failure::new(LicStatus::Limit, message)
            }
            error => Failure::from(&error),
        })?;
        let mut picture = decoded.picture;
        picture.unpremultiply();
        Ok(picture)
    }
}
