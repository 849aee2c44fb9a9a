//! Plain Rust, for every machine: what the instruction sets are compared with.

use super::{Affine, Factors, LANES, Simd};

/// No instruction set in particular.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

impl Simd for Portable {
    const WIDE: bool = false;

    #[inline(always)]
    fn accumulate<const P: usize>(self, sums: &mut [[i32; LANES]; P], factors: Factors<'_>) {
        let Factors { inputs, stride, weights } = factors;
        for (k, weights) in weights.as_chunks::<{ 2 * LANES }>().0.iter().enumerate() {
            for (p, sums) in sums.iter_mut().enumerate() {
                let low = i32::from(inputs[p * stride + 2 * k]);
                let high = i32::from(inputs[p * stride + 2 * k + 1]);
                for (lane, sum) in sums.iter_mut().enumerate() {
                    *sum += i32::from(weights[2 * lane]) * low + i32::from(weights[2 * lane + 1]) * high;
                }
            }
        }
    }

    #[inline(always)]
    fn outputs<const P: usize>(self, factors: Factors<'_>, steps: &[f32; P], affine: &Affine) -> [[f32; LANES]; P] {
        let mut sums = [[0; LANES]; P];
        self.accumulate(&mut sums, factors);
        let mut outputs = [[0.0; LANES]; P];
        for ((outputs, sums), step) in outputs.iter_mut().zip(&sums).zip(steps) {
            for lane in 0..LANES {
                outputs[lane] = sums[lane] as f32 * step * affine.scale[lane] + affine.bias[lane];
            }
        }
        outputs
    }

    #[inline(always)]
    fn add<const P: usize>(self, totals: &mut [[f32; LANES]; P], factors: Factors<'_>, steps: &[f32; P]) {
        let mut sums = [[0; LANES]; P];
        self.accumulate(&mut sums, factors);
        for ((totals, sums), step) in totals.iter_mut().zip(&sums).zip(steps) {
            for lane in 0..LANES {
                totals[lane] += sums[lane] as f32 * step;
            }
        }
    }

    #[inline(always)]
    fn affine<const P: usize>(self, totals: &mut [[f32; LANES]; P], affine: &Affine) {
        for totals in totals {
            for (total, (scale, bias)) in totals.iter_mut().zip(affine.scale.iter().zip(&affine.bias)) {
                *total = *total * scale + bias;
            }
        }
    }
}
