//! The transforms on the CPU with own kernels: 16-bit integer products, float in between, the same pixels on every machine.
//!
//! Every vector of activations gets its own step size from its largest value, so nothing has to be calibrated and nothing can be out of
//! range. Rows of the picture stream through the layers (`block` is the one stage that waits, for the row below), in chunks that stay in
//! the second-level cache. Two chunks are under way at a time, one in the layers at 1/8 of the resolution and one in those at 1/16, about
//! equal in work: so two threads meet once for both, not once for every layer, and whoever is done first takes pieces of the other's rows.
//! Compared with burn's networks (`windows`), results differ by about 1e-3 of an 8-bit step per layer on latents of photos; beside a far larger value a vector's
//! small ones drown, so latents that no encoder makes may look quite different.

mod analysis;
mod block;
mod kernels;
mod layers;
mod number;
mod pack;
mod row;
mod synthesis;

use std::collections::VecDeque;

use lic_model::plain;
use lic_model::weights::WeightFile;

use self::analysis::{AnalysisPipeline, PackedAnalysis, PackedHyper, Patches};
use self::synthesis::{LazySynthesis, SynthesisPipeline};
use super::{Analysis, Synthesis, Transforms};
use crate::error::Error;
use crate::format::{BitDepth, Header};
use crate::model::ModelError;
use crate::patches;
use crate::picture::Picture;
use crate::pool::in_pool;
use crate::samples::{Sample, peak};
use crate::simd::Level;
use crate::tiles::Area;

/// Latents that go through half of the layers together: with those in the other half enough for the threads of a desktop, few enough for its caches.
const CHUNK: usize = 192;

/// The transforms of one model.
pub(crate) struct CpuTransforms {
    level: Level,
    channels: usize,
    halo: usize,
    /// Packed when it is needed: encoders do without, but for targets.
    synthesis: LazySynthesis,
    encoder: Option<(PackedAnalysis, PackedHyper)>,
}

impl CpuTransforms {
    /// Loads the synthesis transform, and the encoder's networks if `encoder` is set. `None` if the model has attention.
    pub(crate) fn load(file: &WeightFile<'_>, encoder: bool) -> Result<Option<Self>, ModelError> {
        Self::with_level(file, encoder, Level::detect())
    }

    fn with_level(file: &WeightFile<'_>, encoder: bool, level: Level) -> Result<Option<Self>, ModelError> {
        let Some(synthesis) = plain::synthesis(file)? else { return Ok(None) };
        let analysis = if encoder { plain::analysis(file)? } else { None };
        let encoder = match analysis {
            Some(net) => {
                let hyper = plain::hyper_analysis(file)?;
                Some(rayon::join(|| PackedAnalysis::new(&net), || PackedHyper::new(&hyper)))
            }
            None => None,
        };
        let channels = synthesis.stem.inputs;
        let synthesis = LazySynthesis::new(synthesis);
        let halo = file.checked_config()?.halo();
        Ok(Some(Self { level, channels, halo, synthesis, encoder }))
    }
}

impl Transforms for CpuTransforms {
    fn channels(&self) -> usize {
        self.channels
    }

    fn anchor(&self) -> usize {
        1
    }

    fn on_pool(&self) -> bool {
        true
    }

    fn halo(&self) -> usize {
        self.halo
    }

    fn analysis<'a>(&'a self, picture: &'a Picture, header: &Header) -> Result<Box<dyn Analysis + 'a>, Error> {
        let (net, _) = self.encoder.as_ref().ok_or(ModelError::NoEncoder)?;
        let area = Area::of_picture(header);
        let pipeline = AnalysisPipeline::new(net, self.level, area.columns.len(), header.colour);
        Ok(Box::new(CpuAnalysis { picture, area, pipeline, next: 0, ready: VecDeque::new() }))
    }

    fn hyper_analyse(&self, latent: &[f32], rows: usize, columns: usize, quality: u8) -> Result<Vec<f32>, Error> {
        let (_, net) = self.encoder.as_ref().ok_or(ModelError::NoEncoder)?;
        let padded = super::pad_to_hyper(latent, rows, columns, self.channels);
        Ok(in_pool(|| net.run(self.level, &padded, columns.next_multiple_of(4), quality)).concat())
    }

