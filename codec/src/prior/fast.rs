//! The prior on the CPU with SIMD, rows of a tile in parallel. The same numbers as `scalar`, some hundred times faster.

use std::cell::RefCell;
use std::sync::Arc;

use lic_shaders::gain::GainRow;
use lic_shaders::order::PASSES;
use lic_shaders::{Block, QualityIndex};
use rayon::prelude::*;

use super::cpu::{CpuEngine, CpuNetwork, forward_engine};
use super::jobs::{BlockJob, BlockScratch, FeedbackJob, HeadJob, LinearJob, PackedBlock, Padded, UpJob, spread_hyper};
use super::kernels::Source;
use super::pack::{Packed, even};
use super::{Prediction, PriorWeights, Sizes, TileShape};
use crate::simd::Level;

/// Positions a thread takes at once: enough to use every loaded weight often, few enough to stay in the second-level cache.
const BAND: usize = 96;

thread_local! {
    static SCRATCH: RefCell<BlockScratch> = RefCell::default();
}

/// The engine for CPUs.
#[derive(Debug)]
pub struct FastEngine(CpuEngine<Fast>);

impl FastEngine {
    /// An engine over loaded weights, which are repacked here; uses the best instructions this machine has.
    pub fn new(weights: Arc<PriorWeights>) -> Self {
        Self::with_level(weights, Level::detect())
    }

    pub(super) fn with_level(weights: Arc<PriorWeights>, level: Level) -> Self {
        Self(CpuEngine::new(Fast::new(weights, level)))
    }
}

forward_engine!(FastEngine);

#[derive(Debug)]
struct Fast {
    weights: Arc<PriorWeights>,
    level: Level,
    gains: GainRow,
    up1: Packed,
    block1: PackedBlock,
    up2: Packed,
    block2: PackedBlock,
    inputs: [Packed; PASSES - 1],
    blocks: [Vec<PackedBlock>; PASSES - 1],
    heads: [[Packed; 4]; PASSES],
}

/// A tile between passes.
#[derive(Debug)]
struct State {
    shape: TileShape,
    /// `[height, width, H]`.
    features: Vec<i16>,
    /// `[height, width, M]`.
    feedback: Vec<i16>,
}

impl Fast {
    fn new(weights: Arc<PriorWeights>, level: Level) -> Self {
        let quality = QualityIndex::MAX;
        let Sizes { latents, hyper, hidden } = weights.sizes();
        let net = weights.network();
        let block = |block: &Block| PackedBlock {
            channels: hidden,
            conv: Packed::new(block.conv().taps(), &[hidden / 4; 9], quality),
            expand: Packed::new(block.expand(), &[hidden], quality),
            project: Packed::new(block.project(), &[2 * hidden], quality),
        };
        Self {
            level,
            gains: weights.gains(quality),
            up1: Packed::new(&net.up1, &[hyper], quality),
            block1: block(&net.block1),
            up2: Packed::new(&net.up2, &[hidden], quality),
            block2: block(&net.block2),
            inputs: net.contexts.each_ref().map(|c| Packed::new(&c.input, &[hidden, latents], quality)),
            blocks: net.contexts.each_ref().map(|c| c.blocks.iter().map(block).collect()),
            heads: net.heads.each_ref().map(|h| h.groups().each_ref().map(|g| Packed::new(g, &[hidden], quality))),
            weights,
        }
    }

    /// Blocks one behind the other on a plane of `width` columns, in place.
    fn blocks(&self, blocks: &[PackedBlock], stream: &mut [i16], width: usize) {
        let Some(first) = blocks.first() else { return };
        let channels = first.channels;
        let shape = Padded { width, height: stream.len() / (width * channels), part: even(channels / 4) };
        let (mut padded, mut next) = (shape.zeros(), shape.zeros());
        let rows = BAND.div_ceil(width);
        let inside = shape.inside(&mut padded, rows);
        inside.zip(stream.par_chunks(rows * width * channels)).for_each(|(to, from)| shape.fill(to, from, channels));
        for (number, block) in blocks.iter().enumerate() {
            let last = number + 1 == blocks.len();
            let bands = stream.par_chunks_mut(rows * width * channels).zip(shape.inside(&mut next, rows)).enumerate();
            // Bands are large, so threads may take them one by one.
            bands.with_max_len(1).for_each(|(band, (stream, next))| {
                let next = (!last).then_some(next);
                SCRATCH.with_borrow_mut(|scratch| {
                    let first_row = band * rows;
                    self.level.run(BlockJob { block, padded: &padded, shape, first_row, stream, next, scratch });
                });
            });
            std::mem::swap(&mut padded, &mut next);
        }
    }

