//! Samples, signals or gradients of a picture as three planes, one after the other, with room for what filters read beyond its edges.

use super::Pool;
use crate::filters::smoothing::PATCH;

/// Pixels that filters handle together.
pub(super) const LANES: usize = 16;

/// Colours, or signals.
pub(super) const COLOURS: usize = 3;

/// Three planes [3, height, width] with a border on all sides.
#[derive(Debug)]
pub(super) struct Planes {
    pub(super) height: usize,
    pub(super) width: usize,
    border: usize,
    /// From a row to the next; a row has room for whole lanes.
    pub(super) stride: usize,
    pub(super) data: Vec<f32>,
}

impl Planes {
    /// Of a size, with a border; what they hold means nothing yet.
    pub(super) fn new([height, width]: [usize; 2], border: usize, pool: &mut Pool) -> Self {
        let stride = width.next_multiple_of(LANES) + 2 * border;
        let data = pool.take(COLOURS * (height + 2 * border) * stride);
        Self { height, width, border, stride, data }
    }

    pub(super) fn give(self, pool: &mut Pool) {
        pool.give(self.data);
    }

    /// The place of a pixel of a plane, which may lie in the border.
    #[inline(always)]
    pub(super) fn at(&self, plane: usize, row: isize, column: isize) -> usize {
        let row = row.wrapping_add_unsigned(plane * (self.height + 2 * self.border) + self.border);
        (row * self.stride as isize + column.wrapping_add_unsigned(self.border)) as usize
    }

    /// So many pixels from a place on.
    #[inline(always)]
    pub(super) fn lanes<const N: usize>(&self, place: usize) -> &[f32; N] {
        &self.data[place..].as_chunks().0[0]
    }

    /// Takes patches [rows, columns, 192], changed by `of`; what lies outside of them or of the planes is left out.
    pub(super) fn read(&mut self, patches: &[f32], size: [usize; 2], of: impl Fn(f32) -> f32) {
        let (width, stride) = (self.width, self.stride);
        for (row, line) in lines(patches, size).enumerate().take(self.height) {
            let first = [0, 1, 2].map(|plane| self.at(plane, row as isize, 0));
            for (patch, pixels) in line.enumerate() {
                let columns = patch * PATCH..width.min((patch + 1) * PATCH);
                for (column, pixel) in columns.zip(pixels.as_chunks::<COLOURS>().0) {
                    for (first, value) in first.iter().zip(pixel) {
                        self.data[first + column] = of(*value);
                    }
                }
            }
            // Lanes beyond the width are computed and never read.
            for first in first {
                self.data[first + width..first + width.next_multiple_of(LANES).min(stride)].fill(0.0);
            }
        }
    }

    /// Gives them to patches [rows, columns, 192], changed by `of`; patches keep what they have beyond the planes.
    pub(super) fn write(&self, patches: &mut [f32], [rows, columns]: [usize; 2], of: impl Fn(f32) -> f32) {
        for row in 0..self.height.min(rows * PATCH) {
            let first = [0, 1, 2].map(|plane| self.at(plane, row as isize, 0));
            for patch in 0..columns {
                let start = line_of_patch(row, patch, columns);
                let columns = patch * PATCH..self.width.min((patch + 1) * PATCH);
                let pixels = patches[start..start + PATCH * COLOURS].as_chunks_mut::<COLOURS>().0;
                for (column, pixel) in columns.zip(pixels) {
                    for (first, value) in first.iter().zip(pixel) {
                        *value = of(self.data[first + column]);
                    }
                }
            }
        }
    }

    /// Lets the border have what lies at the edges.
    pub(super) fn extend(&mut self) {
        let (height, width, border) = (self.height as isize, self.width as isize, self.border as isize);
        for plane in 0..COLOURS {
            for row in 0..height {
                let start = self.at(plane, row, -border);
                let line = &mut self.data[start..start + self.stride];
                let (first, last) = (line[self.border], line[self.border + self.width - 1]);
                line[..self.border].fill(first);
                line[self.border + self.width..].fill(last);
            }
            for row in (-border..0).chain(height..height + border) {
                let [from, to] = [row.clamp(0, height - 1), row].map(|row| self.at(plane, row, -border));
                self.data.copy_within(from..from + self.stride, to);
            }
            debug_assert!(width > 0 && height > 0);
        }
    }

    /// Gives the edges what gradients have gathered in the border.
    pub(super) fn gather(&mut self) {
        let (height, border) = (self.height as isize, self.border as isize);
        for plane in 0..COLOURS {
            for row in (-border..0).chain(height..height + border) {
                let [from, to] = [row, row.clamp(0, height - 1)].map(|row| self.at(plane, row, -border));
                for i in 0..self.stride {
                    self.data[to + i] += self.data[from + i];
                }
            }
            for row in 0..height {
                let start = self.at(plane, row, -border);
                let line = &mut self.data[start..start + self.stride];
                line[self.border] += line[..self.border].iter().sum::<f32>();
                line[self.border + self.width - 1] += line[self.border + self.width..].iter().sum::<f32>();
            }
        }
    }
}

/// Where a line of a patch begins in patches [rows, columns, 192].
fn line_of_patch(row: usize, patch: usize, columns: usize) -> usize {
    ((row / PATCH * columns + patch) * PATCH + row % PATCH) * PATCH * COLOURS
}

/// The lines of pixels of patches [rows, columns, 192], each as its patches' lines.
fn lines(patches: &[f32], [rows, columns]: [usize; 2]) -> impl Iterator<Item = impl Iterator<Item = &[f32]>> {
    (0..rows * PATCH).map(move |row| {
        (0..columns).map(move |patch| &patches[line_of_patch(row, patch, columns)..][..PATCH * COLOURS])
    })
}