    fn synthesis<'a>(&'a self, header: &Header) -> Box<dyn Synthesis + 'a> {
        let area = Area::of_picture(header);
        let pipeline =
            SynthesisPipeline::new(self.synthesis.get(), self.level, area.columns.len(), header.quality, header.colour);
        Box::new(CpuSynthesis { header: *header, missing: area.rows.len(), columns: area.columns.len(), pipeline })
    }
}

/// Rows of latents for a chunk of a plane.
fn chunk_rows(columns: usize) -> usize {
    (CHUNK / columns.max(1)).max(1)
}

struct CpuAnalysis<'a> {
    picture: &'a Picture,
    area: Area,
    pipeline: AnalysisPipeline<'a>,
    /// The first row of latents whose pixels have not been read.
    next: usize,
    ready: VecDeque<Vec<f32>>,
}

impl Analysis for CpuAnalysis<'_> {
    fn rows(&mut self, count: usize) -> Result<Vec<Vec<f32>>, Error> {
        in_pool(|| self.advance(count));
        Ok(self.ready.drain(..count.min(self.ready.len())).collect())
    }
}

impl CpuAnalysis<'_> {
    /// Makes rows until `count` are ready or the picture ends.
    fn advance(&mut self, count: usize) {
        let (rows, columns) = (self.area.rows.len(), self.area.columns.len());
        let AnalysisPipeline { fine, coarse } = &mut self.pipeline;
        // While a chunk goes through the first half, the one before goes through the second.
        let mut between = Vec::new();
        while self.ready.len() < count && self.next < rows {
            let end = (self.next + chunk_rows(columns)).min(rows);
            let part = 2 * self.next..2 * end;
            let next = || {
                let patches = match patches::deep_rows(self.picture, part.clone(), 2 * columns) {
                    Some(rows) => Patches::Deep(rows),
                    None => Patches::Samples(patches::sample_rows(self.picture, part, 2 * columns)),
                };
                fine.push(&patches, end == rows)
            };
            let before = std::mem::take(&mut between);
            let (next, done) = rayon::join(next, || coarse.push(before, false));
            self.next = end;
            self.ready.extend(done);
            between = next;
        }
        self.ready.extend(coarse.push(between, self.next == rows));
    }
}

struct CpuSynthesis<'a> {
    header: Header,
    /// Rows of latents that have not come.
    missing: usize,
    columns: usize,
    pipeline: SynthesisPipeline<'a>,
}

impl CpuSynthesis<'_> {
    fn append<T: Sample>(&mut self, latents: &[Vec<f32>], peak: u16, pixels: &mut Vec<T>) {
        let SynthesisPipeline { coarse, fine } = &mut self.pipeline;
        let header = &self.header;
        let mut finish = |rows, last| patches::append_rows(&fine.push(rows, peak, last), header, pixels);
        // While a chunk goes through the first half, the one before goes through the second.
        let mut between = Vec::new();
        for chunk in latents.chunks(chunk_rows(self.columns)) {
            self.missing = self.missing.saturating_sub(chunk.len());
            let (last, before) = (self.missing == 0, std::mem::take(&mut between));
            (between, ()) = rayon::join(|| coarse.push(chunk, last), || finish(before, false));
        }
        finish(between, self.missing == 0);
    }
}

impl Synthesis for CpuSynthesis<'_> {
    fn push(&mut self, latents: Vec<Vec<f32>>, pixels: &mut Vec<u8>) -> Result<(), Error> {
        in_pool(|| self.append(&latents, u8::MAX.into(), pixels));
        Ok(())
    }

    fn push_deep(&mut self, latents: Vec<Vec<f32>>, depth: BitDepth, pixels: &mut Vec<u16>) -> Result<(), Error> {
        in_pool(|| self.append(&latents, peak(depth), pixels));
        Ok(())
    }
}

// The tests compare with patches of floats, which the reference takes.
#[cfg(all(test, feature = "burn"))]
mod tests;
