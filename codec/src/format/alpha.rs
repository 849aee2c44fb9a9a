//! The alpha section: its three first bytes, and tiles laid out like the colours'.
//!
//! As everywhere in `format`, only where which bytes lie (FORMAT.md, chapter 6); what the payloads mean is `crate::alpha`.

use super::header::{Header, MAX_QUALITY, TileRect};
use super::section::SectionKind;
use super::tiles::{StoredTiles, write_tiles};
use crate::error::Error;

const LOSSLESS: u8 = 0;
const LOSSY: u8 = 1;
const PREMULTIPLIED_BIT: u8 = 1;

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
        let (coding, flags, start) = match *body {
            [LOSSLESS, flags, ..] => (AlphaCoding::Lossless, flags, 2),
            [LOSSY, flags, quality @ 0..=MAX_QUALITY, ..] => (AlphaCoding::Lossy { quality }, flags, 3),
            [LOSSY, _, _, ..] => return Err(invalid("its quality is above 252")),
            [LOSSLESS | LOSSY, ..] | [] => return Err(invalid("it is too short")),
            _ => return Err(invalid("its coding is neither 0 nor 1")),
        };
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
