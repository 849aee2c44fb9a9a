//! What can be wrong with a stream of symbols, and with the tables it is coded with. Neither knows of files or tile numbers: [`Error`] adds them.

use crate::error::Error;

/// Why a stream of symbols cannot be coded or decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntropyError {
    /// The payload has no byte, not even the flags.
    #[error("the payload is empty")]
    Empty,
    /// Flag bits that version 1 does not define are set.
    #[error("unknown tile flags {flags:#04x}")]
    UnknownFlags {
        /// The flag byte.
        flags: u8,
    },
    /// The range decoder met a point that no encoder produces.
    #[error("the code point lies outside of every symbol")]
    InvalidPoint,
    /// A symbol beyond the range version 1 allows: found in a stream, or given to the encoder.
    #[error("symbol {symbol} lies outside of +-{limit}")]
    SymbolOutOfRange {
        /// The symbol; a distance beyond all limits is reported as `i32::MAX` or `i32::MIN`.
        symbol: i32,
        /// The greatest magnitude allowed.
        limit: i32,
    },
    /// Bytes other than zero follow the last symbol.
    #[error("bytes that belong to no symbol follow the stream")]
    TrailingBytes,
    /// A table index for which there is no table. The prior network or its caller is wrong.
    #[error("there is no table {index}, only {tables}")]
    NoSuchTable {
        /// The index.
        index: usize,
        /// The number of tables.
        tables: usize,
    },
    /// Two slices that must be equally long (or a multiple of the channels) are not.
    #[error("{symbols} symbols do not fit {indices} table indices")]
    LengthMismatch {
        /// Number of symbols.
        symbols: usize,
        /// Number of indices, or of channels.
        indices: usize,
    },
    /// The encoder was given a symbol other than 0 at a place that skipping leaves out.
    #[error("symbol {symbol} at position {position} is skipped but not zero")]
    SkippedSymbol {
        /// The symbol.
        symbol: i16,
        /// Its place in the slice.
        position: usize,
    },
}

impl EntropyError {
    /// Says in which tile it happened.
    pub fn in_tile(self, tile: u32) -> Error {
        Error::InvalidTile { tile, source: self }
    }
}

/// Why integer probability tables cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The number of tables is not what the prior's shape asks for.
    #[error("{what}: {found} values, expected {expected}")]
    Count {
        /// Which tensor.
        what: &'static str,
        /// Number of values given.
        found: usize,
        /// Number of values needed.
        expected: usize,
    },
    /// A table covers symbols that version 1 does not allow, or none at all.
    #[error("table {table} covers the symbols {low}..={high}, outside of +-{limit} or none")]
    Symbols {
        /// The table.
        table: usize,
        /// Lowest symbol.
        low: i32,
        /// Highest symbol.
        high: i32,
        /// The greatest magnitude allowed.
        limit: i32,
    },
    /// The left-cumulative values of a table do not start with 0.
    #[error("table {table} starts with {first} instead of 0")]
    Start {
        /// The table.
        table: usize,
        /// Its first value.
        first: u16,
    },
    /// The hyper-latents' tables have an impossible number of contexts.
    #[error("prior.z.context.cdf has tables for {found} contexts, where an odd number up to {limit} is possible")]
    Contexts {
        /// Number of contexts.
        found: usize,
        /// The most there can be.
        limit: usize,
    },
    /// A score of `prior.adapt.score` is larger than `lic quantize` makes any, so that sums could overflow.
    #[error("prior.adapt.score holds {value}, outside of +-{}", super::adapt::SCORE_MAX)]
    Score {
        /// The score.
        value: i16,
    },
    /// Information of `prior.adapt.information` is none, or more than `lic quantize` makes any.
    #[error("prior.adapt.information holds {value}, outside of 1..={}", super::adapt::INFORMATION_MAX)]
    Information {
        /// The information.
        value: u16,
    },
    /// The left-cumulative values of a table do not rise, so a symbol would have no probability.
    #[error("table {table} does not rise at entry {entry}")]
    NotRising {
        /// The table.
        table: usize,
        /// The first entry that is not above the one before it.
        entry: usize,
    },
}

/// Refuses symbols that have not one scale index each.
pub(super) fn same_length(symbols: usize, indices: usize) -> Result<(), EntropyError> {
    if symbols == indices { Ok(()) } else { Err(EntropyError::LengthMismatch { symbols, indices }) }
}
