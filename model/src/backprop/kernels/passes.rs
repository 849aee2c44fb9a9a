//! Element-wise passes over slices, each one body compiled for AVX-512, for AVX2 and for the baseline.

use super::functions::{WHOLE, exp, term};
use super::{PANEL, Pair};
#[cfg(target_arch = "x86_64")]
use super::{has_avx2, has_avx512};
use crate::net::SHUT;

/// Calls `body`, compiled for these features, and returns, if the processor has them.
macro_rules! compiled_for {
    ($has:ident, $features:literal, $body:ident($($arg:ident: $kind:ty),*)) => {
        #[cfg(target_arch = "x86_64")]
        if $has() {
            #[target_feature(enable = $features)]
            fn compiled($($arg: $kind),*) {
                $body($($arg),*);
            }
            // SAFETY: the processor has the features; the body is safe code on slices.
            unsafe { compiled($($arg),*) };
            return;
        }
    };
}

/// Defines a pass over slices: one body, compiled for AVX-512, for AVX2 and for the baseline.
macro_rules! pass {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $kind:ty),*) $body:block) => {
        $(#[$doc])*
        pub(crate) fn $name($($arg: $kind),*) {
            #[inline(always)]
            fn body($($arg: $kind),*) $body
            compiled_for!(has_avx512, "avx512f,avx512dq,avx512bw,avx512vl,fma", body($($arg: $kind),*));
            compiled_for!(has_avx2, "avx2,fma", body($($arg: $kind),*));
            body($($arg),*);
        }
    };
}

pass! {
    /// `values[i] * sigmoid(gates[i])` -> `out`, with the sigmoid left in `gates`.
    gate(values: &[f32], gates: &mut [f32], out: &mut [f32]) {
        for ((value, gate), out) in values.iter().zip(gates).zip(out) {
            *gate = 1.0 / (1.0 + exp(-gate.max(SHUT as f32)));
            *out = value * *gate;
        }
    }
}

pass! {
    /// Turns values and the sigmoids of their gates into their gradients, given that of their product.
    gate_back(values: &mut [f32], sigmoids: &mut [f32], d: &[f32]) {
        for ((value, sigmoid), d) in values.iter_mut().zip(sigmoids).zip(d) {
            let (v, s) = (*value, *sigmoid);
            *value = d * s;
            *sigmoid = d * v * s * (1.0 - s);
        }
    }
}

pass! {
    /// Sets negative values to zero.
    relu(values: &mut [f32]) {
        values.iter_mut().for_each(|value| *value = value.max(0.0));
    }
}

pass! {
    /// Sets the gradient to zero where the result is zero.
    relu_back(results: &[f32], d: &mut [f32]) {
        results.iter().zip(d).for_each(|(result, d)| *d = if *result > 0.0 { *d } else { 0.0 });
    }
}

pass! {
    /// Adds `other` to `sum`.
    add(sum: &mut [f32], other: &[f32]) {
        sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
    }
}

pass! {
    /// Adds the sums over rows of `matrix` [rows, sums.len()].
    column_sums(matrix: &[f32], sums: &mut [f32]) {
        for row in matrix.chunks_exact(sums.len()) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    }
}

pass! {
    /// Adds the sums over rows of the element-wise product of two matrices [rows, sums.len()].
    weighted_column_sums(matrix: &[f32], factors: &[f32], sums: &mut [f32]) {
        let width = sums.len();
        for (row, factors) in matrix.chunks_exact(width).zip(factors.chunks_exact(width)) {
            sums.iter_mut().zip(row).zip(factors).for_each(|((sum, value), factor)| *sum += value * factor);
        }
    }
}

pass! {
    /// Adds the squares of what rows of `found` [rows, sums.len()] differ by from `original` to `sums`, by column; `slope` times the differences are left in `found`.
    errors(found: &mut [f32], original: &[f32], slope: f32, sums: &mut [f32]) {
        let width = sums.len();
        for (found, original) in found.chunks_exact_mut(width).zip(original.chunks_exact(width)) {
            for ((found, original), sum) in found.iter_mut().zip(original).zip(sums.iter_mut()) {
                let difference = *found - original;
                *sum += difference * difference;
                *found = slope * difference;
            }
        }
    }
}

