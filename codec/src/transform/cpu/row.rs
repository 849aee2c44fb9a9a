//! Rows of the stream between layers, and what the convolution of the next block will read of them.
//!
//! Whoever makes a piece of a row makes its quarter at once, while the piece is in the first cache: that saves a pass over the row and a meeting
//! of the threads for every block.

use super::kernels::{Quantised, quantise_part};
use super::pack::Packed;

/// Positions of a row that a thread takes at once.
pub(super) const PIECE: usize = 24;

/// Positions that go through all layers of a block together: as many as the kernels take at once. Their activations stay in the first-level cache, while
/// the block's weights stream by from the second level, about five bytes a cycle.
pub(super) const GROUP: usize = 12;

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
        let Quarter { depth, values, steps } = &mut self.quarter;
        let columns = self.stream.len() / channels;
        let (_, values) = values.split_at_mut(*depth);
        RowPiece { stream: &mut self.stream, depth: *depth, values, steps: &mut steps[1..][..columns] }
            .pieces(positions, channels)
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
    depth: usize,
    /// `[positions, depth]`, and perhaps more.
    values: &'a mut [i16],
    steps: &'a mut [f32],
}

impl<'a> RowPiece<'a> {
    /// Smaller pieces.
    #[inline(always)]
    pub(super) fn pieces(self, positions: usize, channels: usize) -> impl Iterator<Item = RowPiece<'a>> {
        let Self { stream, depth, mut values, steps } = self;
        let streams = stream.chunks_mut(positions * channels);
        streams.zip(steps.chunks_mut(positions)).map(move |(stream, steps)| {
            let (now, later) = std::mem::take(&mut values).split_at_mut(steps.len() * depth);
            values = later;
            RowPiece { stream, depth, values: now, steps }
        })
    }

    /// Makes the quarter of the stream.
    #[inline(always)]
    pub(super) fn finish(&mut self, channels: usize, next: Next) {
        if next.depth > 0 {
            quantise_part(self.stream, channels, next.channels, next.depth, self.values, self.steps);
        }
    }
}

/// The first `length` of a buffer that is used again and again, with anything in them.
pub(super) fn sized<T: Clone + Default>(buffer: &mut Vec<T>, length: usize) -> &mut [T] {
    if buffer.len() < length {
        buffer.resize(length, T::default());
    }
    &mut buffer[..length]
}
