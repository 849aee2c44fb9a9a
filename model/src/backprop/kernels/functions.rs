//! Exponential, logarithm and the Gaussian's rate in operations that a compiler turns into vectors.

use crate::rate::{SCALE_MIN, STEEPEST, Term};

/// 1.5 * 2^23: adding and subtracting it rounds to the nearest whole number, ties to even.
pub(super) const WHOLE: f32 = 12_582_912.0;

/// e^x for -87 < x < 88, to about 2 ulp: Cody and Waite's reduction, Taylor polynomial of degree 6 on |r| <= ln 2 / 2.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + WHOLE;
    let n = shifted - WHOLE;
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let p = [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0].iter().fold(1.0 / 720.0, |p, c| p * r + c);
    // The low bits of `shifted` are n; all others leave at the top.
    p * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// log2 x for positive normal x, to about 1e-7: the exponent, and the series of atanh for a mantissa between 1 / sqrt 2 and sqrt 2.
#[inline(always)]
fn log2(x: f32) -> f32 {
    // Adding moves mantissas from sqrt 2 on into the next exponent.
    let bits = x.to_bits().wrapping_add(0x3f80_0000 - std::f32::consts::FRAC_1_SQRT_2.to_bits());
    let exponent = (bits >> 23) as i32 - 127;
    let mantissa = f32::from_bits((bits & 0x007f_ffff) + std::f32::consts::FRAC_1_SQRT_2.to_bits());
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = [1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0].iter().fold(1.0 / 9.0, |sum, c| sum * square + c);
    exponent as f32 + 2.0 * std::f32::consts::LOG2_E * s * series
}

/// [`crate::rate::term`] without branches.
#[inline(always)]
pub(super) fn term(r: f32, log_scale: f32) -> Term {
    let scale = exp(log_scale).max(SCALE_MIN);
    let inverse = 1.0 / scale;
    let a = r.abs();
    let (near, far) = ((a - 0.5) * inverse, (a + 0.5) * inverse);
    let p = (upper_tail(near) - upper_tail(far)).max(1e-30);
    let density = |x: f32| exp(-0.5 * x * x) * 0.398_942_3;
    let (density_near, density_far) = (density(near), density(far));
    let by_p = -1.0 / (p * std::f32::consts::LN_2);
    let slope = (by_p * (density_far - density_near) * inverse).clamp(-STEEPEST, STEEPEST);
    let by_scale = (by_p * (density_near * near - density_far * far)).clamp(-STEEPEST, STEEPEST);
    let kept = if log_scale < SCALE_MIN.ln() { by_scale.min(0.0) } else { by_scale };
    Term { bits: -log2(p), by_residual: slope.copysign(slope * r), by_log_scale: kept }
}

/// As in [`crate::rate`].
#[inline(always)]
fn upper_tail(x: f32) -> f32 {
    let u = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * u);
    let polynomial = crate::rate::TAIL.iter().rev().fold(0.0, |sum, c| sum * t + c);
    let tail = 0.5 * t * exp(polynomial - u * u);
    if x >= 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_and_logarithm_are_those_of_the_library() {
        for i in -860..880 {
            let x = i as f32 * 0.1;
            assert!((exp(x) / x.exp() - 1.0).abs() < 3e-6, "{x}: {} {}", exp(x), x.exp());
            let y = x.exp();
            assert!((log2(y) - y.log2()).abs() < 2e-6 * y.log2().abs().max(0.5), "{y}: {} {}", log2(y), y.log2());
        }
    }

    #[test]
    fn terms_are_those_of_the_definition() {
        for i in -400..400 {
            for j in -60..60 {
                let (r, log_scale) = (i as f32 * 0.037, j as f32 * 0.07);
                let (found, expected) = (term(r, log_scale), crate::rate::term(r, log_scale));
                let near = |a: f32, b: f32| (a - b).abs() < 2e-3 * b.abs().max(0.2);
                assert!(near(found.bits, expected.bits), "{r} {log_scale}: {found:?} {expected:?}");
                assert!(near(found.by_residual, expected.by_residual), "{r} {log_scale}: {found:?} {expected:?}");
                assert!(near(found.by_log_scale, expected.by_log_scale), "{r} {log_scale}: {found:?} {expected:?}");
            }
        }
    }
}
