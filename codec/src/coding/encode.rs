//! Latents in, payloads out.

use lic_shaders::order::{GROUP, PASSES, phase};
use rayon::prelude::*;

#[cfg(feature = "burn")]
use lic_shaders::gain::MEAN_STEPS;

use super::choose::{nearest, residual};
use super::skip::Skipped;
use crate::effort::Effort;
use crate::entropy::{Adapter, CostTable, TileEncoder};
use crate::error::{EntropyError, Error};
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
    pub(crate) y64: Vec<i32>,
    /// Whether latents of scale index 0 are left out.
    #[cfg_attr(not(feature = "burn"), expect(dead_code, reason = "only a search asks"))]
    pub(crate) skip: bool,
    /// Symbols coded.
    pub(crate) symbols: u64,
}

#[cfg(feature = "burn")]
impl Coded {
    /// The latents in quantisation steps.
    pub(crate) fn latents(&self) -> Vec<f32> {
        self.y64.iter().map(|&y| y as f32 / MEAN_STEPS as f32).collect()
    }
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
    let setting = Setting { weights, quality, effort, gains: weights.steps_per_unit(quality), costs: &costs };
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
    adapter: Option<Adapter<'a>>,
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
        // While the prior goes on to the next pass, the coders write the one before: they need nothing of it.
        let (mut chosen, mut indices): (Vec<Vec<i16>>, Vec<Vec<u8>>) = Default::default();
        for pass in 0..PASSES {
            let (running, time) = (&mut *engine, &mut stats.prior);
            let predict = move || timed(time, move || running.predict());
            let write = || match pass.checked_sub(1) {
                Some(before) => self.write(&mut jobs, before, &chosen, &indices),
                None => Ok(()),
            };
            let (predictions, written) = rayon::join(predict, write);
            written?;
            let predictions = predictions?;
            chosen = timed(&mut stats.coding, || {
                let jobs = jobs.par_iter_mut().zip(predictions);
                jobs.map(|(job, prediction)| self.choose(job, pass, prediction)).collect::<Result<_, Error>>()
            })?;
            indices = predictions.iter().map(|prediction| prediction.index.clone()).collect();
            timed(&mut stats.prior, || engine.accept(&chosen))?;
        }
        timed(&mut stats.coding, || self.write(&mut jobs, PASSES - 1, &chosen, &indices))?;
        let latents = timed(&mut stats.prior, || engine.finish())?;
        let finish = |(job, y64): (Job<'_>, Vec<i32>)| {
            let coded = Coded { payload: job.coder.finish(), y64, skip, symbols: job.symbols };
            Attempt { coded, skipped: job.skipped }
        };
        Ok(timed(&mut stats.coding, || jobs.into_par_iter().zip(latents).map(finish).collect()))
    }

    fn start<'t>(&'t self, tile: &LatentTile<'t>, skip: bool) -> Result<Job<'t>, Error> {
        let mut coder = TileEncoder::new(skip);
        let (tables, width) = (self.weights.hyper_tables(), tile.shape.hyper().width);
        coder.encode_hyper(tables, self.quality.get(), width, tile.hyper).map_err(|e| e.in_tile(tile.number))?;
        let adapter = self.weights.adapter(tile.shape.width);
        Ok(Job { tile: *tile, coder, adapter, skipped: Skipped::default(), symbols: tile.hyper.len() as u64 })
    }

    /// Chooses the symbols of a pass.
    fn choose(&self, job: &mut Job<'_>, pass: usize, p: &Prediction) -> Result<Vec<i16>, Error> {
        let channels = self.gains.len();
        let part = channels / PASSES;
        let (width, skip) = (job.tile.shape.width, job.coder.skip());
        let mut symbols = vec![0; p.index.len()];
        // Only the coder needs an order.
        let predicted = p.mean64.par_chunks(width * part).zip(p.index.par_chunks(width * part));
        let rows =
            symbols.par_chunks_mut(width * part).zip(job.tile.latent.par_chunks(width * channels)).zip(predicted);
        let chosen = rows.enumerate().with_min_len(2).map(|(row, ((symbols, latent), (means, indices)))| {
            let groups = |column| GROUP[pass][phase(row, column)] * part;
            self.choose_row(symbols, latent, means, indices, groups, skip).map_err(|e| e.in_tile(job.tile.number))
        });
        // In the order of the rows, because sums of floats depend on it.
        for (skipped, coded) in chosen.collect::<Result<Vec<_>, Error>>()? {
            job.skipped.merge(&skipped);
            job.symbols += coded;
        }
        Ok(symbols)
    }

    /// Codes the symbols of a pass, with the tables of their indices or what the tile has taught to take in their place.
    fn write(&self, jobs: &mut [Job<'_>], pass: usize, symbols: &[Vec<i16>], indices: &[Vec<u8>]) -> Result<(), Error> {
        let (coded, tables) = (symbols.par_iter().zip(indices), self.weights.scale_tables());
        jobs.par_iter_mut().zip(coded).try_for_each(|(job, (symbols, indices))| {
            let written = match &mut job.adapter {
                Some(adapter) => job.coder.encode_pass(tables, adapter, pass, symbols, indices),
                None => job.coder.encode_symbols(tables, symbols, indices),
            };
            written.map_err(|e| e.in_tile(job.tile.number))
        })
    }

    /// Chooses the symbols of a row, whose latents [width, M] begin at `groups` of a column. Returns what was left out, and how many are coded.
    fn choose_row(
        &self,
        symbols: &mut [i16],
        latent: &[f32],
        means: &[i32],
        indices: &[u8],
        groups: impl Fn(usize) -> usize,
        skip: bool,
    ) -> Result<(Skipped, u64), EntropyError> {
        let part = self.gains.len() / PASSES;
        let (mut skipped, mut coded) = (Skipped::default(), 0);
        let positions = symbols.chunks_exact_mut(part).zip(latent.chunks_exact(self.gains.len()));
        let predicted = means.chunks_exact(part).zip(indices.chunks_exact(part));
        for (column, ((symbols, latent), (means, indices))) in positions.zip(predicted).enumerate() {
            let group = groups(column);
            let latents = latent[group..group + part].iter().zip(&self.gains[group..]);
            let places = symbols.iter_mut().zip(means.iter().zip(indices));
            for ((&latent, &gain), (symbol, (&mean, &index))) in latents.zip(places) {
                let residual = residual(latent, gain, mean);
                if skip && index == 0 {
                    let left_out = nearest(residual);
                    if left_out != 0 {
                        skipped.add(residual, left_out, self.costs.cost(0, left_out)?);
                    }
                } else {
                    coded += 1;
                    *symbol = self.effort.symbol(residual, index, self.costs)?;
                }
            }
        }
        Ok((skipped, coded))
    }
}
