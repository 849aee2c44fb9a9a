//! [`Metadata`]: what belongs to a picture beside its samples, and the sections of a file that carry it.
//!
//! ICC, CICP and orientation say how the samples look; EXIF and XMP say where the picture comes from and may be left out
//! without a visible change. `format::section` knows where the bytes lie; here is what they are to a [`Picture`](crate::Picture).

use crate::error::Error;
use crate::format::front::Front;
use crate::format::{Cicp, LicFile, Section, SectionKind};

/// Everything about a picture that is not a sample. Nothing of it changes how samples are coded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// ICC profile of the samples. Of a grey picture: a grey profile.
    pub icc: Option<Vec<u8>>,
    /// Colour as code points; goes before the ICC profile where the reader knows them. Without both the samples are sRGB.
    pub cicp: Option<Cicp>,
    /// EXIF: a TIFF structure that starts with `II*\0` or `MM\0*`. Its orientation tag does not count. That of a decoded file is what its writer
    /// has put there, and has not been looked at; encoding refuses any other.
    pub exif: Option<Vec<u8>>,
    /// XMP packet, UTF-8, to which the same applies.
    pub xmp: Option<Vec<u8>>,
    /// How to turn the stored samples for display, 1..=8 with EXIF's meaning; 1 is upright.
    pub orientation: u8,
}

impl Default for Metadata {
    /// Nothing: upright sRGB.
    fn default() -> Self {
        Self { icc: None, cicp: None, exif: None, xmp: None, orientation: 1 }
    }
}

/// A section that does not borrow its body.
pub(crate) type OwnedSection = (SectionKind, Vec<u8>);

impl Metadata {
    /// That of a parsed file.
    pub fn of_file(file: &LicFile<'_>) -> Self {
        Self::of_front(file.front())
    }

    pub(crate) fn of_front(front: &Front<'_>) -> Self {
        let mut metadata = Self::default();
        for kind in Self::KINDS {
            if let Some(section) = front.section(kind) {
                metadata.keep(kind, section.body.to_vec());
            }
        }
        metadata
    }

    /// The sections that carry metadata.
    const KINDS: [SectionKind; 5] =
        [SectionKind::Icc, SectionKind::Cicp, SectionKind::Exif, SectionKind::Xmp, SectionKind::Orientation];

    /// Bytes that [`Self::of_front`] copies.
    pub(crate) fn bytes_of(front: &Front<'_>) -> u64 {
        Self::KINDS.iter().filter_map(|&kind| front.section(kind)).map(|section| section.body.len() as u64).sum()
    }

    /// Bytes that do not lie in this value itself.
    #[cfg(feature = "image")]
    pub(crate) fn bytes(&self) -> u64 {
        [&self.icc, &self.exif, &self.xmp].into_iter().flatten().map(|body| body.len() as u64).sum()
    }

    /// Takes over the body of a checked section; nothing happens if it carries something else.
    pub(crate) fn keep(&mut self, kind: SectionKind, body: Vec<u8>) {
        match kind {
            SectionKind::Icc => self.icc = Some(body),
            SectionKind::Exif => self.exif = Some(body),
            SectionKind::Xmp => self.xmp = Some(body),
            // Parsing has refused what is no four code points, and no orientation.
            SectionKind::Cicp => self.cicp = Section::new(kind, &body).cicp().ok().flatten(),
            SectionKind::Orientation => {
                self.orientation = Section::new(kind, &body).orientation().ok().flatten().unwrap_or(1);
            }
            _ => {}
        }
    }

    /// The sections that carry this; none for [`Metadata::default`].
    ///
    /// # Errors
    /// [`Error::InvalidMetadata`] for what a writer must not write: EXIF that is no TIFF, XMP that is not UTF-8, code points of
    /// another matrix or range, an orientation outside of 1..=8.
    pub(crate) fn sections(&self) -> Result<Vec<OwnedSection>, Error> {
        let invalid = |what, reason| Error::InvalidMetadata { what, reason };
        if self.exif.as_ref().is_some_and(|exif| !is_tiff(exif)) {
            return Err(invalid("EXIF", "it does not start like TIFF"));
        }
        if self.xmp.as_ref().is_some_and(|xmp| std::str::from_utf8(xmp).is_err()) {
            return Err(invalid("XMP", "it is not UTF-8"));
        }
        // The same words as for a file that has them.
        let of_picture = |what| {
            move |error| match error {
                Error::InvalidSection { reason, .. } => invalid(what, reason),
                error => error,
            }
        };
        let cicp = self.cicp.map(|c| vec![c.primaries, c.transfer, c.matrix, c.full_range]);
        let orientation = (self.orientation != 1).then(|| vec![self.orientation]);
        let all = [
            (SectionKind::Icc, self.icc.clone()),
            (SectionKind::Cicp, cicp),
            (SectionKind::Exif, self.exif.clone()),
            (SectionKind::Xmp, self.xmp.clone()),
            (SectionKind::Orientation, orientation),
        ];
        let sections: Vec<OwnedSection> =
            all.into_iter().filter_map(|(kind, body)| body.map(|body| (kind, body))).collect();
        for (kind, body) in &sections {
            let section = Section::new(*kind, body);
            section.cicp().map_err(of_picture("CICP"))?;
            section.orientation().map_err(of_picture("orientation"))?;
        }
        Ok(sections)
    }
}

/// Whether bytes start with one of TIFF's two byte order marks.
pub(crate) fn is_tiff(exif: &[u8]) -> bool {
    exif.starts_with(b"II*\0") || exif.starts_with(b"MM\0*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_takes_no_section() {
        assert_eq!(Metadata::default().sections().unwrap(), []);
    }

    #[test]
    fn what_a_writer_must_not_write_is_refused() {
        let cicp = Cicp { primaries: 9, transfer: 16, matrix: 1, full_range: 1 };
        for (name, metadata) in [
            ("CICP", Metadata { cicp: Some(cicp), ..Metadata::default() }),
            ("EXIF", Metadata { exif: Some(b"Exif\0\0II*\0".to_vec()), ..Metadata::default() }),
            ("XMP", Metadata { xmp: Some(vec![b'<', 0xff]), ..Metadata::default() }),
            ("orientation", Metadata { orientation: 0, ..Metadata::default() }),
            ("orientation", Metadata { orientation: 9, ..Metadata::default() }),
        ] {
            let found = metadata.sections().unwrap_err();
            assert!(matches!(found, Error::InvalidMetadata { what, .. } if what == name), "{found}");
        }
    }
}
