//! Products and element-wise passes of [`super`] on `f32` slices: AVX-512 or AVX2 where the processor has it, plain loops elsewhere.
//!
//! The only module of this crate with `unsafe` in it. One product covers all layers: `C (+)= A B` with `A` read by broadcasts, so that it needs no
//! packing and may be transposed or overlap itself (the rows of a convolution), and `B` in panels of [`PANEL`] columns. A tile of 8 x 32 results stays in
//! registers: 16 accumulators of 16 lanes, 16 multiply-adds for 10 loads. With AVX2 it is one of 6 x 16; of pairs with AMX one of 32 x 32, which
//! needs `A` row by row.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod functions;
mod job;
mod pack;
mod passes;
mod plain;
#[cfg(target_arch = "x86_64")]
mod tiles;
#[cfg(target_arch = "x86_64")]
mod wide;

pub(crate) use job::{Job, run};
pub(crate) use pack::{pack, pack_transposed, pairs_by_column, pairs_turned, transpose};
pub(crate) use passes::{
    add, column_sums, decoded, errors, gate, gate_back, pairs_across, pairs_along, pairs_in_panels, relu, relu_back,
    round_to, scale_columns, terms, unpaired, weighted_column_sums,
};

/// Columns of a panel.
pub(crate) const PANEL: usize = 32;

/// Pairs along the sum that AMX multiplies at once.
pub(crate) const DEPTH: usize = 16;

/// Two bf16 numbers that are next to each other in the direction of a product's sum, the first in the low half: how a factor in bf16 is held.
/// A product of pairs has half as many steps.
pub(crate) type Pair = u32;

/// What products are made of.
pub(crate) trait Element: Copy {
    /// `sum + a b`, over both halves of pairs.
    fn multiply_add(sum: f32, a: Self, b: Self) -> f32;

    /// The same for 16 columns.
    ///
    /// # Safety
    /// AVX-512F, and AVX-512 BF16 for pairs.
    #[cfg(target_arch = "x86_64")]
    unsafe fn multiply_add_wide(sum: wide::Sum, a: *const Self, b: wide::Columns) -> wide::Sum;

    /// [`wide::tile`], compiled for what this element needs and no more.
    ///
    /// # Safety
    /// As [`Self::multiply_add_wide`]; `R` rows and the masked columns are inside all arrays.
    #[cfg(target_arch = "x86_64")]
    unsafe fn tile<const R: usize>(tile: &tiles::Tile<Self>);

    /// The tiles that this processor has instructions for, if any.
    #[cfg(target_arch = "x86_64")]
    fn tiles() -> Option<tiles::Tiles<Self>>;
}

/// Where element (row i, step l of the sum) of the left factor lies: `data[i * row + l * step]`.
#[derive(Clone, Copy)]
pub(crate) struct Left<'a, E = f32> {
    pub(crate) data: &'a [E],
    pub(crate) row: usize,
    pub(crate) step: usize,
}

/// Where element (step l, column j) of the right factor lies: `data[j / 32 * panel + l * row + j % 32]`.
#[derive(Clone, Copy)]
pub(crate) struct Right<'a, E = f32> {
    pub(crate) data: &'a [E],
    pub(crate) panel: usize,
    pub(crate) row: usize,
}

impl<'a, E> Right<'a, E> {
    /// A matrix of `steps` rows packed by [`pack()`] or [`pack_transposed`].
    pub(crate) fn packed(data: &'a [E], steps: usize) -> Self {
        Self { data, panel: steps * PANEL, row: PANEL }
    }

    /// A matrix of `columns` columns as it is.
    pub(crate) fn plain(data: &'a [E], columns: usize) -> Self {
        Self { data, panel: PANEL, row: columns }
    }
}

/// What the results are added to.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    /// What is there.
    There,
    /// One value per column.
    Bias(&'a [f32]),
    /// Nothing.
    Zero,
}

