//! The hyper-latents' probability tables by their neighbours, fitted to hyper-latents that were coded.
//!
//! Training knows a distribution per channel and knot. Left and upper neighbour say more, because what a picture shows changes slowly. So every table becomes five, for
//! the sums -2 or less, -1, 0, 1, 2 or more of both. Hyper-latents take 8 % of a file at quality 10 and 2 % at quality 90 (weights of 169,187 steps). With tables of 300 training
//! photos they take less on photos of validation, at quality 50: by 8.3 % with three sums, 9.5 % with five, 10.2 % with seven, 10.0 % with three magnitudes of the diagonal neighbours beside
//! five sums. Differs from [`super::counts`] in having contexts; those of the latents are what the networks are for.

use std::collections::BTreeMap;

use safetensors::Dtype;

use super::error::RestoreError;
use super::tables::{TOTAL, cumulative, frequencies};
use crate::preset::Z_KNOTS;
use crate::weights::{Entry, WeightFile};

/// Sums of both neighbours within this have tables of their own.
const REACH: i32 = 2;
const CONTEXTS: usize = 2 * REACH as usize + 1;

/// Symbols that what is known without neighbours counts for: few hyper-latents have large ones.
const BELIEF: f64 = 50.0;

/// How often every hyper-latent was coded, by knot, channel, and neighbours.
#[derive(Clone, Debug, Default)]
pub struct HyperCounts(BTreeMap<(usize, usize, i32), BTreeMap<i16, f64>>);

impl HyperCounts {
    /// Counts a plane [rows, width, channels] that was coded at a knot 0..=7.
    pub fn add(&mut self, knot: usize, plane: &[i16], width: usize, channels: usize) {
        let row = width * channels;
        for (place, &z) in plane.iter().enumerate() {
            let left = if place % row < channels { 0 } else { plane[place - channels].into() };
            let above: i32 = if place < row { 0 } else { plane[place - row].into() };
            let context = (above + left).clamp(-REACH, REACH);
            *self.0.entry((knot, place % channels, context)).or_default().entry(z).or_default() += 1.0;
        }
    }

    /// Counts of `count` symbols from `low` on, and of all others, beside these neighbours.
    fn of(&self, knot: usize, channel: usize, context: i32, low: i32, count: usize) -> Vec<f64> {
        let mut all = vec![0.0; count + 1];
        for (&z, number) in self.0.get(&(knot, channel, context)).into_iter().flatten() {
            all[usize::try_from(i32::from(z) - low).map_or(count, |entry| entry.min(count))] += number;
        }
        all
    }
}

/// A weight file with the hyper-latents' tables of these counts beside those it has, which stay for further training.
///
/// # Errors
/// The bytes are no weight file, or one without tables.
pub fn with_hyper_contexts(bytes: &[u8], counts: &HyperCounts) -> Result<Vec<u8>, RestoreError> {
    let file = WeightFile::parse(bytes)?;
    let tensor =
        |name: &str, dtype| file.integers(name, dtype).ok_or_else(|| RestoreError::Tensor { name: name.to_owned() });
    let low = tensor("prior.z.low", Dtype::I16)?;
    let count = tensor("prior.z.count", Dtype::U16)?;
    let cdf = tensor("prior.z.cdf", Dtype::U16)?;
    let rises = |(start, end): (&f64, &f64)| start < end || *end == 0.0;
    if low.len() != count.len() || !cdf.iter().zip(cdf.iter().skip(1)).all(rises) {
        return Err(RestoreError::Tensor { name: "prior.z.cdf".to_owned() });
    }
    let channels = (low.len() / Z_KNOTS).max(1);
    let mut tables = vec![Vec::new(); CONTEXTS];
    let mut rest = cdf.as_slice();
    for (table, (&low, &count)) in low.iter().zip(&count).enumerate() {
        let count = count as usize;
        let cut = || RestoreError::Tensor { name: "prior.z.cdf".to_owned() };
        let (own, after) = rest.split_at_checked(count + 1).ok_or_else(cut)?;
        rest = after;
        let without: Vec<f64> = frequencies(own).iter().map(|share| share / f64::from(TOTAL)).collect();
        let counted: Vec<Vec<f64>> = (-REACH..=REACH)
            .map(|context| counts.of(table / channels, table % channels, context, low as i32, count))
            .collect();
        // First all contexts together are believed beside the file's own table, then these beside each of them.
        let sum = |entry: usize| counted.iter().map(|counts| counts[entry]).sum();
        let all: Vec<f64> = (0..=count).map(sum).collect();
        let together = believed(&without, &all);
        for (tables, counts) in tables.iter_mut().zip(&counted) {
            tables.extend(cumulative(&believed(&together, counts)));
        }
    }
    let shape = [CONTEXTS, cdf.len()];
    Ok(file.with(|entries| {
        entries.insert("prior.z.context.cdf".into(), Entry::u16(&shape, &tables.concat()));
    })?)
}

/// Probabilities of what was counted, drawn towards `before`.
fn believed(before: &[f64], counts: &[f64]) -> Vec<f64> {
    let total = counts.iter().sum::<f64>() + BELIEF;
    before.iter().zip(counts).map(|(p, n)| (BELIEF * p + n) / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frozen model, which has no contexts.
    const TINY: &[u8] = include_bytes!("../../weights/tiny.safetensors");

    fn tensor(bytes: &[u8], name: &str) -> Vec<f64> {
        WeightFile::parse(bytes).unwrap().integers(name, Dtype::U16).unwrap()
    }

    #[test]
    fn without_counts_every_context_has_the_table_that_was_there() {
        let before = tensor(TINY, "prior.z.cdf");
        let bytes = with_hyper_contexts(TINY, &HyperCounts::default()).unwrap();
        let after = tensor(&bytes, "prior.z.context.cdf");
        assert_eq!(after.len(), CONTEXTS * before.len());
        for context in after.chunks(before.len()) {
            assert!(context.iter().zip(&before).all(|(after, before)| (after - before).abs() <= before / 1000.0 + 8.0));
        }
        assert_eq!(tensor(&bytes, "prior.z.cdf"), before);
    }

    #[test]
    fn what_was_counted_beside_large_neighbours_is_in_their_table_only() {
        let file = WeightFile::parse(TINY).unwrap();
        let low = file.integers("prior.z.low", Dtype::I16).unwrap();
        let count = file.integers("prior.z.count", Dtype::U16).unwrap();
        let channels = low.len() / Z_KNOTS;
        let channel =
            (0..channels).find(|&c| low[c] <= 0.0 && low[c] + count[c] > 1.0).expect("a channel that knows 0 and 1");
        // Ones everywhere in one row: the first has no neighbour, all others a left one.
        let mut plane = vec![0; 400 * channels];
        plane.iter_mut().skip(channel).step_by(channels).for_each(|z| *z = 1);
        let mut counts = HyperCounts::default();
        counts.add(0, &plane, 400, channels);
        let bytes = with_hyper_contexts(TINY, &counts).unwrap();
        let all = tensor(&bytes, "prior.z.context.cdf");
        let start: usize = count[..channel].iter().map(|n| *n as usize + 1).sum();
        let share = |context: i32| {
            let at = (context + REACH) as usize * (all.len() / CONTEXTS) + start + (1.0 - low[channel]) as usize;
            (all[at + 1] - all[at]) / 65536.0
        };
        assert!(share(1) > 0.9, "{}", share(1));
        assert!(share(-1) > 0.5, "what was counted anywhere is believed where nothing was: {}", share(-1));
        assert!(share(1) > share(-1));
    }
}
