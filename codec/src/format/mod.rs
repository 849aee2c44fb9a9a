//! The `.lic` container, version 1: where which bytes lie, and nothing about what they mean.
//!
//! `codec/FORMAT.md` is the specification; the modules follow its chapters: [`header`] the fixed
//! header, [`section`] the optional sections, [`tiles`] the tile index and payloads, [`alpha`] the section with tiles of its own. [`mod@file`] takes
//! a whole file apart and [`writer`] puts one together; `stream` reads one
//! that is never in memory as a whole, with `source` and `section_reader`. Nothing here decodes a symbol (that is
//! [`crate::entropy`]) and nothing here uses floating point or the network.

pub mod alpha;
pub mod file;
pub mod header;
pub mod section;
pub mod tiles;
pub mod writer;

mod cursor;
pub(crate) mod front;
pub(crate) mod section_reader;
mod signature;
pub(crate) mod source;
pub(crate) mod stream;
#[cfg(test)]
mod tests;

pub use alpha::{AlphaCoding, AlphaSection};
pub use file::LicFile;
pub use header::{BitDepth, ColourModel, Header, TileRect, VERSION, is_tile_size};
pub use section::{Cicp, Section, SectionKind};
pub use signature::SIGNATURE;
pub use tiles::{StoredTiles, TileIndex};
pub use writer::write_file;
