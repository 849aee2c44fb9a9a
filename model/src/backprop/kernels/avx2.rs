//! The product for AVX2 with FMA: tiles of 6 x 16 results in registers. Of numbers alone; pairs go through [`super::plain`].

use std::arch::x86_64::*;

use super::{Left, PANEL, Right, Start};

/// Rows of a tile: its sums take 12 of 16 registers.
const ROWS: usize = 6;

/// Columns of a tile: two vectors, half of a panel.
const COLUMNS: usize = 16;

/// Rows whose part of the left factor stays in the second-level cache while all panels pass over it.
const BLOCK: usize = 16 * ROWS;

/// A tile's place and factors.
struct Tile {
    c: *mut f32,
    stride: usize,
    a: *const f32,
    a_row: usize,
    a_step: usize,
    b: *const f32,
    b_row: usize,
    steps: usize,
    bias: *const f32,
    there: bool,
    /// Of its columns, where there are less than [`COLUMNS`].
    masks: [__m256i; 2],
}

/// # Safety
/// AVX2 and FMA; bounds as checked by [`super::multiply`].
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn multiply(
    c: &mut [f32],
    stride: usize,
    left: Left<'_, f32>,
    right: Right<'_, f32>,
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
        for j in (0..columns).step_by(COLUMNS) {
            let (width, masks) = (columns - j, [mask(columns - j), mask((columns - j).saturating_sub(8))]);
            for i in (block..end).step_by(ROWS) {
                // SAFETY: i < rows and j < columns, so the tile's first elements are inside; the caller checked its last ones.
                unsafe {
                    let tile = Tile {
                        c: c.as_mut_ptr().add(i * stride + j),
                        stride,
                        a: left.data.as_ptr().add(i * left.row),
                        a_row: left.row,
                        a_step: left.step,
                        b: right.data.as_ptr().add(j / PANEL * right.panel + j % PANEL),
                        b_row: right.row,
                        steps,
                        bias: if bias.is_null() { bias } else { bias.add(j) },
                        there,
                        masks,
                    };
                    match (end - i, width >= COLUMNS) {
                        (1, true) => tile.compute::<1, true>(),
                        (2, true) => tile.compute::<2, true>(),
                        (3, true) => tile.compute::<3, true>(),
                        (4, true) => tile.compute::<4, true>(),
                        (5, true) => tile.compute::<5, true>(),
                        (_, true) => tile.compute::<ROWS, true>(),
                        (1, false) => tile.compute::<1, false>(),
                        (2, false) => tile.compute::<2, false>(),
                        (3, false) => tile.compute::<3, false>(),
                        (4, false) => tile.compute::<4, false>(),
                        (5, false) => tile.compute::<5, false>(),
                        (_, false) => tile.compute::<ROWS, false>(),
                    }
                }
            }
        }
    }
}

/// The first so many of 8 lanes.
#[target_feature(enable = "avx2")]
fn mask(lanes: usize) -> __m256i {
    let lanes = _mm256_set1_epi32(lanes.min(8) as i32);
    _mm256_cmpgt_epi32(lanes, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
}

impl Tile {
    /// The sums of `R` rows; `WHOLE` where all columns are there, which needs no masks: those are slow to write.
    ///
    /// # Safety
    /// AVX2 and FMA; `R` rows and the masked columns are inside all arrays.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn compute<const R: usize, const WHOLE: bool>(&self) {
        let [low, high] = self.masks;
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
            if self.there {
                for (r, sum) in sums.iter_mut().enumerate() {
                    *sum = load(self.c.add(r * self.stride));
                }
            } else if !self.bias.is_null() {
                sums = [load(self.bias); R];
            }
            let (mut a, mut b) = (self.a, self.b);
            for _ in 0..self.steps {
                let [b0, b1] = load(b);
                for (r, sum) in sums.iter_mut().enumerate() {
                    let x = _mm256_broadcast_ss(&*a.add(r * self.a_row));
                    sum[0] = _mm256_fmadd_ps(x, b0, sum[0]);
                    sum[1] = _mm256_fmadd_ps(x, b1, sum[1]);
                }
                a = a.wrapping_add(self.a_step);
                b = b.wrapping_add(self.b_row);
            }
            for (r, [first, second]) in sums.iter().enumerate() {
                let c = self.c.add(r * self.stride);
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
}
