//! Scale indices corrected by the symbols before: a tile teaches the coder what the prior's networks could not know of it.
//!
//! The networks have learnt what is right on average over many pictures. In the picture at hand a channel may be wider or narrower than they say,
//! everywhere or just here, and where one channel of a position surprises, the next ones do, too. An [`Adapter`] sits between prior and range coder on
//! both sides: before a symbol it moves the scale index by what was learnt ([`Learner::adapt`]), after it it learns ([`Learner::learn`]). The networks
//! know nothing of it, and in contrast to them it works symbol by symbol, with two pairs of sums per channel and one for the position.
//!
//! A sum is that of *scores*, by how much a symbol would have been cheaper with the next wider table, and of the *information* these hold: score divided by
//! information is Newton's step towards the index that would have coded them best (Fisher scoring; Rao 1948), and [`DOUBT`] makes it small while
//! little is known. Three such estimates are weighed: of the channel over the tile, of the position's channels so far, and of the channel lately. The weights follow the gradient
//! of the code length, as in the mixing of the PAQ compressors (Mahoney, 2005). Weight files hold scores and information of their tables
//! (`prior.adapt.*`; those without are coded as the networks say); `codec/PRIOR.md`, "Adaptation", is the specification.
//!
//! Bits against the networks' indices, mean over images and qualities 10, 30, 50, 70, 90, at effort 0, by a simulation on symbols of the weights of 169,187 steps (parse
//! id 906704e4):
//!
//! | | 82 training photos | 20 photos of validation |
//! |---|---|---|
//! | channel over the tile (1/32 forgotten) and position, constant weights | -0.61 % | -0.68 % |
//! | the same, weights that learn | -0.69 % | -0.80 % |
//! | as here, weights that learn at half the rate | -0.76 % | -0.86 % |
//! | as here | -0.78 % | -0.88 % |
//!
//! Neighbouring positions of the channel (5x5) would bring another 0.05 %, sums over all channels of neighbouring positions, by scale index or over everything nothing.

use lic_shaders::order::{GROUP, PASSES, phase};

use super::tables::{SCALES, ScaleTables};
use crate::error::TableError;

/// Greatest magnitude of a score, in units of 2^-12 bit per index.
pub const SCORE_MAX: i16 = 8191;
/// Greatest information of a table, in units of 2^-12 bit per squared index.
pub const INFORMATION_MAX: u16 = 16383;

/// Information that says "no change" and is added to every sum.
const DOUBT: i32 = 512;
/// Greatest magnitude of a sum of scores that counts: 256 times it is below 2^31.
const SUM_MAX: i32 = 1 << 22;
/// Greatest magnitude of an estimate, in 1/256 of an index.
const ESTIMATE_MAX: i32 = 8191;
/// First weights of the estimates, in 2^-16: of the channel over the tile, of the position, of the channel lately.
const WEIGHTS: [i32; 3] = [102 << 8, 77 << 8, 77 << 8];
/// Greatest weight.
const WEIGHT_MAX: i32 = 1 << 17;
/// Weights learn by score times estimate, shifted by this.
const RATE: u32 = 11;
/// Every symbol of a channel makes it forget 2^-8 of what was.
const LONG: u32 = 8;
/// Likewise lately: an eighth.
const SHORT: u32 = 3;

/// Scores and information of the scale tables, as a weight file holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adaptation {
    tables: Vec<Table>,
    /// Of every entry of every table, escape last.
    scores: Vec<i16>,
}

/// A table's place among the scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Table {
    start: usize,
    /// Entry of its escape.
    escape: u32,
    low: i32,
    information: i32,
}

impl Adaptation {
    /// Checks `prior.adapt.score` \[as many as `prior.scale.cdf` has\] and `prior.adapt.information` \[64\].
    ///
    /// # Errors
    /// [`TableError`] if there are not as many as entries and tables, or one is beyond [`SCORE_MAX`] or not within 1..=[`INFORMATION_MAX`].
    pub fn new(scales: &ScaleTables, scores: Vec<i16>, information: &[u16]) -> Result<Self, TableError> {
        if information.len() != SCALES {
            let found = information.len();
            return Err(TableError::Count { what: "prior.adapt.information", found, expected: SCALES });
        }
        let mut tables = Vec::with_capacity(SCALES);
        let mut expected = 0;
        for (table, &information) in information.iter().enumerate() {
            if !(1..=INFORMATION_MAX).contains(&information) {
                return Err(TableError::Information { value: information });
            }
            let Ok(model) = scales.tables().model(table) else { break };
            let (start, escape) = (expected, model.escape() as u32);
            tables.push(Table { start, escape, low: model.low(), information: information.into() });
            expected += model.escape() + 1;
        }
        if scores.len() != expected {
            return Err(TableError::Count { what: "prior.adapt.score", found: scores.len(), expected });
        }
        match scores.iter().find(|score| !(-SCORE_MAX..=SCORE_MAX).contains(*score)) {
            Some(&value) => Err(TableError::Score { value }),
            None => Ok(Self { tables, scores }),
        }
    }

