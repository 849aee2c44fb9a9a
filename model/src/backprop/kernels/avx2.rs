//! Tiles of 6 x 16 results for AVX2 with FMA. Of numbers alone; pairs go through [`super::plain`].

use std::arch::x86_64::*;

use super::tiles::{Tile, Tiles};

/// The sums of a tile take 12 of 16 registers.
pub(super) const TILES: Tiles<f32> = Tiles { rows: 6, columns: COLUMNS, compute, around: None };

/// Columns of a tile: two vectors, half of a panel.
const COLUMNS: usize = 16;

/// # Safety
/// AVX2 and FMA; as [`Tiles::compute`].
unsafe fn compute(tile: &Tile<f32>, rows: usize) {
    // SAFETY: the caller's.
    unsafe {
        match (rows, tile.columns >= COLUMNS) {
            (1, true) => sums::<1, true>(tile),
            (2, true) => sums::<2, true>(tile),
            (3, true) => sums::<3, true>(tile),
            (4, true) => sums::<4, true>(tile),
            (5, true) => sums::<5, true>(tile),
            (_, true) => sums::<6, true>(tile),
            (1, false) => sums::<1, false>(tile),
            (2, false) => sums::<2, false>(tile),
            (3, false) => sums::<3, false>(tile),
            (4, false) => sums::<4, false>(tile),
            (5, false) => sums::<5, false>(tile),
            (_, false) => sums::<6, false>(tile),
        }
    }
}

/// The first so many of 8 lanes.
#[target_feature(enable = "avx2")]
fn mask(lanes: usize) -> __m256i {
    let lanes = _mm256_set1_epi32(lanes.min(8) as i32);
    _mm256_cmpgt_epi32(lanes, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
}

/// The sums of `R` rows; `WHOLE` where all columns are there, which needs no masks: those are slow to write.
///
/// # Safety
/// AVX2 and FMA; `R` rows and the tile's columns are inside all arrays.
#[target_feature(enable = "avx2,fma")]
unsafe fn sums<const R: usize, const WHOLE: bool>(t: &Tile<f32>) {
    let (low, high) = (mask(t.columns), mask(t.columns.saturating_sub(8)));
    // SAFETY: the caller's.
    let load = |from: *const f32| unsafe {
        if WHOLE {
            [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))]
        } else {
            [_mm256_maskload_ps(from, low), _mm256_maskload_ps(from.wrapping_add(8), high)]
        }
    };
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [[_mm256_setzero_ps(); 2]; R];
        if t.there {
            for (r, sum) in sums.iter_mut().enumerate() {
                *sum = load(t.c.add(r * t.stride));
            }
        } else if !t.bias.is_null() {
            sums = [load(t.bias); R];
        }
        let (mut a, mut b) = (t.a, t.b);
        for _ in 0..t.steps {
            let [b0, b1] = load(b);
            for (r, sum) in sums.iter_mut().enumerate() {
                let x = _mm256_broadcast_ss(&*a.add(r * t.a_row));
                sum[0] = _mm256_fmadd_ps(x, b0, sum[0]);
                sum[1] = _mm256_fmadd_ps(x, b1, sum[1]);
            }
            a = a.wrapping_add(t.a_step);
            b = b.wrapping_add(t.b_row);
        }
        for (r, [first, second]) in sums.iter().enumerate() {
            let c = t.c.add(r * t.stride);
            if WHOLE {
                _mm256_storeu_ps(c, *first);
                _mm256_storeu_ps(c.add(8), *second);
            } else {
                _mm256_maskstore_ps(c, low, *first);
                _mm256_maskstore_ps(c.wrapping_add(8), high, *second);
            }
        }
    }
}
