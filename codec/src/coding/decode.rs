//! Payloads in, symbols and latents out. Safe on any bytes.

use lic_shaders::order::PASSES;
use rayon::prelude::*;

use crate::entropy::{Adapter, TileDecoder};
use crate::error::{EntropyError, Error};
use crate::prior::{PriorEngine, PriorWeights, QualityIndex, TileShape};
use crate::stats::{Stats, timed};

/// A tile to decode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodedTile<'a> {
    /// Its number, for messages.
    pub(crate) number: u32,
    pub(crate) shape: TileShape,
    pub(crate) payload: &'a [u8],
}

/// What a tile holds.
#[derive(Debug)]
pub(crate) struct DecodedTile {
    /// Hyper-latents [zh, zw, Z].
    pub(crate) hyper: Vec<i16>,
    /// The symbols of the passes in coding order, if they were asked for; else empty.
    pub(crate) passes: Vec<Vec<i16>>,
    /// The scale tables that are predicted for these symbols.
    pub(crate) indices: Vec<Vec<u8>>,
    /// Latents [height, width, M] in 1/64 of a quantisation step.
    pub(crate) y64: Vec<i32>,
}

/// The contents of some tiles (at least one).
pub(crate) fn decode(
    engine: &mut dyn PriorEngine,
    weights: &PriorWeights,
    quality: QualityIndex,
    tiles: &[CodedTile<'_>],
    keep_symbols: bool,
    stats: &mut Stats,
) -> Result<Vec<DecodedTile>, Error> {
    let started: Vec<(TileDecoder<'_>, Vec<i16>)> = timed(&mut stats.coding, || {
        tiles
            .par_iter()
            .map(|tile| start(tile.payload, weights, quality, tile.shape).map_err(|e| e.in_tile(tile.number)))
            .collect::<Result<_, Error>>()
    })?;
    let (mut coders, hyper): (Vec<TileDecoder<'_>>, Vec<Vec<i16>>) = started.into_iter().unzip();
    let mut adapters: Vec<Option<Adapter<'_>>> = tiles.iter().map(|tile| weights.adapter(tile.shape.width)).collect();
    stats.symbols += hyper.iter().map(|h| h.len() as u64).sum::<u64>();

    let shapes: Vec<TileShape> = tiles.iter().map(|tile| tile.shape).collect();
    let planes: Vec<&[i16]> = hyper.iter().map(Vec::as_slice).collect();
    timed(&mut stats.prior, || engine.begin(&shapes, quality, &planes))?;
    let mut passes = vec![Vec::new(); tiles.len()];
    let mut indices = vec![Vec::new(); tiles.len()];
    for pass in 0..PASSES {
        let predictions = timed(&mut stats.prior, || engine.predict())?;
        let symbols: Vec<Vec<i16>> = timed(&mut stats.coding, || {
            let jobs = coders.par_iter_mut().zip(&mut adapters).zip(tiles).zip(predictions);
            jobs.map(|(((coder, adapter), tile), prediction)| {
                let (tables, indices) = (weights.scale_tables(), &prediction.index);
                let mut symbols = vec![0; indices.len()];
                let decoded = match adapter {
                    Some(adapter) => coder.decode_pass(tables, adapter, pass, indices, &mut symbols),
                    None => coder.decode_symbols(tables, indices, &mut symbols),
                };
                decoded.map_err(|e| e.in_tile(tile.number))?;
                Ok(symbols)
            })
            .collect::<Result<_, Error>>()
        })?;
        for (coder, prediction) in coders.iter().zip(predictions) {
            let coded = prediction.index.iter().filter(|&&i| !coder.skip() || i != 0);
            stats.symbols += coded.count() as u64;
        }
        if keep_symbols {
            for (kept, prediction) in indices.iter_mut().zip(predictions) {
                kept.push(prediction.index.clone());
            }
        }
        timed(&mut stats.prior, || engine.accept(&symbols))?;
        if keep_symbols {
            for (kept, symbols) in passes.iter_mut().zip(symbols) {
                kept.push(symbols);
            }
        }
    }
    let latents = timed(&mut stats.prior, || engine.finish())?;
    for (coder, tile) in coders.into_iter().zip(tiles) {
        coder.finish().map_err(|e| e.in_tile(tile.number))?;
    }
    let contents = hyper.into_iter().zip(passes).zip(indices).zip(latents);
    Ok(contents.map(|(((hyper, passes), indices), y64)| DecodedTile { hyper, passes, indices, y64 }).collect())
}

/// Starts a tile's stream with its hyper-latents.
fn start<'a>(
    payload: &'a [u8],
    weights: &PriorWeights,
    quality: QualityIndex,
    shape: TileShape,
) -> Result<(TileDecoder<'a>, Vec<i16>), EntropyError> {
    let mut hyper = vec![0; shape.hyper().positions() * weights.sizes().hyper];
    let mut coder = TileDecoder::new(payload)?;
    coder.decode_hyper(weights.hyper_tables(), quality.get(), shape.hyper().width, &mut hyper)?;
    Ok((coder, hyper))
}
