//! Rate of the latent under discretised Gaussians, with its gradient in closed form.
//!
//! `P = Phi((r + 1/2) / s) - Phi((r - 1/2) / s)`, bits `= -log2 P` (Balle et al., arXiv 1802.01436, eq. 11 with a mean). Autodiff through erf loses
//! the tails in f32 and costs a dozen passes over memory; here bits and both derivatives come from one loop on the host, and the graph gets them
//! through [`surrogate`]. The scale has the lower bound 0.11 with the pass-through gradient of Balle's `lower_bound`: below the bound the
//! gradient passes only if it would raise the scale.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

/// Smallest scale, in quantisation steps: as low as makes sense for unit-interval probabilities (tensorflow-compression's default).
pub const SCALE_MIN: f32 = 0.11;

/// Largest scale of the integer prior's table.
pub const SCALE_MAX: f32 = 64.0;

/// Bits of one residual and their derivatives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// `-log2 P`.
    pub bits: f32,
    /// d bits / d residual.
    pub by_residual: f32,
    /// d bits / d log(scale).
    pub by_log_scale: f32,
}

/// Greatest slope, in bits per step or per unit of the log-scale: elsewhere it is below 200.
pub(crate) const STEEPEST: f32 = 1e3;

/// Bits of residual `r` (quantisation steps) under a zero-mean Gaussian with natural log-scale `log_scale`.
pub fn term(r: f32, log_scale: f32) -> Term {
    let scale = log_scale.exp().max(SCALE_MIN);
    let inverse = 1.0 / scale;
    // The distribution is symmetric: with a >= 0 both arguments lie in the upper tail's accurate range.
    let a = r.abs();
    let (near, far) = ((a - 0.5) * inverse, (a + 0.5) * inverse);
    let p = (upper_tail(near) - upper_tail(far)).max(1e-30);
    let (density_near, density_far) = (normal_density(near), normal_density(far));
    let by_p = -1.0 / (p * std::f32::consts::LN_2);
    // Where p is at its floor far out, the densities have vanished, too: a residual that costs 100 bits teaches nothing. But it is also there at scales
    // so large that both tails are the same number, and there the slope would be 10^19 and more.
    let slope = (by_p * (density_far - density_near) * inverse).clamp(-STEEPEST, STEEPEST);
    let by_scale = (by_p * (density_near * near - density_far * far)).clamp(-STEEPEST, STEEPEST);
    let below = log_scale < SCALE_MIN.ln();
    Term {
        bits: -p.log2(),
        by_residual: slope * r.signum(),
        by_log_scale: if below && by_scale > 0.0 { 0.0 } else { by_scale },
    }
}

fn normal_density(x: f32) -> f32 {
    (-0.5 * x * x).exp() * 0.398_942_3
}

/// Coefficients of the polynomial in the exponent of the complementary error function (Numerical Recipes, section 6.2).
pub(crate) const TAIL: [f32; 10] = [
    -1.265_512_2,
    1.000_023_7,
    0.374_091_96,
    0.096_784_18,
    -0.186_288_06,
    0.278_868_07,
    -1.135_204,
    1.488_515_9,
    -0.822_152_23,
    0.170_872_77,
];

/// `1 - Phi(x)`; relative error below 2e-7 for positive x (complementary error function of Numerical Recipes, section 6.2).
fn upper_tail(x: f32) -> f32 {
    let u = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * u);
    let polynomial = -u * u + TAIL.iter().rev().fold(0.0, |sum, c| sum * t + c);
    let tail = 0.5 * t * polynomial.exp();
    if x >= 0.0 { tail } else { 1.0 - tail }
}

/// Rate of a whole latent.
#[derive(Debug)]
pub struct Rate {
    /// Bits per sample [batch].
    pub bits: Vec<f64>,
    /// d bits / d residual, in the residual's layout.
    pub by_residual: Vec<f32>,
    /// d bits / d log(scale).
    pub by_log_scale: Vec<f32>,
}

