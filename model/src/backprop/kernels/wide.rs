//! Tiles of 8 x 32 results for AVX-512, of numbers or of pairs of bf16 numbers.

use std::arch::x86_64::*;

use super::tiles::{Tile, Tiles};
use super::{Element, PANEL, Pair};

/// 16 sums.
pub(crate) type Sum = __m512;

/// 16 columns of a factor: numbers or pairs.
pub(crate) type Columns = __m512i;

/// Tiles of numbers, for AVX-512F.
pub(super) const NUMBERS: Tiles<f32> =
    Tiles { rows: 8, columns: PANEL, compute: compute::<f32>, copied: None, around: None };

/// Tiles of pairs, for AVX-512 BF16.
pub(super) const PAIRS: Tiles<Pair> =
    Tiles { rows: 8, columns: PANEL, compute: compute::<Pair>, copied: None, around: None };

/// # Safety
/// AVX-512F, and what `E` needs; as [`Tiles::compute`].
unsafe fn compute<E: Element>(tile: &Tile<E>, rows: usize) {
    // SAFETY: the caller's.
    unsafe {
        match rows {
            1 => E::tile::<1>(tile),
            2 => E::tile::<2>(tile),
            3 => E::tile::<3>(tile),
            4 => E::tile::<4>(tile),
            5 => E::tile::<5>(tile),
            6 => E::tile::<6>(tile),
            7 => E::tile::<7>(tile),
            _ => E::tile::<8>(tile),
        }
    }
}

/// `sum + a b` with one number of the left factor.
///
/// # Safety
/// AVX-512F; `a` can be read.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) unsafe fn multiply_add(sum: Sum, a: *const f32, b: Columns) -> Sum {
    // SAFETY: the caller's.
    _mm512_fmadd_ps(_mm512_set1_ps(unsafe { *a }), _mm512_castsi512_ps(b), sum)
}

/// `sum + a b` with one pair of the left factor.
///
/// # Safety
/// AVX-512 BF16; `a` can be read.
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
pub(super) unsafe fn multiply_add_pairs(sum: Sum, a: *const Pair, b: Columns) -> Sum {
    // SAFETY: the caller's; the transmutes only rename 512 bits.
    unsafe {
        let a = _mm512_set1_epi32((*a).cast_signed());
        _mm512_dpbf16_ps(sum, std::mem::transmute::<__m512i, __m512bh>(a), std::mem::transmute::<__m512i, __m512bh>(b))
    }
}

/// The sums of a tile. Called by [`Element::tile`] alone, into which it is inlined: only there are the instructions known to exist.
///
/// # Safety
/// AVX-512F, and what `E` needs; `R` rows and the tile's columns are inside all arrays.
#[inline(always)]
pub(super) unsafe fn tile<E: Element, const R: usize>(t: &Tile<E>) {
    // SAFETY: the caller's.
    unsafe {
        let mask = u32::MAX >> (PANEL - t.columns.min(PANEL));
        let (low, high) = (mask as __mmask16, (mask >> 16) as __mmask16);
        let mut sums = [[_mm512_setzero_ps(); 2]; R];
        if t.there {
            for (r, sum) in sums.iter_mut().enumerate() {
                let c = t.c.add(r * t.stride);
                *sum = [_mm512_maskz_loadu_ps(low, c), _mm512_maskz_loadu_ps(high, c.wrapping_add(16))];
            }
        } else if !t.bias.is_null() {
            let bias = [_mm512_maskz_loadu_ps(low, t.bias), _mm512_maskz_loadu_ps(high, t.bias.wrapping_add(16))];
            sums = [bias; R];
        }
        let (mut a, mut b) = (t.a, t.b);
        for _ in 0..t.steps {
            let b0 = _mm512_maskz_loadu_epi32(low, b.cast());
            let b1 = _mm512_maskz_loadu_epi32(high, b.wrapping_add(16).cast());
            for (r, sum) in sums.iter_mut().enumerate() {
                let x = a.add(r * t.a_row);
                sum[0] = E::multiply_add_wide(sum[0], x, b0);
                sum[1] = E::multiply_add_wide(sum[1], x, b1);
            }
            a = a.wrapping_add(t.a_step);
            b = b.wrapping_add(t.b_row);
        }
        for (r, sum) in sums.iter().enumerate() {
            let c = t.c.add(r * t.stride);
            _mm512_mask_storeu_ps(c, low, sum[0]);
            _mm512_mask_storeu_ps(c.wrapping_add(16), high, sum[1]);
        }
    }
}
