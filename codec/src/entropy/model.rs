//! Integer tables as constriction entropy models with 16 bits of precision.
//!
//! Constriction's own categorical models are slower to decode: its contiguous one with u16 gave 36
//! million symbols a second on one thread (version 0.5.0, range coder), this one 91 million there,
//! because it finds the entry through the 256-class index of its table. A model's symbol is the
//! number of the *entry*; what an entry means is up to the coder.

use std::borrow::Borrow;
use std::num::NonZeroU32;

use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};

use super::tables::{INDEX_CLASSES, TOTAL};

/// Bits of precision of all probabilities.
pub const PRECISION: usize = 16;

/// One checked table of a [`super::CdfTables`].
#[derive(Debug, Clone, Copy)]
pub struct TableModel<'a> {
    low: i32,
    /// Left-cumulative values and 65536: strictly rising, one more than there are entries.
    cdf: &'a [u32],
    index: &'a [u16; INDEX_CLASSES],
}

impl<'a> TableModel<'a> {
    /// `cdf` and `index` as [`super::CdfTables`] has checked and built them.
    #[inline]
    pub(super) fn new(low: i32, cdf: &'a [u32], index: &'a [u16; INDEX_CLASSES]) -> Self {
        Self { low, cdf, index }
    }

    /// The symbol of entry 0.
    #[inline]
    pub fn low(&self) -> i32 {
        self.low
    }

    /// The number of the escape entry, which is the number of symbols before it.
    #[inline]
    pub fn escape(&self) -> usize {
        self.cdf.len() - 2
    }

    /// The entry of a symbol, or none if it has to be escaped.
    #[inline]
    pub fn entry(&self, symbol: i32) -> Option<usize> {
        // A symbol below the table wraps to a number above it.
        let entry = symbol.wrapping_sub(self.low) as u32 as usize;
        (entry < self.escape()).then_some(entry)
    }

    /// Shares of all entries, escape last; they add up to 65536.
    pub fn shares(&self) -> impl Iterator<Item = u32> + '_ {
        self.cdf.windows(2).map(|pair| pair[1] - pair[0])
    }
}

impl EntropyModel<PRECISION> for TableModel<'_> {
    type Symbol = usize;
    type Probability = u32;
}

impl EncoderModel<PRECISION> for TableModel<'_> {
    #[inline]
    fn left_cumulative_and_probability(&self, symbol: impl Borrow<usize>) -> Option<(u32, NonZeroU32)> {
        let entry = *symbol.borrow();
        let left = *self.cdf.get(entry)?;
        let right = *self.cdf.get(entry + 1)?;
        Some((left, NonZeroU32::new(right - left)?))
    }
}

impl DecoderModel<PRECISION> for TableModel<'_> {
    #[inline]
    fn quantile_function(&self, quantile: u32) -> (usize, u32, NonZeroU32) {
        let quantile = quantile & (TOTAL - 1);
        let mut entry = usize::from(self.index[(quantile >> 8) as usize]);
        let mut left = self.cdf[entry];
        let mut right = self.cdf[entry + 1];
        // Ends at the last entry at the latest, whose right end is 65536.
        while right <= quantile {
            entry += 1;
            left = right;
            right = self.cdf[entry + 1];
        }
        let share = NonZeroU32::new(right - left).unwrap_or(NonZeroU32::MIN);
        (entry, left, share)
    }
}

/// A bit: entry `false` with a share of 65536, entry `true` with the rest.
#[derive(Debug, Clone, Copy)]
pub struct Bit {
    zero: NonZeroU32,
    one: NonZeroU32,
}

impl Bit {
    /// Both equally likely.
    pub const RAW: Self = Self { zero: HALF, one: HALF };

    /// A bit that was 0 `zeros` times and 1 `ones` times before: `zeros + 1/2` to `ones + 1/2` (Krichevsky and Trofimov, 1981), in whole shares. Both
    /// together are less than 2^15 counts, so that none is without a share.
    pub fn after(zeros: u32, ones: u32) -> Self {
        let [zeros, ones] = [zeros, ones].map(|count| u64::from(count) * 2 + 1);
        let zero = (u64::from(TOTAL) * zeros / (zeros + ones)) as u32;
        let share = |share: u32| NonZeroU32::new(share).unwrap_or(NonZeroU32::MIN);
        Self { zero: share(zero), one: share(TOTAL - zero) }
    }
}

/// Half of 65536.
const HALF: NonZeroU32 = NonZeroU32::MIN.saturating_add(TOTAL / 2 - 1);

impl EntropyModel<PRECISION> for Bit {
    type Symbol = bool;
    type Probability = u32;
}

impl EncoderModel<PRECISION> for Bit {
    fn left_cumulative_and_probability(&self, symbol: impl Borrow<bool>) -> Option<(u32, NonZeroU32)> {
        Some(if *symbol.borrow() { (self.zero.get(), self.one) } else { (0, self.zero) })
    }
}

impl DecoderModel<PRECISION> for Bit {
    fn quantile_function(&self, quantile: u32) -> (bool, u32, NonZeroU32) {
        let bit = quantile >= self.zero.get();
        if bit { (true, self.zero.get(), self.one) } else { (false, 0, self.zero) }
    }
}
