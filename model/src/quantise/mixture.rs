//! A hyper-latent's mixture of logistics, of which [`super::tables::add_hyper`] makes a table, and the way back, which an integer table does not determine.
//!
//! The mixture is the one of [`crate::prior::ZDensity`] under which symbols of the table cost the fewest bits, found by Adam (Kingma and Ba, arXiv 1412.6980).
//! Near a single logistic of the table's mean and variance, where the search starts, hyper-latents take 10 to 25 % more bits on the student's tables: nearly all of the mass of
//! most channels is on one symbol, so that their variance says nothing about how rare the others are. After the search it is 0.03 %.

use crate::prior::density::{COMPONENTS, MIN_WIDTH};

/// Centres, widths before softplus and logits of a channel's mixture.
pub(super) type Parameters = [[f64; COMPONENTS]; 3];

/// Steps of Adam, and the length of the first, of centres and widths for each symbol of the table's width; later ones are shorter, linearly.
const STEPS: usize = 200;
const RATE: f64 = 0.05;

/// Decay of Adam's first and second moments.
const DECAY: [f64; 2] = [0.9, 0.99];

/// Share of the table's whole that an entry with the least frequency has: such entries say no more than that they are rare.
const LEAST: f64 = 1e-7;

/// Probability that is counted for impossible symbols; they still have a slope.
const IMPOSSIBLE: f64 = 1e-9;

/// The probability of a symbol's unit interval.
pub(super) fn probability([centres, widths, logits]: &Parameters, symbol: f64) -> f64 {
    let weights = logits.map(f64::exp);
    let total: f64 = weights.iter().sum();
    let below = |x: f64| -> f64 {
        let component = |k: usize| {
            let width = widths[k].exp().ln_1p() + MIN_WIDTH;
            weights[k] / total / (1.0 + (-(x - centres[k]) / width).exp())
        };
        (0..COMPONENTS).map(component).sum()
    };
    below(symbol + 0.5) - below(symbol - 0.5)
}

/// The mixture for the symbols from `low` on with these frequencies, each at least 1.
pub(super) fn fitted(low: f64, frequencies: &[f64]) -> Parameters {
    let table = probabilities(low, frequencies);
    let mut found = start(&table);
    // All widths are the same at first.
    let reach = softplus(found[1][0]).max(1.0);
    let mut moments = [[[0.0; COMPONENTS]; 3]; 2];
    for step in 0..STEPS {
        let gradient = gradient(&found, &table);
        let rate = RATE * (1.0 - step as f64 / STEPS as f64);
        let rates = [reach * rate, reach * rate, rate];
        let unbiased = DECAY.map(|decay| 1.0 - decay.powf((step + 1) as f64));
        for (part, gradient) in gradient.iter().enumerate() {
            for (k, g) in gradient.iter().enumerate() {
                let mut moment = |i: usize, value: f64| {
                    let m = &mut moments[i][part][k];
                    *m = DECAY[i] * *m + (1.0 - DECAY[i]) * value;
                    *m / unbiased[i]
                };
                let (first, second) = (moment(0, *g), moment(1, g * g));
                found[part][k] -= rates[part] * first / (second.sqrt() + 1e-8);
            }
        }
    }
    found
}

/// A mixture of about the table's mean and variance.
pub(super) fn rough(low: f64, frequencies: &[f64]) -> Parameters {
    start(&probabilities(low, frequencies))
}

/// Symbols and their probabilities.
fn probabilities(low: f64, frequencies: &[f64]) -> Vec<(f64, f64)> {
    // Tables give every symbol one more than its probability.
    let counts: Vec<f64> = frequencies.iter().map(|f| (f - 1.0).max(0.0)).collect();
    let total = counts.iter().sum::<f64>().max(1.0);
    counts.iter().enumerate().map(|(i, c)| (low + i as f64, (c / total).max(LEAST))).collect()
}

/// Three logistics a little apart, together of about the table's mean and variance.
fn start(table: &[(f64, f64)]) -> Parameters {
    let moment = |f: &dyn Fn(f64) -> f64| table.iter().map(|(s, p)| p * f(*s)).sum::<f64>();
    let mean = moment(&|s| s);
    // A unit interval's own variance is 1/12; a logistic of width w has variance (pi w)^2 / 3.
    let variance = (moment(&|s| (s - mean) * (s - mean)) - 1.0 / 12.0).max(1e-3);
    let width = (3.0 * variance).sqrt() / std::f64::consts::PI;
    // Narrower ones have no slope at symbols beside the centre.
    let before_softplus = (0.9 * width).max(0.1).exp_m1().ln();
    [[mean - 0.7 * width, mean, mean + 0.7 * width], [before_softplus; COMPONENTS], [0.0; COMPONENTS]]
}

