//! What a file holds before any float arithmetic: the same on every machine, with every engine of the prior.
//!
//! For tests that compare engines and devices, and for the hashes of files that must decode for ever. [`crate::Decoder`] goes
//! on from here to pixels.

use lic_shaders::order::{GROUP, PASSES, phase};

use crate::bands::{CPU_BAND, band};
use crate::coding::{self, CodedTile, DecodedTile};
use crate::error::Error;
use crate::format::{Header, LicFile, StoredTiles};
use crate::model::Model;
use crate::prior::{PriorEngine, QualityIndex, TileShape};
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
    /// Decoded latents [height, width, M] in 1/64 of a quantisation step: symbol and mean.
    pub y64: Vec<i32>,
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
    let mut all = Vec::new();
    let mut next = 0;
    while next < header.tile_count() {
        let numbers = band(&header, next, CPU_BAND);
        next = numbers.end;
        let shapes: Vec<TileShape> =
            numbers.clone().filter_map(|n| header.tile(n)).map(|tile| Area::of_tile(&tile).shape()).collect();
        let stats = &mut Stats::default();
        let tiles = decode_band(&header, file.stored(), model, engine, numbers, true, stats)?;
        let channels = model.prior().sizes().latents;
        for (shape, tile) in shapes.into_iter().zip(tiles) {
            all.push(TileSymbols {
                shape,
                symbols: plane(shape, channels, &tile.passes),
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
    let found = file.header().parse_id;
    if found != model.parse_id() {
        return Err(Error::WrongParseId { file: found, model: model.parse_id() });
    }
    Ok(file)
}

/// The quality of a parsed header.
pub(crate) fn quality(header: &Header) -> Result<QualityIndex, Error> {
    QualityIndex::new(header.quality).ok_or(Error::InvalidHeader {
        field: "quality",
        value: header.quality.into(),
        allowed: "0..=252",
    })
}

/// Decodes the tiles `numbers` together: those of a file, or of its alpha section with that section's quality in the header.
pub(crate) fn decode_band(
    header: &Header,
    stored: &StoredTiles<'_>,
    model: &Model,
    engine: &mut dyn PriorEngine,
    numbers: std::ops::Range<u32>,
    keep_symbols: bool,
    stats: &mut Stats,
) -> Result<Vec<DecodedTile>, Error> {
    let quality = quality(header)?;
    let mut tiles = Vec::with_capacity(numbers.len());
    for tile in numbers.filter_map(|n| header.tile(n)) {
        let payload = stored.tile(tile.index)?;
        stats.payload += payload.len() as u64;
        tiles.push(CodedTile { number: tile.index, shape: Area::of_tile(&tile).shape(), payload });
    }
    coding::decode(engine, model.prior(), quality, &tiles, keep_symbols, stats)
}

/// The symbols of all passes at their places.
fn plane(shape: TileShape, channels: usize, passes: &[Vec<i16>]) -> Vec<i16> {
    let part = channels / PASSES;
    let mut plane = vec![0; shape.positions() * channels];
    for (pass, symbols) in passes.iter().enumerate() {
        let positions = plane.chunks_exact_mut(channels).zip(symbols.chunks_exact(part));
        for (position, (to, from)) in positions.enumerate() {
            let group = GROUP[pass][phase(position / shape.width, position % shape.width)] * part;
            to[group..group + part].copy_from_slice(from);
        }
    }
    plane
}
