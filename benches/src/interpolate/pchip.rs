//! Piecewise cubic Hermite interpolation that keeps monotone data monotone (PCHIP).
//!
//! F. N. Fritsch and J. Butland, "A method for constructing local monotone piecewise cubic interpolants", SIAM J. Sci. Stat.
//! Comput. 5 (1984). Slopes inside are weighted harmonic means of the neighbouring secants, slopes at the ends come from a
//! one-sided three-point formula that is limited to keep the shape; this is what scipy's `PchipInterpolator` computes.

/// Slopes at the knots, from the lengths of two or more pieces and their secants.
pub(super) fn slopes(h: &[f64], secant: &[f64]) -> Vec<f64> {
    let n = secant.len();
    let mut slope = vec![end_slope(h[0], h[1], secant[0], secant[1])];
    for k in 1..n {
        slope.push(inner_slope([h[k - 1], h[k]], [secant[k - 1], secant[k]]));
    }
    slope.push(end_slope(h[n - 1], h[n - 2], secant[n - 1], secant[n - 2]));
    slope
}

/// Slope between two pieces: flat at an extremum, else the harmonic mean weighted towards the shorter piece.
fn inner_slope(h: [f64; 2], secant: [f64; 2]) -> f64 {
    if secant[0] * secant[1] <= 0.0 {
        return 0.0;
    }
    let (before, after) = (2.0 * h[1] + h[0], h[1] + 2.0 * h[0]);
    (before + after) / (before / secant[0] + after / secant[1])
}

/// Slope at an end from the piece there (`h0`, `secant0`) and its neighbour.
fn end_slope(h0: f64, h1: f64, secant0: f64, secant1: f64) -> f64 {
    let slope = ((2.0 * h0 + h1) * secant0 - h0 * secant1) / (h0 + h1);
    if slope * secant0 <= 0.0 {
        0.0
    } else if secant0 * secant1 <= 0.0 && slope.abs() > 3.0 * secant0.abs() {
        3.0 * secant0
    } else {
        slope
    }
}

#[cfg(test)]
mod tests {
    use crate::interpolate::{Interpolant, Method};

    /// Expected values: scipy 1.17.1, `PchipInterpolator(x, y)(at)`.
    #[track_caller]
    fn agrees(points: &[(f64, f64)], at: &[(f64, f64)]) {
        let curve = Interpolant::new(Method::Pchip, points).expect("valid points");
        for &(x, expected) in at {
            let found = curve.value(x);
            assert!((found - expected).abs() < 1e-8, "at {x}: {found}, expected {expected}");
        }
    }

    const STEPS: [(f64, f64); 6] = [(0.0, 0.0), (1.0, 1.0), (2.5, 1.0), (3.0, 3.0), (4.0, 2.0), (7.0, 2.5)];

    #[test]
    fn plateaus_and_extrema_are_as_in_scipy() {
        let at =
            [(0.3, 0.4218), (1.7, 1.0), (2.8, 2.296), (3.5, 2.5), (5.0, 2.018_518_518_518), (6.5, 2.289_351_851_852)];
        agrees(&STEPS, &at);
    }

    #[test]
    fn limited_end_slopes_are_as_in_scipy() {
        agrees(
            &[(0.0, 0.0), (1.0, 5.0), (2.0, 5.5)],
            &[(0.25, 1.758_167_61), (0.5, 3.292_613_64), (1.7, 5.449_272_73)],
        );
        agrees(&[(0.0, 0.0), (1.0, 1.0), (2.0, -5.5)], &[(0.25, 0.578_125), (0.5, 0.875), (1.7, -2.589_25)]);
    }

    #[test]
    fn two_points_give_a_line() {
        agrees(&[(1.0, 2.0), (3.0, 5.0)], &[(1.5, 2.75), (2.9, 4.85)]);
    }

    #[test]
    fn integrals_are_as_in_scipy() {
        // PchipInterpolator(x, y).integrate(0.2, 6.1)
        let found = Interpolant::new(Method::Pchip, &STEPS).expect("valid points").integral(0.2, 6.1);
        assert!((found - 9.878_410_833_333_33).abs() < 1e-10, "{found}");
    }

    #[test]
    fn what_is_no_function_is_refused() {
        assert!(Interpolant::new(Method::Pchip, &[(0.0, 1.0)]).is_none());
        assert!(Interpolant::new(Method::Pchip, &[(0.0, 1.0), (0.0, 2.0)]).is_none());
        assert!(Interpolant::new(Method::Pchip, &[(0.0, 1.0), (f64::NAN, 2.0)]).is_none());
        assert!(Interpolant::new(Method::Pchip, &[(0.0, f64::INFINITY), (1.0, 2.0)]).is_none());
    }
}
