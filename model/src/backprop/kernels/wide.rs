//! Tiles of 8 x 32 results for AVX-512, of numbers or of pairs of bf16 numbers.

use std::arch::x86_64::*;

use super::tiles::{Tile, Tiles};
use super::{Element, PANEL, Pair};

/// 16 sums.
pub(crate) type Sum = __m512;

/// 16 columns of a factor: numbers or pairs.
pub(crate) type Columns = __m512i;

/// Tiles of numbers, for AVX-512F.
pub(super) const NUMBERS: Tiles<f32> = Tiles { rows: 8, columns: PANEL, compute: compute::<f32>, around: None };

/// Tiles of pairs, for AVX-512 BF16.
pub(super) const PAIRS: Tiles<Pair> = Tiles { rows: 8, columns: PANEL, compute: compute::<Pair>, around: None };

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

/// Rows and columns of a square of numbers that fills 16 registers.
pub(super) const SIDE: usize = 16;

/// A square of 16 numbers a row becomes pairs along its columns: 32 rows of `x`, `columns` elements apart, and 16 rows of `out`, `pairs` elements apart.
///
/// # Safety
/// AVX-512F; both can be accessed.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn pairs_by_column(x: *const f32, columns: usize, out: *mut Pair, pairs: usize) {
    // The nearest bf16 number in the high half, as [`super::passes::bf16`].
    let rounded = |x: __m512i| {
        let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(x), _mm512_set1_epi32(1));
        _mm512_add_epi32(x, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)))
    };
    let mut rows = [_mm512_setzero_si512(); SIDE];
    for (i, row) in rows.iter_mut().enumerate() {
        // SAFETY: the caller's.
        let [first, second] = [0, 1].map(|j| unsafe { _mm512_loadu_si512(x.add((2 * i + j) * columns).cast()) });
        let high = _mm512_and_si512(rounded(second), _mm512_set1_epi32(-0x1_0000));
        *row = _mm512_or_si512(_mm512_srli_epi32::<16>(rounded(first)), high);
    }
    for (i, row) in transposed(rows).into_iter().enumerate() {
        // SAFETY: the caller's.
        unsafe { _mm512_storeu_si512(out.add(i * pairs).cast(), row) };
    }
}

/// The same for a square of 16 pairs along rows: 32 rows of `x`, `columns` pairs apart, and 32 rows of `out`, `pairs` apart.
///
/// # Safety
/// AVX-512F; both can be accessed.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn pairs_turned(x: *const Pair, columns: usize, out: *mut Pair, pairs: usize) {
    let (mut even, mut odd) = ([_mm512_setzero_si512(); SIDE], [_mm512_setzero_si512(); SIDE]);
    let low = _mm512_set1_epi32(0xffff);
    for (i, (even, odd)) in even.iter_mut().zip(&mut odd).enumerate() {
        // SAFETY: the caller's.
        let [first, second] = [0, 1].map(|j| unsafe { _mm512_loadu_si512(x.add((2 * i + j) * columns).cast()) });
        *even = _mm512_or_si512(_mm512_and_si512(first, low), _mm512_slli_epi32::<16>(second));
        *odd = _mm512_or_si512(_mm512_srli_epi32::<16>(first), _mm512_andnot_si512(low, second));
    }
    for (i, (even, odd)) in transposed(even).into_iter().zip(transposed(odd)).enumerate() {
        // SAFETY: the caller's.
        unsafe {
            _mm512_storeu_si512(out.add(2 * i * pairs).cast(), even);
            _mm512_storeu_si512(out.add((2 * i + 1) * pairs).cast(), odd);
        }
    }
}

/// Rows become columns: within quarters of registers first, then quarters change places.
#[target_feature(enable = "avx512f")]
#[inline]
fn transposed(rows: [__m512i; SIDE]) -> [__m512i; SIDE] {
    let mut out = rows;
    let mut quarters = [[_mm512_setzero_si512(); 4]; 4];
    for (four, quarters) in rows.chunks_exact(4).zip(&mut quarters) {
        let [low, high] = [_mm512_unpacklo_epi32(four[0], four[1]), _mm512_unpackhi_epi32(four[0], four[1])];
        let [low2, high2] = [_mm512_unpacklo_epi32(four[2], four[3]), _mm512_unpackhi_epi32(four[2], four[3])];
        *quarters = [
            _mm512_unpacklo_epi64(low, low2),
            _mm512_unpackhi_epi64(low, low2),
            _mm512_unpacklo_epi64(high, high2),
            _mm512_unpackhi_epi64(high, high2),
        ];
    }
    const EVEN: i32 = 0b10_00_10_00;
    const ODD: i32 = 0b11_01_11_01;
    for column in 0..4 {
        let [a, b, c, d] = quarters.map(|quarters| quarters[column]);
        let [even, even2] = [_mm512_shuffle_i32x4::<EVEN>(a, b), _mm512_shuffle_i32x4::<EVEN>(c, d)];
        let [odd, odd2] = [_mm512_shuffle_i32x4::<ODD>(a, b), _mm512_shuffle_i32x4::<ODD>(c, d)];
        out[column] = _mm512_shuffle_i32x4::<EVEN>(even, even2);
        out[column + 4] = _mm512_shuffle_i32x4::<EVEN>(odd, odd2);
        out[column + 8] = _mm512_shuffle_i32x4::<ODD>(even, even2);
        out[column + 12] = _mm512_shuffle_i32x4::<ODD>(odd, odd2);
    }
    out
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
