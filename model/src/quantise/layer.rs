//! One layer's rows: float weights -> i16 weights, i32 biases and the two-step requantisation of `codec/PRIOR.md`.
//!
//! A row computes `OUT = sum v_i X_i + c` where `X_i` are integer activations, `v_i = w_i * out_steps / in_steps_i` and `c = bias * out_steps`. With a scale K:
//! `acc = sum round(v_i K) X_i + round(c K)`, and `OUT = acc / K` is done as `((acc >> shift1) * mult) >> shift2` with
//! `mult / 2^(shift1 + shift2) = 1 / K`. K is as large as the overflow check and i16 weights allow, so precision is lost only where it must be.

use lic_shaders::LayerError;
use lic_shaders::layer::check_row;

use crate::prior::ACTIVATION_MAX;

/// Integer rows, ready for a weight file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct IntegerRows {
    /// [rows, inputs].
    pub(super) weight: Vec<i16>,
    /// [rows], or [64, rows] for a layer with quality knots.
    pub(super) bias: Vec<i32>,
    /// [rows].
    pub(super) shift1: Vec<u8>,
    /// [rows].
    pub(super) mult: Vec<i16>,
    /// [rows].
    pub(super) shift2: Vec<u8>,
}

/// A float row.
#[derive(Clone, Debug)]
pub(super) struct FloatRow {
    /// Weights, one per input.
    pub(super) weights: Vec<f64>,
    /// Bias: one value, or one per quality knot.
    pub(super) bias: Vec<f64>,
    /// Integer steps per unit of the output.
    pub(super) steps: f64,
    /// Largest magnitude of the output, in steps: 4095, or 32767 for heads.
    pub(super) limit: f64,
}

/// Largest first-step result.
const FIRST_MAX: f64 = 32767.0;

/// Largest K, relative to the ratio of the first step to the output: shifts stay small and biases far from their limits.
const MOST_SHIFT: i32 = 20;

/// Quantises rows whose input `i` has `input_steps[i]` steps per unit. Weights and biases must be finite, as [`super::checkpoint`] sees to: the integer of NaN
/// is 0, which no check finds.
///
/// # Errors
/// A row fails the overflow check: its weights are so large that even K = 1/2^15 would not do.
pub(super) fn quantise_rows(rows: &[FloatRow], input_steps: &[f64]) -> Result<IntegerRows, LayerError> {
    let mut result = IntegerRows::default();
    let knots = rows.first().map_or(1, |row| row.bias.len());
    let mut biases = vec![Vec::with_capacity(rows.len()); knots];
    for (index, row) in rows.iter().enumerate() {
        let v: Vec<f64> = row.weights.iter().zip(input_steps).map(|(w, steps)| w * row.steps / steps).collect();
        let c: Vec<f64> = row.bias.iter().map(|b| b * row.steps).collect();
        let (shift1, mult, shift2) = scale(&v, &c, row.limit);
        let k = 2f64.powi(i32::from(shift1) + i32::from(shift2)) / f64::from(mult);
        let weights: Vec<i16> = v.iter().map(|v| (v * k).round() as i16).collect();
        let bias: Vec<i32> = c.iter().map(|c| (c * k).round() as i32).collect();
        let largest = bias.iter().map(|b| i64::from(*b).abs()).max().unwrap_or(0);
        check_row(index, &weights, largest, shift1, mult, shift2)?;
        result.weight.extend(weights);
        result.shift1.push(shift1);
        result.mult.push(mult);
        result.shift2.push(shift2);
        for (knot, value) in biases.iter_mut().zip(bias) {
            knot.push(value);
        }
    }
    result.bias = biases.concat();
    Ok(result)
}