/// The derivative of a symbol's mean length, in nats, by the parameters.
fn gradient([centres, widths, logits]: &Parameters, table: &[(f64, f64)]) -> Parameters {
    let shares = softmax(logits);
    let mut sum = [[0.0; COMPONENTS]; 3];
    for &(symbol, p) in table {
        let parts: [[f64; 3]; COMPONENTS] = std::array::from_fn(|k| {
            let width = softplus(widths[k]) + MIN_WIDTH;
            let [upper, lower] = [0.5, -0.5].map(|half| (symbol - centres[k] + half) / width);
            let slope = |x: f64| logistic(x) * logistic(-x);
            let by_centre = (slope(lower) - slope(upper)) / width;
            [logistic(upper) - logistic(lower), by_centre, (lower * slope(lower) - upper * slope(upper)) / width]
        });
        let q = parts.iter().zip(shares).map(|(part, share)| share * part[0]).sum::<f64>();
        let factor = -p / q.max(IMPOSSIBLE);
        for (k, [mass, by_centre, by_width]) in parts.into_iter().enumerate() {
            sum[0][k] += factor * shares[k] * by_centre;
            sum[1][k] += factor * shares[k] * by_width * logistic(widths[k]);
            sum[2][k] += factor * shares[k] * (mass - q);
        }
    }
    sum
}

fn softmax(logits: &[f64; COMPONENTS]) -> [f64; COMPONENTS] {
    let most = logits.iter().copied().fold(f64::MIN, f64::max);
    let parts = logits.map(|logit| (logit - most).exp());
    let total: f64 = parts.iter().sum();
    parts.map(|part| part / total)
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits of a symbol of the table under the mixture, less the table's entropy.
    fn excess(mixture: &Parameters, low: f64, frequencies: &[f64]) -> f64 {
        let total: f64 = frequencies.iter().sum();
        let bits = |(i, frequency): (usize, &f64)| {
            let q = probability(mixture, low + i as f64);
            frequency / total * (frequency / total / q.max(IMPOSSIBLE)).log2()
        };
        frequencies.iter().enumerate().map(bits).sum()
    }

    #[test]
    fn tables_of_every_shape_cost_next_to_nothing_more_under_their_mixture() {
        let far: Vec<f64> =
            (-60..=60).map(|s: i32| 1.0 + 3000.0 * (-(f64::from(s.abs()) - 40.0).powi(2) / 50.0).exp()).collect();
        let cases: [(f64, &[f64]); 6] = [
            // Nearly always 0; nearly always -1, and then both sides alike.
            (-1.0, &[40.0, 65000.0, 400.0]),
            (-2.0, &[300.0, 64800.0, 300.0]),
            (0.0, &[65000.0]),
            // Broad and lopsided; two hills.
            (-3.0, &[500.0, 3000.0, 20000.0, 25000.0, 10000.0, 4000.0, 1500.0, 600.0, 200.0]),
            (-4.0, &[1000.0, 12000.0, 11000.0, 2000.0, 1500.0, 3000.0, 14000.0, 12000.0, 2000.0]),
            (-60.0, &far),
        ];
        for (low, frequencies) in cases {
            let total: f64 = frequencies.iter().sum();
            let entropy: f64 = frequencies.iter().map(|f| f / total * (total / f).log2()).sum();
            let found = excess(&fitted(low, frequencies), low, frequencies);
            assert!(found < 0.002 + 0.02 * entropy, "{frequencies:?}: {found} of {entropy}");
        }
    }

    #[test]
    fn the_gradient_is_that_of_the_mean_length() {
        let table = [(-1.0, 0.2), (0.0, 0.7), (1.0, 0.1)];
        let at: Parameters = [[-0.3, 0.1, 0.8], [-0.5, 0.2, 0.6], [0.3, -0.2, 0.1]];
        let nats = |at: &Parameters| {
            let frequencies: Vec<f64> = table.iter().map(|(_, p)| *p).collect();
            excess(at, -1.0, &frequencies) * std::f64::consts::LN_2
        };
        let found = gradient(&at, &table);
        for part in 0..3 {
            for k in 0..COMPONENTS {
                let moved = |by: f64| {
                    let mut moved = at;
                    moved[part][k] += by;
                    nats(&moved)
                };
                let numerical = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!((found[part][k] - numerical).abs() < 1e-6, "{part} {k}: {} {numerical}", found[part][k]);
            }
        }
    }
}
