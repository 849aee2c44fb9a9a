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

/// A reader, and all that it has given.
#[derive(Debug)]
pub(super) struct Recorded<R> {
    pub(super) reader: R,
    pub(super) bytes: Vec<u8>,
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
        let mut source = Source::new(Recorded { reader, bytes: Vec::new() });
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
