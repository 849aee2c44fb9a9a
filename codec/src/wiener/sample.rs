//! [`Sampler`]: where an encoder looks to fit the filter: at what the decoder will show of some blocks of every tile, or of all.
//!
//! The latents of the blocks are put side by side and synthesised as one picture. Near their borders blocks see each other instead of what
//! is beside them in the picture: the nearest pixels do not count, and those further in are about what a decoder shows. Which blocks depends on where a tile lies and on the
//! picture's size, and on nothing else: rows that come one after the other give the file of the whole picture.

use std::ops::Range;

use rayon::prelude::*;

use super::REACH;
use super::fit::fit;
use super::sums::{Part, Patch, Sums};
use crate::effort::Effort;
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
/// Pixels at a border of a block, other than the picture's own, that do not count.
const INSET: usize = 8;
const _: () = assert!(INSET >= REACH);
/// Rows that are counted together.
const ROWS: usize = 32;

/// How much of a picture is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Share {
    /// One of so many blocks; all, and tiles as a whole, for 1.
    blocks: usize,
    /// One of so many rows of their pixels: those between are much like their neighbours.
    rows: usize,
}

impl Share {
    /// Of a picture of so many pixels: as much as it takes to know the picture. A fit to half of one of 176x176 pixels is worse than none, and one to a quarter of
    /// a large one as good as any. Rows cost 0.06 % of BD-rate, and take a third of the time that a fit takes beside the synthesis.
    fn of(pixels: u64, searches: bool) -> Self {
        let blocks = match pixels {
            _ if searches => 1,
            0..=0x4_0000 => 1,
            0x4_0001..=0x10_0000 => 2,
            0x10_0001..=0x40_0000 => 4,
            _ => 8,
        };
        Self { blocks, rows: if blocks == 1 { 1 } else { 2 } }
    }

    /// Whether the block at this row and column of blocks is looked at: they lie as far from each other as they can.
    fn has(self, row: usize, column: usize) -> bool {
        (row + 3 * column).is_multiple_of(self.blocks)
    }
}

/// The pixels of a block, in the picture, that count in one direction.
fn counted(pixels: &Range<usize>, whole: usize) -> Range<usize> {
    let start = if pixels.start == 0 { 0 } else { pixels.start + INSET };
    let end = if pixels.end == whole { whole } else { pixels.end.saturating_sub(INSET) };
    start.min(end)..end
}

/// Collects what the filter of a picture is fitted to.
#[derive(Clone)]
pub(crate) struct Sampler<'a> {
    runtime: &'a Runtime,
    header: Header,
    quality: QualityIndex,
    /// Units of the whitened latent per 1/64 of a quantisation step [M].
    steps: Vec<f32>,
    share: Share,
    sums: Sums,
}

