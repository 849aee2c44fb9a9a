//! The product for AVX-512: tiles of 8 x 32 results in registers, of numbers or of pairs of bf16 numbers.

use std::arch::x86_64::*;

use super::{Element, Left, PANEL, Pair, ROWS, Right, Start};

/// 16 sums.
pub(crate) type Sum = __m512;

/// 16 columns of a factor: numbers or pairs.
pub(crate) type Columns = __m512i;

/// Rows whose part of the left factor stays in the second-level cache while all panels pass over it.
const BLOCK: usize = 16 * ROWS;

/// A tile's place and factors.
pub(crate) struct Tile<E> {
    c: *mut f32,
    stride: usize,
    a: *const E,
    a_row: usize,
    a_step: usize,
    b: *const E,
    b_row: usize,
    steps: usize,
    masks: [__mmask16; 2],
    bias: *const f32,
    there: bool,
}

/// # Safety
/// AVX-512F, and what `E` needs; bounds as checked by [`super::multiply`].
pub(super) unsafe fn multiply<E: Element>(
    c: &mut [f32],
    stride: usize,
    left: Left<'_, E>,
    right: Right<'_, E>,
    [rows, columns, steps]: [usize; 3],
    start: Start<'_>,
) {
    let (bias, there) = match start {
        Start::There => (std::ptr::null(), true),
        Start::Bias(bias) => (bias.as_ptr(), false),
        Start::Zero => (std::ptr::null(), false),
    };
    for block in (0..rows).step_by(BLOCK) {
        let end = rows.min(block + BLOCK);
        for j in (0..columns).step_by(PANEL) {
            let lanes = (columns - j).min(PANEL);
            let mask = u32::MAX >> (PANEL - lanes);
            for i in (block..end).step_by(ROWS) {
                // SAFETY: i < rows and j < columns, so the tile's first elements are inside; the caller checked its last ones.
                unsafe {
                    let tile = Tile {
                        c: c.as_mut_ptr().add(i * stride + j),
                        stride,
                        a: left.data.as_ptr().add(i * left.row),
                        a_row: left.row,
                        a_step: left.step,
                        b: right.data.as_ptr().add(j / PANEL * right.panel),
                        b_row: right.row,
                        steps,
                        masks: [mask as __mmask16, (mask >> 16) as __mmask16],
                        bias: if bias.is_null() { bias } else { bias.add(j) },
                        there,
                    };
                    match end - i {
                        1 => E::tile::<1>(&tile),
                        2 => E::tile::<2>(&tile),
                        3 => E::tile::<3>(&tile),
                        4 => E::tile::<4>(&tile),
                        5 => E::tile::<5>(&tile),
                        6 => E::tile::<6>(&tile),
                        7 => E::tile::<7>(&tile),
                        _ => E::tile::<ROWS>(&tile),
                    }
                }
            }
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
/// AVX-512F, and what `E` needs; `R` rows and the masked columns are inside all arrays.
#[inline(always)]
pub(super) unsafe fn tile<E: Element, const R: usize>(t: &Tile<E>) {
    // SAFETY: the caller's.
    unsafe {
        let [low, high] = t.masks;
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
