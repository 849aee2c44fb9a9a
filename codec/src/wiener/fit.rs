//! Which coefficients: those for which squared error and bits together are least.
//!
//! The error is a quadratic form of the coefficients, so what one of them changes is known exactly: they are taken in turn, each to the best integer,
//! as long as something changes (coordinate descent), for several units. Features and errors are seen in opponent colours, where most coefficients
//! between signals are 0. What coefficients take in the file depends on each other, so a length is assumed for each, and the real one only
//! decides between units, and whether the filter is worth its section.

use super::coefficients::{Coefficients, MAX_PRECISION};
use super::sums::Sums;
use super::{PAIRS, features};
use crate::error::EntropyError;
use crate::neighbourhood::{OPPONENT, norms};

/// Rounds at most; about five are needed.
const ROUNDS: usize = 12;
/// What a coefficient is expected to lose where it was not fitted, as a multiple of the mean squared error for each pixel that stands for many: 2 if errors
/// did not depend on each other (Akaike, 1974), but neighbours' do. On validation 4 gains 0.05 % over 0.
const NOISE: f64 = 4.0;
/// Greatest magnitude of an integer.
const LARGEST: f64 = 32767.0;
/// Bits behind the point that are tried.
const PRECISIONS: std::ops::RangeInclusive<u8> = 5..=12;
/// Counted pixels below which too little is known of a picture.
const FEWEST: u64 = 4096;
const _: () = assert!(*PRECISIONS.end() <= MAX_PRECISION);
/// Bytes of a section beside its body: tag, length and checksum.
pub(crate) const SECTION: usize = 6;

/// Normal equations in opponent colours.
struct Equations {
    channels: usize,
    /// [features, features].
    products: Vec<f64>,
    /// [channels, features].
    errors: Vec<f64>,
    /// What a coefficient that fits noise is expected to add to the error, by signal.
    noise: Vec<f64>,
}

impl Equations {
    /// Of sums whose pixels stand for `scale` times as many.
    fn new(sums: &Sums, scale: f64) -> Self {
        let channels = sums.channels();
        let (count, norms) = (features(channels), norms(channels));
        // Which numbers of the sums make a feature or, behind the features, an error, and how much of each.
        let parts = |number: usize| -> Vec<(usize, f64)> {
            if number == 0 {
                return vec![(0, 1.0)];
            }
            let (first, signal, step, at) = match number.checked_sub(1 + channels) {
                None => (1, number - 1, 1, 0),
                Some(pair) if number < count => (1 + channels, pair / PAIRS.len(), PAIRS.len(), pair % PAIRS.len()),
                Some(_) => (count, number - count, 1, 0),
            };
            let part = |c: usize| if channels == 1 { 1.0 } else { f64::from(OPPONENT[signal][c]) / norms[signal] };
            (0..channels).map(|c| (first + c * step + at, part(c))).filter(|&(_, part)| part != 0.0).collect()
        };
        let parts: Vec<_> = (0..count + channels).map(parts).collect();
        let product = |a: usize, b: usize| {
            let mut sum = 0.0;
            for &(i, x) in &parts[a] {
                for &(j, y) in &parts[b] {
                    sum += x * y * sums.of(i, j) as f64;
                }
            }
            scale * sum
        };
        let products = (0..count * count).map(|i| product(i / count, i % count)).collect();
        let errors = (0..channels * count).map(|i| product(count + i / count, i % count)).collect();
        let noise = |out: usize| NOISE * product(count + out, count + out) / sums.count as f64;
        let noise = (0..channels).map(noise).collect();
        Self { channels, products, errors, noise }
    }

    /// The best integers for one signal in units of `units`, for errors that are worth `worth` bits, and how much error they take away.
    fn signal(&self, out: usize, units: &[f64], worth: f64) -> (Vec<f64>, f64) {
        let count = features(self.channels);
        let mut values = vec![0.0; count];
        // Errors that are left, times each feature.
        let mut left = self.errors[out * count..(out + 1) * count].to_vec();
        for _ in 0..ROUNDS {
            let mut changed = false;
            for feature in 0..count {
                let row = &self.products[feature * count..(feature + 1) * count];
                let (size, unit, old) = (row[feature], units[feature], values[feature]);
                if size <= 0.0 {
                    continue;
                }
                let best: f64 = old + left[feature] / (size * unit);
                let cost = |value: f64| {
                    let noise = if value == 0.0 { 0.0 } else { self.noise[out] };
                    worth * (size * unit * unit * (value - best) * (value - best) + noise) + length(value)
                };
                let mut new = old;
                for value in [0.0, best.floor(), best.ceil(), (best / 2.0).trunc()] {
                    if value.abs() <= LARGEST && cost(value) < cost(new) {
                        new = value;
                    }
                }
                if new != old {
                    values[feature] = new;
                    left.iter_mut().zip(row).for_each(|(left, product)| *left -= product * unit * (new - old));
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        // |e|^2 - |e - Fw|^2 = w (F e) + w (F (e - F w)).
        let errors = &self.errors[out * count..(out + 1) * count];
        let gain = values.iter().zip(units).zip(errors.iter().zip(&left)).map(|((v, unit), (e, l))| v * unit * (e + l));
        let gain = gain.sum();
        (values, gain)
    }
}

/// Bits that an integer is assumed to take. In the filters of twenty photos of validation at five qualities a 0 takes 0.5 in the mean, others 4.3, 6.4, 7.7, 9.1, 10.4,
/// 11.5, 12.6, 13.6, .. by how many bits their magnitudes have.
fn length(value: f64) -> f64 {
    let magnitude = value.abs() as u32;
    if magnitude == 0 { 0.5 } else { 4.7 + 1.35 * f64::from(magnitude.ilog2()) }
}

/// The filter of a picture of so many pixels, as the body of its section, if it is worth that. `worth`: bits per squared error of a sample in 1/255.
pub(super) fn fit(sums: &Sums, pixels: u64, worth: f64) -> Result<Option<Vec<u8>>, EntropyError> {
    if sums.count < FEWEST {
        return Ok(None);
    }
    let channels = sums.channels();
    let equations = Equations::new(sums, pixels as f64 / sums.count as f64);
    let mut best: (f64, Option<Vec<u8>>) = (0.0, None);
    for precision in PRECISIONS {
        let units: Vec<f64> =
            (0..features(channels)).map(|feature| Coefficients::unit(channels, precision, feature)).collect();
        let mut values = Vec::with_capacity(channels * units.len());
        // Samples are rounded a second time.
        let mut gain = -worth * (pixels * channels as u64) as f64 / 12.0;
        for out in 0..channels {
            let (chosen, error) = equations.signal(out, &units, worth);
            let fitted = chosen.iter().filter(|value| **value != 0.0).count();
            values.extend(chosen.into_iter().map(|value| value as i16));
            gain += worth * (error - equations.noise[out] * fitted as f64);
        }
        let coefficients = Coefficients::new(channels, precision, values);
        if coefficients.is_nothing() {
            continue;
        }
        let body = coefficients.write()?;
        gain -= 8.0 * (body.len() + SECTION) as f64;
        if gain > best.0 {
            best = (gain, Some(body));
        }
    }
    Ok(best.1)
}
