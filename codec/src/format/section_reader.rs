//! [`SectionReader`]: the sections of a file one after the other, each as soon as it has come.
//!
//! The counterpart of `section::read_sections`, which has all of them in memory. A body is read only after its head has said how long it is, so
//! whoever asks can refuse it, or pass over it without keeping it.

use std::io::Read;

use super::cursor::Cursor;
use super::section::{Section, SectionHead, Seen};
use super::source::Source;
use crate::error::Error;

/// Bytes at a time of a body that nobody wants.
const PIECE: u64 = 1 << 13;

/// Reads sections from where a source stands.
pub(crate) struct SectionReader<'s, R> {
    source: &'s mut Source<R>,
    /// Of the section that is being read.
    crc: crc32fast::Hasher,
    seen: Seen,
}

impl<'s, R: Read> SectionReader<'s, R> {
    pub(crate) fn new(source: &'s mut Source<R>) -> Self {
        Self { source, crc: crc32fast::Hasher::new(), seen: Seen::default() }
    }

    /// What stands before the next section's body. To be called as long as the section before says that there are more.
    pub(crate) fn head(&mut self) -> Result<SectionHead, Error> {
        let start = self.source.position();
        let mut bytes = Vec::new();
        loop {
            match SectionHead::read(&mut Cursor::at(&bytes, start)) {
                // Byte by byte, because the length alone says where it ends.
                Err(Error::Truncated { part, .. }) => self.source.read(1, part, &mut bytes)?,
                head => {
                    self.crc = crc32fast::Hasher::new();
                    self.crc.update(&bytes);
                    return head;
                }
            }
        }
    }

    /// The first bytes of a body, at most `count`, not checked; this reader is of no use afterwards.
    #[cfg(feature = "image")]
    pub(crate) fn start(&mut self, head: &SectionHead, count: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.source.read(count.min(head.length), head.part(), &mut bytes)?;
        Ok(bytes)
    }

    /// The body behind a head, checked.
    pub(crate) fn body(&mut self, head: &SectionHead) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        self.source.read(head.length, head.part(), &mut body)?;
        self.crc.update(&body);
        self.check(head, &body)?;
        Ok(body)
    }

    /// Reads the body behind a head, whose content does not matter, and checks the rest.
    pub(crate) fn pass_over(&mut self, head: &SectionHead) -> Result<(), Error> {
        let (mut piece, mut left) = (Vec::new(), head.length);
        while left > 0 {
            piece.clear();
            self.source.read(left.min(PIECE), head.part(), &mut piece)?;
            self.crc.update(&piece);
            left -= piece.len() as u64;
        }
        self.check(head, &[])
    }

    /// Compares the checksum, and checks what can be checked without decoding the body.
    fn check(&mut self, head: &SectionHead, body: &[u8]) -> Result<(), Error> {
        let mut crc = Vec::new();
        let start = self.source.position();
        self.source.read(4, head.part(), &mut crc)?;
        let stored = u32::from_be_bytes(Cursor::at(&crc, start).array(head.part())?);
        let computed = std::mem::take(&mut self.crc).finalize();
        if stored != computed {
            return Err(Error::Checksum { part: head.part(), stored, computed });
        }
        self.seen.add(&Section { kind: head.kind, critical: head.critical, body })
    }
}
