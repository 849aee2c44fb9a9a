//! [`TileDecoder`]: a tile's payload in, symbols out.
//!
//! Safe on arbitrary bytes: every call does an amount of work bounded by the number of symbols asked
//! for (an escape takes at most 31 codings), the stream is read as if zeros followed it for ever, and
//! what no encoder writes is an error.

use constriction::backends::ReadWords;
use constriction::stream::Decode;
use constriction::stream::model::DecoderModel;
use constriction::stream::queue::RangeDecoder;
use constriction::{Queue, UnwrapInfallible};

use super::adapt::Adapter;
use super::error;
use super::flags::split_flags;
use super::model::{Bit, PRECISION, TableModel};
use super::tables::{CdfTables, HyperTables, ScaleTables};
use super::{MAX_HYPER_SYMBOL, MAX_SYMBOL};
use crate::error::EntropyError;

/// No distance in an escape has more bits than this after its first: 2 * 16383 < 2^15.
const MAX_DISTANCE_BITS: u32 = 14;

/// The big-endian words of a stream, restored without copying.
#[derive(Debug, Clone)]
struct Words<'a> {
    rest: &'a [u8],
}

impl ReadWords<u32, Queue> for Words<'_> {
    type ReadError = std::convert::Infallible;

    #[inline]
    fn read(&mut self) -> Result<Option<u32>, Self::ReadError> {
        if let Some((word, rest)) = self.rest.split_first_chunk() {
            self.rest = rest;
            return Ok(Some(u32::from_be_bytes(*word)));
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        // The zero bytes at the end were trimmed.
        let mut word = [0; 4];
        for (to, from) in word.iter_mut().zip(self.rest) {
            *to = *from;
        }
        self.rest = &[];
        Ok(Some(u32::from_be_bytes(word)))
    }

    fn maybe_exhausted(&self) -> bool {
        self.rest.is_empty()
    }
}

/// Decodes one tile.
#[derive(Debug, Clone)]
pub struct TileDecoder<'a> {
    coder: RangeDecoder<u32, u64, Words<'a>>,
    skip: bool,
}

impl<'a> TileDecoder<'a> {
    /// Starts decoding a payload as [`super::TileEncoder::finish`] returned it, or with more
    /// zeros at its end.
    ///
    /// # Errors
    /// [`EntropyError::Empty`] or [`EntropyError::UnknownFlags`].
    pub fn new(payload: &'a [u8]) -> Result<Self, EntropyError> {
        let (skip, rest) = split_flags(payload)?;
        Ok(Self { skip, ..Self::of_stream(rest) })
    }

    /// Starts decoding a stream without a flag byte, which skips nothing.
    pub(crate) fn of_stream(stream: &'a [u8]) -> Self {
        let coder = RangeDecoder::with_backend(Words { rest: stream }).unwrap_infallible();
        Self { coder, skip: false }
    }

    /// Decodes a bit.
    pub(crate) fn decode_bit(&mut self, model: Bit) -> Result<bool, EntropyError> {
        self.get(model)
    }

    /// Whether latents of scale index 0 are left out.
    pub fn skip(&self) -> bool {
        self.skip
    }

    /// Decodes hyper-latents [rows, width, Z] in the order row, column, channel.
    ///
    /// # Errors
    /// [`EntropyError::LengthMismatch`] if `symbols` is no multiple of the channels,
    /// [`EntropyError::InvalidPoint`] or [`EntropyError::SymbolOutOfRange`] for a stream that no
    /// encoder writes; `symbols` is then filled in part.
    pub fn decode_hyper(
        &mut self,
        tables: &HyperTables,
        quality: u8,
        width: usize,
        symbols: &mut [i16],
    ) -> Result<(), EntropyError> {
        let channels = tables.channels();
        if !symbols.len().is_multiple_of(channels) {
            return Err(EntropyError::LengthMismatch { symbols: symbols.len(), indices: channels });
        }
        let first = tables.first_table(quality);
        for place in 0..symbols.len() {
            let table = tables.table(first, place % channels, tables.neighbours(symbols, width, place));
            let symbol = self.decode_one(tables.tables().model(table)?, MAX_HYPER_SYMBOL)?;
            if let Some(to) = symbols.get_mut(place) {
                *to = symbol;
            }
        }
        Ok(())
    }

