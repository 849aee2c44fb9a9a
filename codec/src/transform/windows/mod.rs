//! burn's networks behind the codec's trait: a picture in windows, which are tiles with a halo of their neighbours.
//!
//! Differs from `cpu` in knowing attention, whose windows lie on the grid of tiles, and in running wherever burn runs; the halo is
//! computed twice. On the CPU several windows run at the same time, on a GPU one.

pub(crate) mod patches;

use std::collections::VecDeque;

use lic_model::inference;
use rayon::prelude::*;

use super::rolling::RollingPlane;
use super::{Analysis, Synthesis, Transforms};
use crate::error::Error;
use crate::format::{BitDepth, Header, TileRect};
use crate::model::ModelError;
use crate::picture::{Picture, channels};
use crate::samples::{Sample, peak};
use crate::tiles::Area;

/// Latents per attention window in each direction.
const WINDOW: usize = 8;

/// Positions (halo included) whose transforms run together: about 150 MB for the student.
const TRANSFORM_POSITIONS: usize = 8192;

/// How many windows of `positions` latents may be transformed at the same time.
fn windows_in_flight(positions: usize) -> usize {
    let threads = rayon::current_num_threads().max(1);
    (TRANSFORM_POSITIONS / positions.max(1)).clamp(1, threads)
}

/// burn's transforms on one device.
#[derive(Debug)]
pub(crate) struct Windows {
    networks: inference::Transforms,
    /// Whether several windows run at the same time.
    several: bool,
}

impl Windows {
    /// `several`: the device takes several windows at the same time, where a GPU is filled by one.
    pub(crate) fn new(networks: inference::Transforms, several: bool) -> Self {
        Self { networks, several }
    }

    /// The results of `work` on every tile, in order; at most so many at the same time as memory allows for windows of the largest size.
    fn each<R: Send>(
        &self,
        tiles: &[TileRect],
        picture: &Area,
        work: impl Fn(&TileRect, Area) -> Result<R, Error> + Sync,
        mut done: impl FnMut(&TileRect, R),
    ) -> Result<(), Error> {
        let window = |tile: &TileRect| Area::of_tile(tile).window(self.networks.halo(), picture);
        let largest = tiles.iter().map(|tile| window(tile).positions()).max();
        let together = if self.several { windows_in_flight(largest.unwrap_or(1)) } else { 1 };
        for tiles in tiles.chunks(together) {
            match tiles {
                [tile] => done(tile, work(tile, window(tile))?),
                tiles => {
                    let results = tiles.par_iter().map(|tile| work(tile, window(tile)));
                    let results: Vec<R> = results.collect::<Result<_, Error>>()?;
                    tiles.iter().zip(results).for_each(|(tile, result)| done(tile, result));
                }
            }
        }
        Ok(())
    }
}

impl Transforms for Windows {
    fn channels(&self) -> usize {
        self.networks.config().y
    }

    fn anchor(&self) -> usize {
        self.networks.config().head_width.map_or(1, |_| WINDOW)
    }

    fn halo(&self) -> usize {
        self.networks.halo()
    }

    fn analysis<'a>(&'a self, picture: &'a Picture, header: &Header) -> Result<Box<dyn Analysis + 'a>, Error> {
        if !self.networks.has_encoder() {
            return Err(ModelError::NoEncoder.into());
        }
        Ok(Box::new(WindowAnalysis { windows: self, picture, header: *header, tile_row: 0, ready: VecDeque::new() }))
    }

    fn hyper_analyse(&self, latent: &[f32], rows: usize, columns: usize, quality: u8) -> Result<Vec<f32>, Error> {
        let hyper = self.networks.hyper_analyse(latent, rows, columns, quality);
        Ok(hyper.ok_or(ModelError::NoEncoder)?)
    }

    fn synthesis<'a>(&'a self, header: &Header) -> Box<dyn Synthesis + 'a> {
        let picture = Area::of_picture(header);
        let plane = RollingPlane::new(self.channels());
        Box::new(WindowSynthesis { windows: self, header: *header, picture, plane, received: 0, tile_row: 0 })
    }
}

struct WindowAnalysis<'a> {
    windows: &'a Windows,
    picture: &'a Picture,
    header: Header,
    /// The next row of tiles.
    tile_row: u32,
    ready: VecDeque<Vec<f32>>,
}

