//! What can be wrong with a tile of a lossless alpha plane.

/// Why a tile of a lossless alpha plane cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AlphaError {
    /// It is no DEFLATE stream, or breaks off.
    #[error("the DEFLATE stream is damaged")]
    Deflate,
    /// The stream ends before the tile's last sample.
    #[error("the stream gives {found} bytes, the tile takes {expected}")]
    TooShort {
        /// Bytes it gives.
        found: usize,
        /// Bytes of the tile's rows with their filter types.
        expected: usize,
    },
    /// The stream goes on after the tile's last sample.
    #[error("the stream gives more than the {expected} bytes of the tile")]
    TooLong {
        /// Bytes of the tile's rows with their filter types.
        expected: usize,
    },
    /// Bytes follow the end of the stream.
    #[error("bytes follow the end of the stream")]
    TrailingBytes,
    /// The DEFLATE stream is so much longer than what it gives that most of it gives nothing.
    #[error("the stream of {found} bytes is too long for its samples, which no encoder needs more than {most} for")]
    Padded {
        /// Bytes of the payload.
        found: usize,
        /// Most that there may be.
        most: usize,
    },
    /// A sample of more bits than the picture has.
    #[error("a sample is {found}, at most {most} is allowed")]
    TooLarge {
        /// The sample.
        found: u16,
        /// The greatest of the picture's depth.
        most: u16,
    },
    /// A row has a filter type that PNG does not define.
    #[error("a row has the unknown filter type {filter}")]
    UnknownFilter {
        /// The filter type.
        filter: u8,
    },
}
