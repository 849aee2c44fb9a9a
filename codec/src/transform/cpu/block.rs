//! A residual block as a stage of a pipeline: rows of the stream go in, and come out as soon as the row below is there.
//!
//! The convolution reads the first quarter of the channels of three rows, as integers; everything else happens at one position. A piece of
//! a row goes through the whole block at once, so that what lies between its products stays in the first caches. The stream itself
//! stays float, so errors of the integers do not add up.

use std::cell::RefCell;
use std::collections::VecDeque;

use lic_shaders::transform::{Activation, Block};
use rayon::prelude::*;

use super::kernels::{Gate, Place, Plain, Quantised, Relu, Residual, conv, dense, quantise};
use super::number::{Step, largest_bits};
use super::pack::Packed;
use super::row::{GROUP, Next, PIECE, Quarter, Row, RowPiece, sized};
use crate::simd::{Job, Level, Simd};

/// The layers of a block, packed.
#[derive(Debug, Clone)]
pub(super) struct PackedBlock {
    pub(super) channels: usize,
    conv: Packed,
    expand: Packed,
    activation: Activation,
    project: Packed,
}

impl PackedBlock {
    pub(super) fn new(block: &Block) -> Self {
        let expand = match block.activation {
            Activation::Gate => Packed::dense_pairs(&block.expand),
            Activation::Relu => Packed::dense(&block.expand),
        };
        Self {
            channels: block.channels(),
            conv: Packed::conv(&block.conv),
            expand,
            activation: block.activation,
            project: Packed::dense(&block.project),
        }
    }

    /// What the first of some blocks reads of its input, if there is one.
    pub(super) fn first(blocks: &[Self]) -> Next {
        blocks.first().map(Self::input).unwrap_or_default()
    }

    /// What it reads of its input.
    pub(super) fn input(&self) -> Next {
        Next::conv(&self.conv, self.channels / 4)
    }
}

/// A block that is in use on a plane of some width.
#[derive(Debug)]
pub(super) struct BlockStage<'a> {
    block: &'a PackedBlock,
    /// What comes behind it.
    next: Next,
    columns: usize,
    /// Rows of the stream `[columns, channels]` that are not through yet.
    waiting: VecDeque<Vec<f32>>,
    /// Quarters from the row above the first waiting one on.
    quarters: VecDeque<Quarter>,
}

impl<'a> BlockStage<'a> {
    pub(super) fn new(block: &'a PackedBlock, next: Next, columns: usize) -> Self {
        let quarters = VecDeque::from([block.input().zeros(columns)]);
        Self { block, next, columns, waiting: VecDeque::new(), quarters }
    }

    /// Blocks one behind the other.
    pub(super) fn chain(blocks: &'a [PackedBlock], columns: usize) -> Vec<Self> {
        let next = blocks.iter().skip(1).map(PackedBlock::input).chain([Next::default()]);
        blocks.iter().zip(next).map(|(block, next)| Self::new(block, next, columns)).collect()
    }

    /// Takes the next rows, and gives those that can be finished: all that are left if these are the `last` ones.
    pub(super) fn push(&mut self, level: Level, rows: Vec<Row>, last: bool) -> Vec<Row> {
        for Row { stream, quarter } in rows {
            self.waiting.push_back(stream);
            self.quarters.push_back(quarter);
        }
        if last {
            self.quarters.push_back(self.block.input().zeros(self.columns));
        }
        let ready = self.quarters.len().saturating_sub(2).min(self.waiting.len());
        let row = |stream| Row { stream, quarter: self.next.zeros(self.columns) };
        let mut rows: Vec<Row> = self.waiting.drain(..ready).map(row).collect();
        let (block, next) = (self.block, self.next);
        let mut jobs = Vec::new();
        for (y, row) in rows.iter_mut().enumerate() {
            let around = [0, 1, 2].map(|i| self.quarters.get(y + i));
            let [Some(above), Some(at), Some(below)] = around else { break };
            for (number, piece) in row.pieces(PIECE, block.channels).enumerate() {
                jobs.push((number * PIECE, piece, [above, at, below]));
            }
        }
        // Jobs are large, so threads may take them one by one.
        jobs.into_par_iter().with_max_len(1).for_each(|(column, piece, around)| {
            let rows = around.map(|quarter| quarter.from(column));
            SCRATCH.with_borrow_mut(|scratch| level.run(BlockJob { block, rows, piece, next, scratch }));
        });
        self.quarters.drain(..ready);
        rows
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Memory of a thread, used again from piece to piece.
#[derive(Debug, Default)]
struct Scratch {
    floats: Vec<f32>,
    values: Vec<i16>,
    steps: Vec<f32>,
}

/// A piece of a row through the whole block, in place.
struct BlockJob<'a> {
    block: &'a PackedBlock,
    rows: [Quantised<'a>; 3],
    piece: RowPiece<'a>,
    next: Next,
    scratch: &'a mut Scratch,
}

impl Job for BlockJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { block, rows, piece, next, scratch } = self;
        for (number, mut group) in piece.pieces(GROUP, block.channels).enumerate() {
            let rows = rows.map(|row| row.from(number * GROUP));
            through(simd, block, &rows, group.stream, scratch);
            group.finish(block.channels, next);
        }
    }
}

/// Some positions through a block, in place; `rows` begin one position to the left.
#[inline(always)]
fn through<S: Simd>(
    simd: S,
    block: &PackedBlock,
    rows: &[Quantised<'_>; 3],
    stream: &mut [f32],
    scratch: &mut Scratch,
) {
    let channels = block.channels;
    let part = channels / 4;
    let count = stream.len() / channels;
    let hidden = block.project.depth();
    let floats = sized(&mut scratch.floats, count * hidden);
    let values = sized(&mut scratch.values, count * hidden);
    let steps = sized(&mut scratch.steps, count);

    conv(simd, &block.conv, rows, count, &mut Plain(Place { out: floats, stride: part, outputs: part }));
    let mixed = values.chunks_exact_mut(channels).zip(steps.iter_mut());
    let sources = floats.chunks_exact(part).zip(stream.chunks_exact(channels));
    for ((convolved, position), (values, size)) in sources.zip(mixed) {
        let step = Step::new(largest_bits(&position[part..], largest_bits(convolved, 0)));
        let (head, tail) = values.split_at_mut(part);
        step.quantise(convolved, head);
        step.quantise(&position[part..], tail);
        *size = step.size;
    }

    let input = Quantised { values: &values[..count * channels], depth: channels, steps: &*steps };
    let place = Place { out: floats, stride: hidden, outputs: hidden };
    match block.activation {
        Activation::Gate => dense(simd, &block.expand, input, &mut Gate(place)),
        Activation::Relu => dense(simd, &block.expand, input, &mut Relu(place)),
    }
    quantise(floats, hidden, hidden, values, steps);
    let input = Quantised { values, depth: hidden, steps };
    dense(simd, &block.project, input, &mut Residual(Place { out: stream, stride: channels, outputs: channels }));
}
