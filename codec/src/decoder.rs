//! [`Decoder`]: a file to a picture, with memory for the picture and about two rows of tiles.

use crate::bands::band;
use crate::device::DeviceChoice;
use crate::error::{Error, Warning};
use crate::format::{Header, LicFile, TileRect};
use crate::image::{Picture, channels};
use crate::model::Model;
use crate::patches;
use crate::plane::RollingPlane;
use crate::prior::PriorEngine;
use crate::runtime::Runtime;
use crate::stats::{Stats, timed};
use crate::symbols;
use crate::tiles::{Area, check_anchor};

/// A decoded file.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The picture as it is stored: the orientation section is not applied.
    pub picture: Picture,
    /// What the user should hear about.
    pub warnings: Vec<Warning>,
    /// Time and amounts.
    pub stats: Stats,
}

/// Decodes files of one model on one device. May be used by several threads at once.
pub struct Decoder {
    runtime: Runtime,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

impl Decoder {
    /// Loads the decoder's networks to a device.
    ///
    /// # Errors
    /// [`Error::Model`] if the weight file's transforms are damaged, [`Error::Device`] if the device cannot be used.
    pub fn new(model: &Model, device: DeviceChoice) -> Result<Self, Error> {
        let runtime = Runtime::new(model, device, false)?;
        Ok(Self { runtime })
    }

    /// Decodes a whole file.
    ///
    /// # Errors
    /// Any [`Error`] that describes a damaged, foreign or unsupported file; [`Error::WrongParseId`] for a file of another model;
    /// [`Error::OutOfMemory`] for a picture that does not fit.
    pub fn decode(&self, bytes: &[u8]) -> Result<Decoded, Error> {
        decode_with(&self.runtime, bytes)
    }
}

/// Decodes a whole file with an encoder's or a decoder's networks.
pub(crate) fn decode_with(runtime: &Runtime, bytes: &[u8]) -> Result<Decoded, Error> {
    let file = symbols::open(&runtime.model, bytes)?;
    let header = *file.header();
    check_anchor(&header, runtime.transforms.anchor())?;
    let mut warnings = file.warnings().to_vec();
    warnings.extend(runtime.warning());
    if header.synthesis_id != runtime.model.synthesis_id() {
        warnings.push(Warning::SynthesisIdMismatch { file: header.synthesis_id, model: runtime.model.synthesis_id() });
    }
    let mut engine = runtime.engine()?;
    let mut run = Run::new(runtime, &file)?;
    let grid = header.tile_grid();
    for tile_row in 0..grid[1] {
        run.tile_row(tile_row, engine.as_mut())?;
    }
    runtime.put_back(engine);
    let (width, height) = (header.width.into(), header.height.into());
    Ok(Decoded { picture: Picture::new(width, height, header.colour, run.pixels)?, warnings, stats: run.stats })
}

/// A file that is being decoded.
struct Run<'a> {
    runtime: &'a Runtime,
    file: &'a LicFile<'a>,
    header: Header,
    picture: Area,
    /// Units of the whitened latent per 1/64 of a quantisation step [M].
    steps: Vec<f32>,
    plane: RollingPlane,
    /// The first tile that is not decoded yet.
    next: u32,
    /// The samples so far, complete rows of tiles.
    pixels: Vec<u8>,
    stats: Stats,
}

