//! The probability tables: Gaussians at 64 scales for the latent, mixtures of logistics for the hyper-latent, as 16-bit integers.
//! [`super::counts`] replaces the Gaussians by what was counted.
//!
//! Made once, here; no decoder ever evaluates erf or exp.

use std::collections::BTreeMap;

use lic_shaders::gain::SCALES;

use super::gains::log_scale_step;
use super::mixture;
use crate::preset::Z_KNOTS;
use crate::prior::density::COMPONENTS;
use crate::rate::SCALE_MIN;
use crate::weights::Entry;

/// Total of a table's frequencies: 16 bits.
pub(super) const TOTAL: u32 = 1 << 16;

/// Adds `prior.scale.*`.
pub(super) fn add_scales(entries: &mut BTreeMap<String, Entry>) {
    add_scale_tables(entries, &scale_tables(gaussian));
}

/// Probabilities of the symbols `-radius..=radius` of a scale, and of all others.
pub(super) fn gaussian(index: usize) -> Vec<f64> {
    let scale = f64::from(SCALE_MIN) * (log_scale_step() * index as f64).exp();
    // Residuals have heavier tails than Gaussians: a listed symbol at the floor of 16 bits is cheaper than an escape.
    let radius = (5.5 * scale).ceil() as i32 + 1;
    let upper = |x: f64| 0.5 * erfc(x / (scale * std::f64::consts::SQRT_2));
    let symbol = |s: i32| {
        let a = f64::from(s.abs());
        upper(a - 0.5) - upper(a + 0.5)
    };
    (-radius..=radius).map(symbol).chain([2.0 * upper(f64::from(radius) + 0.5)]).collect()
}

/// Cumulative tables of the 64 distributions that `distribution` gives as [`gaussian`] does.
pub(super) fn scale_tables(distribution: impl Fn(usize) -> Vec<f64>) -> Vec<Vec<u16>> {
    (0..SCALES).map(|index| cumulative(&distribution(index))).collect()
}

/// Adds `prior.scale.*` of such tables.
pub(super) fn add_scale_tables(entries: &mut BTreeMap<String, Entry>, tables: &[Vec<u16>]) {
    let radii: Vec<u16> = tables.iter().map(|table| (table.len() / 2 - 1) as u16).collect();
    let cdf = tables.concat();
    entries.insert("prior.scale.radius".into(), Entry::u16(&[radii.len()], &radii));
    entries.insert("prior.scale.cdf".into(), Entry::u16(&[cdf.len()], &cdf));
}

/// Parameters of the mixtures, each [8, channels * 3], as [`crate::prior::ZDensity`] holds them.
pub(super) struct Mixtures<'a> {
    pub(super) centre: &'a [f32],
    pub(super) width: &'a [f32],
    pub(super) weight: &'a [f32],
}

/// Symbols of the hyper-latent further out than this are always escapes.
const Z_REACH: i32 = 255;

/// Probability below which a symbol at the end of a table is left to the escape: its cost is then near that of the floor anyway.
const Z_RARE: f64 = 1.0 / TOTAL as f64;

/// Adds `prior.z.*` for `channels` hyper-latent channels.
pub(super) fn add_hyper(entries: &mut BTreeMap<String, Entry>, mixtures: &Mixtures<'_>, channels: usize) {
    let (mut lows, mut counts, mut cdf) = (Vec::new(), Vec::new(), Vec::new());
    for table in 0..Z_KNOTS * channels {
        let parameters = [mixtures.centre, mixtures.width, mixtures.weight]
            .map(|values| std::array::from_fn(|k| f64::from(values[table * COMPONENTS + k])));
        let p = |s: i32| mixture::probability(&parameters, s.into());
        let low = (-Z_REACH..0).find(|&s| p(s) > Z_RARE).unwrap_or(0);
        let high = (1..=Z_REACH).rev().find(|&s| p(s) > Z_RARE).unwrap_or(0);
        let mut list: Vec<f64> = (low..=high).map(p).collect();
        list.push((1.0 - list.iter().sum::<f64>()).max(0.0));
        lows.push(low as i16);
        counts.push((high - low + 1) as u16);
        cdf.extend(cumulative(&list));
    }
    let shape = [Z_KNOTS, channels];
    entries.insert("prior.z.low".into(), Entry::i16(&shape, &lows));
    entries.insert("prior.z.count".into(), Entry::u16(&shape, &counts));
    let length = cdf.len();
    entries.insert("prior.z.cdf".into(), Entry::u16(&[length], &cdf));
}

/// Left-cumulative 16-bit frequencies, every entry at least 1; the most probable entry takes what rounding leaves.
pub(super) fn cumulative(p: &[f64]) -> Vec<u16> {
    let spare = f64::from(TOTAL) - p.len() as f64;
    let sum: f64 = p.iter().sum::<f64>().max(1e-12);
    let mut frequencies: Vec<u32> = p.iter().map(|p| 1 + (p / sum * spare).floor() as u32).collect();
    let used: u32 = frequencies.iter().sum();
    if let Some(largest) = frequencies.iter_mut().max() {
        *largest += TOTAL - used;
    }
    let mut left = 0;
    frequencies
        .into_iter()
        .map(|f| {
            let value = left as u16;
            left += f;
            value
        })
        .collect()
}

/// The frequencies of a table's left-cumulative values, which add up to 65536.
pub(super) fn frequencies(cumulative: &[f64]) -> Vec<f64> {
    let ends = cumulative.iter().copied().skip(1).chain([f64::from(TOTAL)]);
    cumulative.iter().zip(ends).map(|(start, end)| end - start).collect()
}

/// Complementary error function by its continued fraction (large x) or series (small x): double precision to about 1e-13, run at quantisation only.
fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    if x < 2.0 {
        let mut term = x;
        let mut sum = x;
        for n in 1..60 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return 1.0 - sum * 2.0 / std::f64::consts::PI.sqrt();
    }
    let mut fraction = 0.0;
    for n in (1..80).rev() {
        fraction = f64::from(n) * 0.5 / (x + fraction);
    }
    (-x * x).exp() / (std::f64::consts::PI.sqrt() * (x + fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: Python 3.11, `math.erfc`.
    #[test]
    fn erfc_agrees_with_python() {
        for (x, expected) in [
            (0.5, 0.479_500_122_186_953_5),
            (1.9, 0.007_209_570_764_742_532_5),
            (2.1, 0.002_979_466_656_332_984),
            (5.0, 1.537_459_794_428_035_1e-12),
        ] {
            assert!((erfc(x) - expected).abs() < 1e-10 * expected.max(1e-3), "{x}: {} instead of {expected}", erfc(x));
        }
    }

    #[test]
    fn tables_rise_strictly_and_leave_room_for_the_last_entry() {
        let table = cumulative(&[1e-9, 0.2, 0.8 - 1e-9, 0.0]);
        assert_eq!(table[0], 0);
        assert!(table.windows(2).all(|w| w[0] < w[1]));
        assert_eq!(table[1], 1);
    }
}
