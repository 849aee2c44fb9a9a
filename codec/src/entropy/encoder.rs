//! [`TileEncoder`]: symbols in, a tile's payload out.
//!
//! Range coding is constriction's (a queue: symbols are decoded in the order they were encoded,
//! which the context passes need). The end of the stream is our own: constriction always writes one
//! or two whole words, here the fewest bytes that still lie in the last interval.

use constriction::stream::Encode;
use constriction::stream::queue::{DefaultRangeEncoder, EncoderSituation};

use super::adapt::Adapter;
use super::error;
use super::flags::flag_byte;
use super::model::{Bit, PRECISION, TableModel};
use super::tables::{CdfTables, HyperTables, ScaleTables};
use super::{MAX_HYPER_SYMBOL, MAX_SYMBOL};
use crate::error::EntropyError;

/// Encodes one tile.
#[derive(Debug, Clone)]
pub struct TileEncoder {
    coder: DefaultRangeEncoder,
    skip: bool,
}

impl TileEncoder {
    /// Starts a tile; with `skip`, latents of scale index 0 are left out.
    pub fn new(skip: bool) -> Self {
        Self { coder: DefaultRangeEncoder::new(), skip }
    }

    /// Whether latents of scale index 0 are left out.
    pub fn skip(&self) -> bool {
        self.skip
    }

    /// Encodes hyper-latents [rows, width, Z] in the order row, column, channel.
    ///
    /// # Errors
    /// [`EntropyError::LengthMismatch`] if `symbols` is no multiple of the channels,
    /// [`EntropyError::SymbolOutOfRange`] beyond +-4095. The encoder is of no use after an error.
    pub fn encode_hyper(
        &mut self,
        tables: &HyperTables,
        quality: u8,
        width: usize,
        symbols: &[i16],
    ) -> Result<(), EntropyError> {
        let channels = tables.channels();
        if !symbols.len().is_multiple_of(channels) {
            return Err(EntropyError::LengthMismatch { symbols: symbols.len(), indices: channels });
        }
        let first = tables.first_table(quality);
        for (place, &symbol) in symbols.iter().enumerate() {
            let table = tables.table(first, place % channels, tables.neighbours(symbols, width, place));
            self.encode_one(tables.tables().model(table)?, symbol, MAX_HYPER_SYMBOL)?;
        }
        Ok(())
    }

    /// Encodes latents, each with the scale table `indices` names for it. May be called any number
    /// of times; only the order of all symbols counts.
    ///
    /// # Errors
    /// [`EntropyError::LengthMismatch`], [`EntropyError::NoSuchTable`],
    /// [`EntropyError::SymbolOutOfRange`] beyond +-16383, and [`EntropyError::SkippedSymbol`] for
    /// a symbol other than 0 that skipping would lose. The encoder is of no use after an error.
    pub fn encode_symbols(
        &mut self,
        tables: &ScaleTables,
        symbols: &[i16],
        indices: &[u8],
    ) -> Result<(), EntropyError> {
        error::same_length(symbols.len(), indices.len())?;
        let tables: &CdfTables = tables.tables();
        for (position, (&symbol, &index)) in symbols.iter().zip(indices).enumerate() {
            if self.skip && index == 0 {
                if symbol != 0 {
                    return Err(EntropyError::SkippedSymbol { symbol, position });
                }
                continue;
            }
            self.encode_one(tables.model(index.into())?, symbol, MAX_SYMBOL)?;
        }
        Ok(())
    }

    /// Encodes the latents of a pass, with scale tables that [`Adapter`] makes of `indices`.
    ///
    /// # Errors
    /// As of [`Self::encode_symbols`].
    pub fn encode_pass(
        &mut self,
        tables: &ScaleTables,
        adapter: &mut Adapter<'_>,
        pass: usize,
        symbols: &[i16],
        indices: &[u8],
    ) -> Result<(), EntropyError> {
        error::same_length(symbols.len(), indices.len())?;
        let tables: &CdfTables = tables.tables();
        let part = adapter.part();
        for (position, (symbols, indices)) in symbols.chunks(part).zip(indices.chunks(part)).enumerate() {
            let (learner, channels) = adapter.begin(pass, position);
            for (at, ((&symbol, &index), channel)) in symbols.iter().zip(indices).zip(channels).enumerate() {
                if self.skip && index == 0 {
                    if symbol != 0 {
                        return Err(EntropyError::SkippedSymbol { symbol, position: position * part + at });
                    }
                    continue;
                }
                let moved = learner.adapt(channel, index);
                self.encode_one(tables.model(moved.index.into())?, symbol, MAX_SYMBOL)?;
                learner.learn(channel, index, moved, symbol);
            }
        }
        Ok(())
    }