/// `c[i * stride + j] = start + sum over l < steps of left(i, l) right(l, j)` for i < rows, j < columns.
pub(crate) fn multiply<E: Element>(
    c: &mut [f32],
    stride: usize,
    left: Left<'_, E>,
    right: Right<'_, E>,
    [rows, columns, steps]: [usize; 3],
    start: Start<'_>,
) {
    if rows == 0 || columns == 0 {
        return;
    }
    assert!(stride >= columns && c.len() >= (rows - 1) * stride + columns, "results");
    if steps > 0 {
        assert!(left.data.len() > (rows - 1) * left.row + (steps - 1) * left.step, "left factor");
        let panels = columns.div_ceil(PANEL);
        let last = (columns - 1) % PANEL;
        assert!(right.data.len() > (panels - 1) * right.panel + (steps - 1) * right.row + last, "right factor");
        assert!(
            panels == 1 || right.data.len() >= (panels - 2) * right.panel + (steps - 1) * right.row + PANEL,
            "right factor"
        );
    }
    if let Start::Bias(bias) = start {
        assert!(bias.len() >= columns, "bias");
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(tiles) = E::tiles() {
        // SAFETY: the processor has the instructions; the assertions above bound every element that is read or written.
        unsafe { tiles.multiply(c, stride, left, right, [rows, columns, steps], start) };
        return;
    }
    #[cfg(target_arch = "x86_64")]
    if has_avx2() {
        #[target_feature(enable = "avx2,fma")]
        fn compiled<E: Element>(
            c: &mut [f32],
            stride: usize,
            left: Left<'_, E>,
            right: Right<'_, E>,
            size: [usize; 3],
            start: Start<'_>,
        ) {
            plain::multiply(c, stride, left, right, size, start);
        }
        // SAFETY: the processor has the features; the body is safe code.
        unsafe { compiled(c, stride, left, right, [rows, columns, steps], start) };
        return;
    }
    plain::multiply(c, stride, left, right, [rows, columns, steps], start);
}

impl Element for f32 {
    #[inline(always)]
    fn multiply_add(sum: f32, a: f32, b: f32) -> f32 {
        sum + a * b
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn multiply_add_wide(sum: wide::Sum, a: *const f32, b: wide::Columns) -> wide::Sum {
        // SAFETY: the caller's.
        unsafe { wide::multiply_add(sum, a, b) }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    unsafe fn tile<const R: usize>(tile: &tiles::Tile<f32>) {
        // SAFETY: the caller's.
        unsafe { wide::tile::<f32, R>(tile) }
    }

    #[cfg(target_arch = "x86_64")]
    fn tiles() -> Option<tiles::Tiles<f32>> {
        if has_avx512() { Some(wide::NUMBERS) } else { has_avx2().then_some(avx2::TILES) }
    }
}

impl Element for Pair {
    #[inline(always)]
    fn multiply_add(sum: f32, a: Pair, b: Pair) -> f32 {
        let ([a0, a1], [b0, b1]) = (passes::halves(a), passes::halves(b));
        sum + a0 * b0 + a1 * b1
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn multiply_add_wide(sum: wide::Sum, a: *const Pair, b: wide::Columns) -> wide::Sum {
        // SAFETY: the caller's.
        unsafe { wide::multiply_add_pairs(sum, a, b) }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn tile<const R: usize>(tile: &tiles::Tile<Pair>) {
        // SAFETY: the caller's.
        unsafe { wide::tile::<Pair, R>(tile) }
    }

    #[cfg(target_arch = "x86_64")]
    fn tiles() -> Option<tiles::Tiles<Pair>> {
        has_pairs().then(|| if amx::available() { amx::PAIRS } else { wide::PAIRS })
    }
}

/// Whether the processor has what [`wide`] and the passes are compiled for.
#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    use std::arch::is_x86_feature_detected as detected;
    detected!("avx512f") && detected!("avx512dq") && detected!("avx512bw") && detected!("avx512vl") && detected!("fma")
}

/// Likewise [`wide::PAIRS`].
#[cfg(target_arch = "x86_64")]
fn has_pairs() -> bool {
    has_avx512() && std::arch::is_x86_feature_detected!("avx512bf16")
}

/// Whether products of pairs are faster than those of numbers: with AMX, and with AVX-512 on AMD. Intel's processors gain nothing from AVX-512's (`model/EXPERIMENTS.md`, "Where a step's time goes").
#[cfg(target_arch = "x86_64")]
pub(crate) fn pairs_are_faster() -> bool {
    let vendor = std::arch::x86_64::__cpuid(0);
    let amd = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes).concat() == b"AuthenticAMD";
    has_pairs() && (amd || amx::available())
}

/// Elsewhere pairs are taken apart and multiplied as numbers.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn pairs_are_faster() -> bool {
    false
}

/// Whether the processor has what [`avx2`] is compiled for.
#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

#[cfg(test)]
mod tests {
    use super::passes::bf16;
    use super::*;

    fn values(count: usize, seed: u32) -> Vec<f32> {
        (0..count as u32)
            .map(|i| ((i.wrapping_mul(2_654_435_761) ^ seed) >> 8) as f32 / (1 << 23) as f32 - 1.0)
            .collect()
    }

    /// All that this processor has instructions for.
    #[cfg(target_arch = "x86_64")]
    fn tiles_of_pairs() -> Vec<tiles::Tiles<Pair>> {
        let both = [(has_pairs(), wide::PAIRS), (has_pairs() && amx::available(), amx::PAIRS)];
        both.into_iter().filter_map(|(has, tiles)| has.then_some(tiles)).collect()
    }

    /// All formats, whole and cut-off tiles, every start.
    #[test]
    fn products_are_sums_of_products() {
        for [rows, columns, steps] in
            [[8, 32, 16], [13, 40, 6], [1, 8, 24], [9, 96, 2], [130, 64, 64], [55, 70, 76], [530, 32, 32]]
        {
            let (a, b) = (values(rows * steps, 1), values(steps * columns, 2));
            let (bias, there) = (values(columns, 3), values(rows * columns, 4));
            let rounded = |x: &[f32]| -> Vec<f32> { x.iter().map(|&x| f32::from_bits(bf16(x) << 16)).collect() };
            let expected = |a: &[f32], b: &[f32], start: &dyn Fn(usize, usize) -> f32| -> Vec<f32> {
                let sum = |i: usize, j: usize| (0..steps).map(|l| a[i * steps + l] * b[l * columns + j]).sum::<f32>();
                (0..rows * columns)
                    .map(|at| start(at / columns, at % columns) + sum(at / columns, at % columns))
                    .collect()
            };
            let near = |found: &[f32], expected: &[f32]| {
                found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-4, "{a} {b}"));
            };
            let (mut packed, mut pairs, mut packed_pairs) = (Vec::new(), vec![0; b.len() / 2], Vec::new());
            pack(&b, columns, &mut packed);
            pairs_across(&b, columns, &mut pairs);
            pack(&pairs, columns, &mut packed_pairs);
            let mut a_pairs = vec![0; a.len() / 2];
            pairs_along(&a, &mut a_pairs);
            let size = [rows, columns, steps];
            let half = [rows, columns, steps / 2];
            let (left, left_pairs) =
                (Left { data: &a, row: steps, step: 1 }, Left { data: &a_pairs[..], row: steps / 2, step: 1 });
            let (right, right_pairs) = (Right::packed(&packed, steps), Right::packed(&packed_pairs, steps / 2));
            let mut c = there.clone();
            multiply(&mut c, columns, left, right, size, Start::Bias(&bias));
            let with_bias = expected(&a, &b, &|_, j| bias[j]);
            near(&c, &with_bias);
            plain::multiply(&mut c, columns, left, right, size, Start::Bias(&bias));
            near(&c, &with_bias);
            #[cfg(target_arch = "x86_64")]
            if has_avx2() {
                let mut found = there.clone();
                // SAFETY: the processor has the instructions; the product has the size of the factors.
                unsafe { avx2::TILES.multiply(&mut found, columns, left, right, size, Start::Bias(&bias)) };
                near(&found, &with_bias);
                // SAFETY: likewise.
                unsafe {
                    avx2::TILES.multiply(&mut found, columns, left, Right::plain(&b, columns), size, Start::There);
                };
                near(&found, &expected(&a, &b, &|i, j| with_bias[i * columns + j]));
            }
            multiply(&mut c, columns, left, Right::plain(&b, columns), size, Start::Zero);
            near(&c, &expected(&a, &b, &|_, _| 0.0));
            c.copy_from_slice(&there);
            multiply(&mut c, columns, left_pairs, right_pairs, half, Start::There);
            let in_bf16 = expected(&rounded(&a), &rounded(&b), &|i, j| there[i * columns + j]);
            near(&c, &in_bf16);
            c.copy_from_slice(&there);
            plain::multiply(&mut c, columns, left_pairs, Right::plain(&pairs, columns), half, Start::There);
            near(&c, &in_bf16);
            #[cfg(target_arch = "x86_64")]
            for tiles in tiles_of_pairs() {
                // Step by step, as the factors of products over positions in f32 lie; those in pairs lie row by row.
                let at = |i: usize| a_pairs[i % rows * (steps / 2) + i / rows];
                let across: Vec<Pair> = (0..a_pairs.len()).map(at).collect();
                let left_across = Left { data: &across[..], row: 1, step: rows };
                for left in [left_pairs, left_across] {
                    for (start, before) in
                        [(Start::Bias(&bias[..]), &bias), (Start::There, &there), (Start::Zero, &vec![0.0])]
                    {
                        c.copy_from_slice(&there);
                        // SAFETY: the processor has the instructions; the product has the size of the factors.
                        unsafe { tiles.multiply(&mut c, columns, left, right_pairs, half, start) };
                        near(
                            &c,
                            &expected(&rounded(&a), &rounded(&b), &|i, j| before[(i * columns + j) % before.len()]),
                        );
                    }
                }
            }
        }
    }

    /// As a row of a convolution is computed: neighbours share what they are made of, and results lie among others.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn rows_may_overlap_and_results_lie_apart() {
        let [rows, columns, steps, row, stride] = [20, 32, 24, 8, 50];
        let pairs = |count: usize, seed: u32| -> Vec<Pair> {
            values(2 * count, seed).chunks(2).map(|x| bf16(x[0]) | bf16(x[1]) << 16).collect()
        };
        let (a, b, there) = (pairs(rows * row + steps, 1), pairs(columns * steps, 2), values(rows * stride, 3));
        let left = Left { data: &a[..], row, step: 1 };
        let mut expected = there.clone();
        plain::multiply(&mut expected, stride, left, Right::plain(&b, columns), [rows, columns, steps], Start::There);
        for tiles in tiles_of_pairs() {
            let mut found = there.clone();
            let (right, size) = (Right::plain(&b[..], columns), [rows, columns, steps]);
            // SAFETY: the processor has the instructions; the product has the size of the factors.
            unsafe { tiles.multiply(&mut found, stride, left, right, size, Start::There) };
            found.iter().zip(&expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-4, "{a} {b}"));
            // Sums of nothing.
            // SAFETY: likewise.
            unsafe { tiles.multiply(&mut found, stride, left, right, [rows, columns, 0], Start::Zero) };
            let inside = found.chunks(stride).all(|row| row[..columns].iter().all(|&sum| sum == 0.0));
            assert!(inside && found[columns..stride] == there[columns..stride]);
        }
    }

    #[test]
    fn pairs_by_column_are_pairs_across_transposed_and_pairs_along_turned() {
        for [columns, rows] in [[16, 32], [40, 130], [64, 64], [33, 2], [100, 71]] {
            let matrix = values(columns * rows, 5);
            let pairs = rows / 2;
            let (mut across, mut found) = (vec![0; pairs * columns], vec![0; pairs * columns]);
            pairs_across(&matrix, columns, &mut across);
            pairs_by_column(&matrix, columns, &mut found);
            for (i, pair) in found.iter().enumerate() {
                assert_eq!(*pair, across[i % pairs * columns + i / pairs], "{columns} {rows}: {i}");
            }
            if columns.is_multiple_of(2) {
                let (mut along, mut turned) = (vec![0; pairs * columns], vec![0; pairs * columns]);
                pairs_along(&matrix[..2 * pairs * columns], &mut along);
                pairs_turned(&along, columns, &mut turned);
                assert_eq!(turned, found, "{columns} {rows}");
            }
        }
    }

    #[test]
    fn packing_the_transpose_is_packing_what_was_transposed() {
        for [columns, steps] in [[8, 16], [40, 130], [64, 64], [33, 1]] {
            let matrix = values(columns * steps, 5);
            let (mut expected, mut found) = (Vec::new(), Vec::new());
            pack(&transpose(&matrix, steps), columns, &mut expected);
            pack_transposed(&matrix, steps, &mut found);
            assert_eq!(found, expected, "{columns} {steps}");
        }
    }

    #[test]
    fn rounding_to_a_grid_clips() {
        let mut x = [0.26, -0.26, 0.375, 0.125, 9.0, -9.0];
        round_to(&mut x, 4.0, 2.0);
        assert_eq!(x, [0.25, -0.25, 0.5, 0.0, 2.0, -2.0]);
    }

    #[test]
    fn a_shut_gate_passes_a_normal_number() {
        let (mut gates, mut out) = ([-250.0, 0.0, 3.0], [0.0; 3]);
        gate(&[2.0; 3], &mut gates, &mut out);
        assert!(out[0].is_normal() && out[0] < 1e-16);
        assert!((out[1] - 1.0).abs() < 1e-6 && (out[2] - 2.0 * gates[2]).abs() < 1e-6);
    }
}
