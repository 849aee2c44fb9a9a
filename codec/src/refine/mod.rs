//! Efforts 2 and 3: an encoder searches for latents that cost fewer bits for the same quality. Decoders do not know it.
//!
//! Differs from [`crate::coding`]'s effort 1, which weighs symbol against symbol with the analysis's latents as the truth, in asking the synthesis
//! what an error really costs. [`search`] explains the method, [`shown`] tells it what filters behind the synthesis will do. The gradients come from
//! [`lic_model::refine`], so this needs burn, and they are computed on the CPU whatever the device of the codec is. What the search finds is then coded with the
//! integer prior like anything else, beside the files of efforts 0 and 1, and per tile the one that costs least as a decoder shows it is kept.
//!
//! Tiles are searched one after the other, each in its window: the latents around it are fixed, those of tiles before it as they are decoded, those of
//! tiles after it as the analysis gives them. The error of a ring of pixels around the tile counts too. Memory is that of a tile.

mod around;
mod curvature;
mod draws;
mod rates;
mod schedule;
mod search;
mod shown;

use std::ops::Range;

use lic_model::refine::{Extent, Setting, Window};

pub(crate) use self::around::StoredRows;
use self::around::{target, weight};
use self::curvature::Curvature;
use self::rates::Rates;
use self::schedule::Schedule;
use self::search::{State, Task, search};
use self::shown::{Aim, Shown};
use crate::coding::{self, Coded, LatentTile};
use crate::effort::Effort;
use crate::encoder::Encoder;
use crate::entropy::HyperCosts;
use crate::error::Error;
use crate::format::{Header, TileRect};
use crate::lagrangian;
use crate::prior::{PriorEngine, QualityIndex};
use crate::source::Source;
use crate::stats::{Stats, timed};
use crate::tiles::Area;
use crate::transform::Analysis;
use crate::transform::rolling::RollingPlane;
use crate::watch::Progress;
use crate::wiener::Sampler;

/// What all tiles of a call share.
struct Refiner<'a> {
    encoder: &'a Encoder,
    source: &'a Source<'a>,
    header: &'a Header,
    quality: QualityIndex,
    setting: &'a Setting<'a>,
    /// Quantisation steps per unit of the whitened latent [M], and the inverse.
    gains: Vec<f32>,
    steps: Vec<f32>,
    rates: Rates,
    hyper_costs: HyperCosts<'a>,
    schedule: Schedule,
}

impl Encoder {
    /// The payloads of some rows of tiles at an effort that searches. `analysis` stands where the source begins.
    #[expect(clippy::too_many_arguments, reason = "those of a picture on its way to payloads")]
    pub(crate) fn refined(
        &self,
        source: &Source<'_>,
        analysis: &mut dyn Analysis,
        header: &Header,
        tile_rows: Range<u32>,
        quality: QualityIndex,
        effort: Effort,
        sampler: Option<&mut Sampler<'_>>,
        stats: &mut Stats,
        progress: &mut Progress<'_, '_>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let network = self.runtime.differentiable()?;
        let prior = self.runtime.model.prior();
        let gains = prior.steps_per_unit(quality);
        let setting = network.at(quality.get(), &gains);
        let refiner = Refiner {
            encoder: self,
            source,
            header,
            quality,
            setting: &setting,
            // The codec's own are of 1/64 of a step.
            steps: self.runtime.model.steps(quality).into_iter().map(|step| 64.0 * step).collect(),
            gains,
            rates: Rates::new(prior.scale_tables()).map_err(|e| e.in_tile(0))?,
            hyper_costs: HyperCosts::new(prior.hyper_tables(), quality.get()),
            schedule: Schedule::of(effort),
        };
        refiner.rows(analysis, tile_rows, sampler, stats, progress)
    }
}

