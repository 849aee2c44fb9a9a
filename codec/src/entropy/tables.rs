//! Integer probability tables, checked once when a weight file is loaded.
//!
//! A table gives each of its *entries* a share of 65536. All entries but the last are the symbols
//! `low, low + 1, ..`; the last is the escape for everything else. [`ScaleTables`] are the 64
//! tables of the latents, [`HyperTables`] the tables per knot, channel and neighbours of the hyper-latents
//! (`codec/PRIOR.md`, "Probabilities"); both are a [`CdfTables`] with a way to choose the table.

use lic_shaders::QualityIndex;
pub use lic_shaders::gain::SCALES;
pub use lic_shaders::knots::HYPER_KNOTS;

use super::model::TableModel;
use super::{MAX_HYPER_SYMBOL, MAX_SYMBOL};
use crate::error::{EntropyError, TableError};

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
        let count = shapes.clone().count();
        let mut set = Self {
            tables: Vec::with_capacity(count),
            cdf: Vec::with_capacity(cdf.len() + count),
            index: Vec::with_capacity(count),
        };
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

/// The tables of the hyper-latents, one per knot and channel, or one for each of these and of a few *contexts*: what left and upper neighbour of a
/// hyper-latent are in its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HyperTables {
    tables: CdfTables,
    channels: usize,
    /// Contexts are the sums -reach..=reach of both neighbours.
    reach: i32,
}

/// Greatest reach of contexts: seven, beyond which nothing was gained, and tables take memory.
const REACH_MAX: usize = 3;

impl HyperTables {
    /// Checks and indexes `prior.z.low` \[8, Z\], `prior.z.count` \[8, Z\] and `prior.z.cdf`
    /// \[sum of count + 1\], in the order knot, channel.
    ///
    /// # Errors
    /// [`TableError`] if the lengths do not fit or a table is not strictly rising from 0.
    pub fn new(low: &[i16], count: &[u16], cdf: &[u16]) -> Result<Self, TableError> {
        Self::with_contexts(low, count, 1, cdf)
    }

    /// The same with a number of contexts, for `prior.z.context.cdf` \[contexts, sum of count + 1\]: of all contexts from the lowest the
    /// tables that [`Self::new`] has of one.
    ///
    /// # Errors
    /// Likewise, or contexts that are none, even, or more than 7.
    pub fn with_contexts(low: &[i16], count: &[u16], contexts: usize, cdf: &[u16]) -> Result<Self, TableError> {
        let what = if contexts == 1 { "prior.z.cdf" } else { "prior.z.context.cdf" };
        if contexts.is_multiple_of(2) || contexts > 2 * REACH_MAX + 1 {
            return Err(TableError::Contexts { found: contexts, limit: 2 * REACH_MAX + 1 });
        }
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
        let shapes = std::iter::repeat_n(shapes, contexts).flatten();
        let tables = CdfTables::new(what, shapes, cdf, MAX_HYPER_SYMBOL)?;
        // At most 7 contexts.
        Ok(Self { tables, channels, reach: (contexts / 2) as i32 })
    }

    /// The tables in the order context, knot, channel.
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
        QualityIndex::new(quality).unwrap_or(QualityIndex::MAX).hyper_knot() * self.channels
    }

    /// Number of the table of a channel where left and upper neighbour add up to `neighbours`; `first` is [`Self::first_table`].
    #[inline]
    pub fn table(&self, first: usize, channel: usize, neighbours: i32) -> usize {
        let context = (neighbours.clamp(-self.reach, self.reach) + self.reach) as usize;
        context * HYPER_KNOTS * self.channels + first + channel
    }

    /// Left and upper neighbour of the hyper-latent at `place` of a plane [rows, width, Z], added; one that is not there counts as 0.
    #[inline]
    pub fn neighbours(&self, plane: &[i16], width: usize, place: usize) -> i32 {
        let row = width * self.channels;
        if self.reach == 0 || row == 0 {
            return 0;
        }
        let at = |place: Option<usize>| place.and_then(|place| plane.get(place)).map_or(0, |&z| i32::from(z));
        let left = if place % row < self.channels { 0 } else { at(place.checked_sub(self.channels)) };
        left + at(place.checked_sub(row))
    }
}