/// `(shift1, mult, shift2)` of a row.
fn scale(v: &[f64], c: &[f64], limit: f64) -> (u8, i16, u8) {
    // The first step's result may be this many times the output before it is clipped.
    let most_ratio = FIRST_MAX / limit;
    let largest = v.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    // Rounding each weight up by half adds at most 4095 / 2 an input.
    let rounding = 2048.0 * v.len() as f64 + 2f64.powi(MOST_SHIFT);
    let sum = v.iter().map(|v| v.abs()).sum::<f64>() * f64::from(ACTIVATION_MAX)
        + c.iter().fold(0.0f64, |m, c| m.max(c.abs()));
    let bias = c.iter().fold(0.0f64, |m, c| m.max(c.abs()));
    let k = [
        most_ratio * 2f64.powi(MOST_SHIFT),
        32767.0 / largest.max(1e-30),
        (2f64.powi(31) - rounding) / sum.max(1e-30),
        2f64.powi(28) / bias.max(1e-30),
    ]
    .into_iter()
    .fold(f64::INFINITY, f64::min)
        * 0.999;
    let shift1 = (k / most_ratio).log2().ceil().clamp(0.0, 31.0);
    let ratio = k / 2f64.powf(shift1);
    // mult = 2^shift2 / ratio in 2^14..2^15.
    let shift2 = (14.0 + ratio.log2().ceil()).clamp(0.0, 31.0);
    let mult = (2f64.powf(shift2) / ratio).ceil().clamp(1.0, 32767.0);
    (shift1 as u8, mult as i16, shift2 as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluate(rows: &IntegerRows, row: usize, x: &[i16]) -> i64 {
        let n = x.len();
        let shift = |v: i64, s: u8| if s == 0 { v } else { (v + (1 << (s - 1))) >> s };
        let acc = i64::from(rows.bias[row])
            + rows.weight[row * n..][..n].iter().zip(x).map(|(w, x)| i64::from(*w) * i64::from(*x)).sum::<i64>();
        shift(shift(acc, rows.shift1[row]).clamp(-32767, 32767) * i64::from(rows.mult[row]), rows.shift2[row])
    }

    #[test]
    fn integer_rows_reproduce_float_rows_to_a_step() {
        let n = 64;
        for (size, limit, steps) in
            [(0.1, 4095.0, 128.0), (3.0, 4095.0, 64.0), (1e-4, 4095.0, 256.0), (0.2, 32767.0, 1024.0)]
        {
            let weights: Vec<f64> = (0..n).map(|i| size * ((i * 37 % 101) as f64 / 50.0 - 1.0)).collect();
            let row = FloatRow { weights: weights.clone(), bias: vec![0.3], steps, limit };
            let inputs: Vec<f64> = (0..n).map(|i| if i % 2 == 0 { 128.0 } else { 32.0 }).collect();
            let rows = quantise_rows(&[row], &inputs).unwrap();
            let x: Vec<i16> = (0..n).map(|i| ((i * 61 % 97) as i16 - 48) * 3).collect();
            let exact = steps * (0.3 + (0..n).map(|i| weights[i] * f64::from(x[i]) / inputs[i]).sum::<f64>());
            let got = evaluate(&rows, 0, &x) as f64;
            let tolerance = 1.5 + 1e-3 * exact.abs() + if limit > 4095.0 { 1.0 } else { 0.0 };
            assert!(
                (got - exact.clamp(-limit * 1.01, limit * 1.01)).abs() <= tolerance,
                "{size}: {got} instead of {exact}"
            );
        }
    }

    #[test]
    fn all_zero_and_huge_rows_pass_the_overflow_check() {
        let row = |w: f64, b: f64| FloatRow { weights: vec![w; 256], bias: vec![b; 64], steps: 128.0, limit: 4095.0 };
        let rows =
            quantise_rows(&[row(0.0, 0.0), row(50.0, -3.0), row(0.0, 1000.0), row(1e-9, 0.0)], &[16.0; 256]).unwrap();
        assert_eq!(evaluate(&rows, 0, &[4095; 256]), 0);
    }
}
