//! One polynomial of degree 3 over all points: Bjontegaard's original (VCEG-M33), exact through four points and a
//! least-squares fit through more, as numpy's `polyfit(x, y, 3)`.

/// A polynomial of degree 3 with the domain of its points.
#[derive(Debug, Clone, PartialEq)]
pub struct Polynomial {
    domain: [f64; 2],
    /// Coefficients of rising powers of `t`, which is -1 and 1 at the ends of the domain.
    coefficients: [f64; 4],
}

impl Polynomial {
    /// The best fit. `None` unless there are at least four points, all finite, with strictly rising `x`.
    pub(super) fn new(points: &[(f64, f64)]) -> Option<Self> {
        let rising = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if points.len() < 4 || !rising || points.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
            return None;
        }
        let domain = [points.first()?.0, points.last()?.0];
        // Normal equations [4, 5]; with t in -1..=1 they are well conditioned.
        let mut system = [[0.0; 5]; 4];
        for &(x, y) in points {
            let t = scaled(domain, x);
            let powers = [1.0, t, t * t, t * t * t];
            for (row, a) in system.iter_mut().zip(powers) {
                for (cell, b) in row.iter_mut().zip(powers.into_iter().chain([y])) {
                    *cell += a * b;
                }
            }
        }
        Some(Self { domain, coefficients: solve(system)? })
    }

    /// First and last `x`.
    pub fn domain(&self) -> [f64; 2] {
        self.domain
    }

    /// The value at `x`.
    pub fn value(&self, x: f64) -> f64 {
        let t = scaled(self.domain, x);
        self.coefficients.iter().rev().fold(0.0, |sum, c| sum * t + c)
    }

    /// The integral from `from` to `to`.
    pub fn integral(&self, from: f64, to: f64) -> f64 {
        let [low, high] = self.domain;
        let antiderivative = |x: f64| {
            let t = scaled(self.domain, x);
            let terms = self.coefficients.iter().zip(1..);
            terms.map(|(c, power)| c * t.powi(power) / f64::from(power)).sum::<f64>() * 0.5 * (high - low)
        };
        antiderivative(to) - antiderivative(from)
    }
}

fn scaled([low, high]: [f64; 2], x: f64) -> f64 {
    (2.0 * x - low - high) / (high - low)
}

/// Solves four linear equations by elimination with pivots; `None` if they are singular.
fn solve(mut system: [[f64; 5]; 4]) -> Option<[f64; 4]> {
    for column in 0..4 {
        let pivot = (column..4).max_by(|&a, &b| system[a][column].abs().total_cmp(&system[b][column].abs()))?;
        system.swap(column, pivot);
        let pivot = system[column];
        if pivot[column] == 0.0 {
            return None;
        }
        for (row, equation) in system.iter_mut().enumerate() {
            let factor = if row == column { 0.0 } else { equation[column] / pivot[column] };
            equation.iter_mut().zip(pivot).for_each(|(cell, p)| *cell -= factor * p);
        }
    }
    Some(std::array::from_fn(|row| system[row][4] / system[row][row]))
}
