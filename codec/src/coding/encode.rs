//! Latents in, payloads out.

use lic_shaders::order::{GROUP, PASSES, phase};
use rayon::prelude::*;

use super::choose::{Effort, nearest, residual};
use super::skip::Skipped;
use crate::entropy::{CostTable, TileEncoder};
use crate::error::Error;
use crate::prior::{Prediction, PriorEngine, PriorWeights, QualityIndex, TileShape};
use crate::stats::{Stats, timed};

/// A tile to encode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LatentTile<'a> {
    /// Its number, for messages.
    pub(crate) number: u32,
    pub(crate) shape: TileShape,
    /// Whitened [height, width, M].
    pub(crate) latent: &'a [f32],
    /// Hyper-latents [zh, zw, Z].
    pub(crate) hyper: &'a [i16],
}

/// A tile as it was coded.
#[derive(Debug)]
pub(crate) struct Coded {
    pub(crate) payload: Vec<u8>,
    /// What a decoder will have: latents [height, width, M] in 1/64 of a quantisation step.
    #[cfg_attr(not(feature = "burn"), expect(dead_code, reason = "only a search asks"))]
    pub(crate) y64: Vec<i32>,
    /// Whether latents of scale index 0 are left out.
    #[cfg_attr(not(feature = "burn"), expect(dead_code, reason = "only a search asks"))]
    pub(crate) skip: bool,
    /// Symbols coded.
    pub(crate) symbols: u64,
}

/// Codes some tiles (at least one). The symbols are not counted in `stats`: a caller may throw the result away.
pub(crate) fn encode(
    engine: &mut dyn PriorEngine,
    weights: &PriorWeights,
    quality: QualityIndex,
    effort: Effort,
    tiles: &[LatentTile<'_>],
    stats: &mut Stats,
) -> Result<Vec<Coded>, Error> {
    let costs = CostTable::of_scales(weights.scale_tables());
    let setting = Setting {
        weights,
        quality,
        effort,
        gains: weights.gains(quality).scale().iter().map(|&g| g as f32).collect(),
        costs: &costs,
    };
    let mut attempts = setting.attempt(engine, tiles, true, stats)?;
    let refused = |attempt: &Attempt| !attempt.skipped.is_worth_it();
    let again: Vec<LatentTile<'_>> =
        tiles.iter().zip(&attempts).filter(|(_, attempt)| refused(attempt)).map(|(tile, _)| *tile).collect();
    if !again.is_empty() {
        let without = setting.attempt(engine, &again, false, stats)?;
        let places = attempts.iter_mut().filter(|attempt| refused(attempt));
        for (place, attempt) in places.zip(without) {
            *place = attempt;
        }
    }
    Ok(attempts.into_iter().map(|attempt| attempt.coded).collect())
}

/// What all tiles of a call share.
struct Setting<'a> {
    weights: &'a PriorWeights,
    quality: QualityIndex,
    effort: Effort,
    /// Quantisation steps per unit of the whitened latent [M].
    gains: Vec<f32>,
    costs: &'a CostTable<'a>,
}

/// A tile that was coded one way.
struct Attempt {
    coded: Coded,
    skipped: Skipped,
}

/// A tile that is being coded.
struct Job<'a> {
    tile: LatentTile<'a>,
    coder: TileEncoder,
    skipped: Skipped,
    symbols: u64,
}

impl Setting<'_> {
    fn attempt(
        &self,
        engine: &mut dyn PriorEngine,
        tiles: &[LatentTile<'_>],
        skip: bool,
        stats: &mut Stats,
    ) -> Result<Vec<Attempt>, Error> {
        let shapes: Vec<TileShape> = tiles.iter().map(|tile| tile.shape).collect();
        let hyper: Vec<&[i16]> = tiles.iter().map(|tile| tile.hyper).collect();
        timed(&mut stats.prior, || engine.begin(&shapes, self.quality, &hyper))?;
        let mut jobs: Vec<Job<'_>> = timed(&mut stats.coding, || {
            let start = tiles.par_iter().map(|tile| self.start(tile, skip));
            start.collect::<Result<_, Error>>()
        })?;
        for pass in 0..PASSES {
            let predictions = timed(&mut stats.prior, || engine.predict())?;
            let symbols: Vec<Vec<i16>> = timed(&mut stats.coding, || {
                let jobs = jobs.par_iter_mut().zip(predictions);
                jobs.map(|(job, prediction)| self.code(job, pass, prediction)).collect::<Result<_, Error>>()
            })?;
            timed(&mut stats.prior, || engine.accept(&symbols))?;
        }
        let latents = timed(&mut stats.prior, || engine.finish())?;
        let finish = |(job, y64): (Job<'_>, Vec<i32>)| {
            let coded = Coded { payload: job.coder.finish(), y64, skip, symbols: job.symbols };
            Attempt { coded, skipped: job.skipped }
        };
        Ok(timed(&mut stats.coding, || jobs.into_par_iter().zip(latents).map(finish).collect()))
    }

    fn start<'t>(&self, tile: &LatentTile<'t>, skip: bool) -> Result<Job<'t>, Error> {
        let mut coder = TileEncoder::new(skip);
        let tables = self.weights.hyper_tables();
        coder.encode_hyper(tables, self.quality.get(), tile.hyper).map_err(|e| e.in_tile(tile.number))?;
        Ok(Job { tile: *tile, coder, skipped: Skipped::default(), symbols: tile.hyper.len() as u64 })
    }

    /// Chooses and codes the symbols of a pass.
    fn code(&self, job: &mut Job<'_>, pass: usize, p: &Prediction) -> Result<Vec<i16>, Error> {
        let channels = self.gains.len();
        let part = channels / PASSES;
        let skip = job.coder.skip();
        let mut symbols = Vec::with_capacity(p.index.len());
        let positions = job.tile.latent.chunks_exact(channels);
        let predicted = p.mean64.chunks_exact(part).zip(p.index.chunks_exact(part));
        for (position, (latent, (means, indices))) in positions.zip(predicted).enumerate() {
            let width = job.tile.shape.width;
            let group = GROUP[pass][phase(position / width, position % width)] * part;
            let coded = latent[group..group + part].iter().zip(&self.gains[group..]);
            for ((&latent, &gain), (&mean, &index)) in coded.zip(means.iter().zip(indices)) {
                let residual = residual(latent, gain, mean);
                let symbol = if skip && index == 0 {
                    let left_out = nearest(residual);
                    if left_out != 0 {
                        let cost = self.costs.cost(0, left_out).map_err(|e| e.in_tile(job.tile.number))?;
                        job.skipped.add(residual, left_out, cost);
                    }
                    0
                } else {
                    job.symbols += 1;
                    let symbol = self.effort.symbol(residual, index, self.costs);
                    symbol.map_err(|e| e.in_tile(job.tile.number))?
                };
                symbols.push(symbol);
            }
        }
        job.coder
            .encode_symbols(self.weights.scale_tables(), &symbols, &p.index)
            .map_err(|e| e.in_tile(job.tile.number))?;
        Ok(symbols)
    }
}
