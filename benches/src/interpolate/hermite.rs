//! Piecewise cubics from values and slopes at knots (Hermite form): what [`pchip`](super::pchip) and
//! [`akima`](super::akima) have in common. They differ in the slopes only.

/// A piecewise cubic with a continuous first derivative.
#[derive(Debug, Clone, PartialEq)]
pub struct Hermite {
    x: Vec<f64>,
    y: Vec<f64>,
    slope: Vec<f64>,
}

impl Hermite {
    /// Through the points `(x[i], y[i])`, with the slopes that `slopes` makes of the lengths of the pieces and their secants.
    /// `None` unless there are at least two points, all finite, with strictly rising `x`.
    pub(super) fn new(points: &[(f64, f64)], slopes: impl Fn(&[f64], &[f64]) -> Vec<f64>) -> Option<Self> {
        let rising = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if points.len() < 2 || !rising || points.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
            return None;
        }
        let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        let length: Vec<f64> = x.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let secant: Vec<f64> = y.windows(2).zip(&length).map(|(pair, h)| (pair[1] - pair[0]) / h).collect();
        // Between two points there is nothing but the line.
        let slope = if secant.len() == 1 { vec![secant[0]; 2] } else { slopes(&length, &secant) };
        Some(Self { x, y, slope })
    }

    /// First and last `x`.
    pub fn domain(&self) -> [f64; 2] {
        [self.x[0], self.x[self.x.len() - 1]]
    }

    /// The value at `x`; outside of the domain the cubic at that end goes on.
    pub fn value(&self, x: f64) -> f64 {
        let piece = self.piece(x);
        let [a, b, c, d] = self.coefficients(piece);
        let t = x - self.x[piece];
        a + t * (b + t * (c + t * d))
    }

    /// The integral from `from` to `to`.
    pub fn integral(&self, from: f64, to: f64) -> f64 {
        self.antiderivative(to) - self.antiderivative(from)
    }

    /// The integral from the start of the domain to `x`.
    fn antiderivative(&self, x: f64) -> f64 {
        let last = self.piece(x);
        let whole: f64 = (0..last).map(|piece| self.piece_integral(piece, self.x[piece + 1])).sum();
        whole + self.piece_integral(last, x)
    }

    fn piece_integral(&self, piece: usize, x: f64) -> f64 {
        let [a, b, c, d] = self.coefficients(piece);
        let t = x - self.x[piece];
        t * (a + t * (b / 2.0 + t * (c / 3.0 + t * d / 4.0)))
    }

    /// Which cubic holds at `x`.
    fn piece(&self, x: f64) -> usize {
        self.x.partition_point(|&knot| knot <= x).clamp(1, self.x.len() - 1) - 1
    }

    /// The cubic of a piece in powers of the distance from its start.
    fn coefficients(&self, piece: usize) -> [f64; 4] {
        let h = self.x[piece + 1] - self.x[piece];
        let secant = (self.y[piece + 1] - self.y[piece]) / h;
        let (s, e) = (self.slope[piece], self.slope[piece + 1]);
        [self.y[piece], s, (3.0 * secant - 2.0 * s - e) / h, (s + e - 2.0 * secant) / (h * h)]
    }
}