    #[inline]
    fn encode_one(&mut self, model: TableModel<'_>, symbol: i16, limit: i32) -> Result<(), EntropyError> {
        match model.entry(symbol.into()) {
            Some(entry) => self.put(entry, model),
            None => self.encode_escape(model, symbol.into(), limit),
        }
    }

    /// The escape entry, the side and the distance past the edge as Exp-Golomb code.
    #[cold]
    fn encode_escape(&mut self, model: TableModel<'_>, symbol: i32, limit: i32) -> Result<(), EntropyError> {
        if symbol.abs() > limit {
            return Err(EntropyError::SymbolOutOfRange { symbol, limit });
        }
        self.put(model.escape(), model)?;
        let below = symbol < model.low();
        // Numbered from 1 at the first symbol outside of the table.
        let distance = if below { model.low() - symbol } else { symbol - (model.low() + model.escape() as i32 - 1) };
        self.put(below, Bit::RAW)?;
        let bits = distance.ilog2();
        for _ in 0..bits {
            self.put(false, Bit::RAW)?;
        }
        for bit in (0..=bits).rev() {
            self.put(distance >> bit & 1 != 0, Bit::RAW)?;
        }
        Ok(())
    }

    #[inline]
    fn put<M>(&mut self, symbol: M::Symbol, model: M) -> Result<(), EntropyError>
    where
        M: constriction::stream::model::EncoderModel<PRECISION, Probability = u32>,
    {
        // Writing words to memory cannot fail; the one way to fail is an entry without a share.
        self.coder.encode_symbol(symbol, model).map_err(|_| EntropyError::InvalidPoint)
    }

    /// Encodes a bit.
    pub(crate) fn encode_bit(&mut self, bit: bool, model: Bit) -> Result<(), EntropyError> {
        self.put(bit, model)
    }

    /// The payload: the flag byte and the stream without trailing zero bytes.
    pub fn finish(self) -> Vec<u8> {
        let flags = flag_byte(self.skip);
        self.finish_after(flags)
    }

    /// The stream without trailing zero bytes, after another first byte.
    pub(crate) fn finish_after(self, first_byte: u8) -> Vec<u8> {
        let (words, state, situation) = self.coder.into_raw_parts();
        let (lower, range) = (state.lower(), state.range().get());
        let (point, bytes) = shortest_point(lower, range);

        let mut payload = Vec::with_capacity(1 + 4 * words.len() + 8);
        payload.push(first_byte);
        payload.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        if let EncoderSituation::Inverted(count, first) = situation {
            // Words held back until it is known whether the sum carries into them. The last interval
            // still straddles the boundary, so the shortest point is the boundary itself, with the
            // carry; it is not only if the interval ends exactly there.
            let carry = point < lower;
            let (first, others) = if carry { (first.wrapping_add(1), 0) } else { (first, u32::MAX) };
            payload.extend_from_slice(&first.to_be_bytes());
            for _ in 1..count.get() {
                payload.extend_from_slice(&others.to_be_bytes());
            }
        }
        payload.extend(point.to_be_bytes().iter().take(bytes));
        while payload.len() > 1 && payload.last() == Some(&0) {
            payload.pop();
        }
        payload
    }
}

/// The number in `lower..lower + range` (modulo 2^64) with the fewest leading bytes before only
/// zeros follow, and how many bytes that are.
fn shortest_point(lower: u64, range: u64) -> (u64, usize) {
    for bytes in 0..8 {
        let low_bits = u64::MAX >> (8 * bytes);
        let point = lower.wrapping_add(low_bits) & !low_bits;
        if point.wrapping_sub(lower) < range {
            return (point, bytes);
        }
    }
    (lower, 8)
}
