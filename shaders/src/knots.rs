//! The quality index of a file and how tables with 64 knots are read at it.

/// Number of knots of every table that depends on the quality.
pub const KNOTS: usize = 64;

/// Number of quality knots that have own tables for the hyper-latents.
pub const HYPER_KNOTS: usize = 8;

/// The quality a file is coded with: 0..=252, in quarter steps between the 64 knots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QualityIndex(u8);

impl QualityIndex {
    /// The highest index, the last knot itself.
    pub const MAX: Self = Self(4 * (KNOTS as u8 - 1));

    /// The index `t`, or `None` when it is above 252.
    pub const fn new(t: u8) -> Option<Self> {
        if t <= Self::MAX.0 { Some(Self(t)) } else { None }
    }

    /// The number itself, 0..=252.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The knot at or below this quality, 0..=63.
    pub const fn knot(self) -> usize {
        (self.0 >> 2) as usize
    }

    /// The knot above, or the last one.
    pub const fn next_knot(self) -> usize {
        let next = self.knot() + 1;
        if next < KNOTS { next } else { KNOTS - 1 }
    }

    /// The table value between the values `low` at [`knot`](Self::knot) and `high` at [`next_knot`](Self::next_knot);
    /// both below 2^28 in magnitude.
    #[inline(always)]
    pub const fn between(self, low: i32, high: i32) -> i32 {
        let fraction = (self.0 & 3) as i32;
        (low * (4 - fraction) + high * fraction + 2) >> 2
    }

    /// Row of a table `[64, width]` at this quality. Missing rows read as nothing, so `table` must be complete.
    pub fn row<T: Copy + Into<i32>>(self, table: &[T], width: usize) -> Vec<i32> {
        let low = table.iter().skip(self.knot() * width).take(width);
        let high = table.iter().skip(self.next_knot() * width).take(width);
        low.zip(high).map(|(&low, &high)| self.between(low.into(), high.into())).collect()
    }

    /// Which of the [`HYPER_KNOTS`] knots of the hyper-latents' tables applies.
    pub const fn hyper_knot(self) -> usize {
        let knot = (self.0 as usize + 16) >> 5;
        if knot < HYPER_KNOTS { knot } else { HYPER_KNOTS - 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_steps_lie_between_knots_and_round_to_nearest() {
        let at = |t| QualityIndex::new(t).unwrap();
        assert_eq!(at(4).between(10, 99), 10);
        assert_eq!(at(5).between(10, 20), 13);
        assert_eq!(at(6).between(-10, -5), -7);
        assert_eq!(at(7).between(-10, -20), -17);
        assert_eq!(at(7).between(-(1 << 28) + 1, -(1 << 28) + 1), -(1 << 28) + 1);
        assert_eq!((at(252).knot(), at(252).next_knot()), (63, 63));
        assert_eq!(QualityIndex::new(253), None);
    }

    #[test]
    fn a_table_row_is_read_at_both_knots() {
        let table: Vec<i32> = (0..128).collect();
        assert_eq!(QualityIndex::new(6).unwrap().row(&table, 2), [3, 4]);
        assert_eq!(QualityIndex::MAX.row(&table, 2), [126, 127]);
    }

    #[test]
    fn hyper_knots_cover_the_range_in_steps_of_32() {
        let knots: Vec<_> =
            [0, 15, 16, 47, 48, 239, 240, 252].map(|t| QualityIndex::new(t).unwrap().hyper_knot()).into();
        assert_eq!(knots, [0, 0, 1, 1, 2, 7, 7, 7]);
    }
}
