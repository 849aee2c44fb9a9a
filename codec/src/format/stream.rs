//! A file that is read from its beginning to its end, without ever being in memory as a whole; what is not needed is passed over by reading it
//! or, where that is possible, by seeking.
//!
//! Differs from [`LicFile`](super::LicFile), which borrows a file in memory, in checking things when they come: a damaged tile is noticed
//! when it is its turn, and that a header promises more than the file holds, when the file ends.

use std::io::{Read, Seek, SeekFrom};

use super::alpha::AlphaSection;
use super::front::Front;
use super::header::{Header, MAX_HEADER_BYTES};
use super::tiles::TileIndex;
use crate::error::{Error, Part, Warning};
use crate::metadata::Metadata;

/// Bytes to read at least when the front of a file is not complete.
const STEP: u64 = 4096;

/// A file whose front, all but the tiles, has been read.
#[derive(Debug)]
pub(crate) struct FileStream<R> {
    reader: R,
    /// Passes over some bytes, and says over how many: fewer at the end.
    skip: fn(&mut R, u64) -> std::io::Result<u64>,
    /// What has been read beyond the front and not used, and where in the file it starts.
    ahead: Vec<u8>,
    position: u64,
    pub(crate) header: Header,
    pub(crate) metadata: Metadata,
    pub(crate) alpha: Option<AlphaSection<'static>>,
    pub(crate) warnings: Vec<Warning>,
    index: TileIndex,
}

impl<R: Read> FileStream<R> {
    /// Reads header, sections and tile index; the reader will not be asked to seek.
    ///
    /// # Errors
    /// [`Error::Io`], and what is wrong with these parts.
    pub(crate) fn open(reader: R) -> Result<Self, Error> {
        Self::open_with(reader, |reader, count| std::io::copy(&mut reader.take(count), &mut std::io::sink()))
    }

    fn open_with(mut reader: R, skip: fn(&mut R, u64) -> std::io::Result<u64>) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        reader.by_ref().take(MAX_HEADER_BYTES as u64).read_to_end(&mut bytes)?;
        loop {
            let (part, offset, needed) = match parse(&bytes) {
                Ok((front, index)) => {
                    let alpha = front.alpha()?.map(AlphaSection::into_owned);
                    let metadata = Metadata::of_front(&front);
                    let Front { header, warnings, .. } = front;
                    let position = index.start();
                    let ahead = bytes.split_off(usize::try_from(position).unwrap_or(bytes.len()).min(bytes.len()));
                    return Ok(Self { reader, skip, ahead, position, header, metadata, alpha, warnings, index });
                }
                Err(Error::Truncated { part, offset, needed }) => (part, offset, needed),
                Err(error) => return Err(error),
            };
            // As much again as there is, so that a long front is not parsed many times.
            let wanted = needed.saturating_sub(offset).max(offset).max(STEP);
            if reader.by_ref().take(wanted).read_to_end(&mut bytes)? == 0 {
                return Err(Error::Truncated { part, offset, needed });
            }
        }
    }

    /// The payload of a tile, which must come after all that were asked for before. Tiles between are passed over.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Truncated`] if the file ends before, [`Error::Checksum`].
    pub(crate) fn tile(&mut self, tile: u32) -> Result<Vec<u8>, Error> {
        let stored = self.index.stored(tile).filter(|&(offset, _)| offset >= self.position);
        let Some((offset, length)) = stored else {
            return Err(Error::InvalidInput {
                what: "the tile number",
                found: tile.into(),
                expected: self.index.len() as u64,
            });
        };
        let truncated =
            |found: u64| Error::Truncated { part: Part::Tile(tile), offset: found, needed: offset + length };
        self.pass_over(offset - self.position)?;
        if self.position < offset {
            return Err(truncated(self.position));
        }
        let mut stored = Vec::new();
        self.next(length).read_to_end(&mut stored)?;
        self.position += stored.len() as u64;
        if self.position < offset + length {
            return Err(truncated(self.position));
        }
        let payload = self.index.check(tile, &stored)?.len();
        stored.truncate(payload);
        Ok(stored)
    }

    /// Whether nothing follows the last tile, which must have been read.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::TrailingGarbage`]: at least one byte.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        let offset = self.index.end();
        if self.position < offset {
            return Ok(());
        }
        let extra = std::io::copy(&mut self.next(1), &mut std::io::sink())?;
        if extra > 0 { Err(Error::TrailingGarbage { offset, extra }) } else { Ok(()) }
    }

    /// Passes over bytes: first over those that were read too early.
    fn pass_over(&mut self, count: u64) -> Result<(), Error> {
        let early = usize::try_from(count).unwrap_or(usize::MAX).min(self.ahead.len());
        self.ahead.drain(..early);
        let rest = count - early as u64;
        let passed = if rest > 0 { (self.skip)(&mut self.reader, rest)? } else { 0 };
        self.position += early as u64 + passed;
        Ok(())
    }

    /// The next bytes, at most `count`.
    fn next(&mut self, count: u64) -> impl Read + '_ {
        Ahead { ahead: &mut self.ahead, reader: &mut self.reader }.take(count)
    }
}

impl<R: Read + Seek> FileStream<R> {
    /// The same with a reader that seeks over what is not needed.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn open_seeking(reader: R) -> Result<Self, Error> {
        Self::open_with(reader, |reader, count| {
            // A file may be sought in beyond its end.
            let here = reader.stream_position()?;
            let end = reader.seek(SeekFrom::End(0))?;
            let passed = count.min(end.saturating_sub(here));
            reader.seek(SeekFrom::Start(here + passed))?;
            Ok(passed)
        })
    }
}

/// The front of a file and its index.
fn parse(bytes: &[u8]) -> Result<(Front<'_>, TileIndex), Error> {
    let (front, start) = Front::parse(bytes)?;
    let index = TileIndex::parse(&front.header, bytes, start)?;
    Ok((front, index))
}

/// Bytes that were read too early, and then the rest.
struct Ahead<'a, R> {
    ahead: &'a mut Vec<u8>,
    reader: &'a mut R,
}

impl<R: Read> Read for Ahead<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.ahead.is_empty() {
            return self.reader.read(buffer);
        }
        let count = self.ahead.as_slice().read(buffer)?;
        self.ahead.drain(..count);
        Ok(count)
    }
}