impl<'a> Sampler<'a> {
    /// For the colours of a picture; none at an effort without a filter.
    pub(crate) fn new(runtime: &'a Runtime, header: &Header, quality: QualityIndex, effort: Effort) -> Option<Self> {
        (effort != Effort::Nearest).then(|| Self {
            runtime,
            header: *header,
            quality,
            steps: runtime.model.steps(quality),
            share: Share::of(u64::from(header.width) * u64::from(header.height), effort.searches()),
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
        let whole = self.share.blocks == 1;
        let side = if whole { tile.rows.len().max(tile.columns.len()) } else { BLOCK * anchor };
        let places = (0..tile.rows.len()).step_by(side);
        let places = places.flat_map(|row| (0..tile.columns.len()).step_by(side).map(move |column| (row, column)));
        let share = self.share;
        let chosen = |&(row, column): &(usize, usize)| {
            share.has((tile.rows.start + row) / side, (tile.columns.start + column) / side)
        };
        let block = |(row, column): (usize, usize)| Area {
            rows: row..(row + side).min(tile.rows.len()),
            columns: column..(column + side).min(tile.columns.len()),
        };
        let blocks: Vec<Area> = places.filter(chosen).map(block).collect();
        // Blocks begin where attention windows do.
        let width = side.min(tile.columns.len()).next_multiple_of(anchor);
        for blocks in blocks.chunks((usize::from(u16::MAX) / (width * LATENT)).max(1)) {
            let shown = timed(&mut stats.filter, || self.show(tile, blocks, width, y64))?;
            timed(&mut stats.filter, || self.count(source, tile, blocks, width, &shown));
        }
        Ok(())
    }

    /// What a decoder shows of some blocks of a tile, side by side with as many latents to each.
    fn show(&self, tile: &Area, blocks: &[Area], width: usize, y64: &[i32]) -> Result<Vec<u8>, Error> {
        let depth = self.steps.len();
        let rows = blocks.iter().map(|block| block.rows.len()).max().unwrap_or(0);
        let mut latents = vec![vec![0.0; blocks.len() * width * depth]; rows];
        for (block, number) in blocks.iter().zip(0..) {
            for (latents, row) in latents.iter_mut().zip(block.rows.clone()) {
                let places = (row * tile.columns.len() + block.columns.start) * depth;
                let to = latents[number * width * depth..].chunks_exact_mut(depth).take(block.columns.len());
                for (to, from) in to.zip(y64[places..].chunks_exact(depth)) {
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
        let mut synthesis = self.runtime.synthesis(&header, None);
        let mut pixels =
            Vec::with_capacity(usize::from(header.width) * usize::from(header.height) * channels(header.colour));
        synthesis.push(latents, &mut pixels)?;
        Ok(pixels)
    }

    /// Counts the pixels of blocks: at the picture's own edges to the last, elsewhere to where a block begins to see others.
    fn count(&mut self, source: &Source<'_>, tile: &Area, blocks: &[Area], width: usize, shown: &[u8]) {
        let picture = source.picture;
        let channels = picture.channels();
        let stride = blocks.len() * width * LATENT;
        let [across, down] = [self.header.width, self.header.height].map(usize::from);
        let mut patches = Vec::new();
        for (block, number) in blocks.iter().zip(0..) {
            // In the picture.
            let pixels = |tile: usize, block: &Range<usize>, whole: usize| {
                (tile + block.start) * LATENT..((tile + block.end) * LATENT).min(whole)
            };
            let columns = pixels(tile.columns.start, &block.columns, across);
            let rows = pixels(tile.rows.start, &block.rows, down);
            let first = number * width * LATENT;
            let within = Part { columns: first..first + columns.len(), rows: 0..rows.len(), stride };
            let [counted_columns, counted_rows] = [counted(&columns, across), counted(&rows, down)];
            let shift = |range: &Range<usize>, by: usize, to: usize| range.start - by + to..range.end - by + to;
            let shown = Part {
                columns: shift(&counted_columns, columns.start, first),
                rows: shift(&counted_rows, rows.start, 0),
                stride,
            };
            let there = Part {
                rows: shift(&counted_rows, source.top * LATENT, 0),
                columns: counted_columns,
                stride: picture.width as usize,
            };
            for row in (0..shown.rows.len()).step_by(ROWS) {
                let part = row..(row + ROWS).min(shown.rows.len());
                patches.push((shown.rows(part.clone()), within.clone(), there.rows(part)));
            }
        }
        let every = self.share.rows;
        let (level, none) = (Level::detect(), || Sums::new(channels));
        let counted = patches.into_par_iter().fold(none, |mut sums, (part, within, there)| {
            sums.add(level, &Patch::new(channels, (shown, &part, &within), (&picture.pixels, &there)), every);
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
        // Of a pixel's three samples; a grey one stands for all. A power, which is not the same in its last digits on every machine, in fewer.
        let square = lagrangian::square(self.quality) * 3.0 / channels(self.header.colour) as f64;
        let worth = f64::from((square / (255.0 * 255.0)) as f32);
        let body = timed(&mut stats.filter, || fit(&self.sums, pixels, worth)).map_err(|e| e.in_tile(0))?;
        Ok(body.map(|body| (SectionKind::Filter, body)))
    }
}