impl<'a> Run<'a> {
    fn new(runtime: &'a Runtime, file: &'a LicFile<'a>) -> Result<Self, Error> {
        let header = *file.header();
        let (width, height) = (u64::from(header.width), u64::from(header.height));
        let bytes = width * height * channels(header.colour) as u64;
        let mut pixels = Vec::new();
        usize::try_from(bytes)
            .ok()
            .and_then(|bytes| pixels.try_reserve_exact(bytes).ok())
            .ok_or(Error::OutOfMemory { bytes })?;
        let scale = runtime.model.prior().gains(symbols::quality(&header)?).scale();
        // A channel without gain carries nothing: its latent is 0, not 0 / 0.
        let step = |&gain: &f64| if gain > 0.0 { (1.0 / (64.0 * gain)) as f32 } else { 0.0 };
        let picture = Area::of_picture(&header);
        Ok(Self {
            runtime,
            file,
            header,
            steps: scale.iter().map(step).collect(),
            plane: RollingPlane::new(picture.columns.len(), scale.len()),
            picture,
            next: 0,
            pixels,
            stats: Stats { pixels: width * height, ..Stats::default() },
        })
    }

    /// Decodes what a row of tiles needs and synthesises it.
    fn tile_row(&mut self, tile_row: u32, engine: &mut dyn PriorEngine) -> Result<(), Error> {
        let [columns, _] = self.header.tile_grid();
        let numbers = tile_row * columns..(tile_row + 1) * columns;
        let tiles: Vec<TileRect> = numbers.filter_map(|n| self.header.tile(n)).collect();
        let Some(first) = tiles.first() else {
            return Ok(());
        };
        let halo = self.runtime.transforms.halo();
        let rows = Area::of_tile(first).window(halo, &self.picture).rows;
        self.plane.forget_above(rows.start);
        // A tile is needed if its first row is.
        while self.header.tile(self.next).is_some_and(|tile| Area::of_tile(&tile).rows.start < rows.end) {
            self.decode_band(engine)?;
        }
        let start = std::time::Instant::now();
        self.synthesise(&tiles)?;
        self.stats.synthesis += start.elapsed();
        Ok(())
    }

    fn decode_band(&mut self, engine: &mut dyn PriorEngine) -> Result<(), Error> {
        let numbers = band(&self.header, self.next, self.runtime.band_positions());
        self.next = numbers.end;
        let areas: Vec<Area> =
            numbers.clone().filter_map(|n| self.header.tile(n)).map(|tile| Area::of_tile(&tile)).collect();
        let model = &self.runtime.model;
        let stats = &mut self.stats;
        let tiles = symbols::decode_band(self.file, model, engine, numbers, false, stats)?;
        timed(&mut self.stats.synthesis, || {
            for (area, tile) in areas.iter().zip(tiles) {
                let steps = self.steps.iter().cycle();
                let latents = tile.y64.iter().zip(steps);
                self.plane.write(area, latents.map(|(&y, &step)| y as f32 * step));
            }
        });
        Ok(())
    }

    /// Appends the pixels of a row of tiles, each tile written where it belongs as soon as it is there.
    fn synthesise(&mut self, tiles: &[TileRect]) -> Result<(), Error> {
        let Self { runtime, header, plane, picture, pixels, .. } = self;
        let transforms = &runtime.transforms;
        let window = |tile: &TileRect| Area::of_tile(tile).window(transforms.halo(), picture);
        let channels = channels(header.colour);
        let stride = usize::from(header.width) * channels;
        let above = pixels.len();
        let height = tiles.first().map_or(0, |tile| usize::from(tile.height));
        pixels.resize(above + height * stride, 0);
        let samples = |tile: &TileRect| {
            let window = window(tile);
            let (rows, columns) = (window.rows.len(), window.columns.len());
            let latent = plane.read(&window);
            let patches = transforms.synthesise(latent, rows, columns, header.quality);
            let size = [tile.width, tile.height].map(usize::from);
            Ok(patches::to_samples(&patches, &window, &Area::of_tile(tile), size, header.colour))
        };
        runtime.transform_each(tiles, window, samples, |tile, block| {
            let rows = pixels[above..].chunks_exact_mut(stride);
            let (left, length) = (usize::from(tile.x) * channels, usize::from(tile.width) * channels);
            for (row, samples) in rows.zip(block.chunks_exact(length)) {
                row[left..left + length].copy_from_slice(samples);
            }
        })
    }
}
