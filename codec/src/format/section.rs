//! Sections: what a file can carry beside the picture's colour samples.
//!
//! A section is one tag byte, a length, the body and a CRC-32 of all three (FORMAT.md, chapter 3).
//! This module finds and checks sections and interprets the two that are plain numbers; ICC, EXIF
//! and XMP bodies are handed on as they are.

use super::cursor::{Cursor, push_length};
use crate::error::{Error, Part, Warning};

const CRITICAL_BIT: u8 = 0b1000_0000;
const MORE_BIT: u8 = 0b0100_0000;
const KIND_MASK: u8 = 0b0011_1111;
/// Longest body: what five length bytes can say.
pub(super) const MAX_BODY: u64 = (1 << 35) - 1;

/// The types of section, each at most once in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SectionKind {
    /// ICC profile of the colour samples.
    Icc,
    /// Four code points of ITU-T H.273; see [`Cicp`].
    Cicp,
    /// EXIF: a TIFF structure, starting with its byte order mark.
    Exif,
    /// XMP packet, UTF-8.
    Xmp,
    /// How to turn the picture for display: 1..=8 as in EXIF; see [`Section::orientation`].
    Orientation,
    /// Alpha plane. Critical.
    Alpha,
    /// A small `.lic` file that shows the same picture.
    Preview,
    /// The picture's own filter behind the synthesis.
    Filter,
    /// A type this release does not know, in 0..=63.
    Unknown(u8),
}

impl SectionKind {
    /// The type's number in the file, 0..=63 (higher bits of an unknown one are dropped).
    pub fn number(self) -> u8 {
        match self {
            SectionKind::Icc => 1,
            SectionKind::Cicp => 2,
            SectionKind::Exif => 3,
            SectionKind::Xmp => 4,
            SectionKind::Orientation => 5,
            SectionKind::Alpha => 6,
            SectionKind::Preview => 7,
            SectionKind::Filter => 8,
            SectionKind::Unknown(number) => number & KIND_MASK,
        }
    }

    /// The type with this number; only the low six bits count.
    pub fn from_number(number: u8) -> Self {
        match number & KIND_MASK {
            1 => SectionKind::Icc,
            2 => SectionKind::Cicp,
            3 => SectionKind::Exif,
            4 => SectionKind::Xmp,
            5 => SectionKind::Orientation,
            6 => SectionKind::Alpha,
            7 => SectionKind::Preview,
            8 => SectionKind::Filter,
            number => SectionKind::Unknown(number),
        }
    }

    /// Whether a known type must be understood by whoever decodes the file.
    fn must_be_critical(self) -> Option<bool> {
        match self {
            SectionKind::Unknown(_) => None,
            kind => Some(kind == SectionKind::Alpha),
        }
    }
}

/// One section of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Section<'a> {
    /// Its type.
    pub kind: SectionKind,
    /// Whether a decoder that does not know the type has to refuse the file.
    pub critical: bool,
    /// Its content.
    pub body: &'a [u8],
}

/// Colour as in ITU-T H.273 ("coding-independent code points").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cicp {
    /// Colour primaries.
    pub primaries: u8,
    /// Transfer characteristics.
    pub transfer: u8,
    /// Matrix coefficients: 0, the samples are RGB (or grey).
    pub matrix: u8,
    /// Whether samples use their full range: 1, they always do.
    pub full_range: u8,
}

impl<'a> Section<'a> {
    /// A section of a known type with the criticality version 1 gives to it.
    pub fn new(kind: SectionKind, body: &'a [u8]) -> Self {
        let critical = kind.must_be_critical().unwrap_or(false);
        Self { kind, critical, body }
    }

    /// Bytes the section takes in a file.
    pub fn byte_len(&self) -> u64 {
        let mut head = Vec::new();
        push_length(&mut head, self.body.len() as u64);
        5 + head.len() as u64 + self.body.len() as u64
    }

    /// The orientation 1..=8 with EXIF's meaning, none if this is another section.
    ///
    /// # Errors
    /// [`Error::InvalidSection`] if the body is not one such byte.
    pub fn orientation(&self) -> Result<Option<u8>, Error> {
        match (self.kind, self.body) {
            (SectionKind::Orientation, [value @ 1..=8]) => Ok(Some(*value)),
            (SectionKind::Orientation, _) => Err(self.invalid("it is not one byte of 1..=8")),
            _ => Ok(None),
        }
    }

