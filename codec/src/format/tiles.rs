//! The tiles of a file: an index of lengths, then every tile's payload with its own CRC-32.
//!
//! Because each tile has its checksum and the index its own, one tile can be read and trusted
//! without the bytes of the others. An alpha section is laid out the same way.

use std::borrow::Cow;

use super::cursor::{Cursor, MAX_LENGTH_BYTES, push_length};
use super::header::{Header, TileRect};
use crate::error::{Error, Part};

const CRC_BYTES: u64 = 4;
/// Longest payload: what five length bytes can say.
pub(super) const MAX_PAYLOAD: u64 = (1 << 35) - 1;

/// Where in a file the payload of each tile lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileIndex {
    /// Offset of the first payload.
    start: u64,
    /// Offset of the end of every tile, its CRC-32 included.
    ends: Vec<u64>,
    /// Length of the index itself in bytes.
    index_bytes: u64,
}

impl TileIndex {
    /// Reads the index from `bytes`, a file or its beginning, at `offset`, where the last section
    /// (or the header) ended. Call [`Header::check_plausible`] first: the index takes eight bytes
    /// of memory per tile, and only that check ties the number of tiles to the bytes there are.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::InvalidLength`], [`Error::TileTooShort`] or
    /// [`Error::Checksum`] of the index; payloads are not looked at.
    pub fn parse(header: &Header, bytes: &[u8], offset: usize) -> Result<Self, Error> {
        Self::read(header, Cursor::new(bytes, offset.min(bytes.len())), TileRect::min_payload)
    }

    /// The same where a cursor stands, with a rule for the least length of a payload.
    pub(super) fn read(
        header: &Header,
        mut cursor: Cursor<'_>,
        least: impl Fn(&TileRect) -> u64,
    ) -> Result<Self, Error> {
        let count = header.tile_count();
        let part = Part::TileIndex;
        let (first, offset, remaining) = (cursor.position(), cursor.offset(), cursor.remaining());
        if remaining < u64::from(count) {
            return Err(Error::Truncated { part, offset: offset + remaining, needed: offset + u64::from(count) });
        }
        let mut lengths = Vec::with_capacity(count as usize);
        for tile in header.tiles() {
            let length = cursor.length(part)?;
            if length < least(&tile) {
                return Err(Error::TileTooShort { tile: tile.index, length, needed: least(&tile) });
            }
            lengths.push(length);
        }
        // A lone entry is covered by the checksum of its tile.
        if count > 1 {
            cursor.check_crc(first, part)?;
        }
        let start = cursor.offset();
        let mut end = start;
        for length in &mut lengths {
            // 2^20 tiles of less than 2^35 bytes: no overflow.
            end += *length + CRC_BYTES;
            *length = end;
        }
        Ok(Self { start, ends: lengths, index_bytes: start - offset })
    }

    /// Number of tiles.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no tile, which no valid header allows.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The greatest number of a tile.
    pub(super) fn last(&self) -> u64 {
        (self.len() as u64).saturating_sub(1)
    }

    /// Bytes the index takes.
    pub fn index_bytes(&self) -> u64 {
        self.index_bytes
    }

    /// Offset of the first payload, which is the end of the index.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Offset of the end of the last tile, which is the end of the file.
    pub fn end(&self) -> u64 {
        self.ends.last().copied().unwrap_or(self.start)
    }

