//! A product cut into tiles that stay in registers: what the kernels for AVX-512 ([`super::wide`]), AVX2 ([`super::avx2`]) and AMX ([`super::amx`]) have in common.

use super::{Left, PANEL, Right, Start};

/// Tiles of rows whose part of the left factor stays in the second-level cache while all panels pass over it.
const BLOCK: usize = 16;

/// A tile's place and factors.
pub(crate) struct Tile<E> {
    pub(super) c: *mut f32,
    pub(super) stride: usize,
    pub(super) a: *const E,
    pub(super) a_row: usize,
    pub(super) a_step: usize,
    pub(super) b: *const E,
    pub(super) b_row: usize,
    pub(super) steps: usize,
    pub(super) bias: *const f32,
    pub(super) there: bool,
    /// From its first to the product's last: a tile that has fewer than it could is masked.
    pub(super) columns: usize,
}

/// What an instruction set does with tiles of a size.
pub(crate) struct Tiles<E> {
    pub(super) rows: usize,
    /// A panel is a multiple of them.
    pub(super) columns: usize,
    /// The sums of a tile of so many rows, at most [`Self::rows`]; these and the tile's columns are inside all arrays.
    pub(super) compute: unsafe fn(&Tile<E>, usize),
    /// What is to be done before and after a product, if anything. [`Self::compute`] runs between the two.
    pub(super) around: Option<[unsafe fn(); 2]>,
}

impl<E> Tiles<E> {
    /// # Safety
    /// The processor has the instructions of `compute`; bounds as checked by [`super::multiply`].
    pub(super) unsafe fn multiply(
        &self,
        c: &mut [f32],
        stride: usize,
        left: Left<'_, E>,
        right: Right<'_, E>,
        [rows, columns, steps]: [usize; 3],
        start: Start<'_>,
    ) {
        if let Some([before, _]) = self.around {
            // SAFETY: the caller's.
            unsafe { before() };
        }
        let (bias, there) = match start {
            Start::There => (std::ptr::null(), true),
            Start::Bias(bias) => (bias.as_ptr(), false),
            Start::Zero => (std::ptr::null(), false),
        };
        for block in (0..rows).step_by(BLOCK * self.rows) {
            let end = rows.min(block + BLOCK * self.rows);
            for j in (0..columns).step_by(self.columns) {
                for i in (block..end).step_by(self.rows) {
                    // SAFETY: i < rows and j < columns, so the tile's first elements are inside; the caller checked its last ones, and the instructions.
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
                            columns: columns - j,
                        };
                        (self.compute)(&tile, (end - i).min(self.rows));
                    }
                }
            }
        }
        if let Some([_, after]) = self.around {
            // SAFETY: the caller's.
            unsafe { after() };
        }
    }
}
