//! What `image` asks for before it says its limits: header, metadata, and whether there is alpha. The file's bytes are kept for decoding.

use std::io::{self, Read};

use crate::error::Error;
use crate::format::alpha::{START_BYTES, read_start};
use crate::format::section_reader::SectionReader;
use crate::format::source::Source;
use crate::format::{AlphaCoding, Header, SectionKind};
use crate::limits::Budget;
use crate::metadata::Metadata;

/// Most bytes of sections that are read before anybody could set a limit. Alpha, which may be as large as the picture, is not among them where
/// it is the last section, as in files of this crate.
const MOST: u64 = 64 << 20;

/// Bytes for which room is made at first, as long as nothing says how many there are.
const PIECE: u64 = 1 << 13;

/// A reader, and all that it has given.
#[derive(Debug)]
pub(super) struct Recorded<R> {
    reader: R,
    bytes: Vec<u8>,
    /// Whether it has given all.
    ended: bool,
}

impl<R> Recorded<R> {
    /// What came so far.
    pub(super) fn came(&self) -> &[u8] {
        &self.bytes
    }

    /// Memory that is taken for it: what has room is not yet filled, but taken.
    pub(super) fn memory(&self) -> u64 {
        self.bytes.capacity() as u64
    }
}

impl<R: Read> Recorded<R> {
    /// Reads on to the end, or until there is one byte more than `most`: that shows that there are too many, without reading them all, and however
    /// often they are asked for. There is never room for more than that.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::OutOfMemory`].
    pub(super) fn read_on(&mut self, most: u64) -> Result<(), Error> {
        while !self.ended && self.bytes.len() as u64 <= most {
            let came = self.bytes.len() as u64;
            // Room doubles with what came, but for the last time.
            let next = came.max(PIECE).min(most - came).max(1);
            let reserved = usize::try_from(next).ok().and_then(|next| self.bytes.try_reserve_exact(next).ok());
            reserved.ok_or(Error::OutOfMemory { bytes: came.saturating_add(next) })?;
            if (self.reader.by_ref().take(next).read_to_end(&mut self.bytes)? as u64) < next {
                self.ended = true;
                self.bytes.shrink_to_fit();
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Recorded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.bytes.try_reserve(count).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.bytes.extend(buffer.iter().take(count));
        Ok(count)
    }
}

/// What stands before the tiles, as far as it must be known.
#[derive(Debug)]
pub(super) struct Front {
    pub(super) header: Header,
    pub(super) alpha: Option<AlphaCoding>,
    pub(super) metadata: Metadata,
}

impl Front {
    /// Reads no more than it must. Sections that it reads to their end are checked.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::LimitExceeded`], and what is wrong with header and sections.
    pub(super) fn read<R: Read>(reader: R) -> Result<(Self, Recorded<R>), Error> {
        let mut source = Source::new(Recorded { reader, bytes: Vec::new(), ended: false });
        let header = source.header()?;
        let (mut alpha, mut metadata) = (None, Metadata::default());
        let (mut sections, mut budget) = (SectionReader::new(&mut source), Budget::bytes(MOST));
        let mut more = header.has_sections;
        while more {
            let head = sections.head()?;
            more = head.more;
            if head.kind == SectionKind::Alpha && !more {
                let (coding, ..) = read_start(&sections.start(&head, START_BYTES)?)?;
                alpha = Some(coding);
                break;
            }
            budget.take(head.length)?;
            match head.kind {
                SectionKind::Preview | SectionKind::Unknown(_) => sections.pass_over(&head)?,
                kind => {
                    let body = sections.body(&head)?;
                    if kind == SectionKind::Alpha {
                        let (coding, ..) = read_start(&body)?;
                        alpha = Some(coding);
                    }
                    metadata.keep(kind, body);
                }
            }
        }
        Ok((Self { header, alpha, metadata }, source.into_reader()))
    }
}
