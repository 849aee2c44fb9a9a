//! Matrix products and element-wise passes of [`super`] on `f32` slices: AVX-512 where the processor has it, plain loops elsewhere.
//!
//! The only module of this crate with `unsafe` in it. One product covers all layers: `C (+)= A B` with `A` read by broadcasts, so that it needs no
//! packing and may be transposed or overlap itself (the rows of a convolution), and `B` in panels of [`PANEL`] columns. A tile of 8 x 32 results stays in
//! registers: 16 accumulators of 16 lanes, 16 multiply-adds for 10 loads.

#![allow(unsafe_code)]

/// Columns of a panel.
pub(super) const PANEL: usize = 32;

/// Rows of a tile.
const ROWS: usize = 8;

/// Two bf16 numbers that are next to each other in the direction of a product's sum, the first in the low half: how a factor in bf16 is held.
/// A product of pairs has half as many steps.
pub(super) type Pair = u32;

/// What products are made of.
pub(super) trait Element: Copy {
    /// `sum + a b`, over both halves of pairs.
    fn multiply_add(sum: f32, a: Self, b: Self) -> f32;

    /// The same for 16 columns.
    ///
    /// # Safety
    /// AVX-512F, and AVX-512 BF16 for pairs.
    #[cfg(target_arch = "x86_64")]
    unsafe fn multiply_add_wide(sum: wide::Sum, a: *const Self, b: wide::Columns) -> wide::Sum;

    /// Whether this processor has the instructions.
    fn has_wide() -> bool;
}

/// Where element (row i, step l of the sum) of the left factor lies: `data[i * row + l * step]`.
#[derive(Clone, Copy)]
pub(super) struct Left<'a, E = f32> {
    pub(super) data: &'a [E],
    pub(super) row: usize,
    pub(super) step: usize,
}

/// Where element (step l, column j) of the right factor lies: `data[j / 32 * panel + l * row + j % 32]`.
#[derive(Clone, Copy)]
pub(super) struct Right<'a, E = f32> {
    pub(super) data: &'a [E],
    pub(super) panel: usize,
    pub(super) row: usize,
}

impl<'a, E> Right<'a, E> {
    /// A matrix of `steps` rows packed by [`pack`] or [`pack_pairs`].
    pub(super) fn packed(data: &'a [E], steps: usize) -> Self {
        Self { data, panel: steps * PANEL, row: PANEL }
    }

    /// A matrix of `columns` columns as it is.
    pub(super) fn plain(data: &'a [E], columns: usize) -> Self {
        Self { data, panel: PANEL, row: columns }
    }
}

/// What the results are added to.
#[derive(Clone, Copy)]
pub(super) enum Start<'a> {
    /// What is there.
    There,
    /// One value per column.
    Bias(&'a [f32]),
    /// Nothing.
    Zero,
}

/// `c[i * stride + j] = start + sum over l < steps of left(i, l) right(l, j)` for i < rows, j < columns.
pub(super) fn multiply<E: Element>(
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
    if E::has_wide() {
        // SAFETY: the processor has the instructions; the assertions above bound every element that is read or written.
        unsafe { wide::multiply(c, stride, left, right, [rows, columns, steps], start) };
        return;
    }
    plain::multiply(c, stride, left, right, [rows, columns, steps], start);
}

impl Element for f32 {
    fn multiply_add(sum: f32, a: f32, b: f32) -> f32 {
        sum + a * b
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn multiply_add_wide(sum: wide::Sum, a: *const f32, b: wide::Columns) -> wide::Sum {
        // SAFETY: the caller's.
        unsafe { wide::multiply_add(sum, a, b) }
    }

    fn has_wide() -> bool {
        #[cfg(target_arch = "x86_64")]
        return wide();
        #[cfg(not(target_arch = "x86_64"))]
        false
    }
}

impl Element for Pair {
    fn multiply_add(sum: f32, a: Pair, b: Pair) -> f32 {
        let halves = |pair: Pair| [f32::from_bits(pair << 16), f32::from_bits(pair & 0xffff_0000)];
        let ([a0, a1], [b0, b1]) = (halves(a), halves(b));
        sum + a0 * b0 + a1 * b1
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn multiply_add_wide(sum: wide::Sum, a: *const Pair, b: wide::Columns) -> wide::Sum {
        // SAFETY: the caller's.
        unsafe { wide::multiply_add_pairs(sum, a, b) }
    }

    fn has_wide() -> bool {
        #[cfg(target_arch = "x86_64")]
        return wide() && std::arch::is_x86_feature_detected!("avx512bf16");
        #[cfg(not(target_arch = "x86_64"))]
        false
    }
}

/// Whether the processor has AVX-512F.
#[cfg(target_arch = "x86_64")]
fn wide() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
}

/// Defines a pass over slices: one body, compiled for AVX-512 and for the baseline.
macro_rules! pass {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $kind:ty),*) $body:block) => {
        $(#[$doc])*
        pub(super) fn $name($($arg: $kind),*) {
            #[inline(always)]
            fn body($($arg: $kind),*) $body
            #[cfg(target_arch = "x86_64")]
            if wide() {
                #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,fma")]
                fn compiled($($arg: $kind),*) {
                    body($($arg),*);
                }
                // SAFETY: the processor has the features; the body is safe code on slices.
                unsafe { compiled($($arg),*) };
                return;
            }
            body($($arg),*);
        }
    };
}

