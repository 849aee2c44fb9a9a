//! What stands before the tiles of a file in memory: header and sections. [`StreamHeader`](super::stream::StreamHeader) is a reader's way.

use super::alpha::{AlphaCoding, AlphaSection, read_start};
use super::cursor::Cursor;
use super::header::Header;
use super::section::{Section, SectionKind, read_sections};
use crate::error::{Error, Warning};
use crate::wiener::Coefficients;

/// Header and sections, which borrow their bytes.
#[derive(Debug, Clone)]
pub(crate) struct Front<'a> {
    pub(crate) header: Header,
    pub(crate) sections: Vec<Section<'a>>,
    pub(crate) warnings: Vec<Warning>,
}

impl<'a> Front<'a> {
    /// Parses the front of a file, and returns where it ends. The bytes may go on or stop after it.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<(Self, usize), Error> {
        let header = Header::parse(bytes)?;
        let mut cursor = Cursor::new(bytes, header.byte_len());
        let mut warnings = Vec::new();
        let sections = if header.has_sections { read_sections(&mut cursor, &mut warnings)? } else { Vec::new() };
        Ok((Self { header, sections, warnings }, cursor.position()))
    }

    /// The section of a type, if there is one.
    pub(crate) fn section(&self, kind: SectionKind) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.kind == kind)
    }

    /// The orientation of its section, 1 without.
    pub(crate) fn orientation(&self) -> u8 {
        self.section(SectionKind::Orientation).and_then(|section| section.orientation().ok().flatten()).unwrap_or(1)
    }

    /// How the alpha plane is coded, if there is one.
    pub(crate) fn alpha_coding(&self) -> Result<Option<AlphaCoding>, Error> {
        let Some(section) = self.section(SectionKind::Alpha) else { return Ok(None) };
        let (coding, ..) = read_start(section.body)?;
        Ok(Some(coding))
    }

    /// The picture's filter, if it has one.
    pub(crate) fn filter(&self) -> Result<Option<Coefficients>, Error> {
        self.section(SectionKind::Filter)
            .map(|section| Coefficients::read(self.header.colour, section.body))
            .transpose()
    }

    /// The alpha section, if there is one.
    pub(crate) fn alpha(&self) -> Result<Option<AlphaSection<'a>>, Error> {
        self.section(SectionKind::Alpha).map(|section| AlphaSection::parse(&self.header, section.body)).transpose()
    }
}
