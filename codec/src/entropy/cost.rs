//! What symbols cost, from the tables alone: for rate estimates and encoder decisions.
//!
//! Costs are integers in units of 2^-26 bit, so that an encoder that decides by them writes the same
//! file on every machine. The range coder itself adds about 10^-6 bit a symbol (measured) and, per
//! tile, at most two bytes at the end.

use super::error;
use super::tables::{CdfTables, HYPER_KNOTS, HyperTables, ScaleTables, TOTAL};
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
        Self::new(tables.tables(), |_| true)
    }

    /// Costs of those tables that are `asked` for; the others are as if they were not there.
    fn new(tables: &'a CdfTables, asked: impl Fn(usize) -> bool) -> Self {
        let costs = |table| match tables.model(table) {
            Ok(model) if asked(table) => model.shares().map(cost_of_share).collect(),
            _ => Box::default(),
        };
        Self { tables, costs: (0..tables.len()).map(costs).collect() }
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
        error::same_length(symbols.len(), indices.len())?;
        let coded = symbols.iter().zip(indices);
        coded
            .filter(|&(_, &index)| !(skip && index == 0))
            .map(|(&symbol, &index)| self.cost(index.into(), symbol))
            .sum()
    }
}

/// The cost of hyper-latents at one quality.
#[derive(Debug, Clone)]
pub struct HyperCosts<'a> {
    costs: CostTable<'a>,
    tables: &'a HyperTables,
    /// [`HyperTables::first_table`].
    first: usize,
}

impl<'a> HyperCosts<'a> {
    /// Costs at quality `t` in 0..=252.
    pub fn new(tables: &'a HyperTables, quality: u8) -> Self {
        let first = tables.first_table(quality);
        let channels = tables.channels();
        let of_knot = |table: usize| (first..first + channels).contains(&(table % (HYPER_KNOTS * channels)));
        Self { costs: CostTable::new(tables.tables(), of_knot), tables, first }
    }

    /// Cost of a plane [rows, width, Z] in units of 2^-26 bit, exactly as [`super::TileEncoder::encode_hyper`] would code it.
    ///
    /// # Errors
    /// [`EntropyError::NoSuchTable`].
    pub fn plane(&self, plane: &[i16], width: usize) -> Result<u64, EntropyError> {
        plane.iter().enumerate().map(|(place, &z)| self.at(plane, width, place, z)).sum()
    }

    /// Cost of `z` at a place of a plane, beside the neighbours that the plane has. (What `z` is to *its* right and lower neighbour is not counted.)
    ///
    /// # Errors
    /// [`EntropyError::NoSuchTable`].
    pub fn at(&self, plane: &[i16], width: usize, place: usize, z: i16) -> Result<u64, EntropyError> {
        let neighbours = self.tables.neighbours(plane, width, place);
        self.costs.cost(self.tables.table(self.first, place % self.tables.channels(), neighbours), z)
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
