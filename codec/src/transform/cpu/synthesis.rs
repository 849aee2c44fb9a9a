//! Synthesis as a pipeline: rows of latents in, rows of patches out, without any row computed twice.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use lic_shaders::transform::{Dense, Synthesis, at_quality};

use super::block::{BlockStage, PackedBlock};
use super::layers;
use super::pack::Packed;
use super::row::Row;
use crate::format::ColourModel;
use crate::samples::Sample;
use crate::simd::Level;

/// The layers, packed.
#[derive(Debug)]
pub(super) struct PackedSynthesis {
    stem: Packed,
    blocks16: Vec<PackedBlock>,
    up: [Packed; 4],
    gain: Vec<f32>,
    blocks8: Vec<PackedBlock>,
    /// To red, green and blue.
    colour: Packed,
    /// To their mean.
    grey: Packed,
}

impl PackedSynthesis {
    pub(super) fn new(net: &Synthesis) -> Self {
        let quadrant = |q: usize| Packed::dense(&columns(&net.up, q * net.up.outputs / 4, net.up.outputs / 4));
        Self {
            stem: Packed::dense(&net.stem),
            blocks16: net.blocks16.iter().map(PackedBlock::new).collect(),
            up: [quadrant(0), quadrant(1), quadrant(2), quadrant(3)],
            gain: net.gain.clone(),
            blocks8: net.blocks8.iter().map(PackedBlock::new).collect(),
            colour: Packed::dense(&net.head),
            grey: Packed::dense(&net.head.mean_of_colours()),
        }
    }
}

/// A synthesis that is packed when it is needed. Not a `LazyLock`, which is locked while it packs: packing uses the pool, and a thread of it that waits
/// may take up another picture, which needs the synthesis, too.
pub(super) struct LazySynthesis {
    /// Until it is packed.
    net: Mutex<Option<Arc<Synthesis>>>,
    packed: OnceLock<PackedSynthesis>,
}

impl LazySynthesis {
    pub(super) fn new(net: Synthesis) -> Self {
        Self { net: Mutex::new(Some(Arc::new(net))), packed: OnceLock::new() }
    }

    /// The packed layers. Two that ask for the first time at once may both pack.
    pub(super) fn get(&self) -> &PackedSynthesis {
        loop {
            if let Some(packed) = self.packed.get() {
                return packed;
            }
            let net = self.net.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(net) = net {
                let packed = PackedSynthesis::new(&net);
                self.packed.get_or_init(|| packed);
                *self.net.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
        }
    }
}

/// Some output channels of a layer.
fn columns(layer: &Dense, first: usize, count: usize) -> Dense {
    let cut = |row: &[f32]| row.iter().skip(first).take(count).copied().collect::<Vec<f32>>();
    Dense {
        inputs: layer.inputs,
        outputs: count,
        weight: layer.weight.chunks_exact(layer.outputs).flat_map(cut).collect(),
        bias: cut(&layer.bias),
    }
}

/// A synthesis that is under way on a plane of some width. Its two halves, about equal in work, may run at the same time on different rows.
#[derive(Debug)]
pub(super) struct SynthesisPipeline<'a> {
    pub(super) coarse: Coarse<'a>,
    pub(super) fine: Fine<'a>,
}

/// The layers at 1/16 of the picture's resolution, up to the first rows at 1/8.
#[derive(Debug)]
pub(super) struct Coarse<'a> {
    net: &'a PackedSynthesis,
    level: Level,
    /// Of this quality.
    gain: Vec<f32>,
    blocks: Vec<BlockStage<'a>>,
}

/// The layers at 1/8 of it.
#[derive(Debug)]
pub(super) struct Fine<'a> {
    level: Level,
    blocks: Vec<BlockStage<'a>>,
    head: &'a Packed,
}

impl<'a> SynthesisPipeline<'a> {
    /// `columns` are latents.
    pub(super) fn new(
        net: &'a PackedSynthesis,
        level: Level,
        columns: usize,
        quality: u8,
        colour: ColourModel,
    ) -> Self {
        let head = match colour {
            ColourModel::Rgb => &net.colour,
            ColourModel::Grey => &net.grey,
        };
        let gain = at_quality(&net.gain, quality);
        Self {
            coarse: Coarse { net, level, gain, blocks: BlockStage::chain(&net.blocks16, columns) },
            fine: Fine { level, blocks: BlockStage::chain(&net.blocks8, 2 * columns), head },
        }
    }
}

impl Coarse<'_> {
    /// The next rows of latents `[columns, y]` -> the next rows of the stream at 1/8. What comes out is behind by as many rows as there are blocks,
    /// until the `last` rows have come.
    pub(super) fn push(&mut self, latents: &[Vec<f32>], last: bool) -> Vec<Row> {
        let mut rows = layers::rows(self.level, &self.net.stem, latents, PackedBlock::first(&self.net.blocks16));
        for stage in &mut self.blocks {
            rows = stage.push(self.level, rows, last);
        }
        layers::up(self.level, &self.net.up, &self.gain, &rows, PackedBlock::first(&self.net.blocks8))
    }
}

impl Fine<'_> {
    /// The next rows of the stream -> the next rows of patches `[columns, 64 channels]` as samples up to `peak`, behind likewise.
    pub(super) fn push<T: Sample>(&mut self, mut rows: Vec<Row>, peak: u16, last: bool) -> Vec<Vec<T>> {
        for stage in &mut self.blocks {
            rows = stage.push(self.level, rows, last);
        }
        layers::to_samples(self.level, self.head, &rows, peak)
    }
}
