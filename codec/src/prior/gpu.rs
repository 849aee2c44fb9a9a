//! The prior on the GPU: a pass is computed for all tiles of an image together and read back once.
//!
//! Tiles go into batches as large as the adapter can bind. What a pass needs of the one before stays on the GPU; decoded
//! symbols go up, means and scale indices come down.

use std::sync::Arc;

use lic_shaders::arithmetic::clamp_activation;
use lic_shaders::gpu::{
    Activations, AdapterPolicy, Batch, GainBuffers, Gpu, GpuError, Input, LayerBuffers, Level, Recorder, Store,
};
use lic_shaders::order::PASSES;
use lic_shaders::{Block, Linear, QualityIndex};

use super::progress::Progress;
use super::{Prediction, PriorEngine, PriorError, PriorWeights, Sizes, TileShape};

/// The engine for GPUs.
#[derive(Debug)]
pub struct GpuEngine {
    gpu: Arc<Gpu>,
    weights: Arc<PriorWeights>,
    network: Network,
    gains: GainBuffers,
    progress: Progress,
    runs: Vec<Run>,
    /// The largest number of positions in a batch.
    pub(super) most_positions: usize,
}

#[derive(Debug)]
struct BlockBuffers {
    conv: LayerBuffers,
    expand: LayerBuffers,
    project: LayerBuffers,
}

#[derive(Debug)]
struct Network {
    up1: LayerBuffers,
    block1: BlockBuffers,
    up2: LayerBuffers,
    block2: BlockBuffers,
    inputs: [LayerBuffers; PASSES - 1],
    blocks: [Vec<BlockBuffers>; PASSES - 1],
    heads: [LayerBuffers; PASSES],
}

/// One batch of tiles and what is kept of it between passes.
#[derive(Debug)]
struct Run {
    batch: Batch,
    tiles: Vec<TileShape>,
    features: Activations,
    feedback: Activations,
    stream: Activations,
    scratch: Scratch,
    parameters: Activations,
}

/// Buffers inside a block.
#[derive(Debug)]
struct Scratch {
    part: Activations,
    hidden: Activations,
}

impl GpuEngine {
    /// Opens an adapter and uploads the weights.
    ///
    /// # Errors
    /// There is no such adapter, or it gives no device.
    pub fn new(weights: Arc<PriorWeights>, policy: AdapterPolicy) -> Result<Self, GpuError> {
        Ok(Self::on(Arc::new(Gpu::new(policy)?), weights))
    }

    /// Uploads the weights to an open device.
    pub(crate) fn on(gpu: Arc<Gpu>, weights: Arc<PriorWeights>) -> Self {
        let quality = QualityIndex::MAX;
        let net = weights.network();
        let linear = |layer: &Linear| LayerBuffers::linear(&gpu, layer, quality);
        let block = |block: &Block| BlockBuffers {
            conv: linear(block.conv().taps()),
            expand: linear(block.expand()),
            project: linear(block.project()),
        };
        let network = Network {
            up1: linear(&net.up1),
            block1: block(&net.block1),
            up2: linear(&net.up2),
            block2: block(&net.block2),
            inputs: net.contexts.each_ref().map(|c| linear(&c.input)),
            blocks: net.contexts.each_ref().map(|c| c.blocks.iter().map(block).collect()),
            heads: net.heads.each_ref().map(|head| LayerBuffers::head(&gpu, head)),
        };
        let gains = GainBuffers::new(&gpu, &weights.gains(quality));
        let progress = Progress::new(weights.sizes());
        let Sizes { latents, hyper, hidden } = weights.sizes();
        let most_positions = gpu.most_positions(latents.max(hyper).max(2 * hidden));
        Self { gpu, weights, network, gains, progress, runs: Vec::new(), most_positions }
    }

    /// Name of the adapter, for messages.
    pub fn adapter(&self) -> &str {
        self.gpu.name()
    }

    fn set_quality(&mut self, quality: QualityIndex) {
        let net = self.weights.network();
        self.gains = GainBuffers::new(&self.gpu, &self.weights.gains(quality));
        self.network.up1.set_quality(&self.gpu, &net.up1, quality);
        for (buffers, context) in self.network.inputs.iter().zip(&net.contexts) {
            buffers.set_quality(&self.gpu, &context.input, quality);
        }
    }

