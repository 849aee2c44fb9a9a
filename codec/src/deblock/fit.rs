//! The weights of the filter, by least squares: what would have made decoded pictures most like their originals.
//!
//! Columns and rows are counted alike, both on what was decoded; that rows are filtered after columns is not taken into account.

use lic_model::filters::smoothing::{PATCH, signals, weight};
use lic_model::filters::{KNOTS, QUALITIES_PER_KNOT};
use lic_model::plain::DEBLOCKING_WEIGHTS;

use super::TAPS;
use crate::picture::Picture;

/// Added to the diagonal of the normal equations, as a part of its sum.
const RIDGE: f64 = 1e-6;

/// Normal equations of one kind of boundary at one quality: products of the two features, and of features with the errors of each tap.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    products: [[f64; 2]; 2],
    errors: [[f64; TAPS]; 2],
}

/// Sums over pairs of pictures.
#[derive(Debug, Clone, Default)]
pub struct DeblockFit {
    knots: [[Sums; 2]; KNOTS],
    boundaries: u64,
}

impl DeblockFit {
    /// The qualities 0..=252 that have weights of their own.
    pub const QUALITIES: [u8; KNOTS] = [0, 64, 128, 192, 252];

    /// Counts a picture and what was decoded of it without a filter at one of [`Self::QUALITIES`]. Pictures of other than 8 bits and three colours, or of
    /// different sizes, are passed over, and so are those whose fields do not fit each other.
    pub fn add(&mut self, quality: u8, original: &Picture, decoded: &Picture) {
        let (Some(a), Some(b)) = (original.pixels.as_eight(), decoded.pixels.as_eight()) else { return };
        let (width, height) = (decoded.width as usize, decoded.height as usize);
        let knot = usize::from(quality).div_ceil(QUALITIES_PER_KNOT).min(KNOTS - 1);
        // That all samples are there, too: the fields are public.
        let fits = matches!((original.size(), decoded.size()), (Ok(a), Ok(b)) if a == b);
        if !fits || [original, decoded].iter().any(|picture| picture.channels() != 3) {
            return;
        }
        for (along, across, stride, next) in [(height, width, 3 * width, 3), (width, height, 3, 3 * width)] {
            for boundary in (PATCH..).step_by(PATCH).take_while(|boundary| boundary + TAPS <= across) {
                let sums = &mut self.knots[knot][usize::from(boundary.is_multiple_of(2 * PATCH))];
                for line in 0..along {
                    let at = |i: usize| line * stride + (boundary + i - TAPS) * next;
                    sums.count(|i| [a[at(i)], a[at(i) + 1], a[at(i) + 2]], |i| [b[at(i)], b[at(i) + 1], b[at(i) + 2]]);
                }
                self.boundaries += along as u64;
            }
        }
    }

    /// The weights [5, 2, 2, 4]: quality, boundary within or between latents, of the step or of its mean, distance from the boundary. `None` if nothing was counted. Where a quality has seen no boundary they are 0.
    pub fn solve(&self) -> Option<[f32; DEBLOCKING_WEIGHTS]> {
        let mut weights = [0.0; DEBLOCKING_WEIGHTS];
        let places = weights.chunks_exact_mut(2 * TAPS).zip(self.knots.iter().flatten());
        places.for_each(|(place, sums)| sums.solve(place));
        (self.boundaries > 0).then_some(weights)
    }
}

impl Sums {
    /// Counts one boundary, its pixels from p3 to q3.
    fn count(&mut self, original: impl Fn(usize) -> [u8; 3], decoded: impl Fn(usize) -> [u8; 3]) {
        let x: [[u8; 3]; 2 * TAPS] = std::array::from_fn(decoded);
        let colours: [[f32; 3]; 3] = std::array::from_fn(|c| signals(x.map(|pixel| pixel[c].into())));
        let mean = |signal: usize| colours.iter().map(|signals| signals[signal]).sum::<f32>() / 3.0;
        let (m, g) = (mean(0), weight(mean(1), mean(2)));
        for (c, [s, ..]) in colours.into_iter().enumerate() {
            let features = [f64::from(g * s), f64::from(g * m)];
            for (row, a) in self.products.iter_mut().zip(features) {
                row.iter_mut().zip(features).for_each(|(sum, b)| *sum += a * b);
            }
            for j in 0..TAPS {
                let error = |i: usize| f32::from(original(i)[c]) - f32::from(x[i][c]);
                // What is added on one side is taken away on the other.
                let error = error(TAPS - 1 - j) - error(TAPS + j);
                self.errors.iter_mut().zip(features).for_each(|(sums, feature)| sums[j] += feature * f64::from(error));
            }
        }
    }

    /// Writes the weights of `s`, then those of `m`.
    fn solve(&self, weights: &mut [f32]) {
        let [[a, b], [_, d]] = self.products.map(|row| row.map(|sum| 2.0 * sum));
        // Of grey pictures both features are the same.
        let ridge = RIDGE * (a + d);
        let (a, d) = (a + ridge, d + ridge);
        let determinant = a * d - b * b;
        if determinant <= 0.0 {
            return;
        }
        for j in 0..TAPS {
            let [x, y] = self.errors.map(|errors| errors[j]);
            weights[j] = ((d * x - b * y) / determinant) as f32;
            weights[TAPS + j] = ((a * y - b * x) / determinant) as f32;
        }
    }
}
