//! The search: latents and hyper-latents move by whole steps, many at a time, where a gradient says that it pays.
//!
//! Like stochastic Gumbel annealing (Yang, Bamler and Mandt, arXiv 2006.04240) it has the gradients of synthesis and float prior; unlike it, every
//! state is one that a file can hold. Per latent and direction the change of the cost is estimated as
//!
//! ```text
//! gradient * (+-1) + curvature / 2 + bits(symbol +- 1) - bits(symbol)
//! ```
//!
//! with the gradient of the distortion and of all later passes' rate, exact code lengths for the latent's own, and the measured curvature ([`super::curvature`]). Moves that are
//! estimated to pay are made with a certain probability, because neighbours want to correct the same error. (Gradients that propose discrete moves:
//! Grathwohl et al., arXiv 2102.04509; there to sample, here to descend.) The curvature rises from iteration to iteration, which is the
//! annealing: first moves that pay only if few others are made, at last those that pay in any case. Early passes stop moving first, because
//! whatever they do changes what later passes are measured against.
//!
//! Measured on crops of validation at three qualities, bits at equal distortion against rounding to the nearest (PyTorch model, float prior):
//!
//! | method, evaluations | change |
//! |---|---|
//! | stochastic Gumbel annealing, Adam, 150 | -4.3 % |
//! | these moves, curvature fixed at 1.5 of theory, 30 | -4.2 % |
//! | curvature by local activity (Hutchinson, rank 1), 30 | 0 to -2 % |
//! | accepting or refusing region by region, 30 | -3.7 % |
//! | curvature 1.3 of theory, early passes stop first, 30 | -5.8 % |
//! | curvature rising from 1 to 1.5: 15; 30; 150 | -6.3 %; -7.3 %; -8.6 % |
//! | the same and hyper-latents, 30 | -7.8 % |
//!
//! In real bytes, on the middle 320x256 pixels of three photos of validation at qualities 15, 40, 65 and 90, bits at equal PSNR against effort 0
//! (weights of 114,330 steps; factor of the curvature from 1 to 1.5, early passes stop at 0.7, 0.8, 0.9 of the search, where nothing else is said):
//!
//! | evaluations | change |
//! |---|---|
//! | 32 | -7.7 % |
//! | 100 | -8.36 % |
//! | 100, passes stop at 0.9, 0.93, 0.97 | -8.44 % |
//! | 100, moves made with probability 0.1 in place of 0.5; falling from 0.5 to 0.05 | -7.3 %; -8.0 % |
//! | 100, curvature from 0.8; from 1.2 | -8.37 %; -7.96 % |
//! | 64, passes stop at 0.9, curvature from 0.9 (effort 2) | -8.43 % |
//! | the same with an error worth 1.0; 1.6 Lagrangians in place of 1.25 | -7.9 %; -8.3 % |
//! | the same with all of the later passes' rate in the gradient; with twice the moves of hyper-latents | -8.0 %; -8.45 % |
//! | 1000, the same | -9.2 % |
//!
//! Code lengths of the tables as the state's own symbols would move them ([`crate::entropy::adapt`]), in place of the networks' ones, bring nothing: -10.9 % against -11.1 % on four
//! photos of validation (effort 2 with a filter, qualities 15, 40, 65, 90; weights of 175,989 steps).
//!
//! Aiming at the picture less what filters add ([`super::shown`]), on the middle 384x320 pixels of ten photos of validation, qualities 15, 40, 65 and 90 (effort 2,
//! weights of 175,989 steps), BD-rate against effort 0, in brackets the mean over images:
//!
//! | told what to aim at | |
//! |---|---|
//! | never: at the picture | -12.92 % (-12.46 %) |
//! | at the beginning and in the middle | -14.10 % (-13.58 %) |
//! | at the beginning and after each quarter | -14.05 % (-13.83 %) |
//! | at the beginning and after each eighth | -14.16 % (-13.92 %) |
//!
//! Gradients that go through the filters, with what decoders do in the window in place of such an aim, are worse: `model/EXPERIMENTS.md`, "The filters in the loss".
//!
//! A curvature that is measured, on five of these crops, with the same qualities (effort 2, weights of 188,392 steps). Factors are those of theory, and of 1.3 times theory where the level is measured:
//!
//! | curvature, factor from and to | |
//! |---|---|
//! | of theory, 0.9 to 1.5 | -14.16 % (-14.59 %) |
//! | times that of the channel over that of all, 0.9 to 1.5; 1 to 1.8 | -13.79 % (-13.58 %); -14.31 % (-14.33 %) |
//! | times the square root of that, 0.9 to 1.5; 0.9 to 1.8; 1 to 1.5 | -14.51 % (-14.50 %); -14.66 % (-14.90 %); -14.65 % (-14.55 %) |
//! | the same, and times the square root of the level, 0.95 to 1.7 | -15.08 % (-15.03 %) |
//! | the same, and times the position's (3x3) to the power of 0.4 | -15.21 % (-15.15 %) |
//! | times the level and the channel's square root, 0.95 to 1.7 (efforts 2 and 3); 0.8 to 1.6 | -15.44 % (-15.20 %); -15.22 % (-15.16 %) |
//!
//! With gradients in bf16 ([`lic_model::net::Precision`]) what was kept, the level and the root of the channel from 0.95 to 1.7, has -15.40 % (-15.08 %). From there:
//!
//! | | |
//! |---|---|
//! | 0.55; 0.85 of the later passes' rate in the gradient, in place of 0.7 | -15.16 % (-15.00 %); -15.20 % (-14.91 %) |
//! | curvature of hyper-latents 15; 40, in place of 25 | -15.09 % (-14.76 %); -15.09 % (-14.86 %) |
//! | times the position's (3x3) to the power of 0.4 | -15.36 % (-15.12 %) |
//!
//! Moving symbols while means follow earlier passes, instead of targets that keep their values when a mean changes, diverges: a
//! symbol of pass 0 then carries all that is predicted from it.