    /// The CICP code points, none if this is another section.
    ///
    /// # Errors
    /// [`Error::InvalidSection`] if the body is not four bytes ending in 0, 1.
    pub fn cicp(&self) -> Result<Option<Cicp>, Error> {
        match (self.kind, self.body) {
            (SectionKind::Cicp, [primaries, transfer, 0, 1]) => {
                Ok(Some(Cicp { primaries: *primaries, transfer: *transfer, matrix: 0, full_range: 1 }))
            }
            (SectionKind::Cicp, _) => Err(self.invalid("it is not four bytes ending in 0, 1")),
            _ => Ok(None),
        }
    }

    fn invalid(&self, reason: &'static str) -> Error {
        Error::InvalidSection { kind: self.kind.number(), reason }
    }

    /// What can be checked without decoding the body.
    fn check(&self) -> Result<(), Error> {
        self.orientation()?;
        self.cicp()?;
        match self.kind.must_be_critical() {
            Some(critical) if critical != self.critical => Err(self.invalid("its critical bit contradicts its type")),
            None if self.critical => Err(Error::UnknownCriticalSection { kind: self.kind.number() }),
            _ => Ok(()),
        }
    }
}

/// What stands before a section's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SectionHead {
    pub(crate) kind: SectionKind,
    pub(crate) critical: bool,
    /// Whether another section follows.
    pub(crate) more: bool,
    /// Bytes of the body, as the file has it: nobody has seen them yet.
    pub(crate) length: u64,
}

impl SectionHead {
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        let [tag] = cursor.array(Part::Sections)?;
        let kind = SectionKind::from_number(tag);
        let length = cursor.length(Part::Section(kind.number()))?;
        Ok(Self { kind, critical: tag & CRITICAL_BIT != 0, more: tag & MORE_BIT != 0, length })
    }

    /// The section's name in messages.
    pub(super) fn part(&self) -> Part {
        Part::Section(self.kind.number())
    }
}

/// The types that a file has, one bit each: a repeated one is refused, so there are at most 64 sections.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen(u64);

impl Seen {
    /// Checks a section, and that no other of its type came before.
    pub(super) fn add(&mut self, section: &Section<'_>) -> Result<(), Error> {
        section.check()?;
        let bit = 1 << section.kind.number();
        if self.0 & bit != 0 {
            return Err(section.invalid("it appears twice"));
        }
        self.0 |= bit;
        Ok(())
    }
}

/// Reads all sections; there is at least one. Unknown optional ones become a warning each and are
/// returned too, so that `lic info` can list them.
pub(super) fn read_sections<'a>(
    cursor: &mut Cursor<'a>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Section<'a>>, Error> {
    let mut sections: Vec<Section<'a>> = Vec::new();
    let mut seen = Seen::default();
    loop {
        let start = cursor.position();
        let head = SectionHead::read(cursor)?;
        let body = cursor.take(head.length, head.part())?;
        cursor.check_crc(start, head.part())?;
        let section = Section { kind: head.kind, critical: head.critical, body };
        seen.add(&section)?;
        if let SectionKind::Unknown(kind) = head.kind {
            warnings.push(Warning::SectionSkipped { kind, bytes: head.length });
        }
        sections.push(section);
        if !head.more {
            return Ok(sections);
        }
    }
}

/// Writes sections under the same rules as they are read.
pub(super) fn write_sections(sections: &[Section<'_>], out: &mut Vec<u8>) -> Result<(), Error> {
    let mut seen = Seen::default();
    for (position, section) in sections.iter().enumerate() {
        let number = section.kind.number();
        if SectionKind::from_number(number) != section.kind {
            return Err(section.invalid("its number belongs to another type"));
        }
        seen.add(section)?;
        if section.body.len() as u64 > MAX_BODY {
            return Err(section.invalid("it is longer than 2^35 - 1 bytes"));
        }
        let mut tag = number;
        tag |= if section.critical { CRITICAL_BIT } else { 0 };
        let more = position + 1 < sections.len();
        tag |= if more { MORE_BIT } else { 0 };
        let start = out.len();
        out.push(tag);
        push_length(out, section.body.len() as u64);
        out.extend_from_slice(section.body);
        let crc = crc32fast::hash(out.get(start..).unwrap_or(&[]));
        out.extend_from_slice(&crc.to_be_bytes());
    }
    Ok(())
}
