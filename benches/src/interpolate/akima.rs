//! Akima's piecewise cubics: slopes that look at two neighbours on each side, and so overshoot little.
//!
//! H. Akima, "A new method of interpolation and smooth curve fitting based on local procedures", J. ACM 17 (1970); the
//! slopes at and beyond the ends as in that paper, equal neighbours as scipy's `Akima1DInterpolator` treats them. Other than
//! PCHIP it may rise between points that fall. Recommended for BD-rate by arXiv 2304.12852.

/// Below this share of the largest difference of secants the formula would divide noise by noise (scipy's constant).
const NOISE: f64 = 1e-9;

/// Slopes at the knots, from the secants of two or more pieces.
pub(super) fn slopes(_lengths: &[f64], secant: &[f64]) -> Vec<f64> {
    // Two secants more on each side, by quadratic extrapolation.
    let n = secant.len();
    let (first, last) = (2.0 * secant[0] - secant[1], 2.0 * secant[n - 1] - secant[n - 2]);
    let mut m = vec![2.0 * first - secant[0], first];
    m.extend_from_slice(secant);
    m.extend([last, 2.0 * last - secant[n - 1]]);
    let change: Vec<f64> = m.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    // Knot k lies between m[k + 1] and m[k + 2]; each is trusted as much as the other side is bent.
    let bend = |k: usize| change[k] + change[k + 2];
    let largest = (0..=n).map(bend).fold(0.0, f64::max);
    let slope = |k: usize| {
        if bend(k) > NOISE * largest {
            m[k + 1] + change[k] / bend(k) * (m[k + 2] - m[k + 1])
        } else {
            0.5 * (m[k] + m[k + 3])
        }
    };
    (0..=n).map(slope).collect()
}
