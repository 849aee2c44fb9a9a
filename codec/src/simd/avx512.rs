//! AVX-512 with VNNI: 32 registers of sixteen numbers, twelve positions of a whole panel at a time, so that every weight that is loaded is used
//! twelve times and two sums of each position hide the latency of the products.

#![expect(clippy::needless_range_loop, reason = "registers are numbered")]

use std::arch::x86_64::{
    __m512, __m512i, _mm_loadu_ps, _mm512_add_ps, _mm512_broadcast_f32x4, _mm512_cvtepi32_ps, _mm512_loadu_ps,
    _mm512_loadu_si512, _mm512_mul_ps, _mm512_permutevar_ps, _mm512_set_epi32, _mm512_set1_epi32, _mm512_set1_ps,
    _mm512_setzero_ps, _mm512_setzero_si512, _mm512_storeu_ps, _mm512_storeu_si512,
};
use std::mem::MaybeUninit;

use super::{Affine, Factors, Job, LANES, Simd};

/// AVX-512 with the VNNI instructions; exists only where the processor has them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// `None` where the processor lacks it.
    pub(crate) fn new() -> Option<Self> {
        let found = std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512dq")
            && std::arch::is_x86_feature_detected!("avx512vl")
            && std::arch::is_x86_feature_detected!("avx512vnni");
        found.then_some(Self(()))
    }

    pub(super) fn run<J: Job>(self, job: J) {
        // SAFETY: all five are present, because an `Avx512` exists.
        unsafe { run_avx512(job, self) }
    }

    /// Adds the products of a panel to `sums`.
    #[inline(always)]
    fn panel<const P: usize>(self, sums: &mut [[__m512i; 2]; P], factors: Factors<'_>) {
        let pairs = factors.pairs::<P>();
        let Factors { inputs, stride, weights } = factors;
        for k in 0..pairs {
            // SAFETY: AVX-512 F and VNNI are present, because an `Avx512` exists. All loads are unaligned ones. Weights: at k < pairs, 64 i16 from
            // 64 * k on, and the slice holds at least 64 * pairs. Activations: two i16 from p * stride + 2 * k on, inside by the assertion of `pairs`.
            unsafe {
                let weight = weights.as_ptr().add(2 * LANES * k).cast::<__m512i>();
                let (first, second) = (_mm512_loadu_si512(weight), _mm512_loadu_si512(weight.add(1)));
                for p in 0..P {
                    let pair = inputs.as_ptr().add(p * stride + 2 * k).cast::<i32>().read_unaligned();
                    let pair = _mm512_set1_epi32(pair);
                    dpwssd(&mut sums[p][0], first, pair);
                    dpwssd(&mut sums[p][1], second, pair);
                }
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
fn run_avx512<J: Job>(job: J, token: Avx512) {
    job.run(token);
}

/// Adds the products of pairs: the instruction `vpdpwssd`. LLVM 22 makes two instructions of its intrinsic (`vpmaddwd` and `vpaddd`), which
/// shortens the chain of dependent sums and costs a third of the speed, because there are sums enough to hide the chain.
///
/// # Safety
/// AVX-512 F and VNNI must be present.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn dpwssd(sum: &mut __m512i, weights: __m512i, pair: __m512i) {
    // SAFETY: the instruction exists by the contract above, reads and writes these three registers, and touches neither memory nor flags.
    unsafe {
        std::arch::asm!(
            "vpdpwssd {sum}, {weights}, {pair}",
            sum = inout(zmm_reg) *sum,
            weights = in(zmm_reg) weights,
            pair = in(zmm_reg) pair,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
}

impl Simd for Avx512 {
    const WIDE: bool = true;

    #[inline(always)]
    fn accumulate<const P: usize>(self, sums: &mut [[i32; LANES]; P], factors: Factors<'_>) {
        // SAFETY: AVX-512 F is present. Unaligned loads and stores of two registers of 16 i32, of arrays of 32.
        unsafe {
            let mut registers = [[_mm512_setzero_si512(); 2]; P];
            for p in 0..P {
                let sum = sums[p].as_ptr().cast::<__m512i>();
                registers[p] = [_mm512_loadu_si512(sum), _mm512_loadu_si512(sum.add(1))];
            }
            self.panel(&mut registers, factors);
            for p in 0..P {
                let sum = sums[p].as_mut_ptr().cast::<__m512i>();
                _mm512_storeu_si512(sum, registers[p][0]);
                _mm512_storeu_si512(sum.add(1), registers[p][1]);
            }
        }
    }

    #[inline(always)]
    fn outputs<const P: usize>(self, factors: Factors<'_>, steps: &[f32; P], affine: &Affine) -> [[f32; LANES]; P] {
        let mut outputs = MaybeUninit::<[[f32; LANES]; P]>::uninit();
        // SAFETY: AVX-512 F is present. Unaligned loads and stores of two registers of 16 f32, of arrays of 32. All outputs are written.
        unsafe {
            let mut registers = [[_mm512_setzero_si512(); 2]; P];
            self.panel(&mut registers, factors);
            let (scale, bias) = (both(&affine.scale), both(&affine.bias));
            let out = outputs.as_mut_ptr().cast::<[f32; LANES]>();
            for p in 0..P {
                let step = _mm512_set1_ps(steps[p]);
                for i in 0..2 {
                    let value = _mm512_mul_ps(_mm512_cvtepi32_ps(registers[p][i]), step);
                    let value = _mm512_add_ps(_mm512_mul_ps(value, scale[i]), bias[i]);
                    _mm512_storeu_ps(out.add(p).cast::<f32>().add(16 * i), value);
                }
            }
            outputs.assume_init()
        }
    }

    #[inline(always)]
    fn add<const P: usize>(self, totals: &mut [[f32; LANES]; P], factors: Factors<'_>, steps: &[f32; P]) {
        // SAFETY: AVX-512 F is present. Unaligned loads and stores of two registers of 16 f32, of arrays of 32.
        unsafe {
            let mut registers = [[_mm512_setzero_si512(); 2]; P];
            self.panel(&mut registers, factors);
            for p in 0..P {
                let step = _mm512_set1_ps(steps[p]);
                for i in 0..2 {
                    let total = totals[p].as_mut_ptr().add(16 * i);
                    let value = _mm512_mul_ps(_mm512_cvtepi32_ps(registers[p][i]), step);
                    _mm512_storeu_ps(total, _mm512_add_ps(_mm512_loadu_ps(total), value));
                }
            }
        }
    }

    /// One register has all sixteen sums; the compiler would take four.
    #[inline(always)]
    fn weighed<'a>(self, groups: impl Iterator<Item = (&'a [[f32; 4]; 4], &'a [f32; 4])>) -> [[f32; 4]; 4] {
        let mut out = [[0.0; 4]; 4];
        // SAFETY: AVX-512 F is present. Unaligned loads and a store of 16 f32, of arrays of 4 times 4, and loads of 4 f32 of arrays of 4.
        unsafe {
            let each = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
            let mut sums = _mm512_setzero_ps();
            for (weights, numbers) in groups {
                let numbers = _mm512_broadcast_f32x4(_mm_loadu_ps(numbers.as_ptr()));
                let products =
                    _mm512_mul_ps(_mm512_loadu_ps(weights.as_ptr().cast()), _mm512_permutevar_ps(numbers, each));
                sums = _mm512_add_ps(sums, products);
            }
            _mm512_storeu_ps(out.as_mut_ptr().cast(), sums);
        }
        out
    }

    #[inline(always)]
    fn affine<const P: usize>(self, totals: &mut [[f32; LANES]; P], affine: &Affine) {
        // SAFETY: AVX-512 F is present. Unaligned loads and stores of two registers of 16 f32, of arrays of 32.
        unsafe {
            let (scale, bias) = (both(&affine.scale), both(&affine.bias));
            for total in totals {
                for i in 0..2 {
                    let total = total.as_mut_ptr().add(16 * i);
                    _mm512_storeu_ps(total, _mm512_add_ps(_mm512_mul_ps(_mm512_loadu_ps(total), scale[i]), bias[i]));
                }
            }
        }
    }
}

/// A panel's numbers in two registers.
///
/// # Safety
/// AVX-512 F must be present.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn both(numbers: &[f32; LANES]) -> [__m512; 2] {
    // SAFETY: unaligned loads of 16 f32 from 0 and 16 on, of an array of 32.
    unsafe { [_mm512_loadu_ps(numbers.as_ptr()), _mm512_loadu_ps(numbers.as_ptr().add(16))] }
}
