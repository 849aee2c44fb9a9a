//! [`Sums`]: what a fit needs to know of a picture, as exact integers: the order of adding does not count, nor the machine.

use std::ops::Range;

use super::{MIDDLE, PAIRS, REACH, features};
use crate::samples::{Samples, eight_bits};
use crate::simd::{Job, Level, Simd};

/// Pixels whose products are summed in 32 bits.
const PIECE: usize = 512;
/// Greatest magnitude of a number: the second difference of samples.
const LARGEST: i64 = 510;
const _: () = assert!(LARGEST * LARGEST * PIECE as i64 <= i32::MAX as i64);

/// Sums over pixels of the products of each two of: features of the samples as they are (red, green, blue, not opponent), then errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sums {
    channels: usize,
    /// Pixels.
    pub(super) count: u64,
    /// The upper triangle of a symmetric matrix [features + channels, features + channels], row by row.
    products: Vec<i64>,
}

/// Numbers of a pixel.
const fn numbers(channels: usize) -> usize {
    features(channels) + channels
}

/// Samples of some pixels and of `REACH` more around them, colour by colour, and their originals.
#[derive(Debug)]
pub(super) struct Patch {
    /// Columns and rows that count.
    size: [usize; 2],
    /// [channels, rows + 2 REACH, columns + 2 REACH].
    decoded: Vec<i16>,
    /// [channels, rows, columns].
    original: Vec<i16>,
}

/// Columns and rows of a plane that has `stride` columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) columns: Range<usize>,
    pub(super) rows: Range<usize>,
    pub(super) stride: usize,
}

impl Part {
    /// These rows of it, counted from its first.
    pub(super) fn rows(&self, rows: Range<usize>) -> Self {
        Self { rows: self.rows.start + rows.start..self.rows.start + rows.end, ..self.clone() }
    }
}

impl Patch {
    /// Pixels of a decoded picture and of its original, as many of each. Beyond `within`, which has the same stride, the decoded picture is continued by
    /// what is at the edge.
    pub(super) fn new(
        channels: usize,
        (decoded, shown, within): (&[u8], &Part, &Part),
        (original, there): (&Samples, &Part),
    ) -> Self {
        let places = |part: &Range<usize>, within: &Range<usize>| -> Vec<usize> {
            let place = |i: usize| (part.start + i).saturating_sub(REACH).clamp(within.start, within.end - 1);
            (0..part.len() + 2 * REACH).map(place).collect()
        };
        let around = [places(&shown.columns, &within.columns), places(&shown.rows, &within.rows)];
        let inner = [there.columns.clone().collect(), there.rows.clone().collect()];
        Self {
            size: [shown.columns.len(), shown.rows.len()],
            decoded: split(channels, &around, shown.stride, decoded, i16::from),
            original: match original {
                Samples::Eight(samples) => split(channels, &inner, there.stride, samples, i16::from),
                Samples::Deep(depth, samples) => {
                    split(channels, &inner, there.stride, samples, |sample| eight_bits(sample, *depth).into())
                }
            },
        }
    }
}

/// Samples of some columns and rows, colour by colour.
fn split<T: Copy>(
    channels: usize,
    [columns, rows]: &[Vec<usize>; 2],
    stride: usize,
    samples: &[T],
    number: impl Fn(T) -> i16,
) -> Vec<i16> {
    let mut out = Vec::with_capacity(channels * columns.len() * rows.len());
    for c in 0..channels {
        for row in rows {
            let line = &samples[row * stride * channels..(row + 1) * stride * channels];
            out.extend(columns.iter().map(|column| number(line[column * channels + c])));
        }
    }
    out
}

impl Sums {
    pub(super) fn new(channels: usize) -> Self {
        let count = numbers(channels);
        Self { channels, count: 0, products: vec![0; count * (count + 1) / 2] }
    }

    /// The sum of the products of two of the numbers.
    pub(super) fn of(&self, a: usize, b: usize) -> i64 {
        let (a, b, count) = (a.min(b), a.max(b), numbers(self.channels));
        // Every row of the triangle is one shorter than the one before.
        let before = a * count - a * a.saturating_sub(1) / 2;
        self.products.get(before + b - a).copied().unwrap_or(0)
    }

    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Adds others of the same kind.
    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.products.iter_mut().zip(&other.products).for_each(|(sum, more)| *sum += more);
    }

    /// Counts the pixels of a patch, in one of `every` rows.
    pub(super) fn add(&mut self, level: Level, patch: &Patch, every: usize) {
        level.run(Count { sums: self, patch, every });
    }
}

/// Adds the products of a patch to sums.
struct Count<'a> {
    sums: &'a mut Sums,
    patch: &'a Patch,
    every: usize,
}

impl Job for Count<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { sums, patch, every } = self;
        let [columns, rows] = patch.size;
        // [numbers, PIECE]; the first is the constant.
        let mut table = vec![0i16; numbers(sums.channels) * PIECE];
        table[..PIECE].fill(1);
        let mut filled = 0;
        for row in (0..rows).step_by(every) {
            for first in (0..columns).step_by(PIECE) {
                let count = PIECE.min(columns - first);
                if filled + count > PIECE {
                    multiply(&mut sums.products, &table, filled);
                    sums.count += filled as u64;
                    filled = 0;
                }
                read(&mut table, filled, sums.channels, patch, row, first..first + count);
                filled += count;
            }
        }
        multiply(&mut sums.products, &table, filled);
        sums.count += filled as u64;
    }
}

/// Puts the numbers of some pixels of a row at the place `at` of a table.
#[inline(always)]
fn read(table: &mut [i16], at: usize, channels: usize, patch: &Patch, row: usize, columns: std::ops::Range<usize>) {
    let [wide, high] = patch.size.map(|side| side + 2 * REACH);
    let line = |c: usize, rows: isize, shift: isize| {
        let line = c * high + (row + REACH).wrapping_add_signed(rows);
        &patch.decoded[line * wide + (columns.start + REACH).wrapping_add_signed(shift)..][..columns.len()]
    };
    let mut number = 1;
    let mut place = || {
        let start = number * PIECE + at;
        number += 1;
        start..start + columns.len()
    };
    for c in 0..channels {
        let out = &mut table[place()];
        for (out, at) in out.iter_mut().zip(line(c, 0, 0)) {
            *out = at - MIDDLE as i16;
        }
    }
    for c in 0..channels {
        for (rows, shift) in PAIRS {
            let out = &mut table[place()];
            let pairs = line(c, rows, shift).iter().zip(line(c, -rows, -shift));
            for (out, ((a, b), at)) in out.iter_mut().zip(pairs.zip(line(c, 0, 0))) {
                *out = a + b - 2 * at;
            }
        }
    }
    for c in 0..channels {
        let out = &mut table[place()];
        let original = &patch.original[(c * patch.size[1] + row) * patch.size[0] + columns.start..];
        for (out, (original, at)) in out.iter_mut().zip(original.iter().zip(line(c, 0, 0))) {
            *out = original - at;
        }
    }
}

/// Adds the products of the first `count` pixels of a table.
#[inline(always)]
fn multiply(products: &mut [i64], table: &[i16], count: usize) {
    let rows = || table.chunks_exact(PIECE).map(|row| &row[..count]);
    let mut products = products.iter_mut();
    for (i, a) in rows().enumerate() {
        for (b, product) in rows().skip(i).zip(&mut products) {
            // One sum at a time is what compilers know the instruction for.
            *product += i64::from(a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum::<i32>());
        }
    }
}