    /// Uploads the hyper-latents of some tiles and records the hyper-synthesis.
    fn start(&self, tiles: &[TileShape], hyper: &[&[i16]]) -> Result<Run, GpuError> {
        let Sizes { latents, hyper: channels, hidden } = self.weights.sizes();
        let shapes: Vec<_> = tiles.iter().map(|tile| (tile.height, tile.width)).collect();
        let gpu = &self.gpu;
        let batch = Batch::new(gpu, &shapes);
        let z_shift = self.weights.network().z_shift;
        let input: Vec<i32> =
            hyper.concat().iter().map(|&z| clamp_activation(i32::from(z) << z_shift).into()).collect();
        let coarse = Activations::zeros(gpu, batch.coarse.positions(), channels);
        coarse.write(gpu, &input);
        let middle = Activations::zeros(gpu, batch.middle.positions(), hidden);
        let positions = batch.fine.positions();
        let zeros = |channels| Activations::zeros(gpu, positions, channels);
        let largest = positions.max(batch.middle.positions());
        let run = Run {
            features: zeros(hidden),
            feedback: zeros(latents),
            stream: zeros(hidden),
            scratch: Scratch {
                part: Activations::zeros(gpu, largest, hidden / 4),
                hidden: Activations::zeros(gpu, largest, 2 * hidden),
            },
            parameters: zeros(latents / 2),
            tiles: tiles.to_vec(),
            batch,
        };
        let mut recorder = Recorder::new(gpu);
        recorder.up_coarse(&self.network.up1, &run.batch, &coarse, &middle);
        block(&mut recorder, &self.network.block1, &run.batch.middle, &middle, &run.scratch);
        recorder.up_middle(&self.network.up2, &run.batch, &middle, &run.features);
        block(&mut recorder, &self.network.block2, &run.batch.fine, &run.features, &run.scratch);
        recorder.finish()?;
        Ok(run)
    }

    fn record(&self, recorder: &mut Recorder<'_>, run: &Run, pass: usize) {
        let fine = &run.batch.fine;
        let mut features = &run.features;
        if let Some(context) = pass.checked_sub(1) {
            let input = Input::Both(&run.features, &run.feedback);
            recorder.linear(&self.network.inputs[context], fine, input, Store::Activation, &run.stream);
            for layers in &self.network.blocks[context] {
                block(recorder, layers, fine, &run.stream, &run.scratch);
            }
            features = &run.stream;
        }
        recorder.head(&self.network.heads[pass], &self.gains, pass, &run.batch, features, &run.parameters);
        recorder.read(&run.parameters);
    }
}

fn block(recorder: &mut Recorder<'_>, layers: &BlockBuffers, level: &Level, stream: &Activations, scratch: &Scratch) {
    recorder.partial(&layers.conv, level, stream, &scratch.part);
    let mixed = Input::Replacing(&scratch.part, stream);
    recorder.linear(&layers.expand, level, mixed, Store::Relu, &scratch.hidden);
    recorder.linear(&layers.project, level, Input::One(&scratch.hidden), Store::Residual, stream);
}

impl PriorEngine for GpuEngine {
    fn begin(&mut self, tiles: &[TileShape], quality: QualityIndex, hyper: &[&[i16]]) -> Result<(), PriorError> {
        self.runs.clear();
        self.progress.begin(tiles, hyper)?;
        self.set_quality(quality);
        let most = self.most_positions;
        let mut first = 0;
        while first < tiles.len() {
            let mut end = first;
            let mut positions = 0;
            while let Some(tile) = tiles.get(end) {
                positions += Batch::cost((tile.height, tile.width));
                if positions > most {
                    break;
                }
                end += 1;
            }
            if end == first {
                let adapter = self.gpu.name().into();
                return Err(GpuError::TileTooLarge { adapter, positions, most }.into());
            }
            self.runs.push(self.start(&tiles[first..end], &hyper[first..end])?);
            first = end;
        }
        Ok(())
    }

    fn predict(&mut self) -> Result<&[Prediction], PriorError> {
        let pass = self.progress.to_predict()?;
        let part = self.weights.sizes().latents / PASSES;
        let mut recorder = Recorder::new(&self.gpu);
        for run in &self.runs {
            self.record(&mut recorder, run, pass);
        }
        let mut predictions = Vec::new();
        for (run, values) in self.runs.iter().zip(recorder.finish()?) {
            let mut rest = values.as_slice();
            for tile in &run.tiles {
                let (values, later) = rest.split_at(tile.positions() * 2 * part);
                rest = later;
                let mut prediction = Prediction::default();
                for position in values.chunks_exact(2 * part) {
                    let (means, indices) = position.split_at(part);
                    prediction.mean64.extend_from_slice(means);
                    prediction.index.extend(indices.iter().map(|&i| i as u8));
                }
                predictions.push(prediction);
            }
        }
        Ok(self.progress.predicted(predictions))
    }

    fn accept(&mut self, symbols: &[Vec<i16>]) -> Result<(), PriorError> {
        let pass = self.progress.to_accept(symbols)?;
        if pass + 1 < PASSES {
            let mut recorder = Recorder::new(&self.gpu);
            let mut tiles = symbols.iter();
            for run in &self.runs {
                let symbols: Vec<i16> = tiles.by_ref().take(run.tiles.len()).flatten().copied().collect();
                recorder.feedback(&self.gains, pass, &run.batch, &symbols, &run.parameters, &run.feedback);
            }
            recorder.finish()?;
        }
        self.progress.accepted(pass, symbols);
        Ok(())
    }

    fn finish(&mut self) -> Result<Vec<Vec<i32>>, PriorError> {
        self.runs.clear();
        self.progress.finish()
    }
}
