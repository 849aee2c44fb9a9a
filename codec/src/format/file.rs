//! Taking a whole file apart without copying it.
//!
//! [`LicFile::parse`] checks everything there is to check without the model. [`LicFile::open`]
//! checks all but the tiles, for readers that want a few of them from a large (mapped) file.

use super::TileRect;
use super::alpha::AlphaSection;
use super::front::Front;
use super::header::Header;
use super::section::{Section, SectionKind};
use super::tiles::{StoredTiles, TileIndex};
use crate::error::{Error, Warning};

/// A parsed file that borrows its bytes.
#[derive(Debug, Clone)]
pub struct LicFile<'a> {
    front: Front<'a>,
    tiles: StoredTiles<'a>,
}

impl<'a> LicFile<'a> {
    /// Parses a whole file and checks every checksum.
    ///
    /// # Errors
    /// Any of [`Error`]'s descriptions of a damaged, truncated, forged or foreign file.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let file = Self::open(bytes)?;
        for tile in file.header().tiles() {
            file.tile(tile.index)?;
        }
        if let Some(alpha) = file.alpha()? {
            for tile in file.header().tiles() {
                alpha.tiles().tile(tile.index).map_err(Error::in_alpha)?;
            }
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
        Header::parse(bytes)?.check_plausible(bytes.len() as u64)?;
        let (front, start) = Front::parse(bytes)?;
        front.filter()?;
        let tiles = StoredTiles::open(&front.header, bytes.into(), start, TileRect::min_payload)?;
        Ok(Self { front, tiles })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.front.header
    }

    /// All sections in the order of the file, unknown optional ones included.
    pub fn sections(&self) -> &[Section<'a>] {
        &self.front.sections
    }

    /// The section of a type, if the file has it.
    pub fn section(&self, kind: SectionKind) -> Option<&Section<'a>> {
        self.front.section(kind)
    }

    /// How to turn the picture for display, 1..=8 as in EXIF; 1 (not at all) if the file says
    /// nothing. The EXIF section's own orientation tag never counts.
    pub fn orientation(&self) -> u8 {
        self.front.orientation()
    }

    /// Where the tiles lie.
    pub fn index(&self) -> &TileIndex {
        self.tiles.index()
    }

    pub(crate) fn front(&self) -> &Front<'a> {
        &self.front
    }

    /// Header and sections, and the tiles of the colours.
    pub(crate) fn into_parts(self) -> (Front<'a>, StoredTiles<'a>) {
        (self.front, self.tiles)
    }

    /// What the user should hear about the file although it can be decoded.
    pub fn warnings(&self) -> &[Warning] {
        &self.front.warnings
    }

    /// The payload of a tile, for [`crate::entropy::TileDecoder::new`]; its checksum is compared
    /// at every call.
    ///
    /// # Errors
    /// [`Error::Checksum`] if it is damaged, [`Error::InvalidInput`] if there is no such tile.
    pub fn tile(&self, tile: u32) -> Result<&[u8], Error> {
        self.tiles.tile(tile)
    }

    /// All tiles with their payloads, checked one by one.
    pub fn tiles(&self) -> impl Iterator<Item = Result<(TileRect, &[u8]), Error>> + '_ {
        self.header().tiles().map(|tile| Ok((tile, self.tile(tile.index)?)))
    }

    /// The alpha section, if the file has one; its tiles are checked when they are fetched.
    ///
    /// # Errors
    /// As [`AlphaSection::parse`].
    pub fn alpha(&self) -> Result<Option<AlphaSection<'a>>, Error> {
        self.front.alpha()
    }
}
