//! Analysis as a pipeline: rows of patches in, rows of latents out; and the hyper-analysis, which takes a tile at once.

use lic_shaders::transform::{Analysis, HyperAnalysis, at_quality};

use super::block::{BlockStage, PackedBlock};
use super::layers;
use super::pack::Packed;
use super::row::{Next, Row};
use crate::format::ColourModel;
use crate::simd::Level;

/// The layers, packed.
#[derive(Debug)]
pub(super) struct PackedAnalysis {
    /// From red, green and blue.
    colour: Packed,
    /// From one sample that stands for all three.
    grey: Packed,
    blocks8: Vec<PackedBlock>,
    down: Packed,
    blocks16: Vec<PackedBlock>,
    head: Packed,
}

impl PackedAnalysis {
    pub(super) fn new(net: &Analysis) -> Self {
        Self {
            colour: Packed::dense(&net.stem),
            grey: Packed::dense(&net.stem.sum_of_colours()),
            blocks8: net.blocks8.iter().map(PackedBlock::new).collect(),
            down: Packed::dense(&net.down),
            blocks16: net.blocks16.iter().map(PackedBlock::new).collect(),
            head: Packed::dense(&net.head),
        }
    }
}

/// Rows of patches, as the first layer takes them.
#[derive(Debug)]
pub(super) enum Patches {
    /// Of samples with 8 bits.
    Samples(Vec<Vec<u8>>),
    /// Of deeper ones, as [`crate::patches::deep_rows`] gives them.
    Deep(Vec<Vec<i16>>),
}

/// An analysis that is under way on a picture of some width. Its two halves, about equal in work, may run at the same time on different rows.
#[derive(Debug)]
pub(super) struct AnalysisPipeline<'a> {
    pub(super) fine: Fine<'a>,
    pub(super) coarse: Coarse<'a>,
}

/// The layers at 1/8 of the picture's resolution, up to the first rows at 1/16.
#[derive(Debug)]
pub(super) struct Fine<'a> {
    net: &'a PackedAnalysis,
    level: Level,
    stem: &'a Packed,
    blocks: Vec<BlockStage<'a>>,
    /// A row whose partner has not come yet.
    odd: Vec<Row>,
}

/// The layers at 1/16 of it.
#[derive(Debug)]
pub(super) struct Coarse<'a> {
    level: Level,
    blocks: Vec<BlockStage<'a>>,
    head: &'a Packed,
}

impl<'a> AnalysisPipeline<'a> {
    /// `columns` are latents.
    pub(super) fn new(net: &'a PackedAnalysis, level: Level, columns: usize, colour: ColourModel) -> Self {
        let stem = match colour {
            ColourModel::Rgb => &net.colour,
            ColourModel::Grey => &net.grey,
        };
        let blocks = BlockStage::chain(&net.blocks8, 2 * columns);
        Self {
            fine: Fine { net, level, stem, blocks, odd: Vec::new() },
            coarse: Coarse { level, blocks: BlockStage::chain(&net.blocks16, columns), head: &net.head },
        }
    }
}

impl Fine<'_> {
    /// The next rows of patches `[2 columns, 64 channels]` -> the next rows of the stream at 1/16. What comes out is behind, until the `last` rows
    /// have come.
    pub(super) fn push(&mut self, patches: &Patches, last: bool) -> Vec<Row> {
        let next = PackedBlock::first(&self.net.blocks8);
        let mut rows = match patches {
            Patches::Samples(patches) => layers::from_samples(self.level, self.stem, patches, next),
            Patches::Deep(patches) => layers::from_deep(self.level, self.stem, patches, next),
        };
        for stage in &mut self.blocks {
            rows = stage.push(self.level, rows, last);
        }
        self.odd.append(&mut rows);
        let rows = layers::down(self.level, &self.net.down, &self.odd, PackedBlock::first(&self.net.blocks16));
        self.odd.drain(..2 * rows.len());
        rows
    }
}

impl Coarse<'_> {
    /// The next rows of the stream -> the next rows of whitened latents `[columns, y]`, behind likewise.
    pub(super) fn push(&mut self, mut rows: Vec<Row>, last: bool) -> Vec<Vec<f32>> {
        for stage in &mut self.blocks {
            rows = stage.push(self.level, rows, last);
        }
        streams(layers::rows(self.level, self.head, &rows, Next::default()))
    }
}

/// The layers of the hyper-analysis, packed.
#[derive(Debug)]
pub(super) struct PackedHyper {
    stem: Packed,
    knots: Vec<f32>,
    block1: PackedBlock,
    down1: Packed,
    block2: PackedBlock,
    down2: Packed,
}

impl PackedHyper {
    pub(super) fn new(net: &HyperAnalysis) -> Self {
        Self {
            stem: Packed::dense(&net.stem),
            knots: net.knots.clone(),
            block1: PackedBlock::new(&net.block1),
            down1: Packed::dense(&net.down1),
            block2: PackedBlock::new(&net.block2),
            down2: Packed::dense(&net.down2),
        }
    }

    /// Whitened latents `[rows][columns, y]`, both sides multiples of 4 -> hyper-latents `[rows / 4][columns / 4, z]`, not rounded.
    pub(super) fn run(&self, level: Level, latents: &[Vec<f32>], columns: usize, quality: u8) -> Vec<Vec<f32>> {
        let mut stem = self.stem.clone();
        stem.add_bias(&at_quality(&self.knots, quality));
        let rows = layers::rows(level, &stem, latents, self.block1.input());
        let rows = BlockStage::new(&self.block1, Next::default(), columns).push(level, rows, true);
        let rows = layers::down(level, &self.down1, &rows, self.block2.input());
        let rows = BlockStage::new(&self.block2, Next::default(), columns / 2).push(level, rows, true);
        streams(layers::down(level, &self.down2, &rows, Next::default()))
    }
}

/// Rows as plain numbers.
fn streams(rows: Vec<Row>) -> Vec<Vec<f32>> {
    rows.into_iter().map(|row| row.stream).collect()
}
