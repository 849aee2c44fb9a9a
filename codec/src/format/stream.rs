//! A file that is read from its beginning to its end, without ever being in memory as a whole; what is not needed is passed over by reading it
//! or, where that is possible, by seeking.
//!
//! Differs from [`LicFile`](super::LicFile), which borrows a file in memory, in checking things when they come: a damaged tile is noticed
//! when it is its turn, and that a header promises more than the file holds, when the file ends. A file is opened in two steps, so that the
//! header can be refused before anything else is read.

use std::io::{Read, Seek, SeekFrom};

use super::alpha::AlphaSection;
use super::cursor::{Cursor, MAX_LENGTH_BYTES};
use super::header::{Header, TileRect};
use super::section::SectionKind;
use super::section_reader::SectionReader;
use super::source::{Source, while_read};
use super::tiles::TileIndex;
use crate::error::{Error, Part, Warning};
use crate::limits::Budget;
use crate::metadata::Metadata;
use crate::wiener::Coefficients;

/// Passes over some bytes, and says over how many: fewer at the end.
type Skip<R> = fn(&mut R, u64) -> std::io::Result<u64>;

/// A file of which the header has been read, and nothing else.
#[derive(Debug)]
pub(crate) struct StreamHeader<R> {
    source: Source<R>,
    skip: Skip<R>,
    pub(crate) header: Header,
}

/// A file whose front, all but the tiles, has been read.
#[derive(Debug)]
pub(crate) struct FileStream<R> {
    source: Source<R>,
    skip: Skip<R>,
    pub(crate) header: Header,
    pub(crate) metadata: Metadata,
    pub(crate) filter: Option<Coefficients>,
    pub(crate) alpha: Option<AlphaSection<'static>>,
    pub(crate) warnings: Vec<Warning>,
    /// Memory that sections take.
    pub(crate) kept: u64,
    index: TileIndex,
}

impl<R: Read> StreamHeader<R> {
    /// Reads the header; the reader will not be asked to seek.
    ///
    /// # Errors
    /// [`Error::Io`], and what is wrong with the header.
    pub(crate) fn read(reader: R) -> Result<Self, Error> {
        Self::read_with(reader, |reader, count| std::io::copy(&mut reader.take(count), &mut std::io::sink()))
    }

    fn read_with(reader: R, skip: Skip<R>) -> Result<Self, Error> {
        let mut source = Source::new(reader);
        let header = source.header()?;
        Ok(Self { source, skip, header })
    }

    /// Reads sections and tile index. Keeps those sections that are needed, as far as the budget goes.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::LimitExceeded`], and what is wrong with these parts.
    pub(crate) fn open(self, mut budget: Budget) -> Result<FileStream<R>, Error> {
        let Self { mut source, skip, header } = self;
        let (mut metadata, mut filter, mut alpha, mut warnings) = (Metadata::default(), None, None, Vec::new());
        let mut sections = SectionReader::new(&mut source);
        let mut more = header.has_sections;
        while more {
            let head = sections.head()?;
            more = head.more;
            match head.kind {
                SectionKind::Preview => sections.pass_over(&head)?,
                SectionKind::Unknown(kind) => {
                    sections.pass_over(&head)?;
                    warnings.push(Warning::SectionSkipped { kind, bytes: head.length });
                }
                kind => {
                    budget.take(while_read(head.length))?;
                    let body = sections.body(&head)?;
                    match kind {
                        SectionKind::Alpha => alpha = Some(AlphaSection::of_body(&header, body.into())?),
                        SectionKind::Filter => filter = Some(Coefficients::read(header.colour, &body)?),
                        kind => metadata.keep(kind, body),
                    }
                }
            }
        }
        let index = read_index(&header, &mut source)?;
        Ok(FileStream { source, skip, header, metadata, filter, alpha, warnings, kept: budget.taken(), index })
    }
}

impl<R: Read + Seek> StreamHeader<R> {
    /// The same with a reader that seeks over what is not needed.
    ///
    /// # Errors
    /// As [`Self::read`], and that the header promises more than the file can hold.
    pub(crate) fn read_seeking(mut reader: R) -> Result<Self, Error> {
        let length = left(&mut reader)?;
        let file = Self::read_with(reader, |reader, count| {
            // A file may be sought in beyond its end.
            let passed = count.min(left(reader)?);
            reader.seek_relative(i64::try_from(passed).unwrap_or(i64::MAX))?;
            Ok(passed)
        })?;
        // Before anything is reserved for a picture that cannot be in there.
        file.header.check_plausible(length)?;
        Ok(file)
    }
}

/// Bytes from where a reader stands, and stays, to its end.
fn left(reader: &mut impl Seek) -> std::io::Result<u64> {
    let here = reader.stream_position()?;
    let end = reader.seek(SeekFrom::End(0))?;
    reader.seek(SeekFrom::Start(here))?;
    Ok(end.saturating_sub(here))
}

/// Reads the index where a source stands. Its length is not known: every entry that has not ended takes one byte at least.
fn read_index<R: Read>(header: &Header, source: &mut Source<R>) -> Result<TileIndex, Error> {
    let (start, part) = (source.position(), Part::TileIndex);
    let count = u64::from(header.tile_count());
    let (mut bytes, mut missing) = (Vec::new(), count);
    // Longer than this is no index: reading it says why.
    while missing > 0 && bytes.len() as u64 <= count * MAX_LENGTH_BYTES as u64 {
        let before = bytes.len();
        source.read(missing, part, &mut bytes)?;
        missing -= bytes.iter().skip(before).filter(|&&byte| byte & 0x80 == 0).count() as u64;
    }
    if count > 1 {
        source.read(4, part, &mut bytes)?;
    }
    TileIndex::read(header, Cursor::at(&bytes, start), TileRect::min_payload)
}

impl<R: Read> FileStream<R> {
    /// The payload of a tile, which must come after all that were asked for before. Tiles between are passed over.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Truncated`] if the file ends before, [`Error::Checksum`], [`Error::OutOfMemory`].
    pub(crate) fn tile(&mut self, tile: u32) -> Result<Vec<u8>, Error> {
        let here = self.source.position();
        let stored = self.index.stored(tile).filter(|&(offset, _)| offset >= here);
        let Some((offset, length)) = stored else {
            return Err(Error::InvalidInput {
                what: "the tile number",
                found: tile.into(),
                expected: self.index.last(),
            });
        };
        let part = Part::Tile(tile);
        self.source.pass_over(offset - here, self.skip)?;
        let here = self.source.position();
        if here < offset {
            return Err(Error::Truncated { part, offset: here, needed: offset + length });
        }
        let mut stored = Vec::new();
        self.source.read(length, part, &mut stored)?;
        let payload = self.index.check(tile, &stored)?.len();
        stored.truncate(payload);
        Ok(stored)
    }

    /// Memory that the payloads of some tiles take together.
    pub(crate) fn memory(&self, tiles: &[TileRect]) -> u64 {
        while_read(tiles.iter().filter_map(|tile| self.index.stored(tile.index)).map(|(_, length)| length).sum())
    }

    /// Whether nothing follows the last tile, if that has been read.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::TrailingGarbage`], whose bytes are not counted: there may be no end of them.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        let offset = self.index.end();
        if self.source.position() < offset || self.source.is_at_end()? {
            return Ok(());
        }
        Err(Error::TrailingGarbage { offset, extra: None })
    }
}
