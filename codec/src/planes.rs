//! Planes of samples, decoded band by band within a window: [`CodedPlane`] with the networks, [`LosslessPlane`] exactly.
//!
//! A plane is the colours of a picture or its alpha. Memory is that of a band of tiles and of the rows that synthesis waits with, whatever
//! the height of the picture.

use std::borrow::Cow;
use std::time::Instant;

use crate::alpha::lossless;
use crate::bands::band;
use crate::error::Error;
use crate::format::{Header, StoredTiles, TileRect};
use crate::picture::channels;
use crate::plane::TileRows;
use crate::runtime::{FILTER_HALO, Runtime};
use crate::samples::Samples;
use crate::stats::{Stats, timed};
use crate::symbols::{self, StoredTile};
use crate::tiles::LATENT;
use crate::transform::Synthesis;
use crate::view::Pixels;
use crate::wiener::Coefficients;
use crate::window::{Window, tiles_of};

/// Latents of a window whose tiles are decoded one by one: what several at once would save in time is little, what they take in memory is
/// several times the rest. A tile of the default size, 1024x1024 pixels.
const SMALL: usize = 64 * 64;

/// Where payloads come from: a file in memory, or one that is being read. Asked for tiles in rising order.
pub(crate) trait TileSource: Send {
    /// The payloads of tiles, whose checksums were right.
    fn payloads(&mut self, tiles: &[TileRect]) -> Result<Vec<Cow<'_, [u8]>>, Error>;

    /// Memory that these payloads take.
    fn memory(&self, tiles: &[TileRect]) -> u64;
}

impl TileSource for StoredTiles<'_> {
    fn payloads(&mut self, tiles: &[TileRect]) -> Result<Vec<Cow<'_, [u8]>>, Error> {
        tiles.iter().map(|tile| self.tile(tile.index).map(Cow::from)).collect()
    }

    fn memory(&self, _tiles: &[TileRect]) -> u64 {
        // They are borrowed.
        0
    }
}

/// A plane that is being decoded: its wanted samples, in whole rows from the top.
pub(crate) trait Plane: Send {
    /// The rows that the next tiles complete, perhaps none; nothing after the last tile.
    fn next(&mut self, stats: &mut Stats) -> Result<Option<Samples>, Error>;

    /// Tiles that are decoded, and all that are needed.
    fn progress(&self) -> [usize; 2];
}

/// A plane that the networks have coded.
pub(crate) struct CodedPlane<'a> {
    runtime: &'a Runtime,
    source: Box<dyn TileSource + 'a>,
    header: Header,
    window: Window,
    /// Units of the whitened latent per 1/64 of a quantisation step [M].
    steps: Vec<f32>,
    rows: TileRows,
    synthesis: Box<dyn Synthesis + 'a>,
    tiles: Vec<TileRect>,
    /// How many of them are decoded.
    done: usize,
    /// Positions that are decoded together.
    band: usize,
    /// Rows of samples that the synthesis has made.
    made: usize,
}

impl<'a> CodedPlane<'a> {
    /// A plane of a file with this header, which has the plane's own colour model and quality, and the picture's filter. `preview`: with the preview's linear map for
    /// a synthesis, if the model has one.
    pub(crate) fn new(
        runtime: &'a Runtime,
        source: Box<dyn TileSource + 'a>,
        header: Header,
        pixels: &Pixels,
        filter: Option<&Coefficients>,
        preview: bool,
    ) -> Result<Self, Error> {
        let head = if preview { runtime.preview.as_ref() } else { None };
        let transforms = &runtime.transforms;
        let window = match head {
            Some(_) => Window::new(&header, pixels, 0, 1, 8),
            None => {
                // No further than `Runtime::reach` says.
                let filtered = runtime.filters() || filter.is_some();
                let halo = transforms.halo() + if filtered { FILTER_HALO } else { 0 };
                Window::new(&header, pixels, halo, transforms.anchor(), 1)
            }
        };
        let steps = runtime.model.steps(symbols::quality(&header)?);
        Ok(Self {
            runtime,
            source,
            header,
            rows: TileRows::new(window.area.columns.len(), steps.len()),
            steps,
            synthesis: match head {
                Some(head) => head.synthesis(&window.header),
                None => runtime.synthesis(&window.header, filter),
            },
            band: if window.area.positions() < SMALL { 1 } else { runtime.band_positions() },
            tiles: window.tiles(&header),
            window,
            done: 0,
            made: 0,
        })
    }

