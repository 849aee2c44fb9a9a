//! Everything that can be wrong with a `.lic` file or with what was asked of this crate.
//!
//! [`Error`] ends the work; a [`Warning`] is handed back beside a result that is still good.
//! Every variant says whose fault it is and what can be done.

mod kind;

use std::fmt;

pub use self::kind::ErrorKind;
pub use crate::alpha::AlphaError;
use crate::device::DeviceError;
pub use crate::entropy::error::{EntropyError, TableError};
use crate::model::ModelError;
use crate::prior::PriorError;
pub use crate::warning::{GpuFault, Warning};

/// A part of a file, named in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The fixed header with the signature.
    Header,
    /// The list of sections, where the next section's type is not known yet.
    Sections,
    /// The section of this type number.
    Section(u8),
    /// The list of tile lengths.
    TileIndex,
    /// The payload of this tile, counted from 0 in rows.
    Tile(u32),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Header => write!(f, "the header"),
            Part::Sections => write!(f, "the list of sections"),
            Part::Section(kind) => write!(f, "section {kind}"),
            Part::TileIndex => write!(f, "the tile index"),
            Part::Tile(tile) => write!(f, "tile {tile}"),
        }
    }
}

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed in the operating system; nothing is known about the file.
    #[error("input or output failed: {0}")]
    Io(#[from] std::io::Error),

    /// The bytes do not start with the `.lic` signature. The caller's mistake: the extension is
    /// also used by licence files, and pictures of other formats get renamed. Open it as what it is.
    #[error("not a lic image: this looks like {looks_like}")]
    NotLic {
        /// What the first bytes look like, with an article: "a PNG image", "an empty file".
        looks_like: &'static str,
    },

    /// The file follows a later version of the format. Nobody's fault: use a newer release.
    #[error("format version {found} is not supported, this release reads version {supported}")]
    UnsupportedVersion {
        /// The version in the file.
        found: u8,
        /// The version this release reads.
        supported: u8,
    },

    /// The file ends too early. It was cut off on its way here: fetch it again.
    #[error("truncated at byte {offset}: {part} needs {needed} bytes in all")]
    Truncated {
        /// What was being read.
        part: Part,
        /// Number of bytes that are there.
        offset: u64,
        /// Number of bytes, from the start of the file, up to which there must be some at least.
        needed: u64,
    },

    /// The bytes were changed after the file was written (bad disk, bad transfer). What is left
    /// must not be shown as if it were right: fetch the file again.
    #[error("checksum of {part} is {computed:08x}, the file says {stored:08x}: the file is damaged")]
    Checksum {
        /// The damaged part.
        part: Part,
        /// The CRC-32 written in the file.
        stored: u32,
        /// The CRC-32 of the bytes that are there.
        computed: u32,
    },

    /// A header field has a value that version 1 forbids although the checksum is right. The
    /// writer of the file is wrong; report it there.
    #[error("header field {field} is {value}, allowed is {allowed}")]
    InvalidHeader {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        value: u32,
        /// The values that version 1 allows.
        allowed: &'static str,
    },

    /// The header promises a picture that so few bytes cannot hold. Either the file was cut off
    /// or it was made to exhaust memory. Nothing was allocated for it.
    #[error(
        "a picture of {width}x{height} in {tiles} tiles takes at least {needed} bytes, \
         the file has {present}"
    )]
    ImplausibleSize {
        /// Width in pixels.
        width: u16,
        /// Height in pixels.
        height: u16,
        /// Number of tiles.
        tiles: u32,
        /// The least number of bytes such a file has.
        needed: u64,
        /// The number of bytes there are.
        present: u64,
    },

    /// The file uses something that version 1 defines or reserves but this release cannot decode.
    /// Nobody's fault: use a newer release.
    #[error("this release cannot decode {feature} (value {value})")]
    UnsupportedFeature {
        /// What it is.
        feature: &'static str,
        /// The value found.
        value: u32,
    },

    /// The file holds a section this release does not know and without which, its writer says,
    /// the picture would come out wrong. Use a newer release.
    #[error("section type {kind} is unknown here and cannot be skipped")]
    UnknownCriticalSection {
        /// The section's type number.
        kind: u8,
    },

    /// Metadata that no file may have: a picture with them cannot be encoded. The caller's mistake, or that of the program they come from.
    #[error("the picture's {what} cannot be written: {reason}")]
    InvalidMetadata {
        /// Which: `EXIF`, `XMP`, `CICP` or `orientation`.
        what: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// A section's checksum is right, its content is not. The writer of the file is wrong.
    #[error("section {kind}: {reason}")]
    InvalidSection {
        /// The section's type number.
        kind: u8,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// A length is not written in the one way version 1 allows. The writer of the file is wrong.
    #[error("the length of {part} at byte {offset} is not a canonical number of at most 35 bits")]
    InvalidLength {
        /// What the length belongs to.
        part: Part,
        /// Where it starts.
        offset: u64,
    },

    /// A tile is shorter than version 1 allows for its size: a rule against tiny files that
    /// promise huge pictures. The writer of the file is wrong.
    #[error("tile {tile} has {length} bytes, at least {needed} are needed")]
    TileTooShort {
        /// The tile, counted from 0 in rows.
        tile: u32,
        /// The length in the index.
        length: u64,
        /// The least length: one byte per started 64x64 pixels.
        needed: u64,
    },

    /// The file was made with other weights. Load the model with the id `file` (`--model PATH`).
    #[error("the file needs a model with parse id {file:08x}, the loaded one has {model:08x}")]
    WrongParseId {
        /// Parse id in the file.
        file: u32,
        /// Parse id of the loaded model.
        model: u32,
    },

    /// A tile's bytes are undamaged but are no stream that an encoder writes. The writer of the
    /// file is wrong, or two models share a parse id.
    #[error("tile {tile} is invalid: {source}")]
    InvalidTile {
        /// The tile, counted from 0 in rows.
        tile: u32,
        /// What is wrong in it.
        source: EntropyError,
    },

    /// A tile of a lossless alpha plane is undamaged but no encoder writes it. The writer of the file is wrong.
    #[error("tile {tile} is invalid: {source}")]
    InvalidAlphaTile {
        /// The tile, counted from 0 in rows.
        tile: u32,
        /// What is wrong in it.
        source: AlphaError,
    },

    /// Something is wrong in the alpha section; offsets count from the start of its body, tiles are those of the plane.
    #[error("the alpha plane: {0}")]
    Alpha(#[source] Box<Error>),

    /// There are bytes after the last tile. Something was appended to the file; cut it off at
    /// `offset` if you know that it does not matter.
    #[error("{} the end of the picture at byte {offset}", following(*extra))]
    TrailingGarbage {
        /// Where the picture ends.
        offset: u64,
        /// Number of bytes after it; none if they were not counted, because the file was being read and may have gone on for ever.
        extra: Option<u64>,
    },

    /// The probability tables of the model are unusable. The weight file is wrong, not the picture.
    #[error("the model's probability tables are invalid: {0}")]
    InvalidTables(#[from] TableError),

    /// What was handed in does not fit: samples their picture, pieces the header that they are written with, a number the file that is read. The
    /// calling code is wrong.
    #[error("{what} is {found}, expected {expected}")]
    InvalidInput {
        /// What does not fit.
        what: &'static str,
        /// What was given.
        found: u64,
        /// What is asked for, or the greatest value allowed.
        expected: u64,
    },

    /// A quality, a target or an edge of tiles that makes no sense. The caller's mistake.
    #[error("{what} is {value}, allowed is {allowed}")]
    InvalidOption {
        /// Which option.
        what: &'static str,
        /// What was given.
        value: f64,
        /// What is allowed.
        allowed: &'static str,
    },

    /// An effort that searches, in a build that cannot. Take another effort, or a build of lic-codec with the cargo feature `burn`.
    #[error("effort {0} needs a build of lic-codec with the cargo feature burn: efforts 0 and 1 do not")]
    NoSearch(u8),

    /// A region that is empty or reaches beyond the picture. The caller's mistake.
    #[error(
        "the region of {}x{} pixels at {},{} does not lie in the picture of {width}x{height}",
        region.width, region.height, region.x, region.y
    )]
    RegionOutside {
        /// The region.
        region: crate::view::Region,
        /// Width of the picture in pixels.
        width: u32,
        /// Height of the picture in pixels.
        height: u32,
    },

    /// Attention windows lie on a grid of 128 pixels, and with such tiles they would be cut at every tile's edge. The writer of the file is wrong.
    #[error("this model has attention windows and needs tiles of a multiple of {unit} pixels, not {tile}")]
    TileCutsWindows {
        /// Tile edge of the file.
        tile: u16,
        /// What it must be a multiple of.
        unit: usize,
    },

    /// The application has set [`crate::Limits`] and the file is beyond one of them. Nothing was allocated for what is beyond.
    #[error("the file needs {found}, but Limits::{limit} is {allowed}: raise it if the file can be trusted")]
    LimitExceeded {
        /// Which limit: `max_pixels` or `max_bytes`.
        limit: &'static str,
        /// What the file needs, as far as it is known.
        found: u64,
        /// What is allowed.
        allowed: u64,
    },

    /// Rows were asked for or given after an error: some are missing. That error says why.
    #[error("this picture has failed before, with another error: there are no more rows of it")]
    FailedBefore,

    /// The caller's watch has ended the work.
    #[error("cancelled")]
    Cancelled,

    /// The system does not give the memory for a picture, for the work on it, or for a part of a file. Systems that promise more memory than they
    /// have may end the process instead: set [`crate::Limits`].
    #[error("{bytes} bytes of memory are needed at once, more than there are")]
    OutOfMemory {
        /// Bytes that were asked for.
        bytes: u64,
    },

    /// The weight file is unusable, or there is none.
    #[error(transparent)]
    Model(#[from] ModelError),

    /// The device that was asked for cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),

    /// The integer prior refused its input, or the GPU failed while it ran. Neither happens on account of a file.
    #[error(transparent)]
    Prior(#[from] PriorError),
}

/// What follows an end, with its verb.
fn following(extra: Option<u64>) -> String {
    match extra {
        None => "bytes follow".into(),
        Some(1) => "1 byte follows".into(),
        Some(extra) => format!("{extra} bytes follow"),
    }
}

impl Error {
    /// Says that it happened in the alpha section.
    pub(crate) fn in_alpha(self) -> Self {
        Self::Alpha(Box::new(self))
    }
}
