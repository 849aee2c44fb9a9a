//! What a file holds before any float arithmetic: the same on every machine, with every engine of the prior.
//!
//! For tests that compare engines and devices, and for the hashes of files that must decode for ever. [`crate::Decoder`] goes
//! on from here to pixels.

use std::borrow::Cow;

use lic_shaders::order::{GROUP, PASSES, phase};

use crate::bands::{CPU_BAND, bands};
use crate::coding::{self, CodedTile, DecodedTile};
use crate::error::Error;
use crate::format::{Header, LicFile, TileRect};
use crate::model::Model;
use crate::prior::{PriorEngine, PriorWeights, QualityIndex, TileShape};
use crate::stats::Stats;
use crate::tiles::Area;

/// The integers of one tile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileSymbols {
    /// Size of the latent plane.
    pub shape: TileShape,
    /// Hyper-latents [zh, zw, Z].
    pub hyper: Vec<i16>,
    /// Symbols [height, width, M].
    pub symbols: Vec<i16>,
    /// Scale tables that the prior's networks predict for the symbols [height, width, M], before they adapt. Symbols of table 0 are 0 where the tile leaves them out.
    pub indices: Vec<u8>,
    /// Decoded latents [height, width, M] in 1/64 of a quantisation step: symbol and mean.
    pub y64: Vec<i32>,
}

impl TileSymbols {
    /// The whitened latents [height, width, M] that a decoder of `model` gives to its synthesis.
    pub fn latents(&self, model: &Model, quality: QualityIndex) -> Vec<f32> {
        let steps = model.steps(quality);
        self.y64.iter().zip(steps.iter().cycle()).map(|(&y, &step)| y as f32 * step).collect()
    }
}

/// All tiles of a file, in its order, decoded with `engine`, which must have been made from `model`'s prior.
///
/// Holds all tiles in memory; [`crate::Decoder::decode`] does not.
///
/// # Errors
/// As [`crate::Decoder::decode`].
pub fn decode_symbols(model: &Model, engine: &mut dyn PriorEngine, bytes: &[u8]) -> Result<Vec<TileSymbols>, Error> {
    let file = open(model, bytes)?;
    let header = *file.header();
    let (weights, channels) = (model.prior(), model.prior().sizes().latents);
    let tiles: Vec<TileRect> = header.tiles().collect();
    let mut all = Vec::new();
    for tiles in bands(&tiles, CPU_BAND) {
        let stored = tiles.iter().map(|&tile| Ok(StoredTile { tile, payload: file.tile(tile.index)?.into() }));
        let stored: Vec<StoredTile<'_>> = stored.collect::<Result<_, Error>>()?;
        let decoded = decode_band(&header, weights, engine, &stored, true, &mut Stats::default())?;
        for (stored, tile) in stored.iter().zip(decoded) {
            let shape = Area::of_tile(&stored.tile).shape();
            all.push(TileSymbols {
                shape,
                symbols: plane(shape, channels, &tile.passes),
                indices: plane(shape, channels, &tile.indices),
                hyper: tile.hyper,
                y64: tile.y64,
            });
        }
    }
    Ok(all)
}

/// Parses a file, checks every checksum, and refuses what this model and this release cannot decode.
pub(crate) fn open<'a>(model: &Model, bytes: &'a [u8]) -> Result<LicFile<'a>, Error> {
    let file = LicFile::parse(bytes)?;
    check_model(file.header(), model)?;
    Ok(file)
}

/// Refuses a file of another model.
pub(crate) fn check_model(header: &Header, model: &Model) -> Result<(), Error> {
    let found = header.parse_id;
    if found != model.parse_id() {
        return Err(Error::WrongParseId { file: found, model: model.parse_id() });
    }
    Ok(())
}

/// The quality of a parsed header.
pub(crate) fn quality(header: &Header) -> Result<QualityIndex, Error> {
    QualityIndex::new(header.quality).ok_or(Error::InvalidHeader {
        field: "quality",
        value: header.quality.into(),
        allowed: "0..=252",
    })
}

/// A tile with its payload.
#[derive(Debug)]
pub(crate) struct StoredTile<'a> {
    pub(crate) tile: TileRect,
    pub(crate) payload: Cow<'a, [u8]>,
}

/// Decodes tiles together: those of a file, or of its alpha section with that section's quality in the header.
pub(crate) fn decode_band(
    header: &Header,
    weights: &PriorWeights,
    engine: &mut dyn PriorEngine,
    stored: &[StoredTile<'_>],
    keep_symbols: bool,
    stats: &mut Stats,
) -> Result<Vec<DecodedTile>, Error> {
    let coded = stored.iter().map(|StoredTile { tile, payload }| CodedTile {
        number: tile.index,
        shape: Area::of_tile(tile).shape(),
        payload,
    });
    let tiles: Vec<CodedTile<'_>> = coded.collect();
    stats.payload += tiles.iter().map(|tile| tile.payload.len() as u64).sum::<u64>();
    coding::decode(engine, weights, quality(header)?, &tiles, keep_symbols, stats)
}

/// What belongs to the symbols of all passes, at their places.
fn plane<T: Copy + Default>(shape: TileShape, channels: usize, passes: &[Vec<T>]) -> Vec<T> {
    let part = channels / PASSES;
    let mut plane = vec![T::default(); shape.positions() * channels];
    for (pass, symbols) in passes.iter().enumerate() {
        let positions = plane.chunks_exact_mut(channels).zip(symbols.chunks_exact(part));
        for (position, (to, from)) in positions.enumerate() {
            let group = GROUP[pass][phase(position / shape.width, position % shape.width)] * part;
            to[group..group + part].copy_from_slice(from);
        }
    }
    plane
}
