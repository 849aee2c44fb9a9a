//! [`Decoder`]: a file to a picture, with memory for the picture and about two rows of tiles.

use std::time::Instant;

use crate::alpha::{Alpha, lossless};
use crate::bands::band;
use crate::device::DeviceChoice;
use crate::error::{Error, Warning};
use crate::format::{AlphaCoding, AlphaSection, ColourModel, Header, StoredTiles};
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::model::Model;
use crate::picture::{Picture, channels};
use crate::plane::TileRows;
use crate::prior::PriorEngine;
use crate::runtime::Runtime;
use crate::samples::Samples;
use crate::stats::{Stats, timed};
use crate::symbols;
use crate::tiles::{Area, check_anchor};
use crate::transform::Synthesis;

/// A decoded file.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The picture as it is stored, with its metadata: the orientation is not applied, nor are colours converted.
    pub picture: Picture,
    /// What the user should hear about.
    pub warnings: Vec<Warning>,
    /// Time and amounts.
    pub stats: Stats,
}

/// Decodes files of one model on one device. May be used by several threads at once.
pub struct Decoder {
    runtime: Runtime,
    limits: Limits,
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
        Ok(Self { runtime, limits: Limits::default() })
    }

    /// The same decoder that refuses files beyond these limits.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Decodes a whole file.
    ///
    /// # Errors
    /// Any [`Error`] that describes a damaged, foreign or unsupported file; [`Error::WrongParseId`] for a file of another model;
    /// [`Error::LimitExceeded`] and [`Error::OutOfMemory`] for a picture that is too large.
    pub fn decode(&self, bytes: &[u8]) -> Result<Decoded, Error> {
        self.limits.check(bytes)?;
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
    let (pixels, mut stats) = decode_tiles(runtime, header, file.stored())?;
    let alpha = match file.alpha()? {
        Some(section) => Some(decode_alpha(runtime, &header, &section, &mut stats).map_err(Error::in_alpha)?),
        None => None,
    };
    let (width, height) = (header.width.into(), header.height.into());
    let mut picture = Picture::new(width, height, header.colour, pixels)?;
    picture.alpha = alpha;
    picture.metadata = Metadata::of_file(&file);
    Ok(Decoded { picture, warnings, stats })
}

/// The plane of an alpha section; `stats` get the time it took.
fn decode_alpha(
    runtime: &Runtime,
    header: &Header,
    section: &AlphaSection<'_>,
    stats: &mut Stats,
) -> Result<Alpha, Error> {
    let samples = match section.coding {
        AlphaCoding::Lossless => timed(&mut stats.coding, || lossless::decode(header, section.tiles()))?,
        AlphaCoding::Lossy { quality } => {
            let header = Header { colour: ColourModel::Grey, quality, ..*header };
            let (samples, spent) = decode_tiles(runtime, header, section.tiles())?;
            stats.add_times(&spent);
            samples
        }
    };
    Ok(Alpha { samples, premultiplied: section.premultiplied })
}

/// The samples [height, width, channels] of tiles that the networks have coded.
fn decode_tiles(runtime: &Runtime, header: Header, tiles: &StoredTiles<'_>) -> Result<(Samples, Stats), Error> {
    let mut engine = runtime.engine()?;
    let mut run = Run::new(runtime, header, tiles)?;
    while run.next < header.tile_count() {
        run.band(engine.as_mut())?;
    }
    runtime.put_back(engine);
    Ok((run.pixels, run.stats))
}

/// A plane that is being decoded.
struct Run<'a> {
    runtime: &'a Runtime,
    stored: &'a StoredTiles<'a>,
    header: Header,
    /// Units of the whitened latent per 1/64 of a quantisation step [M].
    steps: Vec<f32>,
    rows: TileRows,
    synthesis: Box<dyn Synthesis + 'a>,
    /// The first tile that is not decoded yet.
    next: u32,
    /// The samples so far, complete rows.
    pixels: Samples,
    stats: Stats,
}

impl<'a> Run<'a> {
    fn new(runtime: &'a Runtime, header: Header, stored: &'a StoredTiles<'a>) -> Result<Self, Error> {
        let (width, height) = (u64::from(header.width), u64::from(header.height));
        let pixels = Samples::reserve(header.depth, width * height * channels(header.colour) as u64)?;
        let scale = runtime.model.prior().gains(symbols::quality(&header)?).scale();
        // A channel without gain carries nothing: its latent is 0, not 0 / 0.
        let step = |&gain: &f64| if gain > 0.0 { (1.0 / (64.0 * gain)) as f32 } else { 0.0 };
        Ok(Self {
            runtime,
            stored,
            header,
            steps: scale.iter().map(step).collect(),
            rows: TileRows::new(Area::of_picture(&header).columns.len(), scale.len()),
            synthesis: runtime.transforms.synthesis(&header),
            next: 0,
            pixels,
            stats: Stats { pixels: width * height, ..Stats::default() },
        })
    }

    /// Decodes the next tiles, and synthesises the rows that are complete then.
    fn band(&mut self, engine: &mut dyn PriorEngine) -> Result<(), Error> {
        let numbers = band(&self.header, self.next, self.runtime.band_positions());
        self.next = numbers.end;
        let areas: Vec<Area> =
            numbers.clone().filter_map(|n| self.header.tile(n)).map(|tile| Area::of_tile(&tile)).collect();
        let tiles = symbols::decode_band(
            &self.header,
            self.stored,
            &self.runtime.model,
            engine,
            numbers,
            false,
            &mut self.stats,
        )?;
        let start = Instant::now();
        for (area, tile) in areas.iter().zip(tiles) {
            let latents = tile.y64.iter().zip(self.steps.iter().cycle());
            self.rows.write(area, latents.map(|(&y, &step)| y as f32 * step));
        }
        let complete = match self.header.tile(self.next) {
            Some(tile) => Area::of_tile(&tile).rows.start,
            None => Area::of_picture(&self.header).rows.end,
        };
        let latents = self.rows.take_above(complete);
        match &mut self.pixels {
            Samples::Eight(pixels) => self.synthesis.push(latents, pixels)?,
            Samples::Deep(depth, pixels) => self.synthesis.push_deep(latents, *depth, pixels)?,
        }
        self.stats.synthesis += start.elapsed();
        Ok(())
    }
}
