//! What symbols cost, from the tables alone: for rate estimates and encoder decisions.
//!
//! Costs are integers in units of 2^-26 bit, so that an encoder that decides by them writes the same
//! file on every machine. The range coder itself adds about 10^-6 bit a symbol (measured) and, per
//! tile, at most two bytes at the end.

use super::tables::{CdfTables, HyperTables, ScaleTables, TOTAL};
use crate::error::EntropyError;

/// Units per bit.
pub const UNITS_PER_BIT: u64 = 1 << FRACTION;
const FRACTION: u32 = 26;

/// The cost of every entry of a set of tables.
#[derive(Debug, Clone)]
pub struct CostTable<'a> {
    tables: &'a CdfTables,
    /// Of every table the costs of its entries, in units.
    costs: Vec<Box<[u32]>>,
}

impl<'a> CostTable<'a> {
    /// Costs of the latents' tables.
    pub fn of_scales(tables: &'a ScaleTables) -> Self {
        Self::new(tables.tables())
    }

    /// Costs of the hyper-latents' tables.
    pub fn of_hyper(tables: &'a HyperTables) -> Self {
        Self::new(tables.tables())
    }

    fn new(tables: &'a CdfTables) -> Self {
        let costs = (0..tables.len())
            .filter_map(|table| tables.model(table).ok())
            .map(|model| model.shares().map(cost_of_share).collect())
            .collect();
        Self { tables, costs }
    }

    /// Cost of one symbol with one table in units of 2^-26 bit.
    ///
    /// # Errors
    /// [`EntropyError::NoSuchTable`].
    pub fn cost(&self, table: usize, symbol: i16) -> Result<u64, EntropyError> {
        let no_table = EntropyError::NoSuchTable { index: table, tables: self.tables.len() };
        let model = self.tables.model(table)?;
        let costs = self.costs.get(table).ok_or(no_table)?;
        let symbol = i32::from(symbol);
        let (entry, raw_bits) = match model.entry(symbol) {
            Some(entry) => (entry, 0),
            None => {
                let past_low = model.low() - symbol;
                let past_high = symbol - (model.low() + model.escape() as i32 - 1);
                let distance = past_low.max(past_high);
                (model.escape(), 2 + 2 * distance.ilog2())
            }
        };
        let cost = costs.get(entry).ok_or(no_table)?;
        Ok(u64::from(*cost) + u64::from(raw_bits) * UNITS_PER_BIT)
    }

    /// Cost of latents in units of 2^-26 bit, exactly as [`super::TileEncoder::encode_symbols`]
    /// would code them.
    ///
    /// # Errors
    /// [`EntropyError::LengthMismatch`] or [`EntropyError::NoSuchTable`].
    pub fn symbols(&self, symbols: &[i16], indices: &[u8], skip: bool) -> Result<u64, EntropyError> {
        if symbols.len() != indices.len() {
            return Err(EntropyError::LengthMismatch { symbols: symbols.len(), indices: indices.len() });
        }
        let coded = symbols.iter().zip(indices);
        coded
            .filter(|&(_, &index)| !(skip && index == 0))
            .map(|(&symbol, &index)| self.cost(index.into(), symbol))
            .sum()
    }

    /// Cost of hyper-latents [positions, channels] in units of 2^-26 bit. `first` is
    /// [`HyperTables::first_table`], `channels` [`HyperTables::channels`].
    ///
    /// # Errors
    /// [`EntropyError::NoSuchTable`].
    pub fn hyper(&self, symbols: &[i16], first: usize, channels: usize) -> Result<u64, EntropyError> {
        let coded = symbols.chunks(channels.max(1)).flat_map(|position| {
            let channel = position.iter().enumerate();
            channel.map(|(channel, &symbol)| self.cost(first + channel, symbol))
        });
        coded.sum()
    }
}

/// `-log2(share / 65536)` in units, rounded up, by squaring: each square of a number in 1..2
/// gives one more bit of its logarithm.
fn cost_of_share(share: u32) -> u32 {
    let whole = share.clamp(1, TOTAL).ilog2();
    // share / 2^whole in 1..2, with 31 bits after the point.
    let mut number = u64::from(share) << (31 - whole);
    let mut log = 0u32;
    for _ in 0..FRACTION {
        number = (number * number) >> 31;
        log <<= 1;
        if number >> 32 != 0 {
            log |= 1;
            number >>= 1;
        }
    }
    (16 << FRACTION) - ((whole << FRACTION) | log)
}
