//! [`Sampler`]: where an encoder looks to fit the filter: at what the decoder will show of some blocks of every tile, or of all.
//!
//! The latents of the blocks are put side by side and synthesised as one picture. Near their borders blocks see each other instead of what
//! is beside them in the picture, so pixels there do not count. Of which blocks depends on where a tile lies and on nothing else: rows that
//! come one after the other give the file of the whole picture.

use rayon::prelude::*;

use super::REACH;
use super::fit::fit;
use super::sums::{Patch, Place, Sums};
use crate::coding::Effort;
use crate::error::Error;
use crate::format::{BitDepth, Header, SectionKind};
use crate::lagrangian;
use crate::metadata::OwnedSection;
use crate::picture::channels;
use crate::prior::QualityIndex;
use crate::runtime::Runtime;
use crate::simd::Level;
use crate::source::Source;
use crate::stats::{Stats, timed};
use crate::tiles::{Area, LATENT};

/// Side of a block in latents, where there are no attention windows; else of as many windows.
const BLOCK: usize = 8;
/// Blocks of which one is looked at, if not all are: those of one colour of a chequerboard.
const EVERY: usize = 2;
/// Pixels at the border of a block that do not count.
const INSET: usize = 8;
const _: () = assert!(INSET >= REACH);
/// Rows that are counted together.
const ROWS: usize = 32;

/// Collects what the filter of a picture is fitted to.
pub(crate) struct Sampler<'a> {
    runtime: &'a Runtime,
    header: Header,
    quality: QualityIndex,
    /// Units of the whitened latent per 1/64 of a quantisation step [M].
    steps: Vec<f32>,
    /// Whether all blocks are looked at.
    all: bool,
    sums: Sums,
}

impl<'a> Sampler<'a> {
    /// For the colours of a picture; none at an effort without a filter.
    pub(crate) fn new(runtime: &'a Runtime, header: &Header, quality: QualityIndex, effort: Effort) -> Option<Self> {
        (effort != Effort::Nearest).then(|| Self {
            runtime,
            header: Header { quality: quality.get(), ..*header },
            quality,
            steps: runtime.model.steps(quality),
            all: effort.searches(),
            sums: Sums::new(channels(header.colour)),
        })
    }

    /// Looks at a tile as it was coded: latents [rows, columns, M] in 1/64 of a quantisation step.
    pub(crate) fn add(
        &mut self,
        source: &Source<'_>,
        tile: &Area,
        y64: &[i32],
        stats: &mut Stats,
    ) -> Result<(), Error> {
        let anchor = self.runtime.transforms.anchor().max(1);
        let side = if self.all { tile.rows.len().max(tile.columns.len()) } else { BLOCK * anchor };
        let chosen = |&(row, column): &(usize, usize)| {
            self.all || ((tile.rows.start + row) / side + (tile.columns.start + column) / side).is_multiple_of(EVERY)
        };
        let places = (0..tile.rows.len()).step_by(side);
        let places = places.flat_map(|row| (0..tile.columns.len()).step_by(side).map(move |column| (row, column)));
        let block = |(row, column): (usize, usize)| Area {
            rows: row..(row + side).min(tile.rows.len()),
            columns: column..(column + side).min(tile.columns.len()),
        };
        let blocks: Vec<Area> = places.filter(chosen).map(block).collect();
        let width = side.min(tile.columns.len());
        for blocks in blocks.chunks((usize::from(u16::MAX) / (width * LATENT)).max(1)) {
            let shown = timed(&mut stats.synthesis, || self.show(tile, blocks, width, y64))?;
            timed(&mut stats.coding, || self.count(source, tile, blocks, width, &shown));
        }
        Ok(())
    }

    /// What a decoder shows of some blocks of a tile, side by side with as many latents to each.
    fn show(&self, tile: &Area, blocks: &[Area], width: usize, y64: &[i32]) -> Result<Vec<u8>, Error> {
        let channels = self.steps.len();
        let rows = blocks.iter().map(|block| block.rows.len()).max().unwrap_or(0);
        let mut latents = vec![vec![0.0; blocks.len() * width * channels]; rows];
        for (block, number) in blocks.iter().zip(0..) {
            for (latents, row) in latents.iter_mut().zip(block.rows.clone()) {
                let places = (row * tile.columns.len() + block.columns.start) * channels;
                let to = latents[number * width * channels..].chunks_exact_mut(channels).take(block.columns.len());
                for (to, from) in to.zip(y64[places..].chunks_exact(channels)) {
                    to.iter_mut().zip(from).zip(&self.steps).for_each(|((to, &y), &step)| *to = y as f32 * step);
                }
            }
        }
        let header = Header {
            width: (blocks.len() * width * LATENT) as u16,
            height: (rows * LATENT) as u16,
            depth: BitDepth::Eight,
            ..self.header
        };
        let synthesis = self.runtime.transforms.synthesis(&header);
        let mut synthesis = match &self.runtime.deblocking {
            Some(deblocking) => deblocking.behind(synthesis, &header),
            None => synthesis,
        };
        let mut pixels = Vec::with_capacity(usize::from(header.width) * usize::from(header.height) * 3);
        synthesis.push(latents, &mut pixels)?;
        Ok(pixels)
    }

    /// Counts the pixels of blocks.
    fn count(&mut self, source: &Source<'_>, tile: &Area, blocks: &[Area], width: usize, shown: &[u8]) {
        let picture = source.picture;
        let channels = picture.channels();
        let stride = blocks.len() * width * LATENT;
        let patches = blocks.iter().zip(0..).flat_map(|(block, number): (&Area, usize)| {
            let x = (tile.columns.start + block.columns.start) * LATENT + INSET;
            let y = (tile.rows.start + block.rows.start - source.top) * LATENT + INSET;
            // What is beyond the picture, and what sees it, does not count either.
            let inner = |start: usize, latents: usize, whole: u32| {
                (latents * LATENT - 2 * INSET).min((whole as usize).saturating_sub(REACH + start))
            };
            let [columns, rows] =
                [inner(x, block.columns.len(), picture.width), inner(y, block.rows.len(), picture.height)];
            (0..rows).step_by(ROWS).map(move |row| {
                let shown = Place { column: number * width * LATENT + INSET, row: INSET + row, stride };
                let there = Place { column: x, row: y + row, stride: picture.width as usize };
                ([columns, ROWS.min(rows - row)], shown, there)
            })
        });
        let patches: Vec<([usize; 2], Place, Place)> = patches.collect();
        let (level, none) = (Level::detect(), || Sums::new(channels));
        let counted = patches.into_par_iter().fold(none, |mut sums, (size, place, there)| {
            sums.add(level, &Patch::new(channels, size, (shown, place), (&picture.pixels, there)));
            sums
        });
        let counted = counted.reduce(none, |mut sums, more| {
            sums.merge(&more);
            sums
        });
        self.sums.merge(&counted);
    }

    /// The section of the filter, if there is one that is worth it.
    pub(crate) fn finish(self, stats: &mut Stats) -> Result<Option<OwnedSection>, Error> {
        let pixels = u64::from(self.header.width) * u64::from(self.header.height);
        // A power, which is not the same in its last digits on every machine, in fewer.
        let worth = f64::from((lagrangian::square(self.quality) / (255.0 * 255.0)) as f32);
        let body = timed(&mut stats.coding, || fit(&self.sums, pixels, worth)).map_err(|e| e.in_tile(0))?;
        Ok(body.map(|body| (SectionKind::Filter, body)))
    }
}