pass! {
    /// `values[i] * sigmoid(gates[i])` -> `out`, with the sigmoid left in `gates`.
    gate(values: &[f32], gates: &mut [f32], out: &mut [f32]) {
        for ((value, gate), out) in values.iter().zip(gates).zip(out) {
            *gate = 1.0 / (1.0 + exp(-gate.max(SHUT)));
            *out = value * *gate;
        }
    }
}

pass! {
    /// Gradients of values and gates from that of their product.
    gate_back(values: &[f32], sigmoids: &[f32], d: &[f32], d_values: &mut [f32], d_gates: &mut [f32]) {
        let inputs = values.iter().zip(sigmoids).zip(d);
        for ((d_value, d_gate), ((value, sigmoid), d)) in d_values.iter_mut().zip(d_gates).zip(inputs) {
            *d_value = d * sigmoid;
            *d_gate = d * value * sigmoid * (1.0 - sigmoid);
        }
    }
}

pass! {
    /// Sets negative values to zero.
    relu(values: &mut [f32]) {
        values.iter_mut().for_each(|value| *value = value.max(0.0));
    }
}

pass! {
    /// Sets the gradient to zero where the result is zero.
    relu_back(results: &[f32], d: &mut [f32]) {
        results.iter().zip(d).for_each(|(result, d)| *d = if *result > 0.0 { *d } else { 0.0 });
    }
}

pass! {
    /// Adds `other` to `sum`.
    add(sum: &mut [f32], other: &[f32]) {
        sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
    }
}

pass! {
    /// Adds the sums over rows of `matrix` [rows, sums.len()].
    column_sums(matrix: &[f32], sums: &mut [f32]) {
        for row in matrix.chunks_exact(sums.len()) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    }
}

pass! {
    /// Adds the sums over rows of the element-wise product of two matrices [rows, sums.len()].
    weighted_column_sums(matrix: &[f32], factors: &[f32], sums: &mut [f32]) {
        let width = sums.len();
        for (row, factors) in matrix.chunks_exact(width).zip(factors.chunks_exact(width)) {
            sums.iter_mut().zip(row).zip(factors).for_each(|((sum, value), factor)| *sum += value * factor);
        }
    }
}

pass! {
    /// Multiplies every row of `matrix` [rows, factors.len()] by `factors`.
    scale_columns(matrix: &mut [f32], factors: &[f32]) {
        for row in matrix.chunks_exact_mut(factors.len()) {
            row.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
        }
    }
}

pass! {
    /// Clips to `-limit..=limit` and rounds to multiples of `1 / steps`.
    round_to(values: &mut [f32], steps: f32, limit: f32) {
        // Adding and subtracting 1.5 * 2^23 rounds to the nearest whole number, ties to even.
        const WHOLE: f32 = 12_582_912.0;
        for value in values {
            *value = ((value.clamp(-limit, limit) * steps + WHOLE) - WHOLE) / steps;
        }
    }
}

/// e^x for -87 < x < 88, to about 2 ulp: Cody and Waite's reduction, Taylor polynomial of degree 6 on |r| <= ln 2 / 2.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const WHOLE: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + WHOLE;
    let n = shifted - WHOLE;
    let r = (x - n * 0.693_359_375) + n * 2.121_944_4e-4;
    let p = [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0].iter().fold(1.0 / 720.0, |p, c| p * r + c);
    // The low bits of `shifted` are n; all others leave at the top.
    p * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

mod plain {
    use super::{Element, Left, PANEL, Right, Start};

