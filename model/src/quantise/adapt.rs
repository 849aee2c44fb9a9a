//! Scores and information of the scale tables, by which a coder adapts to a tile (`prior.adapt.*`).
//!
//! What they are for, and what they gain, is said where they are used: `codec/src/entropy/adapt.rs`. Made once, here, of the tables' own shares, so that no
//! decoder takes a logarithm.

use std::collections::BTreeMap;

use super::tables::{TOTAL, frequencies};
use crate::weights::Entry;

/// Units of a score per bit and index, and of information per bit and squared index: `codec/PRIOR.md`, "Adaptation".
const UNITS: f64 = 4096.0;
/// Greatest magnitude of a score.
const SCORE_MAX: f64 = 8191.0;
/// Greatest information.
const INFORMATION_MAX: f64 = 16383.0;
/// Adds `prior.adapt.*` of cumulative tables, as `prior.scale.cdf` has them.
pub(super) fn add_adaptation(entries: &mut BTreeMap<String, Entry>, tables: &[Vec<u16>]) {
    let (scores, information) = adaptation(tables);
    entries.insert("prior.adapt.score".into(), Entry::i16(&[scores.len()], &scores));
    entries.insert("prior.adapt.information".into(), Entry::u16(&[information.len()], &information));
}

/// Scores of all entries of all tables, and the tables' information.
fn adaptation(tables: &[Vec<u16>]) -> (Vec<i16>, Vec<u16>) {
    let shares: Vec<Vec<f64>> = tables.iter().map(|table| shares(table)).collect();
    let last = shares.len().saturating_sub(1);
    let (mut scores, mut information) = (Vec::new(), Vec::new());
    for (index, own) in shares.iter().enumerate() {
        let (below, above) = (index.saturating_sub(1), (index + 1).min(last));
        let radius = own.len() as i32 / 2 - 1;
        let score = |symbol: i32| {
            let slope = (cost(&shares[below], symbol) - cost(&shares[above], symbol)) / (above - below) as f64;
            (slope * UNITS).round().clamp(-SCORE_MAX, SCORE_MAX)
        };
        let within: Vec<f64> = (-radius..=radius).map(score).collect();
        // In bits: the mean of squared slopes, times ln 2, is the mean curvature.
        let squares: f64 = within.iter().zip(own).map(|(score, share)| share * (score / UNITS).powi(2)).sum();
        information
            .push((squares / f64::from(TOTAL) * std::f64::consts::LN_2 * UNITS).round().clamp(1.0, INFORMATION_MAX)
                as u16);
        scores.extend(within.iter().map(|&score| score as i16));
        // An escape says as much as the outermost symbol.
        scores.push(score(radius) as i16);
    }
    (scores, information)
}

/// Shares of 65536 of a cumulative table's entries.
fn shares(table: &[u16]) -> Vec<f64> {
    frequencies(&table.iter().map(|&value| value.into()).collect::<Vec<f64>>())
}

/// Bits of a symbol with a table, escapes as `codec/FORMAT.md`, 5.2, has them.
fn cost(shares: &[f64], symbol: i32) -> f64 {
    let radius = shares.len() as i32 / 2 - 1;
    let bits = |entry: usize| f64::from(TOTAL).log2() - shares[entry].log2();
    if symbol.abs() <= radius {
        bits((symbol + radius) as usize)
    } else {
        bits(shares.len() - 1) + f64::from(2 + 2 * (symbol.abs() - radius).ilog2())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantise::tables::{gaussian, scale_tables};

    #[test]
    fn a_symbol_far_out_asks_for_a_wider_table_and_a_zero_for_a_narrower_one() {
        let tables = scale_tables(gaussian);
        let (scores, _) = adaptation(&tables);
        let mut rest = scores.as_slice();
        for (index, table) in tables.iter().enumerate() {
            let (own, after) = rest.split_at(table.len());
            rest = after;
            let radius = own.len() / 2 - 1;
            assert!(own[radius] <= 0, "table {index}: {}", own[radius]);
            // Three deviations out; in the narrowest tables all symbols but 0 have the least share there is.
            let far = (3.0 * 0.11 * (64f64 / 0.11).powf(index as f64 / 63.0)).ceil() as usize;
            assert!(own[radius + far] >= i16::from(index > 8), "table {index}: {}", own[radius + far]);
            assert_eq!(own[2 * radius], own[2 * radius + 1], "an escape counts like the edge");
            assert_eq!(own[0], own[2 * radius], "tables are even");
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn scores_are_nothing_on_average_and_information_is_that_of_a_gaussian() {
        let tables = scale_tables(gaussian);
        let (scores, information) = adaptation(&tables);
        // A Gaussian holds 2 nats per squared logarithm of its scale; an index is ln(64 / 0.11) / 63 of that.
        let step = (64f64 / 0.11).ln() / 63.0;
        let theory = 2.0 * step * step / std::f64::consts::LN_2 * UNITS;
        let mut rest = scores.as_slice();
        for (index, table) in tables.iter().enumerate() {
            let (own, after) = rest.split_at(table.len());
            rest = after;
            // Where a unit is small against the scale, and shares of tails are not yet at their floor of 2^-16.
            if (24..48).contains(&index) {
                let weighed = own.iter().zip(shares(table)).map(|(&score, share)| f64::from(score) * share);
                let mean = weighed.sum::<f64>() / 65536.0;
                assert!(mean.abs() < 20.0, "table {index}: {mean}");
                let ratio = f64::from(information[index]) / theory;
                assert!((0.8..1.25).contains(&ratio), "table {index}: {ratio}");
            }
        }
    }
}
