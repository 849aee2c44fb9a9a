//! NEON, which every aarch64 processor has: nothing to be found out at run time.
//!
//! Differs from `avx2` in having no instruction that adds the products of a pair: `smlal` multiplies four or eight lanes with one activation, so the
//! two weights of a pair, which lie beside each other, are taken apart as they are loaded (`ld2`). 32 registers of four sums hold six positions
//! of half a panel, and a weight that is loaded is used six times.

#![expect(clippy::needless_range_loop, reason = "registers are numbered")]

use std::arch::aarch64::{
    int32x4_t, vaddq_f32, vcvtq_f32_s32, vdup_n_s32, vdupq_n_f32, vdupq_n_s32, vget_low_s16, vld1q_f32, vld1q_s32,
    vld2q_s16, vmlal_high_lane_s16, vmlal_lane_s16, vmulq_f32, vreinterpret_s16_s32, vst1q_f32, vst1q_s32,
};
use std::mem::MaybeUninit;

use super::{Affine, Factors, Job, LANES, Simd};

/// NEON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Neon;

/// The halves of a panel, and the registers of one: of four lanes each.
const HALVES: usize = 2;
const REGISTERS: usize = LANES / HALVES / 4;

impl Neon {
    pub(super) fn run<J: Job>(self, job: J) {
        job.run(self);
    }

    /// Adds the products of half a panel to `sums`.
    #[inline(always)]
    fn half<const P: usize>(self, sums: &mut [[int32x4_t; REGISTERS]; P], factors: Factors<'_>, half: usize) {
        let pairs = factors.pairs::<P>();
        let Factors { inputs, stride, weights } = factors;
        for k in 0..pairs {
            // SAFETY: NEON is part of the target. Loads need no alignment beyond that of i16. Weights: at k < pairs, 32 i16 from 64 * k + 32 *
            // half on, half < 2, and the slice holds at least 64 * pairs. Activations: two i16 from p * stride + 2 * k on, at most
            // (P - 1) * stride + 2 * pairs - 2, inside by the assertion of `pairs`. Sums that leave i32 wrap, as in `Portable` in release.
            unsafe {
                let weight = weights.as_ptr().add(2 * LANES * k + LANES * half);
                // The first and the second weights of eight lanes, and of the next eight.
                let (a, b) = (vld2q_s16(weight), vld2q_s16(weight.add(LANES / 2)));
                for p in 0..P {
                    let pair = inputs.as_ptr().add(p * stride + 2 * k).cast::<i32>().read_unaligned();
                    let pair = vreinterpret_s16_s32(vdup_n_s32(pair));
                    let [s0, s1, s2, s3] = &mut sums[p];
                    *s0 = vmlal_lane_s16::<0>(*s0, vget_low_s16(a.0), pair);
                    *s1 = vmlal_high_lane_s16::<0>(*s1, a.0, pair);
                    *s2 = vmlal_lane_s16::<0>(*s2, vget_low_s16(b.0), pair);
                    *s3 = vmlal_high_lane_s16::<0>(*s3, b.0, pair);
                    *s0 = vmlal_lane_s16::<1>(*s0, vget_low_s16(a.1), pair);
                    *s1 = vmlal_high_lane_s16::<1>(*s1, a.1, pair);
                    *s2 = vmlal_lane_s16::<1>(*s2, vget_low_s16(b.1), pair);
                    *s3 = vmlal_high_lane_s16::<1>(*s3, b.1, pair);
                }
            }
        }
    }
}

/// The first lane of a register of a half.
#[inline(always)]
const fn lane(half: usize, register: usize) -> usize {
    LANES / HALVES * half + 4 * register
}

impl Simd for Neon {
    const WIDE: bool = false;

    #[inline(always)]
    fn accumulate<const P: usize>(self, sums: &mut [[i32; LANES]; P], factors: Factors<'_>) {
        for half in 0..HALVES {
            // SAFETY: NEON is part of the target. Loads and stores of 4 i32 from `lane` on, at most 28, of arrays of 32.
            unsafe {
                let mut registers = [[vdupq_n_s32(0); REGISTERS]; P];
                for p in 0..P {
                    for i in 0..REGISTERS {
                        registers[p][i] = vld1q_s32(sums[p].as_ptr().add(lane(half, i)));
                    }
                }
                self.half(&mut registers, factors, half);
                for p in 0..P {
                    for i in 0..REGISTERS {
                        vst1q_s32(sums[p].as_mut_ptr().add(lane(half, i)), registers[p][i]);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn outputs<const P: usize>(self, factors: Factors<'_>, steps: &[f32; P], affine: &Affine) -> [[f32; LANES]; P] {
        let mut outputs = MaybeUninit::<[[f32; LANES]; P]>::uninit();
        for half in 0..HALVES {
            // SAFETY: NEON is part of the target. Loads and stores of 4 f32 from `lane` on, at most 28, of arrays of 32.
            unsafe {
                let mut registers = [[vdupq_n_s32(0); REGISTERS]; P];
                self.half(&mut registers, factors, half);
                let out = outputs.as_mut_ptr().cast::<[f32; LANES]>();
                for p in 0..P {
                    let step = vdupq_n_f32(steps[p]);
                    for i in 0..REGISTERS {
                        let scale = vld1q_f32(affine.scale.as_ptr().add(lane(half, i)));
                        let bias = vld1q_f32(affine.bias.as_ptr().add(lane(half, i)));
                        // Not `vmlaq_f32`, which may be fused.
                        let value = vmulq_f32(vcvtq_f32_s32(registers[p][i]), step);
                        let value = vaddq_f32(vmulq_f32(value, scale), bias);
                        vst1q_f32(out.add(p).cast::<f32>().add(lane(half, i)), value);
                    }
                }
            }
        }
        // SAFETY: all registers of both halves of all positions were written.
        unsafe { outputs.assume_init() }
    }

    #[inline(always)]
    fn add<const P: usize>(self, totals: &mut [[f32; LANES]; P], factors: Factors<'_>, steps: &[f32; P]) {
        for half in 0..HALVES {
            // SAFETY: NEON is part of the target. Loads and stores of 4 f32 from `lane` on, at most 28, of arrays of 32.
            unsafe {
                let mut registers = [[vdupq_n_s32(0); REGISTERS]; P];
                self.half(&mut registers, factors, half);
                for p in 0..P {
                    let step = vdupq_n_f32(steps[p]);
                    for i in 0..REGISTERS {
                        let total = totals[p].as_mut_ptr().add(lane(half, i));
                        let value = vmulq_f32(vcvtq_f32_s32(registers[p][i]), step);
                        vst1q_f32(total, vaddq_f32(vld1q_f32(total), value));
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn affine<const P: usize>(self, totals: &mut [[f32; LANES]; P], affine: &Affine) {
        for first in (0..LANES).step_by(4) {
            // SAFETY: NEON is part of the target. Loads and stores of 4 f32 from `first` on, a multiple of 4, of arrays of 32.
            unsafe {
                let scale = vld1q_f32(affine.scale.as_ptr().add(first));
                let bias = vld1q_f32(affine.bias.as_ptr().add(first));
                for total in &mut *totals {
                    let total = total.as_mut_ptr().add(first);
                    vst1q_f32(total, vaddq_f32(vmulq_f32(vld1q_f32(total), scale), bias));
                }
            }
        }
    }
}