    /// Memory that payloads take: those of the band that has the longest.
    pub(crate) fn payload_memory(&self) -> u64 {
        let (mut most, mut left) = (0, self.tiles.as_slice());
        while !left.is_empty() {
            let (tiles, rest) = left.split_at(band(left, self.band));
            most = most.max(self.source.memory(tiles));
            left = rest;
        }
        most
    }
}

impl Plane for CodedPlane<'_> {
    fn next(&mut self, stats: &mut Stats) -> Result<Option<Samples>, Error> {
        let Some(left) = self.tiles.get(self.done..).filter(|left| !left.is_empty()) else { return Ok(None) };
        let (tiles, _) = left.split_at(band(left, self.band));
        let payloads = self.source.payloads(tiles)?;
        let stored = tiles.iter().zip(payloads).map(|(&tile, payload)| StoredTile { tile, payload });
        let stored: Vec<StoredTile<'_>> = stored.collect();
        self.done += stored.len();
        let mut engine = self.runtime.engine()?;
        let weights = self.runtime.model.prior();
        let header = &self.header;
        let decode = || symbols::decode_band(header, weights, engine.as_mut(), &stored, false, stats);
        let decoded = self.runtime.run(decode)?;
        self.runtime.put_back(engine);
        let start = Instant::now();
        for (stored, tile) in stored.iter().zip(decoded) {
            let (area, rows) = self.window.cut(&stored.tile, &tile.y64, self.steps.len());
            self.rows.write(&area, rows, &self.steps);
        }
        let complete = match self.tiles.get(self.done) {
            Some(tile) => (usize::from(tile.y) / LATENT).saturating_sub(self.window.area.rows.start),
            None => self.window.area.rows.len(),
        };
        let latents = self.rows.take_above(complete);
        // Room for all rows that may come, and no more: growing copies.
        let line = usize::from(self.window.header.width) * channels(self.header.colour);
        let height = usize::from(self.window.header.height) * complete / self.window.area.rows.len().max(1);
        let room = height.saturating_sub(self.made) * line;
        let mut samples = Samples::reserve(self.header.depth, room as u64)?;
        match &mut samples {
            Samples::Eight(samples) => self.synthesis.push(latents, samples)?,
            Samples::Deep(depth, samples) => self.synthesis.push_deep(latents, *depth, samples)?,
        }
        let first = self.made;
        self.made += samples.len() / line.max(1);
        let wanted = self.window.crop(samples, first, channels(self.header.colour));
        stats.synthesis += start.elapsed();
        Ok(Some(wanted))
    }

    fn progress(&self) -> [usize; 2] {
        [self.done, self.tiles.len()]
    }
}

/// A lossless alpha plane.
pub(crate) struct LosslessPlane<'a> {
    stored: StoredTiles<'a>,
    header: Header,
    pixels: Pixels,
    tiles: Vec<TileRect>,
    done: usize,
}

impl<'a> LosslessPlane<'a> {
    /// The plane of a file with this header.
    pub(crate) fn new(stored: StoredTiles<'a>, header: Header, pixels: Pixels) -> Self {
        let latents = |range: &std::ops::Range<usize>| range.start / LATENT..range.end.div_ceil(LATENT);
        let tiles = tiles_of(&header, &latents(&pixels.rows), &latents(&pixels.columns));
        Self { stored, header, pixels, tiles, done: 0 }
    }
}

impl Plane for LosslessPlane<'_> {
    /// Takes a row of tiles at a time.
    fn next(&mut self, stats: &mut Stats) -> Result<Option<Samples>, Error> {
        let left = self.tiles.get(self.done..).unwrap_or(&[]);
        let Some(first) = left.first() else { return Ok(None) };
        let count = left.iter().take_while(|tile| tile.y == first.y).count();
        let row = left.get(..count).unwrap_or(left);
        let samples = timed(&mut stats.coding, || lossless::decode_row(&self.header, &self.stored, row, &self.pixels))?;
        self.done += count;
        Ok(Some(samples))
    }

    fn progress(&self) -> [usize; 2] {
        [self.done, self.tiles.len()]
    }
}
