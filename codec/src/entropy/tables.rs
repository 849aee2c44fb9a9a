//! Integer probability tables, checked once when a weight file is loaded.
//!
//! A table gives each of its *entries* a share of 65536. All entries but the last are the symbols
//! `low, low + 1, ..`; the last is the escape for everything else. [`ScaleTables`] are the 64
//! tables of the latents, [`HyperTables`] the tables per knot and channel of the hyper-latents
//! (`codec/PRIOR.md`, "Probabilities"); both are a [`CdfTables`] with a way to choose the table.

use super::model::TableModel;
use super::{MAX_HYPER_SYMBOL, MAX_SYMBOL};
use crate::error::{EntropyError, TableError};

/// Number of scale tables.
pub const SCALES: usize = 64;
/// Number of quality knots that have own tables for the hyper-latents.
pub const HYPER_KNOTS: usize = 8;
/// All shares of a table add up to this.
pub(super) const TOTAL: u32 = 1 << 16;
/// Quantiles are looked up by their high bits in so many classes.
pub(super) const INDEX_CLASSES: usize = 256;

/// One table's place in the common arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Table {
    low: i32,
    /// Offset of its first value in `cdf`.
    start: usize,
    /// Number of entries, the escape included: at least 2.
    entries: usize,
}

/// A set of checked tables with the index that makes decoding fast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CdfTables {
    tables: Vec<Table>,
    /// Of every table the left-cumulative values and at its end [`TOTAL`].
    cdf: Vec<u32>,
    /// Of every table and class of quantiles the entry that holds the least of them.
    index: Vec<[u16; INDEX_CLASSES]>,
}

impl CdfTables {
    /// Builds tables from `(lowest symbol, number of symbols before the escape)` and their
    /// left-cumulative values one after the other, `count + 1` each.
    fn new(
        what: &'static str,
        shapes: impl Iterator<Item = (i32, usize)> + Clone,
        cdf: &[u16],
        limit: i32,
    ) -> Result<Self, TableError> {
        let expected = shapes.clone().map(|(_, count)| count + 1).sum();
        if cdf.len() != expected {
            return Err(TableError::Count { what, found: cdf.len(), expected });
        }
        let mut set = Self { tables: Vec::new(), cdf: Vec::with_capacity(cdf.len()), index: Vec::new() };
        let mut rest = cdf;
        for (table, (low, count)) in shapes.enumerate() {
            let high = low + count as i32 - 1;
            if count == 0 || low < -limit || high > limit {
                return Err(TableError::Symbols { table, low, high, limit });
            }
            let (values, after) = rest.split_at(count + 1);
            rest = after;
            set.push(table, low, values)?;
        }
        Ok(set)
    }

    fn push(&mut self, table: usize, low: i32, values: &[u16]) -> Result<(), TableError> {
        if let Some(&first) = values.first()
            && first != 0
        {
            return Err(TableError::Start { table, first });
        }
        if let Some(before) = values.windows(2).position(|pair| pair[0] >= pair[1]) {
            let entry = before + 1;
            return Err(TableError::NotRising { table, entry });
        }
        let start = self.cdf.len();
        self.cdf.extend(values.iter().map(|&value| u32::from(value)));
        self.cdf.push(TOTAL);
        let mut index = [0; INDEX_CLASSES];
        let mut entry = 0;
        for (class, slot) in index.iter_mut().enumerate() {
            let least = (class * (TOTAL as usize / INDEX_CLASSES)) as u32;
            while self.cdf[start + entry + 1] <= least {
                entry += 1;
            }
            // A strictly rising u16 table has at most 65536 entries.
            *slot = entry as u16;
        }
        self.index.push(index);
        self.tables.push(Table { low, start, entries: values.len() });
        Ok(())
    }

    /// Number of tables.
    pub fn len(&self) -> usize {
        self.tables.len()
    }

    /// Whether there is no table.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// One table as a model for the range coder.
    ///
    /// # Errors
    /// [`EntropyError::NoSuchTable`].
    #[inline]
    pub fn model(&self, table: usize) -> Result<TableModel<'_>, EntropyError> {
        match (self.tables.get(table), self.index.get(table)) {
            (Some(&Table { low, start, entries }), Some(index)) => {
                let cdf = &self.cdf[start..start + entries + 1];
                Ok(TableModel::new(low, cdf, index))
            }
            _ => Err(EntropyError::NoSuchTable { index: table, tables: self.len() }),
        }
    }
}

/// The 64 tables of the latents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaleTables(CdfTables);

impl ScaleTables {
    /// Checks and indexes `prior.scale.radius` \[64\] and `prior.scale.cdf` \[sum of 2R + 2\].
    ///
    /// # Errors
    /// [`TableError`] if the lengths do not fit or a table is not strictly rising from 0.
    pub fn new(radius: &[u16], cdf: &[u16]) -> Result<Self, TableError> {
        if radius.len() != SCALES {
            return Err(TableError::Count { what: "prior.scale.radius", found: radius.len(), expected: SCALES });
        }
        let shapes = radius.iter().map(|&r| (-i32::from(r), 2 * usize::from(r) + 1));
        CdfTables::new("prior.scale.cdf", shapes, cdf, MAX_SYMBOL).map(Self)
    }

    /// The tables.
    #[inline]
    pub fn tables(&self) -> &CdfTables {
        &self.0
    }
}

/// The tables of the hyper-latents, one per knot and channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HyperTables {
    tables: CdfTables,
    channels: usize,
}

impl HyperTables {
    /// Checks and indexes `prior.z.low` \[8, Z\], `prior.z.count` \[8, Z\] and `prior.z.cdf`
    /// \[sum of count + 1\], in the order knot, channel.
    ///
    /// # Errors
    /// [`TableError`] if the lengths do not fit or a table is not strictly rising from 0.
    pub fn new(low: &[i16], count: &[u16], cdf: &[u16]) -> Result<Self, TableError> {
        if low.len() != count.len() {
            return Err(TableError::Count { what: "prior.z.count", found: count.len(), expected: low.len() });
        }
        let channels = low.len() / HYPER_KNOTS;
        if channels == 0 || !low.len().is_multiple_of(HYPER_KNOTS) {
            return Err(TableError::Count {
                what: "prior.z.low",
                found: low.len(),
                expected: HYPER_KNOTS * channels.max(1),
            });
        }
        let shapes = low.iter().zip(count).map(|(&l, &c)| (i32::from(l), usize::from(c)));
        let tables = CdfTables::new("prior.z.cdf", shapes, cdf, MAX_HYPER_SYMBOL)?;
        Ok(Self { tables, channels })
    }

    /// The tables in the order knot, channel.
    #[inline]
    pub fn tables(&self) -> &CdfTables {
        &self.tables
    }

    /// Number of hyper-latent channels Z.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Number of the first channel's table at quality `t` in 0..=252 (higher ones count as 252).
    pub fn first_table(&self, quality: u8) -> usize {
        let knot = ((usize::from(quality) + 16) >> 5).min(HYPER_KNOTS - 1);
        knot * self.channels
    }
}