    /// Score and information of a symbol with a table; both 0 where there is none.
    #[inline]
    fn of(&self, index: u8, symbol: i16) -> (i32, i32) {
        let Some(table) = self.tables.get(usize::from(index)) else { return (0, 0) };
        // A symbol below the table wraps to a number above it.
        let entry = i32::from(symbol).wrapping_sub(table.low) as u32;
        let score = self.scores.get(table.start + entry.min(table.escape) as usize).copied().unwrap_or(0);
        (score.into(), table.information)
    }
}

/// Scores and their information, added up.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    score: i32,
    information: i32,
}

impl Sums {
    /// By how much the index should have been higher, in 1/256.
    #[inline]
    fn estimate(self) -> i32 {
        let score = self.score.clamp(-SUM_MAX, SUM_MAX);
        (score * 256 / (self.information + DOUBT)).clamp(-ESTIMATE_MAX, ESTIMATE_MAX)
    }

    #[inline]
    fn add(&mut self, score: i32, information: i32) {
        self.score += score;
        self.information += information;
    }

    /// Adds after forgetting a part of 2^-`shift`.
    #[inline]
    fn renew(&mut self, score: i32, information: i32, shift: u32) {
        self.score += score - (self.score >> shift);
        self.information += information - (self.information >> shift);
    }
}

/// What a tile's symbols have taught so far.
#[derive(Debug, Clone)]
pub struct Adapter<'a> {
    /// Columns of the tile's latent plane.
    width: usize,
    /// [M].
    channels: Vec<Channel>,
    learner: Learner<'a>,
}

/// What the symbols of a channel have taught, over the tile and lately.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Channel {
    long: Sums,
    short: Sums,
}

/// What is common to all channels.
#[derive(Debug, Clone)]
pub(super) struct Learner<'a> {
    adaptation: &'a Adaptation,
    /// Of the channels of this position that are coded.
    position: Sums,
    weights: [i32; 3],
}

/// A scale index that was moved, and what moved it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    pub(super) index: u8,
    estimates: [i32; 3],
}

impl<'a> Adapter<'a> {
    /// Starts a tile with so many channels, a multiple of 4, and columns of latents.
    pub fn new(adaptation: &'a Adaptation, channels: usize, width: usize) -> Self {
        let learner = Learner { adaptation, position: Sums::default(), weights: WEIGHTS };
        Self { width: width.max(1), channels: vec![Channel::default(); channels], learner }
    }

    /// How many channels are coded at a position.
    pub(super) fn part(&self) -> usize {
        (self.channels.len() / PASSES).max(1)
    }

    /// Goes on to a position, counted from the tile's first, of a pass 0..=3: to the channels that are coded there.
    #[inline]
    pub(super) fn begin(&mut self, pass: usize, position: usize) -> (&mut Learner<'a>, &mut [Channel]) {
        let part = self.part();
        let group = GROUP[pass % PASSES][phase(position / self.width, position % self.width)];
        self.learner.position = Sums::default();
        let channels = self.channels.get_mut(group * part..(group + 1) * part).unwrap_or_default();
        (&mut self.learner, channels)
    }
}