pass! {
    /// Multiplies every row of `matrix` [rows, factors.len()] by `factors`.
    scale_columns(matrix: &mut [f32], factors: &[f32]) {
        for row in matrix.chunks_exact_mut(factors.len()) {
            row.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
        }
    }
}

pass! {
    /// Clips to `-limit..=limit` and rounds to multiples of `1 / steps`.
    round_to(values: &mut [f32], steps: f32, limit: f32) {
        for value in values {
            *value = ((value.clamp(-limit, limit) * steps + WHOLE) - WHOLE) / steps;
        }
    }
}

/// The nearest bf16 number, ties to even, in the low half.
#[inline(always)]
pub(super) fn bf16(x: f32) -> u32 {
    let bits = x.to_bits();
    (bits + 0x7fff + ((bits >> 16) & 1)) >> 16
}

/// The numbers of a pair.
#[inline(always)]
pub(super) fn halves(pair: Pair) -> [f32; 2] {
    [f32::from_bits(pair << 16), f32::from_bits(pair & 0xffff_0000)]
}

/// Those of pairs, in order.
pub(crate) fn unpaired(pairs: &[Pair]) -> Vec<f32> {
    pairs.iter().copied().flat_map(halves).collect()
}

pass! {
    /// Neighbours in a row become pairs: [rows, columns] -> [rows, columns / 2].
    pairs_along(x: &[f32], out: &mut [Pair]) {
        for (x, out) in x.chunks_exact(2).zip(out) {
            *out = bf16(x[0]) | bf16(x[1]) << 16;
        }
    }
}

pass! {
    /// Neighbours in a column become pairs: [rows, columns] -> [rows / 2, columns].
    pairs_across(x: &[f32], columns: usize, out: &mut [Pair]) {
        for (x, out) in x.chunks_exact(2 * columns).zip(out.chunks_exact_mut(columns)) {
            let (first, second) = x.split_at(columns);
            for ((first, second), out) in first.iter().zip(second).zip(out) {
                *out = bf16(*first) | bf16(*second) << 16;
            }
        }
    }
}

pass! {
    /// [`pairs_across`] in panels of [`PANEL`] columns, a multiple of which `columns` is: [rows, columns] -> [columns / 32, rows / 2, 32].
    pairs_in_panels(x: &[f32], columns: usize, out: &mut [Pair]) {
        let panel = out.len() / (columns / PANEL).max(1);
        for (row, x) in x.chunks_exact(2 * columns).enumerate() {
            let (first, second) = x.split_at(columns);
            let runs = first.chunks_exact(PANEL).zip(second.chunks_exact(PANEL));
            for ((first, second), out) in runs.zip(out.chunks_exact_mut(panel)) {
                for ((first, second), out) in first.iter().zip(second).zip(&mut out[row * PANEL..(row + 1) * PANEL]) {
                    *out = bf16(*first) | bf16(*second) << 16;
                }
            }
        }
    }
}

pass! {
    /// Latents in steps, given their means in units of `gains` and noise in `noisy`: residuals with that noise, in its place; what a decoder has, in steps and in units of the gains.
    decoded(
        steps: &[f32],
        means: &[f32],
        gains: &[f32],
        noisy: &mut [f32],
        decoded: &mut [f32],
        feedback: &mut [f32]
    ) {
        let found = noisy.iter_mut().zip(decoded).zip(feedback);
        for (((step, mean), gain), ((noisy, decoded), feedback)) in steps.iter().zip(means).zip(gains).zip(found) {
            let residual = step - mean * gain;
            *noisy += residual;
            *decoded = step + (residual.round_ties_even() - residual);
            *feedback = *decoded / gain;
        }
    }
}

pass! {
    /// [`crate::rate::term`] of every residual and log-scale: their bits, and derivatives in the places of the arguments.
    terms(residuals: &mut [f32], log_scales: &mut [f32], bits: &mut [f32]) {
        for ((residual, log_scale), bits) in residuals.iter_mut().zip(log_scales).zip(bits) {
            let term = term(*residual, *log_scale);
            (*bits, *residual, *log_scale) = (term.bits, term.by_residual, term.by_log_scale);
        }
    }
}
