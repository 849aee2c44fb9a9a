//! Taking a whole file apart without copying it.
//!
//! [`LicFile::parse`] checks everything there is to check without the model. [`LicFile::open`]
//! checks all but the tiles, for readers that want a few of them from a large (mapped) file.

use super::cursor::Cursor;
use super::header::Header;
use super::section::{Section, SectionKind, read_sections};
use super::tiles::TileIndex;
use super::{BitDepth, TileRect};
use crate::error::{Error, Part, Warning};

/// A parsed file that borrows its bytes.
#[derive(Debug, Clone)]
pub struct LicFile<'a> {
    bytes: &'a [u8],
    header: Header,
    sections: Vec<Section<'a>>,
    index: TileIndex,
    warnings: Vec<Warning>,
}

impl<'a> LicFile<'a> {
    /// Parses a whole file and checks every checksum.
    ///
    /// # Errors
    /// Any of [`Error`]'s descriptions of a damaged, truncated, forged or foreign file.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let file = Self::open(bytes)?;
        for tile in file.header.tiles() {
            file.tile(tile.index)?;
        }
        Ok(file)
    }

    /// Parses a whole file, checking header, sections and index; every tile is checked when
    /// [`LicFile::tile`] fetches it. Allocates nothing before the number of bytes is found to be
    /// enough for the picture the header promises; after that, eight bytes per tile.
    ///
    /// # Errors
    /// As [`LicFile::parse`], but damaged tiles are not noticed yet.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Error> {
        let header = Header::parse(bytes)?;
        header.check_plausible(bytes.len() as u64)?;
        let mut cursor = Cursor::new(bytes, header.byte_len());
        let mut warnings = Vec::new();
        let sections = if header.has_sections { read_sections(&mut cursor, &mut warnings)? } else { Vec::new() };
        let index = TileIndex::parse(&header, bytes, cursor.position())?;
        let (end, present) = (index.end(), bytes.len() as u64);
        if present > end {
            return Err(Error::TrailingGarbage { offset: end, extra: present - end });
        }
        if present < end {
            // Name the tile in which the file breaks off.
            let broken = header.tiles().find(|tile| {
                let stored = index.stored(tile.index);
                stored.is_some_and(|(offset, length)| offset + length > present)
            });
            return Err(Error::Truncated {
                part: broken.map_or(Part::TileIndex, |tile| Part::Tile(tile.index)),
                offset: present,
                needed: end,
            });
        }
        Ok(Self { bytes, header, sections, index, warnings })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// All sections in the order of the file, unknown optional ones included.
    pub fn sections(&self) -> &[Section<'a>] {
        &self.sections
    }

    /// The section of a type, if the file has it.
    pub fn section(&self, kind: SectionKind) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.kind == kind)
    }

    /// How to turn the picture for display, 1..=8 as in EXIF; 1 (not at all) if the file says
    /// nothing. The EXIF section's own orientation tag never counts.
    pub fn orientation(&self) -> u8 {
        self.section(SectionKind::Orientation).and_then(|section| section.orientation().ok().flatten()).unwrap_or(1)
    }

    /// Where the tiles lie.
    pub fn index(&self) -> &TileIndex {
        &self.index
    }

    /// What the user should hear about the file although it can be decoded.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The payload of a tile, for [`crate::entropy::TileDecoder::new`]; its checksum is compared
    /// at every call.
    ///
    /// # Errors
    /// [`Error::Checksum`] if it is damaged, [`Error::InvalidInput`] if there is no such tile.
    pub fn tile(&self, tile: u32) -> Result<&'a [u8], Error> {
        let stored = self
            .index
            .stored(tile)
            .and_then(|(offset, length)| {
                let start = usize::try_from(offset).ok()?;
                self.bytes.get(start..start + usize::try_from(length).ok()?)
            })
            .unwrap_or(&[]);
        self.index.check(tile, stored)
    }

    /// All tiles with their payloads, checked one by one.
    pub fn tiles(&self) -> impl Iterator<Item = Result<(TileRect, &'a [u8]), Error>> + '_ {
        self.header.tiles().map(|tile| Ok((tile, self.tile(tile.index)?)))
    }

    /// Refuses what version 1 defines but this release cannot decode yet: more than 8 bits per
    /// sample, and alpha. Call it before decoding; reading metadata does not need it.
    ///
    /// # Errors
    /// [`Error::UnsupportedFeature`].
    pub fn check_decodable(&self) -> Result<(), Error> {
        if self.header.depth != BitDepth::Eight {
            return Err(Error::UnsupportedFeature {
                feature: "this many bits per sample",
                value: self.header.depth.bits(),
            });
        }
        if let Some(alpha) = self.section(SectionKind::Alpha) {
            return Err(Error::UnsupportedFeature { feature: "an alpha section", value: alpha.kind.number().into() });
        }
        Ok(())
    }
}
