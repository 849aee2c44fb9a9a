//! The latents' probability tables, fitted to symbols that were coded.
//!
//! Training takes a latent for Gaussian around its predicted mean. What the quantised prior then meets is not quite that: it has more zeros and
//! heavier tails at the same scale, and its scales are rounded. So the 64 tables are made of counts. A weight file always had tables of any shape,
//! so decoders need not know of it. Counted is by the table that the networks predict; by the one that adaptation makes of it (added here with the tables, [`super::adapt`])
//! gains another 0.02 %. (Trained shapes other than the Gaussian are known to gain, as generalised Gaussians do in Zhang et al.,
//! arXiv 2411.19320; counting afterwards is ours.)

use std::collections::BTreeMap;

use lic_shaders::gain::SCALES;

use super::adapt::add_adaptation;
use super::tables::{add_scale_tables, gaussian, scale_tables};
use crate::weights::{WeightFile, WeightsError};

/// Symbols that the Gaussian counts for in every table: tables of large scales are hardly ever used.
const BELIEF: f64 = 100.0;

/// How often every magnitude was coded with every scale table.
#[derive(Clone, Debug)]
pub struct ScaleCounts(Vec<BTreeMap<u16, f64>>);

impl Default for ScaleCounts {
    fn default() -> Self {
        Self(vec![BTreeMap::new(); SCALES])
    }
}

impl ScaleCounts {
    /// Counts symbols with their tables.
    pub fn add(&mut self, symbols: &[i16], indices: &[u8]) {
        for (symbol, &index) in symbols.iter().zip(indices) {
            if let Some(counts) = self.0.get_mut(usize::from(index)) {
                *counts.entry(symbol.unsigned_abs()).or_default() += 1.0;
            }
        }
    }

    /// Counts everything in `other` so many times.
    pub fn add_weighted(&mut self, other: &Self, weight: f64) {
        for (counts, other) in self.0.iter_mut().zip(&other.0) {
            for (&magnitude, &count) in other {
                *counts.entry(magnitude).or_default() += weight * count;
            }
        }
    }

    /// Probabilities of a table as [`gaussian`] gives them: even, and drawn towards the Gaussian where little was counted.
    fn distribution(&self, index: usize) -> Vec<f64> {
        let mut p = gaussian(index);
        // Symbols of this table are left out of files.
        let Some(counts) = self.0.get(index).filter(|_| index > 0) else { return p };
        p.iter_mut().for_each(|p| *p *= BELIEF);
        let radius = p.len() / 2 - 1;
        for (&magnitude, &count) in counts {
            let magnitude = usize::from(magnitude);
            if magnitude > radius {
                p[2 * radius + 1] += count;
            } else {
                p[radius - magnitude] += count / 2.0;
                p[radius + magnitude] += count / 2.0;
            }
        }
        p
    }
}

/// A weight file with tables of these counts in place of those it has, and with what moves them while a tile is coded.
///
/// # Errors
/// The bytes are no weight file.
pub fn with_scale_tables(bytes: &[u8], counts: &ScaleCounts) -> Result<Vec<u8>, WeightsError> {
    let tables = scale_tables(|index| counts.distribution(index));
    WeightFile::parse(bytes)?.with(|entries| {
        add_scale_tables(entries, &tables);
        add_adaptation(entries, &tables);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frozen model, whose tables are Gaussians.
    const TINY: &[u8] = include_bytes!("../../weights/tiny.safetensors");

    fn tables(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let file = WeightFile::parse(bytes).unwrap();
        let part = |name| file.tensors().tensor(name).unwrap().data().to_vec();
        (part("prior.scale.radius"), part("prior.scale.cdf"))
    }

    #[test]
    fn without_counts_the_tables_are_gaussians() {
        assert_eq!(tables(&with_scale_tables(TINY, &ScaleCounts::default()).unwrap()), tables(TINY));
    }

    #[test]
    fn much_that_was_counted_gives_its_own_shares_and_little_next_to_nothing() {
        let mut counts = ScaleCounts::default();
        let symbols: Vec<i16> = (0..100_000).map(|i| [0, 0, 0, 1, 0, 0, -1, 0, 0, 90][i % 10]).collect();
        counts.add(&symbols, &vec![12; symbols.len()]);
        counts.add(&[3], &[20]);
        counts.add(&[5; 1000], &[0; 1000]);
        let p = counts.distribution(12);
        let total: f64 = p.iter().sum();
        let radius = p.len() / 2 - 1;
        for (at, share) in [(radius, 0.7), (radius - 1, 0.1), (radius + 1, 0.1), (2 * radius + 1, 0.1)] {
            assert!((p[at] / total - share).abs() < 0.002, "{at}: {}", p[at] / total);
        }
        let (few, none) = (counts.distribution(20), gaussian(20));
        let total: f64 = few.iter().sum();
        assert!(few.iter().zip(&none).all(|(few, none)| (few / total - none).abs() < 0.01));
        assert_eq!(counts.distribution(0), gaussian(0));
    }

    #[test]
    fn weights_multiply_counts() {
        let (mut once, mut thrice) = (ScaleCounts::default(), ScaleCounts::default());
        once.add(&[0, 0, 1, -2], &[9, 9, 9, 30]);
        thrice.add_weighted(&once, 2.0);
        thrice.add_weighted(&once, 1.0);
        assert_eq!((thrice.0[9][&0], thrice.0[9][&1], thrice.0[30][&2]), (6.0, 3.0, 3.0));
    }
}