    /// Decodes latents, each with the scale table `indices` names for it.
    ///
    /// # Errors
    /// [`EntropyError::LengthMismatch`], [`EntropyError::NoSuchTable`], and
    /// [`EntropyError::InvalidPoint`] or [`EntropyError::SymbolOutOfRange`] for a stream that no
    /// encoder writes; `symbols` is then filled in part.
    pub fn decode_symbols(
        &mut self,
        tables: &ScaleTables,
        indices: &[u8],
        symbols: &mut [i16],
    ) -> Result<(), EntropyError> {
        error::same_length(symbols.len(), indices.len())?;
        let tables: &CdfTables = tables.tables();
        for (symbol, &index) in symbols.iter_mut().zip(indices) {
            *symbol =
                if self.skip && index == 0 { 0 } else { self.decode_one(tables.model(index.into())?, MAX_SYMBOL)? };
        }
        Ok(())
    }

    /// Decodes the latents of a pass, with scale tables that [`Adapter`] makes of `indices`.
    ///
    /// # Errors
    /// As of [`Self::decode_symbols`].
    pub fn decode_pass(
        &mut self,
        tables: &ScaleTables,
        adapter: &mut Adapter<'_>,
        pass: usize,
        indices: &[u8],
        symbols: &mut [i16],
    ) -> Result<(), EntropyError> {
        error::same_length(symbols.len(), indices.len())?;
        let tables: &CdfTables = tables.tables();
        let part = adapter.part();
        for (position, (symbols, indices)) in symbols.chunks_mut(part).zip(indices.chunks(part)).enumerate() {
            let (learner, channels) = adapter.begin(pass, position);
            for ((symbol, &index), channel) in symbols.iter_mut().zip(indices).zip(channels) {
                if self.skip && index == 0 {
                    *symbol = 0;
                    continue;
                }
                let moved = learner.adapt(channel, index);
                *symbol = self.decode_one(tables.model(moved.index.into())?, MAX_SYMBOL)?;
                learner.learn(channel, index, moved, *symbol);
            }
        }
        Ok(())
    }

    #[inline]
    fn decode_one(&mut self, model: TableModel<'_>, limit: i32) -> Result<i16, EntropyError> {
        let entry = self.get(model)?;
        if entry < model.escape() {
            // Tables cover only symbols within +-16383.
            return Ok((model.low() + entry as i32) as i16);
        }
        self.decode_escape(model, limit)
    }

    #[cold]
    fn decode_escape(&mut self, model: TableModel<'_>, limit: i32) -> Result<i16, EntropyError> {
        let below = self.get(Bit::RAW)?;
        let mut bits = 0;
        while !self.get(Bit::RAW)? {
            bits += 1;
            if bits > MAX_DISTANCE_BITS {
                let symbol = if below { i32::MIN } else { i32::MAX };
                return Err(EntropyError::SymbolOutOfRange { symbol, limit });
            }
        }
        let mut distance = 1i32;
        for _ in 0..bits {
            distance = distance << 1 | i32::from(self.get(Bit::RAW)?);
        }
        let symbol = if below { model.low() - distance } else { model.low() + model.escape() as i32 - 1 + distance };
        if symbol.abs() > limit {
            return Err(EntropyError::SymbolOutOfRange { symbol, limit });
        }
        Ok(symbol as i16)
    }

    #[inline]
    fn get<M>(&mut self, model: M) -> Result<M::Symbol, EntropyError>
    where
        M: DecoderModel<PRECISION, Probability = u32>,
    {
        self.coder.decode_symbol(model).map_err(|_| EntropyError::InvalidPoint)
    }

    /// Ends the tile after its last symbol.
    ///
    /// # Errors
    /// [`EntropyError::TrailingBytes`] if bytes other than zero are left.
    pub fn finish(self) -> Result<(), EntropyError> {
        let (words, _, _) = self.coder.into_raw_parts();
        if words.rest.iter().any(|&byte| byte != 0) {
            return Err(EntropyError::TrailingBytes);
        }
        Ok(())
    }
}
