//! The alpha section: its three first bytes, and tiles laid out like the colours'.
//!
//! As everywhere in `format`, only where which bytes lie (FORMAT.md, chapter 6); what the payloads mean is `crate::alpha`.

use std::borrow::Cow;

use super::header::{Header, MAX_QUALITY, TileRect};
use super::section::SectionKind;
use super::tiles::{StoredTiles, write_tiles};
use crate::error::Error;

const LOSSLESS: u8 = 0;
const LOSSY: u8 = 1;
const PREMULTIPLIED_BIT: u8 = 1;
/// Most bytes of the body that stand before the index.
#[cfg(feature = "image")]
pub(crate) const START_BYTES: u64 = 3;

/// How the plane is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlphaCoding {
    /// Exactly: filters of PNG and DEFLATE.
    Lossless,
    /// As a grey picture.
    Lossy {
        /// Quality of the plane, 0..=252 like that of the header.
        quality: u8,
    },
}

impl AlphaCoding {
    /// The least bytes of a tile's payload.
    fn least(self) -> fn(&TileRect) -> u64 {
        match self {
            AlphaCoding::Lossless => |_| 1,
            AlphaCoding::Lossy { .. } => TileRect::min_payload,
        }
    }
}

/// A parsed alpha section that borrows its bytes.
#[derive(Debug, Clone)]
pub struct AlphaSection<'a> {
    /// How the plane is coded.
    pub coding: AlphaCoding,
    /// Whether the colour samples are multiplied by alpha.
    pub premultiplied: bool,
    pub(crate) tiles: StoredTiles<'a>,
}

impl<'a> AlphaSection<'a> {
    /// Parses the body of the section of a file with this header. Tiles are checked when they are fetched.
    ///
    /// # Errors
    /// [`Error::InvalidSection`] for a coding, flags or a quality that version 1 does not have; [`Error::Alpha`] for an index
    /// that does not fit the body.
    pub fn parse(header: &Header, body: &'a [u8]) -> Result<Self, Error> {
        Self::of_body(header, body.into())
    }

    /// The same with a body that may be the section's own.
    pub(super) fn of_body(header: &Header, body: Cow<'a, [u8]>) -> Result<Self, Error> {
        let (coding, flags, start) = read_start(&body)?;
        if flags & !PREMULTIPLIED_BIT != 0 {
            return Err(invalid("it has unknown flags"));
        }
        let tiles = StoredTiles::open(header, body, start, coding.least()).map_err(Error::in_alpha)?;
        Ok(Self { coding, premultiplied: flags & PREMULTIPLIED_BIT != 0, tiles })
    }

    /// The same with bytes of its own.
    pub fn into_owned(self) -> AlphaSection<'static> {
        AlphaSection { coding: self.coding, premultiplied: self.premultiplied, tiles: self.tiles.into_owned() }
    }

    /// The tiles, in the picture's grid.
    pub fn tiles(&self) -> &StoredTiles<'a> {
        &self.tiles
    }
}

/// How the plane is coded, flags, and where the index starts; three bytes of the body suffice.
pub(crate) fn read_start(body: &[u8]) -> Result<(AlphaCoding, u8, usize), Error> {
    match *body {
        [LOSSLESS, flags, ..] => Ok((AlphaCoding::Lossless, flags, 2)),
        [LOSSY, flags, quality @ 0..=MAX_QUALITY, ..] => Ok((AlphaCoding::Lossy { quality }, flags, 3)),
        [LOSSY, _, _, ..] => Err(invalid("its quality is above 252")),
        [LOSSLESS | LOSSY, ..] | [] => Err(invalid("it is too short")),
        _ => Err(invalid("its coding is neither 0 nor 1")),
    }
}

/// The body of an alpha section.
pub(crate) fn write_alpha<P: AsRef<[u8]>>(
    header: &Header,
    coding: AlphaCoding,
    premultiplied: bool,
    payloads: &[P],
) -> Result<Vec<u8>, Error> {
    let flags = if premultiplied { PREMULTIPLIED_BIT } else { 0 };
    let mut body = match coding {
        AlphaCoding::Lossless => vec![LOSSLESS, flags],
        AlphaCoding::Lossy { quality } => vec![LOSSY, flags, quality],
    };
    write_tiles(header, payloads, coding.least(), &mut body)?;
    Ok(body)
}

fn invalid(reason: &'static str) -> Error {
    Error::InvalidSection { kind: SectionKind::Alpha.number(), reason }
}
