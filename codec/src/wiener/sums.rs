//! [`Sums`]: what a fit needs to know of a picture, as exact integers: the order of adding does not count, nor the machine.

use super::{MIDDLE, PAIRS, REACH, features};
use crate::samples::Samples;
use crate::samples::eight_bits;
use crate::simd::{Job, Level, Simd};

/// Pixels whose products are summed in 32 bits: each is below 2^18, as features are 510 at most.
const PIECE: usize = 512;

/// Sums over pixels of the products of each two of: features of the samples as they are (red, green, blue, not opponent), then errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sums {
    channels: usize,
    /// Pixels.
    pub(super) count: u64,
    /// The upper triangle of a symmetric matrix [features + channels, features + channels].
    products: Vec<i64>,
}

/// A rectangle of pixels in a decoded picture, with at least `REACH` pixels around it, and where it lies in the original.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patch {
    /// First column and row.
    pub(super) decoded: [usize; 2],
    pub(super) original: [usize; 2],
    /// Columns and rows.
    pub(super) size: [usize; 2],
}

/// A picture's samples and how many there are in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane<T> {
    pub(super) samples: T,
    pub(super) stride: usize,
}

impl Sums {
    pub(super) fn new(channels: usize) -> Self {
        let count = features(channels) + channels;
        Self { channels, count: 0, products: vec![0; count * (count + 1) / 2] }
    }

    /// The sum of the products of two of the numbers.
    pub(super) fn of(&self, a: usize, b: usize) -> i64 {
        let (a, b, count) = (a.min(b), a.max(b), features(self.channels) + self.channels);
        // Rows of the triangle are one shorter each.
        let row = a * count - a * a.saturating_sub(1) / 2;
        self.products.get(row + b - a).copied().unwrap_or(0)
    }

    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Adds others of the same kind.
    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.products.iter_mut().zip(&other.products).for_each(|(sum, more)| *sum += more);
    }

    /// Counts the pixels of a patch.
    pub(super) fn add(&mut self, level: Level, patch: &Patch, decoded: Plane<&[u8]>, original: Plane<&Samples>) {
        let [width, height] = patch.size;
        let mut pixels = Pixels::new(self.channels);
        for row in 0..height {
            for first in (0..width).step_by(PIECE) {
                let columns = first..(first + PIECE).min(width);
                if pixels.count + columns.len() > PIECE {
                    self.take(level, &mut pixels);
                }
                pixels.read(patch, row, columns, decoded, original);
            }
        }
        self.take(level, &mut pixels);
    }

    fn take(&mut self, level: Level, pixels: &mut Pixels) {
        self.count += pixels.count as u64;
        level.run(Multiply { products: &mut self.products, pixels });
        pixels.count = 0;
    }
}

/// Features and errors of up to [`PIECE`] pixels.
struct Pixels {
    channels: usize,
    /// [features + channels, PIECE].
    numbers: Vec<i16>,
    count: usize,
}

impl Pixels {
    fn new(channels: usize) -> Self {
        let mut numbers = vec![0; (features(channels) + channels) * PIECE];
        numbers[..PIECE].fill(1);
        Self { channels, numbers, count: 0 }
    }

    /// Reads pixels of a row of a patch.
    fn read(
        &mut self,
        patch: &Patch,
        row: usize,
        columns: std::ops::Range<usize>,
        decoded: Plane<&[u8]>,
        original: Plane<&Samples>,
    ) {
        let (channels, count) = (self.channels, columns.len());
        let places = self.count..self.count + count;
        self.count += count;
        let line = |rows: isize, shift: isize, c: usize| {
            let line = (patch.decoded[1] + row).wrapping_add_signed(rows) * decoded.stride;
            let start = line + (patch.decoded[0] + columns.start).wrapping_add_signed(shift) * channels + c;
            decoded.samples[start..].iter().step_by(channels).map(|&sample| i16::from(sample))
        };
        let mut numbers = self.numbers.chunks_exact_mut(PIECE).map(|numbers| &mut numbers[places.clone()]).skip(1);
        for c in 0..channels {
            let Some(numbers) = numbers.next() else { return };
            numbers.iter_mut().zip(line(0, 0, c)).for_each(|(to, sample)| *to = sample - MIDDLE as i16);
        }
        for c in 0..channels {
            for (rows, shift) in PAIRS {
                let Some(numbers) = numbers.next() else { return };
                let around = line(rows, shift, c).zip(line(-rows, -shift, c)).zip(line(0, 0, c));
                numbers.iter_mut().zip(around).for_each(|(to, ((a, b), at))| *to = a + b - 2 * at);
            }
        }
        let start = (patch.original[1] + row) * original.stride + (patch.original[0] + columns.start) * channels;
        for c in 0..channels {
            let Some(numbers) = numbers.next() else { return };
            let decoded = line(0, 0, c);
            match original.samples {
                Samples::Eight(samples) => {
                    let samples = samples[start + c..].iter().step_by(channels);
                    numbers.iter_mut().zip(samples.zip(decoded)).for_each(|(to, (&o, d))| *to = i16::from(o) - d);
                }
                Samples::Deep(depth, samples) => {
                    let samples = samples[start + c..].iter().step_by(channels).map(|&o| eight_bits(o, *depth));
                    numbers.iter_mut().zip(samples.zip(decoded)).for_each(|(to, (o, d))| *to = i16::from(o) - d);
                }
            }
        }
    }
}

/// Adds the products of some pixels.
struct Multiply<'a> {
    products: &'a mut [i64],
    pixels: &'a Pixels,
}

impl Job for Multiply<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        // Whole vectors: what lies behind the last pixel is left from before, so it is cut off.
        let count = self.pixels.count;
        let mut products = self.products.iter_mut();
        let rows = || self.pixels.numbers.chunks_exact(PIECE).map(|numbers| &numbers[..count]);
        for (i, a) in rows().enumerate() {
            for (b, product) in rows().skip(i).zip(&mut products) {
                let mut sum = 0i32;
                for (&a, &b) in a.iter().zip(b) {
                    sum += i32::from(a) * i32::from(b);
                }
                *product += i64::from(sum);
            }
        }
    }
}

const _: () = assert!(REACH > 0 && 510 * 510 * PIECE as i64 <= i32::MAX as i64);