impl Learner<'_> {
    /// The table for a channel's symbol, where the networks say `index`.
    #[inline]
    pub(super) fn adapt(&self, channel: &Channel, index: u8) -> Moved {
        let estimates = [channel.long.estimate(), self.position.estimate(), channel.short.estimate()];
        let weighed = estimates.iter().zip(self.weights).map(|(estimate, weight)| (weight >> 8) * estimate);
        let shift = (weighed.sum::<i32>() + (1 << 15)) >> 16;
        // Table 0 is for what skipping leaves out, and no other index becomes 0. One beyond all tables stays what it is, for the coder to refuse.
        let (least, most) = (i32::from(index.min(1)), i32::from(index).max(SCALES as i32 - 1));
        Moved { index: (i32::from(index) + shift).clamp(least, most) as u8, estimates }
    }

    /// Learns from that symbol, for which the networks said `index` and [`Self::adapt`] `moved`.
    #[inline]
    pub(super) fn learn(&mut self, channel: &mut Channel, index: u8, moved: Moved, symbol: i16) {
        let (slope, _) = self.adaptation.of(moved.index, symbol);
        for (weight, estimate) in self.weights.iter_mut().zip(moved.estimates) {
            *weight = (*weight + ((slope * estimate) >> RATE)).clamp(0, WEIGHT_MAX);
        }
        let (score, information) = self.adaptation.of(index, symbol);
        channel.long.renew(score, information, LONG);
        channel.short.renew(score, information, SHORT);
        self.position.add(score, information);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All tables cover -1, 0 and 1. A zero says narrower, everything else wider.
    fn tables() -> ScaleTables {
        ScaleTables::new(&[1; 64], &[0u16, 8192, 57344, 65504].repeat(64)).unwrap()
    }

    fn adaptation(score: i16, information: u16) -> Adaptation {
        Adaptation::new(&tables(), [score, -score, score, score].repeat(64), &[information; 64]).unwrap()
    }

    fn learn(adapter: &mut Adapter<'_>, pass: usize, position: usize, symbols: &[i16]) -> Vec<u8> {
        let (learner, channels) = adapter.begin(pass, position);
        let symbols = symbols.iter().zip(channels);
        symbols
            .map(|(&symbol, channel)| {
                let moved = learner.adapt(channel, 30);
                learner.learn(channel, 30, moved, symbol);
                moved.index
            })
            .collect()
    }

    /// What becomes of a position's channel where the networks say `index`.
    fn index(adapter: &mut Adapter<'_>, position: usize, channel: usize, index: u8) -> u8 {
        let (learner, channels) = adapter.begin(0, position);
        learner.adapt(&channels[channel], index).index
    }

    #[test]
    fn who_has_seen_nothing_changes_nothing() {
        let adaptation = adaptation(400, 100);
        let mut adapter = Adapter::new(&adaptation, 8, 5);
        for at in [0, 1, 30, 63] {
            assert_eq!(index(&mut adapter, 7, 1, at), at);
        }
    }

    #[test]
    fn a_channel_that_is_wider_than_predicted_gets_wider_tables_and_others_do_not() {
        let adaptation = adaptation(400, 100);
        let mut adapter = Adapter::new(&adaptation, 8, 1000);
        // Group 0 is coded at even columns of even rows in pass 0; its second channel is always 0.
        let last = (0..200).map(|i| learn(&mut adapter, 0, 2 * i, &[1, 0])).last().unwrap();
        assert!(last[0] > 31, "{last:?}");
        assert!(last[1] < 30, "{last:?}");
        assert_eq!(index(&mut adapter, 1, 0, 30), 30, "a channel of another group");
    }

    #[test]
    fn what_surprises_in_a_position_counts_for_its_next_channels_only() {
        let adaptation = adaptation(2000, 100);
        let mut adapter = Adapter::new(&adaptation, 64, 1000);
        let indices = learn(&mut adapter, 0, 0, &[2; 16]);
        assert_eq!(indices[0], 30);
        assert!(indices[15] > 31, "{indices:?}");
        // Another group, so that its channels know nothing yet.
        assert_eq!(index(&mut adapter, 1, 0, 30), 30);
    }

    #[test]
    fn a_weight_of_estimates_that_mislead_becomes_small() {
        let adaptation = adaptation(2000, 100);
        let mut adapter = Adapter::new(&adaptation, 8, 1000);
        for i in 0..500 {
            // What was seen lately is always wrong about the next.
            let symbol = if i / 2 % 2 == 0 { 3 } else { 0 };
            learn(&mut adapter, 0, 2 * i, &[symbol, 3 - symbol]);
        }
        assert!(adapter.learner.weights[1] < WEIGHTS[1] / 4, "{:?}", adapter.learner.weights);
    }

    #[test]
    fn nothing_overflows_where_everything_is_at_its_limit() {
        for information in [1, INFORMATION_MAX] {
            for score in [SCORE_MAX, -SCORE_MAX] {
                let adaptation = adaptation(score, information);
                let mut adapter = Adapter::new(&adaptation, 4096, 1000);
                for symbol in [i16::MAX, 0, i16::MIN] {
                    for i in 0..300 {
                        learn(&mut adapter, 0, 2 * i, &[symbol; 1024]);
                        // What is computed of these is below 2^31: they times 256, or times a weight in 1/256, three times.
                        let Sums { score, information } = adapter.learner.position;
                        assert!(score.abs() <= 1024 * 8191 && (1024..=1024 * 16383).contains(&information));
                        let Channel { long, short } = adapter.channels[7];
                        assert!(long.score.abs() <= 257 * 8191 && (1..=257 * 16383).contains(&long.information));
                        assert!(short.score.abs() <= 9 * 8191 && (1..=9 * 16383).contains(&short.information));
                        assert!(adapter.learner.weights.iter().all(|weight| (0..=WEIGHT_MAX).contains(weight)));
                    }
                }
            }
        }
    }

    #[test]
    fn what_could_overflow_or_does_not_fit_the_tables_is_refused() {
        let tables = tables();
        let of = |scores: Vec<i16>, information: Vec<u16>| Adaptation::new(&tables, scores, &information).unwrap_err();
        let (found, expected) = (255, 256);
        let short = of(vec![0; 255], vec![1; 64]);
        assert_eq!(short, TableError::Count { what: "prior.adapt.score", found, expected });
        let (found, expected) = (63, 64);
        let short = of(vec![0; 256], vec![1; 63]);
        assert_eq!(short, TableError::Count { what: "prior.adapt.information", found, expected });
        for value in [8192, i16::MIN] {
            assert_eq!(of(vec![value; 256], vec![1; 64]), TableError::Score { value });
        }
        for value in [0, 16384] {
            assert_eq!(of(vec![0; 256], vec![value; 64]), TableError::Information { value });
        }
    }
}