    /// Up-samples a plane of `from` columns with `channels` (even) channels to a plane of the size `to`.
    fn up(&self, layer: &Packed, input: &[i16], channels: usize, from: usize, to: TileShape) -> Vec<i16> {
        let outputs = layer.outputs() / 4;
        let mut out = vec![0; to.positions() * outputs];
        out.par_chunks_mut(2 * to.width * outputs).enumerate().with_max_len(1).for_each(|(row, rows)| {
            let source = Source { data: input, start: row * from * channels, stride: channels, length: channels };
            self.level.run(UpJob { layer, source, rows, width: to.width });
        });
        out
    }

    /// The input layer of pass 1..=3.
    fn input(&self, layer: &Packed, state: &State) -> Vec<i16> {
        let Sizes { latents, hidden, .. } = self.weights.sizes();
        let mut out = vec![0; state.features.len()];
        out.par_chunks_mut(BAND * hidden).enumerate().with_max_len(1).for_each(|(band, out)| {
            let source =
                |data, channels| Source { data, start: band * BAND * channels, stride: channels, length: channels };
            let sources = [source(&state.features, hidden), source(&state.feedback, latents)];
            self.level.run(LinearJob { layer, sources: &sources, out });
        });
        out
    }
}

impl CpuNetwork for Fast {
    type State = State;

    fn sizes(&self) -> Sizes {
        self.weights.sizes()
    }

    fn set_quality(&mut self, quality: QualityIndex) {
        let net = self.weights.network();
        self.gains = self.weights.gains(quality);
        self.up1.set_quality(&net.up1, quality);
        for (packed, context) in self.inputs.iter_mut().zip(&net.contexts) {
            packed.set_quality(&context.input, quality);
        }
    }

    fn begin(&self, shape: TileShape, hyper: &[i16]) -> State {
        let Sizes { latents, hyper: channels, hidden } = self.sizes();
        let coarse = shape.hyper();
        let middle = TileShape { height: 2 * coarse.height, width: 2 * coarse.width };
        let padded = even(channels);
        let input = spread_hyper(hyper, channels, padded, self.weights.network().z_shift);
        let mut stream = self.up(&self.up1, &input, padded, coarse.width, middle);
        self.blocks(std::slice::from_ref(&self.block1), &mut stream, middle.width);
        let mut features = self.up(&self.up2, &stream, hidden, middle.width, shape);
        self.blocks(std::slice::from_ref(&self.block2), &mut features, shape.width);
        State { shape, features, feedback: vec![0; shape.positions() * latents] }
    }

    fn predict(&self, state: &State, pass: usize) -> Prediction {
        let Sizes { latents, hidden, .. } = self.sizes();
        let width = state.shape.width;
        let mut stream = Vec::new();
        if let Some(context) = pass.checked_sub(1) {
            stream = self.input(&self.inputs[context], state);
            self.blocks(&self.blocks[context], &mut stream, width);
        }
        let features = if pass == 0 { &state.features } else { &stream };
        let coded = state.shape.positions() * latents / 4;
        let mut prediction = Prediction { mean64: vec![0; coded], index: vec![0; coded] };
        let row_length = width * latents / 4;
        let outputs = prediction.mean64.par_chunks_mut(row_length).zip(prediction.index.par_chunks_mut(row_length));
        let rows = features.par_chunks(width * hidden).zip(outputs).enumerate();
        rows.with_max_len(1).for_each(|(row, (stream, (mean64, index)))| {
            let (groups, gains) = (&self.heads[pass], &self.gains);
            self.level.run(HeadJob { groups, gains, pass, row, stream, channels: hidden, mean64, index });
        });
        prediction
    }

    fn feed_back(&self, state: &mut State, pass: usize, symbols: &[i16], prediction: &Prediction) {
        let latents = self.sizes().latents;
        let width = state.shape.width;
        let coded = symbols.par_chunks(width * latents / 4).zip(prediction.mean64.par_chunks(width * latents / 4));
        let rows = state.feedback.par_chunks_mut(width * latents).zip(coded).enumerate();
        rows.for_each(|(row, (feedback, (symbols, mean64)))| {
            self.level.run(FeedbackJob { gains: &self.gains, pass, row, symbols, mean64, feedback, latents });
        });
    }
}
