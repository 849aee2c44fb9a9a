//! Rows of the stream between layers, and what the convolution of the next block will read of them.
//!
//! Whoever makes a piece of a row makes its quarter at once, while the piece is in the first cache: that saves a pass over the row and a meeting
//! of the threads for every block.

use super::kernels::{Quantised, quantise_part};
use super::pack::Packed;
use crate::simd::Simd;

/// Positions of a row that go through a layer together: a multiple of the kernels' twelve, in the second-level cache with their weights.
pub(super) const PIECE: usize = 48;

/// What the next layer reads of a row besides the stream: so many of the first channels, as integers. None for a layer that is no block.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Next {
    channels: usize,
    /// The same, even.
    depth: usize,
}

impl Next {
    /// Before a block with this convolution on the first `channels`.
    pub(super) fn conv(layer: &Packed, channels: usize) -> Self {
        Self { channels, depth: layer.depth() }
    }

    /// A row of zeros.
    pub(super) fn zeros(self, columns: usize) -> Quarter {
        let positions = columns + 2;
        Quarter { depth: self.depth, values: vec![0; positions * self.depth], steps: vec![0.0; positions] }
    }
}

/// The first quarter of a row as integers, one position of zeros at both ends.
#[derive(Debug, Default)]
pub(super) struct Quarter {
    pub(super) depth: usize,
    pub(super) values: Vec<i16>,
    pub(super) steps: Vec<f32>,
}

impl Quarter {
    /// From the position to the left of a column on.
    pub(super) fn from(&self, column: usize) -> Quantised<'_> {
        Quantised { values: &self.values[column * self.depth..], depth: self.depth, steps: &self.steps[column..] }
    }
}

/// The stream at a row `[columns, channels]`, with its quarter.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) stream: Vec<f32>,
    pub(super) quarter: Quarter,
}

impl Row {
    /// A row to be filled.
    pub(super) fn new(columns: usize, channels: usize, next: Next) -> Self {
        Self { stream: vec![0.0; columns * channels], quarter: next.zeros(columns) }
    }

    /// Pieces of so many positions.
    pub(super) fn pieces(&mut self, positions: usize, channels: usize) -> impl Iterator<Item = RowPiece<'_>> {
        pieces(&mut self.stream, &mut self.quarter, positions, channels)
    }
}

impl AsRef<[f32]> for Row {
    fn as_ref(&self) -> &[f32] {
        &self.stream
    }
}

/// Some positions of a row.
#[derive(Debug)]
pub(super) struct RowPiece<'a> {
    /// `[positions, channels]`.
    pub(super) stream: &'a mut [f32],
    values: &'a mut [i16],
    steps: &'a mut [f32],
}

impl RowPiece<'_> {
    /// Makes the quarter of the stream.
    #[inline(always)]
    pub(super) fn finish<S: Simd>(&mut self, simd: S, channels: usize, next: Next) {
        if next.depth > 0 {
            quantise_part(simd, self.stream, channels, next.channels, next.depth, self.values, self.steps);
        }
    }
}

/// A stream in pieces of so many positions, each with its part of the quarter.
pub(super) fn pieces<'a>(
    stream: &'a mut [f32],
    quarter: &'a mut Quarter,
    positions: usize,
    channels: usize,
) -> impl Iterator<Item = RowPiece<'a>> {
    let Quarter { depth, values, steps } = quarter;
    let depth = *depth;
    let columns = steps.len().saturating_sub(2);
    let (_, mut values) = values.split_at_mut(depth);
    let streams = stream.chunks_mut(positions * channels);
    streams.zip(steps[1..][..columns].chunks_mut(positions)).map(move |(stream, steps)| {
        let (now, later) = std::mem::take(&mut values).split_at_mut(steps.len() * depth);
        values = later;
        RowPiece { stream, values: now, steps }
    })
}

/// The first `length` of a buffer that is used again and again, with anything in them.
pub(super) fn sized<T: Clone + Default>(buffer: &mut Vec<T>, length: usize) -> &mut [T] {
    if buffer.len() < length {
        buffer.resize(length, T::default());
    }
    &mut buffer[..length]
}