use std::ops::Range;

use lic_model::refine::{Choice, Step, Window};

use super::curvature::Curvature;
use super::draws::Draws;
use super::rates::Rates;
use super::schedule::Schedule;
use crate::entropy::{HyperCosts, MAX_SYMBOL, cost::UNITS_PER_BIT};
use crate::error::Error;
use crate::prior::HYPER_MAX;

/// A state of a tile.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// What the latents are decoded as, by the float prior, in quantisation steps [rows, columns, M].
    pub(super) latents: Vec<f32>,
    /// Hyper-latents.
    pub(super) hyper: Vec<i16>,
}

/// What a search works with.
pub(super) struct Task<'a, 'w> {
    pub(super) window: &'a mut Window<'w>,
    pub(super) rates: &'a Rates,
    /// Code lengths of the hyper-latents, and the columns of their plane.
    pub(super) hyper_costs: &'a HyperCosts<'a>,
    pub(super) hyper_width: usize,
    /// Of the distortion by the latents.
    pub(super) curvature: Curvature,
    /// Whether latents of scale index 0 are left out.
    pub(super) skip: bool,
}

/// What is known of a latent after its pass.
#[derive(Debug, Clone, Copy, Default)]
struct Latent {
    pass: u8,
    index: u8,
    symbol: i16,
    mean: f32,
}

/// Runs the search from targets [rows, columns, M] in quantisation steps, which is where latents are rounded from, and returns the best state by the last
/// aim. `aim` says what the synthesis is compared with from a state with these latents on; it is asked a few times.
pub(super) fn search(
    task: &mut Task<'_, '_>,
    schedule: &Schedule,
    mut targets: Vec<f32>,
    mut hyper: Vec<i16>,
    mut tick: impl FnMut(usize) -> Result<(), Error>,
    mut aim: impl FnMut(&[f32]) -> Result<Vec<f32>, Error>,
) -> Result<State, Error> {
    let mut draws = Draws::new();
    let mut latents = vec![Latent::default(); targets.len()];
    let mut best: Option<(f64, State)> = None;
    let channels = task.curvature.channels();
    for iteration in 0..schedule.iterations {
        let mut bits = task.hyper_bits(&hyper)?;
        let plane: Vec<f32> = hyper.iter().map(|&z| z.into()).collect();
        let step = task.window.step(&plane, |pass, means, log_scales| {
            task.round(pass, means, log_scales, &targets, &mut latents, &mut bits)
        });
        let cost = bits + step.distortion;
        let decoded = || latents.iter().map(|l| l.mean + f32::from(l.symbol)).collect::<Vec<f32>>();
        if schedule.aims(iteration) {
            let decoded = decoded();
            task.window.aim_at(&aim(&decoded)?);
            // Costs of another aim say nothing about those to come.
            let cost = bits + task.window.distortion(&decoded);
            best = Some((cost, State { latents: decoded, hyper: hyper.clone() }));
        } else if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, State { latents: decoded(), hyper: hyper.clone() }));
        }
        tick(iteration + 1)?;
        if iteration + 1 == schedule.iterations {
            break;
        }
        if iteration == 0 {
            let coded = |latent: &Latent| (!task.skip || latent.index > 0).then_some(usize::from(latent.index));
            task.curvature.measure(task.window, &decoded(), latents.iter().map(coded), &mut draws);
        }
        let now = iteration as f32 / schedule.iterations as f32;
        let factor = schedule.curvature(now);
        for (place, ((latent, target), gradient)) in latents.iter().zip(&mut targets).zip(&step.by_latent).enumerate() {
            let probability = schedule.probability(latent.pass.into(), now);
            if (task.skip && latent.index == 0) || probability == 0.0 {
                continue;
            }
            let (index, symbol) = (usize::from(latent.index), i32::from(latent.symbol));
            let own = |change: i32| task.rates.bits(index, symbol + change) - task.rates.bits(index, symbol);
            let half = factor * task.curvature.of(index, place % channels) / 2.0;
            if let Some(change) = better(*gradient, half, own)
                && draws.next() < probability
            {
                *target = latent.mean + (symbol + change) as f32;
            }
        }
        if schedule.moves_hyper(now) {
            task.move_hyper(&step, schedule, &mut hyper, &mut draws)?;
        }
    }
    // There is at least one iteration; without, nothing would have been rounded.
    Ok(best.map_or(State { latents: targets, hyper }, |(_, state)| state))
}

