//! AVX2: sixteen registers of eight numbers, so half a panel at a time.
//!
//! Differs from `avx512` in that: six positions times two registers of sums. `vpmaddwd` adds the products of a pair.

#![expect(clippy::needless_range_loop, reason = "registers are numbered")]

use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_add_ps, _mm256_cvtepi32_ps, _mm256_loadu_ps, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_mul_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_si256, _mm256_storeu_ps,
    _mm256_storeu_si256,
};
use std::mem::MaybeUninit;

use super::{Affine, Factors, Job, LANES, Simd};

/// AVX2; exists only where the processor has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// `None` where the processor lacks it.
    pub(crate) fn new() -> Option<Self> {
        std::arch::is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    pub(super) fn run<J: Job>(self, job: J) {
        // SAFETY: AVX2 is present, because an `Avx2` exists.
        unsafe { run_avx2(job, self) }
    }
}

#[target_feature(enable = "avx2")]
fn run_avx2<J: Job>(job: J, token: Avx2) {
    job.run(token);
}

/// The halves of a panel: AVX2 has registers for one at a time, two of them for a position.
const HALVES: usize = 2;

impl Avx2 {
    /// Adds the products of half a panel to `low` and `high`.
    #[inline(always)]
    fn half<const P: usize>(self, sums: &mut [[__m256i; 2]; P], factors: Factors<'_>, half: usize) {
        let pairs = factors.pairs::<P>();
        let Factors { inputs, stride, weights } = factors;
        for k in 0..pairs {
            // SAFETY: AVX2 is present, because an `Avx2` exists. All loads are unaligned ones. Weights: at k < pairs, 32 i16 from 64 * k + 32 *
            // half on, half < 2, and the slice holds at least 64 * pairs. Activations: two i16 from p * stride + 2 * k on, at most
            // (P - 1) * stride + 2 * pairs - 2, inside by the assertion of `pairs`. Sums that leave i32 wrap, as in `Portable` in release.
            unsafe {
                let weight = weights.as_ptr().add(2 * LANES * k).cast::<__m256i>().add(2 * half);
                let (first, second) = (_mm256_loadu_si256(weight), _mm256_loadu_si256(weight.add(1)));
                for p in 0..P {
                    let pair = inputs.as_ptr().add(p * stride + 2 * k).cast::<i32>().read_unaligned();
                    let pair = _mm256_set1_epi32(pair);
                    sums[p][0] = _mm256_add_epi32(sums[p][0], _mm256_madd_epi16(first, pair));
                    sums[p][1] = _mm256_add_epi32(sums[p][1], _mm256_madd_epi16(second, pair));
                }
            }
        }
    }
}

impl Simd for Avx2 {
    const WIDE: bool = false;

    #[inline(always)]
    fn accumulate<const P: usize>(self, sums: &mut [[i32; LANES]; P], factors: Factors<'_>) {
        for half in 0..HALVES {
            // SAFETY: AVX2 is present. Unaligned loads and stores of two registers of 8 i32 from 16 * half on, of arrays of 32.
            unsafe {
                let mut registers = [[_mm256_setzero_si256(); 2]; P];
                for p in 0..P {
                    let sum = sums[p].as_ptr().cast::<__m256i>().add(2 * half);
                    registers[p] = [_mm256_loadu_si256(sum), _mm256_loadu_si256(sum.add(1))];
                }
                self.half(&mut registers, factors, half);
                for p in 0..P {
                    let sum = sums[p].as_mut_ptr().cast::<__m256i>().add(2 * half);
                    _mm256_storeu_si256(sum, registers[p][0]);
                    _mm256_storeu_si256(sum.add(1), registers[p][1]);
                }
            }
        }
    }

    #[inline(always)]
    fn outputs<const P: usize>(self, factors: Factors<'_>, steps: &[f32; P], affine: &Affine) -> [[f32; LANES]; P] {
        let mut outputs = MaybeUninit::<[[f32; LANES]; P]>::uninit();
        for half in 0..HALVES {
            // SAFETY: AVX2 is present. Unaligned loads and stores of 8 numbers from 16 * half + 8 * i on, i < 2, of arrays of 32.
            unsafe {
                let mut registers = [[_mm256_setzero_si256(); 2]; P];
                self.half(&mut registers, factors, half);
                let out = outputs.as_mut_ptr().cast::<[f32; LANES]>();
                for p in 0..P {
                    let step = _mm256_set1_ps(steps[p]);
                    for i in 0..2 {
                        let first = 16 * half + 8 * i;
                        let scale = _mm256_loadu_ps(affine.scale.as_ptr().add(first));
                        let bias = _mm256_loadu_ps(affine.bias.as_ptr().add(first));
                        let value = _mm256_mul_ps(_mm256_cvtepi32_ps(registers[p][i]), step);
                        let value = _mm256_add_ps(_mm256_mul_ps(value, scale), bias);
                        _mm256_storeu_ps(out.add(p).cast::<f32>().add(first), value);
                    }
                }
            }
        }
        // SAFETY: both halves of all positions were written.
        unsafe { outputs.assume_init() }
    }

    #[inline(always)]
    fn add<const P: usize>(self, totals: &mut [[f32; LANES]; P], factors: Factors<'_>, steps: &[f32; P]) {
        for half in 0..HALVES {
            // SAFETY: AVX2 is present. Unaligned loads and stores of 8 numbers from 16 * half + 8 * i on, i < 2, of arrays of 32.
            unsafe {
                let mut registers = [[_mm256_setzero_si256(); 2]; P];
                self.half(&mut registers, factors, half);
                for p in 0..P {
                    let step = _mm256_set1_ps(steps[p]);
                    for i in 0..2 {
                        let total = totals[p].as_mut_ptr().add(16 * half + 8 * i);
                        let value = _mm256_mul_ps(_mm256_cvtepi32_ps(registers[p][i]), step);
                        _mm256_storeu_ps(total, _mm256_add_ps(_mm256_loadu_ps(total), value));
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn affine<const P: usize>(self, totals: &mut [[f32; LANES]; P], affine: &Affine) {
        for first in (0..LANES).step_by(8) {
            // SAFETY: AVX2 is present. Unaligned loads and stores of 8 numbers from `first` on, a multiple of 8, of arrays of 32.
            unsafe {
                let scale = _mm256_loadu_ps(affine.scale.as_ptr().add(first));
                let bias = _mm256_loadu_ps(affine.bias.as_ptr().add(first));
                for total in &mut *totals {
                    let total = total.as_mut_ptr().add(first);
                    _mm256_storeu_ps(total, _mm256_add_ps(_mm256_mul_ps(_mm256_loadu_ps(total), scale), bias));
                }
            }
        }
    }
}
