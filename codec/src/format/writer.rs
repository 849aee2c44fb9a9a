//! Putting a file together from a header, sections and the payloads of the tiles.

use super::header::{Header, TileRect};
use super::section::{Section, write_sections};
use super::tiles::write_tiles;
use crate::error::Error;

/// Returns the whole file. `payloads` are what [`crate::entropy::TileEncoder::finish`] returned, in
/// the order of [`Header::tiles`]; payloads below [`super::TileRect::min_payload`] are filled with
/// zeros, which the range decoder takes for the same stream. `header.has_sections` is set from `sections`.
///
/// What is checked is the container: the fields of the header, that there is one payload per tile
/// and none is empty or too long, and of sections that their numbers are those of their types, each
/// at most once, their critical bits, and the bodies of orientation and CICP. All other bodies,
/// alpha and filter among them, and payloads are written as they are: readers may refuse them.
///
/// # Errors
/// [`Error::InvalidHeader`], [`Error::InvalidSection`], [`Error::UnknownCriticalSection`] or
/// [`Error::InvalidInput`] if one of these is wrong.
pub fn write_file<P: AsRef<[u8]>>(header: &Header, sections: &[Section<'_>], payloads: &[P]) -> Result<Vec<u8>, Error> {
    if payloads.len() as u64 != u64::from(header.tile_count()) {
        return Err(Error::InvalidInput {
            what: "the number of payloads",
            found: payloads.len() as u64,
            expected: header.tile_count().into(),
        });
    }
    let header = Header { has_sections: !sections.is_empty(), ..*header };
    let mut out = Vec::new();
    header.write(&mut out)?;
    write_sections(sections, &mut out)?;
    write_tiles(&header, payloads, TileRect::min_payload, &mut out)?;
    Ok(out)
}