/// The direction, if any, in which a move by one step is estimated to pay.
fn better(gradient: f32, half_curvature: f32, own: impl Fn(i32) -> f32) -> Option<i32> {
    // Uphill a move pays only by its own bits, and then towards 0; both are looked at.
    let [up, down] = [gradient + half_curvature + own(1), half_curvature - gradient + own(-1)];
    let least = up.min(down);
    if least.is_nan() || least >= 0.0 {
        return None;
    }
    Some(if up < down { 1 } else { -1 })
}

impl Task<'_, '_> {
    /// Rounds the latents of a pass.
    fn round(
        &self,
        pass: usize,
        means: &[f32],
        log_scales: &[f32],
        targets: &[f32],
        latents: &mut [Latent],
        bits: &mut f64,
    ) -> Choice {
        let mut choice = Choice {
            decoded: vec![0.0; means.len()],
            by_mean: vec![0.0; means.len()],
            by_log_scale: vec![0.0; means.len()],
        };
        self.window.in_pass(pass, |places: Range<usize>| {
            for place in places {
                let (mean, index) = (means[place], self.rates.index(log_scales[place]));
                let residual = targets[place] - mean;
                let left_out = self.skip && index == 0;
                let symbol = if left_out { 0 } else { (residual.round() as i32).clamp(-MAX_SYMBOL, MAX_SYMBOL) };
                latents[place] = Latent { pass: pass as u8, index: index as u8, symbol: symbol as i16, mean };
                choice.decoded[place] = mean + symbol as f32;
                if left_out {
                    continue;
                }
                *bits += f64::from(self.rates.bits(index, symbol));
                choice.by_log_scale[place] = RATE_SHARE * self.rates.by_log_scale(index, symbol);
                choice.by_mean[place] = -RATE_SHARE * self.by_residual(index, symbol, residual);
            }
        });
        choice
    }

    /// By how many bits the length rises per step of the residual: that of the next symbol, times the odds that a mean that moves a little makes
    /// it the nearest one.
    fn by_residual(&self, index: usize, symbol: i32, residual: f32) -> f32 {
        let low = residual.floor();
        let next = if residual > symbol as f32 { symbol + 1 } else { symbol - 1 };
        let slope = (self.rates.bits(index, next) - self.rates.bits(index, symbol)) * (next - symbol) as f32;
        let distance = (residual - low - 0.5) / CROSSING;
        slope * (-0.5 * distance * distance).exp() / (CROSSING * (2.0 * std::f32::consts::PI).sqrt())
    }

    fn hyper_bits(&self, hyper: &[i16]) -> Result<f64, Error> {
        let cost = self.hyper_costs.plane(hyper, self.hyper_width);
        Ok(cost.map_err(|e| e.in_tile(0))? as f64 / UNITS_PER_BIT as f64)
    }

    fn move_hyper(&self, step: &Step, schedule: &Schedule, hyper: &mut [i16], draws: &mut Draws) -> Result<(), Error> {
        let before = hyper.to_vec();
        let cost = |place: usize, z: i16| {
            let cost = self.hyper_costs.at(&before, self.hyper_width, place, z.clamp(-HYPER_MAX, HYPER_MAX));
            Ok::<_, Error>(cost.map_err(|e| e.in_tile(0))? as f32 / UNITS_PER_BIT as f32)
        };
        for (place, (z, gradient)) in hyper.iter_mut().zip(&step.by_hyper).enumerate() {
            let lengths = [cost(place, *z - 1)?, cost(place, *z)?, cost(place, *z + 1)?];
            let own = |change: i32| lengths[(1 + change) as usize] - lengths[1];
            if let Some(change) = better(*gradient / RATE_SHARE, schedule.hyper_curvature / 2.0, own)
                && draws.next() < schedule.hyper_probability
            {
                *z = (*z + change as i16).clamp(-HYPER_MAX, HYPER_MAX);
            }
        }
        Ok(())
    }
}

/// How much of the later passes' rate counts in the gradient: it is less certain than the distortion's, because real lengths are no straight lines.
const RATE_SHARE: f32 = 0.7;

/// Standard deviation, in steps, of what means move by in an iteration.
const CROSSING: f32 = 0.3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_must_pay_after_its_curvature_and_bits() {
        assert_eq!(better(-12.0, 10.0, |_| 0.0), Some(1));
        assert_eq!(better(12.0, 10.0, |_| 0.0), Some(-1));
        assert_eq!(better(-12.0, 10.0, |change| if change > 0 { 3.0 } else { -3.0 }), None);
        assert_eq!(better(0.0, 2.0, |change| if change > 0 { 3.0 } else { -3.0 }), Some(-1));
        assert_eq!(better(f32::NAN, 2.0, |_| 0.0), None);
    }
}