impl Analysis for WindowAnalysis<'_> {
    fn rows(&mut self, count: usize) -> Result<Vec<Vec<f32>>, Error> {
        let whole = Area::of_picture(&self.header);
        let channels = self.windows.channels();
        while self.ready.len() < count {
            let tiles: Vec<TileRect> = self.header.tile_row(self.tile_row).collect();
            let Some(first) = tiles.first() else { break };
            self.tile_row += 1;
            let mut rows = vec![Vec::with_capacity(whole.columns.len() * channels); Area::of_tile(first).rows.len()];
            let latents = |tile: &TileRect, window: Area| {
                let patches = patches::from_picture(self.picture, &window);
                let (rows, columns) = (window.rows.len(), window.columns.len());
                // The network counts patches.
                let latent = self.windows.networks.analyse(patches, 2 * rows, 2 * columns);
                Ok(window.crop(&latent.ok_or(ModelError::NoEncoder)?, &Area::of_tile(tile), channels))
            };
            self.windows.each(&tiles, &whole, latents, |tile, latent: Vec<f32>| {
                let pieces = latent.chunks_exact(Area::of_tile(tile).columns.len() * channels);
                rows.iter_mut().zip(pieces).for_each(|(row, piece)| row.extend_from_slice(piece));
            })?;
            self.ready.extend(rows);
        }
        Ok(self.ready.drain(..count.min(self.ready.len())).collect())
    }
}

struct WindowSynthesis<'a> {
    windows: &'a Windows,
    header: Header,
    picture: Area,
    plane: RollingPlane,
    /// Rows of latents so far.
    received: usize,
    /// The next row of tiles.
    tile_row: u32,
}

impl Synthesis for WindowSynthesis<'_> {
    fn push(&mut self, latents: Vec<Vec<f32>>, pixels: &mut Vec<u8>) -> Result<(), Error> {
        self.take(latents, u8::MAX.into(), pixels)
    }

    fn push_deep(&mut self, latents: Vec<Vec<f32>>, depth: BitDepth, pixels: &mut Vec<u16>) -> Result<(), Error> {
        self.take(latents, peak(depth), pixels)
    }
}

impl WindowSynthesis<'_> {
    /// Takes rows of latents and appends the tiles, with samples up to `peak`, whose halo is complete.
    fn take<T: Sample>(&mut self, latents: Vec<Vec<f32>>, peak: u16, pixels: &mut Vec<T>) -> Result<(), Error> {
        self.received += latents.len();
        self.plane.extend(latents);
        loop {
            let tiles: Vec<TileRect> = self.header.tile_row(self.tile_row).collect();
            let Some(first) = tiles.first() else { break };
            let rows = Area::of_tile(first).window(self.windows.networks.halo(), &self.picture).rows;
            if rows.end > self.received {
                break;
            }
            self.plane.forget_above(rows.start);
            self.tile_row += 1;
            self.append(&tiles, usize::from(first.height), peak, pixels)?;
        }
        Ok(())
    }

    /// Appends the pixels of a row of tiles, each tile written where it belongs as soon as it is there.
    fn append<T: Sample>(
        &self,
        tiles: &[TileRect],
        height: usize,
        peak: u16,
        pixels: &mut Vec<T>,
    ) -> Result<(), Error> {
        let Self { windows, header, plane, picture, .. } = self;
        let channels = channels(header.colour);
        let stride = usize::from(header.width) * channels;
        let above = pixels.len();
        pixels.resize(above + height * stride, T::default());
        let samples = |tile: &TileRect, window: Area| {
            let (rows, columns) = (window.rows.len(), window.columns.len());
            let patches = windows.networks.synthesise(plane.read(&window), rows, columns, header.quality);
            let size = [tile.width, tile.height].map(usize::from);
            Ok(patches::to_samples(&patches, &window, &Area::of_tile(tile), size, header.colour, peak))
        };
        windows.each(tiles, picture, samples, |tile, block: Vec<T>| {
            let rows = pixels[above..].chunks_exact_mut(stride);
            let (left, length) = (usize::from(tile.x) * channels, usize::from(tile.width) * channels);
            for (row, samples) in rows.zip(block.chunks_exact(length)) {
                row[left..left + length].copy_from_slice(samples);
            }
        })
    }
}
