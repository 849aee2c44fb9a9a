//! Reading bytes, numbers and lengths from a slice with errors that say where it ended.

use crate::error::{Error, Part};

/// Most bytes of a length: 7 bits each, 35 bits in all.
pub(super) const MAX_LENGTH_BYTES: usize = 5;

/// A position in a slice that knows which part of the file it is in.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Where in the file the slice starts.
    base: u64,
}

impl<'a> Cursor<'a> {
    /// Starts at `position` (at most `bytes.len()`).
    pub(super) fn new(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position, base: 0 }
    }

    /// Over bytes of which the first is byte `base` of the file.
    pub(super) fn at(bytes: &'a [u8], base: u64) -> Self {
        Self { bytes, position: 0, base }
    }

    /// Where in the slice it is.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Where in the file it is.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.position as u64
    }

    /// Bytes that are left of the slice.
    pub(super) fn remaining(&self) -> u64 {
        self.bytes.len().saturating_sub(self.position) as u64
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: u64, part: Part) -> Result<&'a [u8], Error> {
        let end = self.position as u64 + count;
        let slice = usize::try_from(end)
            .ok()
            .and_then(|end| self.bytes.get(self.position..end))
            .ok_or(Error::Truncated { part, offset: self.base + self.bytes.len() as u64, needed: self.base + end })?;
        self.position += slice.len();
        Ok(slice)
    }

    pub(super) fn array<const N: usize>(&mut self, part: Part) -> Result<[u8; N], Error> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N as u64, part)?);
        Ok(out)
    }

    /// A length: little-endian groups of 7 bits, the highest bit of every byte but the last set
    /// (LEB128), in the fewest bytes possible.
    pub(super) fn length(&mut self, part: Part) -> Result<u64, Error> {
        let start = self.offset();
        let mut value = 0;
        for group in 0..MAX_LENGTH_BYTES {
            let [byte] = self.array::<1>(part)?;
            value |= u64::from(byte & 0x7f) << (7 * group);
            if byte & 0x80 == 0 {
                if byte == 0 && group > 0 {
                    break;
                }
                return Ok(value);
            }
        }
        Err(Error::InvalidLength { part, offset: start })
    }

    /// The four bytes of a stored CRC-32, compared with that of everything from `start` of the slice to here.
    pub(super) fn check_crc(&mut self, start: usize, part: Part) -> Result<(), Error> {
        let computed = crc32fast::hash(self.bytes.get(start..self.position).unwrap_or(&[]));
        let stored = u32::from_be_bytes(self.array(part)?);
        if stored == computed { Ok(()) } else { Err(Error::Checksum { part, stored, computed }) }
    }
}

/// Appends a length as [`Cursor::length`] reads it.
pub(super) fn push_length(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