    /// The definition.
    pub(super) fn multiply<E: Element>(
        c: &mut [f32],
        stride: usize,
        left: Left<'_, E>,
        right: Right<'_, E>,
        [rows, columns, steps]: [usize; 3],
        start: Start<'_>,
    ) {
        for j in (0..columns).step_by(PANEL) {
            let width = PANEL.min(columns - j);
            for i in 0..rows {
                let mut sums = [0.0f32; PANEL];
                match start {
                    Start::There => sums[..width].copy_from_slice(&c[i * stride + j..][..width]),
                    Start::Bias(bias) => sums[..width].copy_from_slice(&bias[j..j + width]),
                    Start::Zero => {}
                }
                for l in 0..steps {
                    let a = left.data[i * left.row + l * left.step];
                    let b = &right.data[j / PANEL * right.panel + l * right.row..][..width];
                    sums.iter_mut().zip(b).for_each(|(sum, b)| *sum = E::multiply_add(*sum, a, *b));
                }
                c[i * stride + j..][..width].copy_from_slice(&sums[..width]);
            }
        }
    }
}

/// Where a gate counts as shut ([`crate::net::GatedBlock`]).
const SHUT: f32 = -40.0;

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::*;

    use super::{Element, Left, PANEL, Pair, ROWS, Right, Start};

    /// 16 sums.
    pub type Sum = __m512;

    /// 16 columns of a factor: numbers or pairs.
    pub type Columns = __m512i;

    /// Rows whose part of the left factor stays in the second-level cache while all panels pass over it.
    const BLOCK: usize = 16 * ROWS;

    /// A tile's place and factors.
    struct Tile<E> {
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
                            1 => self::tile::<E, 1>(&tile),
                            2 => self::tile::<E, 2>(&tile),
                            3 => self::tile::<E, 3>(&tile),
                            4 => self::tile::<E, 4>(&tile),
                            5 => self::tile::<E, 5>(&tile),
                            6 => self::tile::<E, 6>(&tile),
                            7 => self::tile::<E, 7>(&tile),
                            _ => self::tile::<E, ROWS>(&tile),
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

    /// # Safety
    /// AVX-512F, and what `E` needs; `R` rows and the masked columns are inside all arrays.
    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn tile<E: Element, const R: usize>(t: &Tile<E>) {
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
                let bias =
                    [_mm512_maskz_loadu_ps(low, t.bias), _mm512_maskz_loadu_ps(high, t.bias.wrapping_add(16))];
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
}

/// Packs row-major `matrix` [steps, columns] for [`Right::packed`]; missing columns of the last panel are zero.
pub(super) fn pack<E: Copy + Default>(matrix: &[E], columns: usize, out: &mut Vec<E>) {
    let steps = matrix.len() / columns;
    out.clear();
    out.resize(columns.div_ceil(PANEL) * PANEL * steps, E::default());
    for (panel, out) in out.chunks_exact_mut((steps * PANEL).max(1)).enumerate() {
        let first = panel * PANEL;
        let width = PANEL.min(columns - first);
        for (row, out) in matrix.chunks_exact(columns).zip(out.chunks_exact_mut(PANEL)) {
            out[..width].copy_from_slice(&row[first..first + width]);
        }
    }
}

/// The transpose of row-major `matrix` [rows, columns].
pub(super) fn transpose(matrix: &[f32], columns: usize) -> Vec<f32> {
    let rows = matrix.len() / columns;
    let mut out = vec![0.0; matrix.len()];
    for (i, row) in matrix.chunks_exact(columns).enumerate() {
        row.iter().zip(out[i..].iter_mut().step_by(rows)).for_each(|(value, out)| *out = *value);
    }
    out
}

/// The nearest bf16 number, ties to even, in the low half.
#[inline(always)]
fn bf16(x: f32) -> u32 {
    let bits = x.to_bits();
    (bits + 0x7fff + ((bits >> 16) & 1)) >> 16
}

pass! {
    /// Neighbours in a row become pairs: [rows, columns] -> [rows, columns / 2].
    pairs_along(x: &[f32], out: &mut [Pair]) {
        for (x, out) in x.chunks_exact(2).zip(out) {
            *out = bf16(x[0]) | bf16(x[1]) << 16;
        }
    }
}

pass! {
    /// Neighbours in a column become pairs: [rows, columns] -> [rows / 2, columns].
    pairs_across(x: &[f32], columns: usize, out: &mut [Pair]) {
        for (x, out) in x.chunks_exact(2 * columns).zip(out.chunks_exact_mut(columns)) {
            let (first, second) = x.split_at(columns);
            for ((first, second), out) in first.iter().zip(second).zip(out) {
                *out = bf16(*first) | bf16(*second) << 16;
            }
        }
    }
}
