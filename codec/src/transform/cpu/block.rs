//! A residual block as a stage of a pipeline: rows of the stream go in, and come out as soon as the row below is there.
//!
//! The convolution reads the first quarter of the channels of three rows, as integers; everything else happens at one position. A piece of
//! a row goes through the whole block at once, so that what lies between its products stays in the first caches. The stream itself
//! stays float, so errors of the integers do not add up.

use std::collections::VecDeque;

use lic_shaders::transform::{Activation, Block};
use rayon::prelude::*;

use super::kernels::{Gate, Place, Plain, Quantised, Relu, Residual, conv, dense, quantise};
use super::number::{Step, largest_bits};
use super::pack::Packed;
use crate::simd::{Job, Level, Simd};

/// Positions of a row that go through a block together: a multiple of the kernels' twelve, in the second-level cache with their weights.
const PIECE: usize = 48;

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
}

/// The first quarter of a row as integers, one position of zeros at both ends.
#[derive(Debug)]
struct Quarter {
    values: Vec<i16>,
    steps: Vec<f32>,
}

/// A block that is in use on a plane of some width.
#[derive(Debug)]
pub(super) struct BlockStage<'a> {
    block: &'a PackedBlock,
    columns: usize,
    /// Rows of the stream `[columns, channels]` that are not through yet.
    waiting: VecDeque<Vec<f32>>,
    /// Quarters from the row above the first waiting one on.
    quarters: VecDeque<Quarter>,
}

impl<'a> BlockStage<'a> {
    pub(super) fn new(block: &'a PackedBlock, columns: usize) -> Self {
        let mut stage = Self { block, columns, waiting: VecDeque::new(), quarters: VecDeque::new() };
        stage.quarters.push_back(stage.zeros());
        stage
    }

    fn zeros(&self) -> Quarter {
        let positions = self.columns + 2;
        Quarter { values: vec![0; positions * self.block.conv.depth()], steps: vec![0.0; positions] }
    }

    /// Takes the next rows, and gives those that can be finished: all that are left if these are the `last` ones.
    pub(super) fn push(&mut self, level: Level, rows: Vec<Vec<f32>>, last: bool) -> Vec<Vec<f32>> {
        let quarters: Vec<Quarter> = rows
            .par_iter()
            .map(|row| {
                let mut quarter = self.zeros();
                level.run(QuarterJob { block: self.block, row, quarter: &mut quarter });
                quarter
            })
            .collect();
        self.waiting.extend(rows);
        self.quarters.extend(quarters);
        if last {
            self.quarters.push_back(self.zeros());
        }
        let ready = self.quarters.len().saturating_sub(2).min(self.waiting.len());
        let mut rows: Vec<Vec<f32>> = self.waiting.drain(..ready).collect();
        let channels = self.block.channels;
        let mut jobs = Vec::new();
        for (y, row) in rows.iter_mut().enumerate() {
            let around: Vec<&Quarter> = self.quarters.range(y..y + 3).collect();
            for (piece, stream) in row.chunks_mut(PIECE * channels).enumerate() {
                jobs.push((piece * PIECE, stream, around.clone()));
            }
        }
        jobs.into_par_iter().for_each_init(Scratch::default, |scratch, (column, stream, around)| {
            let depth = self.block.conv.depth();
            let source = |i: usize| {
                let quarter = around.get(i)?;
                Some(Quantised { values: &quarter.values[column * depth..], depth, steps: &quarter.steps[column..] })
            };
            if let (Some(above), Some(at), Some(below)) = (source(0), source(1), source(2)) {
                level.run(BlockJob { block: self.block, rows: [above, at, below], stream, scratch });
            }
        });
        self.quarters.drain(..ready);
        rows
    }
}

/// Makes the integers of a row's first quarter.
struct QuarterJob<'a> {
    block: &'a PackedBlock,
    row: &'a [f32],
    quarter: &'a mut Quarter,
}

impl Job for QuarterJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let depth = self.block.conv.depth();
        let part = self.block.channels / 4;
        let places = self.quarter.values.chunks_exact_mut(depth).zip(&mut self.quarter.steps).skip(1);
        for (position, (values, size)) in self.row.chunks_exact(self.block.channels).zip(places) {
            let step = Step::new(largest_bits(&position[..part], 0));
            step.quantise(&position[..part], values);
            *size = step.size;
        }
    }
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
    /// `[positions, channels]`.
    stream: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl Job for BlockJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { block, rows, stream, scratch: Scratch { floats, values, steps } } = self;
        let channels = block.channels;
        let part = channels / 4;
        let count = stream.len() / channels;
        let hidden = block.project.depth();
        floats.resize(count * hidden, 0.0);
        values.resize(count * hidden, 0);
        steps.resize(count, 0.0);

        let mut finish = Plain(Place { out: floats, stride: part, outputs: part });
        conv(simd, &block.conv, &rows, count, &mut finish);
        let mixed = values.chunks_exact_mut(channels).zip(steps.iter_mut());
        let sources = floats.chunks_exact(part).zip(stream.chunks_exact(channels));
        for ((convolved, position), (values, size)) in sources.zip(mixed) {
            let step = Step::new(largest_bits(&position[part..], largest_bits(convolved, 0)));
            let (head, tail) = values.split_at_mut(part);
            step.quantise(convolved, head);
            step.quantise(&position[part..], tail);
            *size = step.size;
        }

        let input = Quantised { values: &values[..count * channels], depth: channels, steps };
        let place = Place { out: floats, stride: hidden, outputs: hidden };
        match block.activation {
            Activation::Gate => dense(simd, &block.expand, input, &mut Gate(place)),
            Activation::Relu => dense(simd, &block.expand, input, &mut Relu(place)),
        }
        quantise(floats, hidden, hidden, values, steps);
        let input = Quantised { values, depth: hidden, steps };
        dense(simd, &block.project, input, &mut Residual(Place { out: stream, stride: channels, outputs: channels }));
    }
}
