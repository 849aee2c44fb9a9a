//! [`Source`]: bytes of a file in the order in which a reader gives them, with errors that say where they ended.
//!
//! The counterpart of `cursor`, which has bytes in memory. Reads exactly what is asked for, so the reader always stands where the next part
//! of the file begins, and memory grows as bytes come: a length that a file announces allocates nothing.

use std::io::Read;

use super::header::{Header, MIN_HEADER_BYTES};
use crate::error::{Error, Part};

/// Bytes for which memory is asked before any of them have come.
const STEP: u64 = 1 << 20;

/// Memory that [`Source::read`] takes for so many bytes: half as much again while they grow.
pub(crate) fn while_read(bytes: u64) -> u64 {
    bytes.saturating_add(bytes / 2)
}

/// A reader that knows where in the file it is.
#[derive(Debug)]
pub(crate) struct Source<R> {
    reader: R,
    position: u64,
}

impl<R: Read> Source<R> {
    /// Starts at the beginning of a file.
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, position: 0 }
    }

    #[cfg(any(feature = "image", test))]
    pub(crate) fn into_reader(self) -> R {
        self.reader
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The header at the beginning of a file.
    ///
    /// # Errors
    /// [`Error::Io`], and what [`Header::parse`] says.
    pub(crate) fn header(&mut self) -> Result<Header, Error> {
        let mut bytes = Vec::new();
        let mut wanted = MIN_HEADER_BYTES as u64;
        loop {
            let came = self.append(wanted, &mut bytes)?;
            match Header::parse(&bytes) {
                // A header with a tile size of its own is longer.
                Err(Error::Truncated { offset, needed, .. }) if came > 0 => wanted = needed.saturating_sub(offset),
                result => return result,
            }
        }
    }

    /// Appends the next `count` bytes, which belong to `part`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Truncated`] if there are not so many, [`Error::OutOfMemory`].
    pub(crate) fn read(&mut self, count: u64, part: Part, to: &mut Vec<u8>) -> Result<(), Error> {
        let needed = self.position.saturating_add(count);
        while self.position < needed {
            let next = (needed - self.position).min(STEP.max(to.len() as u64));
            let reserved = usize::try_from(next).ok().and_then(|next| to.try_reserve_exact(next).ok());
            reserved.ok_or(Error::OutOfMemory { bytes: count })?;
            if self.append(next, to)? < next {
                return Err(Error::Truncated { part, offset: self.position, needed });
            }
        }
        Ok(())
    }

    /// Passes over `count` bytes as `skip` does it, which says over how many: fewer at the end.
    pub(super) fn pass_over(
        &mut self,
        count: u64,
        skip: impl FnOnce(&mut R, u64) -> std::io::Result<u64>,
    ) -> Result<(), Error> {
        if count > 0 {
            self.position += skip(&mut self.reader, count)?;
        }
        Ok(())
    }

    /// Whether nothing follows; reads a byte if something does.
    pub(super) fn is_at_end(&mut self) -> Result<bool, Error> {
        Ok(self.append(1, &mut Vec::new())? == 0)
    }

    fn append(&mut self, count: u64, to: &mut Vec<u8>) -> Result<u64, Error> {
        let came = self.reader.by_ref().take(count).read_to_end(to)? as u64;
        self.position += came;
        Ok(came)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::header::test_header;

    #[test]
    fn a_header_is_read_to_its_end_and_no_further() {
        for tile_size in [64, 1024] {
            let mut bytes = Vec::new();
            let header = Header { tile_size, ..test_header(7, 9) };
            header.write(&mut bytes).unwrap();
            bytes.extend([1, 2, 3]);
            let mut source = Source::new(bytes.as_slice());
            assert_eq!(source.header().unwrap(), header);
            assert_eq!(source.position(), header.byte_len() as u64);
            assert_eq!(source.into_reader(), [1, 2, 3]);
            let cut = &bytes[..header.byte_len() - 1];
            assert!(matches!(Source::new(cut).header(), Err(Error::Truncated { part: Part::Header, .. })));
        }
        assert!(matches!(Source::new(&b"GIF89a"[..]).header(), Err(Error::NotLic { looks_like: "a GIF image" })));
    }

    #[test]
    fn an_announced_length_allocates_only_what_comes() {
        let bytes = vec![7; 3 << 20];
        let mut source = Source::new(bytes.as_slice());
        let mut read = Vec::new();
        source.read(5 << 19, Part::Sections, &mut read).unwrap();
        assert_eq!((read.len(), read.capacity()), (5 << 19, 5 << 19));
        let error = source.read(1 << 35, Part::Section(1), &mut read).unwrap_err();
        let (offset, needed) = (3 << 20, (5 << 19) + (1 << 35));
        assert!(
            matches!(error, Error::Truncated { part: Part::Section(1), offset: o, needed: n } if (o, n) == (offset, needed)),
            "{error}"
        );
        assert!(read.capacity() < 6 << 20, "{} bytes", read.capacity());
        assert!(source.is_at_end().unwrap());
    }
}