impl Refiner<'_> {
    fn rows(
        &self,
        analysis: &mut dyn Analysis,
        tile_rows: Range<u32>,
        mut sampler: Option<&mut Sampler<'_>>,
        stats: &mut Stats,
        progress: &mut Progress<'_, '_>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let transforms = &self.encoder.runtime.transforms;
        let halo = transforms.halo();
        let there = self.source.area();
        let mut plane = RollingPlane::starting_at(there.rows.start, transforms.channels());
        let mut engine = self.encoder.runtime.engine()?;
        let all = tile_rows.clone().map(|row| self.header.tile_row(row).count()).sum::<usize>();
        let mut payloads = Vec::with_capacity(all);
        for row in tile_rows {
            for tile in self.header.tile_row(row) {
                let area = Area::of_tile(&tile);
                let window = area.window(halo, &there);
                let missing = window.rows.end.saturating_sub(plane.end());
                plane.extend(timed(&mut stats.analysis, || analysis.rows(missing))?);
                plane.forget_above(window.rows.start);
                let done = payloads.len();
                let mut tick = |iteration: usize| {
                    progress.step(done * self.schedule.iterations + iteration, all * self.schedule.iterations)
                };
                let fitted_to = sampler.as_deref();
                let coded = self.tile(engine.as_mut(), &tile, &area, &window, &plane, fitted_to, stats, &mut tick)?;
                stats.symbols += coded.symbols;
                if let Some(sampler) = &mut sampler {
                    sampler.add(self.source, &area, &coded.y64, stats)?;
                }
                plane.write(&area, &scaled(&coded.latents(), &self.steps));
                payloads.push(coded.payload);
            }
        }
        self.encoder.runtime.put_back(engine);
        Ok(payloads)
    }

    /// The best of a tile that was found.
    #[expect(clippy::too_many_arguments, reason = "a tile, where it lies, and what is told about it")]
    fn tile(
        &self,
        engine: &mut dyn PriorEngine,
        tile: &TileRect,
        area: &Area,
        window: &Area,
        plane: &RollingPlane,
        sampler: Option<&Sampler<'_>>,
        stats: &mut Stats,
        tick: &mut dyn FnMut(usize) -> Result<(), Error>,
    ) -> Result<Coded, Error> {
        let latent = plane.read(area);
        let (plain, hyper) = timed(&mut stats.analysis, || {
            let z = self.encoder.hyper(&latent, area, self.quality)?;
            let chosen = coding::optimised_hyper(&z, area.shape().hyper().width, &self.hyper_costs);
            Ok::<_, Error>((coding::nearest_hyper(&z), chosen.map_err(|e| e.in_tile(tile.index))?))
        })?;
        let mut code = |latent: &[f32], hyper: &[i16], effort, stats: &mut Stats| {
            let tile = LatentTile { number: tile.index, shape: area.shape(), latent, hyper };
            let prior = self.encoder.runtime.model.prior();
            let coded = coding::encode(engine, prior, self.quality, effort, &[tile], stats)?;
            coded.into_iter().next().ok_or(Error::Cancelled)
        };
        let nearest = code(&latent, &plain, Effort::Nearest, stats)?;
        let optimised = code(&latent, &hyper, Effort::Optimised, stats)?;

        let around = plane.read(window);
        let shown = Shown {
            runtime: &self.encoder.runtime,
            source: self.source,
            header: self.header,
            sampler,
            tile: area,
            window,
            target: target(self.source, window),
            around: &around,
            steps: &self.steps,
        };
        let inner = |inner: &Range<usize>, outer: &Range<usize>| inner.start - outer.start..inner.end - outer.start;
        let extent = Extent {
            window: [window.rows.len(), window.columns.len()],
            rows: inner(&area.rows, &window.rows),
            columns: inner(&area.columns, &window.columns),
        };
        let weight = weight(window, area, self.header, self.square());
        let cost = |coded: &Coded, aim: &Aim, window: &Window<'_>| {
            8.0 * coded.payload.len() as f64 + aim.bits + window.distortion(&coded.latents())
        };
        let (mut window, mut best) = timed(&mut stats.search, || {
            let aim = shown.aim(&optimised.latents())?;
            let around = scaled(&around, &self.gains);
            let window = Window::new(self.setting, extent, around, &aim.patches, &weight);
            let cost = cost(&optimised, &aim, &window);
            Ok::<_, Error>((window, (cost, optimised)))
        })?;
        let mut task = Task {
            window: &mut window,
            rates: &self.rates,
            hyper_costs: &self.hyper_costs,
            hyper_width: area.shape().hyper().width,
            curvature: Curvature::by_theory(&self.rates, lagrangian::SLOPE as f32, self.gains.len()),
            skip: best.1.skip,
        };
        let targets = scaled(&latent, &self.gains);
        let aim = |latents: &[f32]| Ok(shown.aim(latents)?.patches);
        let State { latents, hyper } =
            timed(&mut stats.search, || search(&mut task, &self.schedule, targets, hyper, &mut *tick, aim))?;
        let refined = code(&scaled(&latents, &self.steps), &hyper, Effort::Nearest, stats)?;
        for other in [nearest, refined] {
            tick(self.schedule.iterations)?;
            let cost = timed(&mut stats.search, || {
                let aim = shown.aim(&other.latents())?;
                window.aim_at(&aim.patches);
                Ok::<_, Error>(cost(&other, &aim, &window))
            })?;
            if cost < best.0 {
                best = (cost, other);
            }
        }
        Ok(best.1)
    }

    /// Bits that a squared error of a sample, white being 1, is worth.
    fn square(&self) -> f32 {
        lagrangian::square(self.quality) as f32
    }
}

/// A plane [positions, M] times a factor per channel.
fn scaled(plane: &[f32], factors: &[f32]) -> Vec<f32> {
    let positions = plane.chunks_exact(factors.len().max(1));
    positions.flat_map(|position| position.iter().zip(factors).map(|(value, factor)| value * factor)).collect()
}

#[cfg(test)]
mod tests;