    /// Offset and length of the stored tile, its four CRC bytes at the end included: what has to
    /// be read to decode it. None if there are not so many tiles.
    pub fn stored(&self, tile: u32) -> Option<(u64, u64)> {
        let tile = tile as usize;
        let end = *self.ends.get(tile)?;
        let start = match tile.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => self.start,
        };
        Some((start, end - start))
    }

    /// Checks the CRC-32 of a stored tile, as located by [`TileIndex::stored`], and returns the
    /// payload without it.
    ///
    /// # Errors
    /// [`Error::Truncated`] if `stored` is not as long as the index says, [`Error::Checksum`].
    pub fn check<'a>(&self, tile: u32, stored: &'a [u8]) -> Result<&'a [u8], Error> {
        let part = Part::Tile(tile);
        let (offset, length) = self.stored(tile).ok_or(Error::InvalidInput {
            what: "the tile number",
            found: tile.into(),
            expected: self.last(),
        })?;
        let truncated = Error::Truncated { part, offset: offset + stored.len() as u64, needed: offset + length };
        if stored.len() as u64 != length {
            return Err(truncated);
        }
        let Some((payload, crc)) = stored.split_last_chunk::<4>() else {
            return Err(truncated);
        };
        let stored = u32::from_be_bytes(*crc);
        let computed = tile_crc(payload);
        if stored != computed {
            return Err(Error::Checksum { part, stored, computed });
        }
        Ok(payload)
    }
}

/// Index and payloads that end where their bytes end: the tiles of a file, or of its alpha section.
#[derive(Debug, Clone)]
pub struct StoredTiles<'a> {
    bytes: Cow<'a, [u8]>,
    index: TileIndex,
}

impl<'a> StoredTiles<'a> {
    /// Reads the index at `offset` of `bytes`. Payloads are not looked at, but all must be there and nothing after them.
    pub(super) fn open(
        header: &Header,
        bytes: Cow<'a, [u8]>,
        offset: usize,
        least: impl Fn(&TileRect) -> u64,
    ) -> Result<Self, Error> {
        let index = TileIndex::read(header, Cursor::new(&bytes, offset.min(bytes.len())), least)?;
        let (end, present) = (index.end(), bytes.len() as u64);
        if present > end {
            return Err(Error::TrailingGarbage { offset: end, extra: Some(present - end) });
        }
        if present < end {
            // Name the tile in which the bytes break off.
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
        Ok(Self { bytes, index })
    }

    /// Where the tiles lie.
    pub fn index(&self) -> &TileIndex {
        &self.index
    }

    /// The same with bytes of its own.
    pub fn into_owned(self) -> StoredTiles<'static> {
        StoredTiles { bytes: self.bytes.into_owned().into(), index: self.index }
    }

    /// The payload of a tile; its checksum is compared at every call.
    ///
    /// # Errors
    /// [`Error::Checksum`] if it is damaged, [`Error::InvalidInput`] if there is no such tile.
    pub fn tile(&self, tile: u32) -> Result<&[u8], Error> {
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
}

/// CRC-32 of a tile: of its index entry (the length) and its payload.
fn tile_crc(payload: &[u8]) -> u32 {
    let mut entry = Vec::with_capacity(MAX_LENGTH_BYTES);
    push_length(&mut entry, payload.len() as u64);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&entry);
    hasher.update(payload);
    hasher.finalize()
}

/// Writes index and payloads, in the order of [`Header::tiles`]; short payloads are filled with zeros.
pub(super) fn write_tiles<P: AsRef<[u8]>>(
    header: &Header,
    payloads: &[P],
    least: impl Fn(&TileRect) -> u64,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let stored_len = |tile: &TileRect, payload: &[u8]| (payload.len() as u64).max(least(tile));
    let start = out.len();
    for (tile, payload) in header.tiles().zip(payloads) {
        let length = stored_len(&tile, payload.as_ref());
        if payload.as_ref().is_empty() || length > MAX_PAYLOAD {
            return Err(Error::InvalidInput {
                what: "the length of a tile's payload",
                found: payload.as_ref().len() as u64,
                expected: MAX_PAYLOAD,
            });
        }
        push_length(out, length);
    }
    if payloads.len() > 1 {
        let crc = crc32fast::hash(out.get(start..).unwrap_or(&[]));
        out.extend_from_slice(&crc.to_be_bytes());
    }
    for (tile, payload) in header.tiles().zip(payloads) {
        let start = out.len();
        let length = stored_len(&tile, payload.as_ref());
        out.extend_from_slice(payload.as_ref());
        out.resize(start + length as usize, 0);
        let crc = tile_crc(out.get(start..).unwrap_or(&[]));
        out.extend_from_slice(&crc.to_be_bytes());
    }
    Ok(())
}