/// Evaluates [`term`] on `residual` and `log_scale`, both in the layout [blocks, batch, values]; `noise` is added to the residual
/// if given.
pub fn rate(residual: &[f32], log_scale: &[f32], noise: Option<&[f32]>, blocks: usize, batch: usize) -> Rate {
    let row = residual.len() / (blocks * batch).max(1);
    let mut by_residual = vec![0.0; residual.len()];
    let mut by_log_scale = vec![0.0; residual.len()];
    let sums: Vec<f64> = by_residual
        .par_chunks_mut(row.max(1))
        .zip(by_log_scale.par_chunks_mut(row.max(1)))
        .enumerate()
        .map(|(chunk, (slope, scale_slope))| {
            let mut bits = 0.0f64;
            for i in 0..slope.len() {
                let at = chunk * row + i;
                let term = term(residual[at] + noise.map_or(0.0, |n| n[at]), log_scale[at]);
                bits += f64::from(term.bits);
                slope[i] = term.by_residual;
                scale_slope[i] = term.by_log_scale;
            }
            bits
        })
        .collect();
    let mut bits = vec![0.0; batch];
    for (chunk, sum) in sums.into_iter().enumerate() {
        bits[chunk % batch] += sum;
    }
    Rate { bits, by_residual, by_log_scale }
}

/// A scalar whose gradient with respect to `x` is `slope` (its value means nothing): how a derivative found outside enters the graph.
pub fn surrogate(x: Tensor<4>, slope: Vec<f32>) -> Tensor<1> {
    let shape = x.dims();
    let slope = Tensor::<4>::from_data(TensorData::new(slope, shape), &x.device());
    (x * slope).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: Python 3.11, `-math.log2(0.5 * (math.erfc((abs(r) - .5) / s / math.sqrt(2)) - math.erfc((abs(r) + .5) / s / math.sqrt(2))))`.
    #[test]
    fn bits_agree_with_double_precision() {
        for (r, scale, expected) in [
            (0.0f32, 1.0f32, 1.384_866_534_290_989_6),
            (3.0, 1.0, 7.386_353_992_888_301),
            (0.3, 0.11, 0.050_678_992_399_859_58),
            (-20.0, 2.0, 73.208_330_664_470_78),
            (5.0, 30.0, 6.252_741_026_419_843),
        ] {
            let bits = term(r, scale.ln()).bits;
            for exact in [expected, exact_bits(f64::from(r), f64::from(scale))] {
                assert!(
                    (f64::from(bits) - exact).abs() < 2e-4 * exact.max(1.0),
                    "{r} {scale}: {bits} instead of {exact}"
                );
            }
        }
    }

    /// Integrates the density with Simpson's rule: slow and independent.
    fn exact_bits(r: f64, s: f64) -> f64 {
        let n = 20_000;
        let h = 1.0 / f64::from(n);
        let f = |x: f64| (-0.5 * (x / s).powi(2)).exp() / (s * (2.0 * std::f64::consts::PI).sqrt());
        let mut sum = f(r - 0.5) + f(r + 0.5);
        for i in 1..n {
            sum += f(r - 0.5 + f64::from(i) * h) * if i % 2 == 1 { 4.0 } else { 2.0 };
        }
        -(sum * h / 3.0).log2()
    }

    #[test]
    fn derivatives_agree_with_finite_differences() {
        let e = 1e-2f32;
        for (r, s) in [(0.2f32, 0.4f32), (-1.7, 0.9), (4.0, 3.0), (-9.0, 2.5), (0.6, 0.3)] {
            let l = s.ln();
            let here = term(r, l);
            let by_r = (term(r + e, l).bits - term(r - e, l).bits) / (2.0 * e);
            let by_l = (term(r, l + e).bits - term(r, l - e).bits) / (2.0 * e);
            assert!(
                (here.by_residual - by_r).abs() < 0.02 * by_r.abs().max(0.5),
                "{r} {s}: {} {by_r}",
                here.by_residual
            );
            assert!(
                (here.by_log_scale - by_l).abs() < 0.02 * by_l.abs().max(0.5),
                "{r} {s}: {} {by_l}",
                here.by_log_scale
            );
        }
    }

    /// At scales of 10^7 steps both tails are the same number in f32, and p is at its floor.
    #[test]
    fn slopes_stay_bounded_at_scales_that_no_number_can_tell_apart() {
        for log_scale in 0..60 {
            for r in [0.0, 0.7, -30.0, 1e4] {
                let term = term(r, log_scale as f32);
                let slopes = [term.by_residual, term.by_log_scale];
                assert!(slopes.iter().all(|slope| slope.abs() <= STEEPEST), "{r} {log_scale}: {slopes:?}");
            }
        }
    }

    #[test]
    fn below_the_bound_only_a_rising_scale_gets_a_gradient() {
        assert_eq!(term(0.0, -5.0).by_log_scale, 0.0);
        assert!(term(2.0, -5.0).by_log_scale < 0.0);
    }
}
