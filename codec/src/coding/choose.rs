//! Which symbol stands for a latent or hyper-latent: the nearest one, or one step nearer to the mean where that saves more bits than it costs.
//!
//! Rate-distortion optimised rounding: per symbol the smaller of `error + bits * exchange rate`, with the code lengths of the
//! integer prior's own tables (before they adapt to the tile). It decides symbol by symbol and knows nothing of what a symbol does to the contexts of later
//! ones, so it needs no second run of the prior. The unit of error is the quantisation step: gains are trained so that a step
//! means the same in every channel.
//!
//! The exchange rate: at high rate one bit less makes four times the squared error, starting from 1/12 of a squared step, so
//! `dD/dR = -2 ln 2 / 12` at the operating point. With the shipped student that is far too much, so rounding takes only
//! [`SHARE`] of it. BD-rate against rounding to the nearest, on twenty images of validation, with the weights of 157,318 steps with fitted tables and filter:
//!
//! | share of the exchange rate | 0.08 | 0.1 | 0.12 | 0.2 |
//! |---|---|---|---|---|
//! | BD-rate, % | -0.32 | -0.35 | -0.36 | -0.20 |
//!
//! Since effort 1 fits a filter of the picture's own ([`crate::wiener`]), which undoes some of what rounding towards the mean does, more is right (weights of 175,989 steps,
//! both against effort 0; measured with an earlier version of that filter: with a later one effort 1 had -4.41 % at the share in use):
//!
//! | share of the exchange rate | 0.05 | 0.12 | 0.18 | 0.25 |
//! |---|---|---|---|---|
//! | BD-rate, % | -3.86 | -4.09 | -4.16 | -4.13 |
//!
//! With earlier weights, on eight of them, 0.15 gained 0.67 %, 0.2 0.69 %, 0.3 0.45 %, and 0.5 lost 0.58 %. Shares that rise from pass to pass (0.1, 0.2, 0.3, 0.4) gave no more (-0.67 %). Spoilt contexts are not the whole reason: in
//! the last pass alone, after which there are none, 0.3 gains 0.15 % and 0.6 already loses 0.28 %.
//!
//! The curvature is not the reason: measured on the student (squared Jacobian of the synthesis, crops of validation), an error of a step costs 21 bits
//! per squared step, twice, where scales are large, as theory says, and only 3 to 12 where they are below 0.4. Rounding that takes this into account is worse,
//! not better (+0.7 to +15 % bits at equal distortion; in the last pass alone +0.5 to +1.6 %). What is left is that all these errors point the same
//! way, towards the mean, and add up in the picture, while those of nearest rounding cancel. Only the gradient of the real error shows that, which is
//! what efforts 2 and 3 are about (`crate::refine`); it costs more than encoding at effort 1 does in all, so no such effort can be had for
//! 30 % more time.
//!
//! Hyper-latents, whose mean is taken for 0, are no part of the picture, and an error in them costs bits of the latents only. So more of the exchange rate is right for
//! them ([`HYPER_SHARE`]). Bits on twenty images of validation at equal quality, at effort 0 but for this (weights of 169,187 steps with tables by neighbours):
//!
//! | share | 0.1 | 0.2 | 0.3 | 0.5 |
//! |---|---|---|---|---|
//! | quality 10 | -0.2 % | -0.2 % | -0.3 % | -0.2 % |
//! | 30 | -0.1 % | -0.2 % | -0.2 % | -0.2 % |
//! | 50 | -0.1 % | -0.1 % | -0.1 % | -0.1 % |

use lic_shaders::gain::MEAN_STEPS;

use crate::effort::Effort;
use crate::entropy::cost::UNITS_PER_BIT;
use crate::entropy::{CostTable, HyperCosts, MAX_SYMBOL};
use crate::error::EntropyError;
use crate::prior::HYPER_MAX;

/// Squared quantisation steps that one bit is worth: 2 ln 2 / 12.
pub(crate) const STEPS2_PER_BIT: f64 = std::f64::consts::LN_2 / 6.0;

/// How much of that a saved bit may cost in rounding; chosen by measurement.
const SHARE: f64 = 0.18;

/// The same for hyper-latents.
const HYPER_SHARE: f64 = 0.3;

impl Effort {
    /// The symbol of a latent that is coded with the scale table `index`.
    ///
    /// # Errors
    /// There is no such table.
    pub(super) fn symbol(self, residual: f32, index: u8, costs: &CostTable<'_>) -> Result<i16, EntropyError> {
        match self {
            Self::Nearest => Ok(nearest(residual)),
            Self::Optimised | Self::Refined | Self::Thorough => {
                optimised(residual, nearest(residual), SHARE, |symbol| costs.cost(index.into(), symbol))
            }
        }
    }
}

/// The hyper-latents of what the hyper-analysis makes, rounded to the nearest.
pub(crate) fn nearest_hyper(z: &[f32]) -> Vec<i16> {
    let limit = f32::from(HYPER_MAX);
    // What is no number becomes 0.
    z.iter().map(|z| z.round().clamp(-limit, limit) as i16).collect()
}

/// The same [rows, width, Z], each the better of the nearest and the one before it.
///
/// # Errors
/// `costs` are those of another prior.
pub(crate) fn optimised_hyper(z: &[f32], width: usize, costs: &HyperCosts<'_>) -> Result<Vec<i16>, EntropyError> {
    let mut plane = nearest_hyper(z);
    for (place, &z) in z.iter().enumerate() {
        plane[place] = optimised(z, plane[place], HYPER_SHARE, |symbol| costs.at(&plane, width, place, symbol))?;
    }
    Ok(plane)
}

/// A latent's distance from its mean in quantisation steps.
pub(super) fn residual(latent: f32, gain: f32, mean64: i32) -> f32 {
    latent * gain - mean64 as f32 / MEAN_STEPS as f32
}

/// The nearest symbol, halves away from 0.
pub(super) fn nearest(residual: f32) -> i16 {
    // Not `round`, which is a call into the system's library where SSE 4.1 is not taken for granted. What is no number becomes 0.
    let limit = MAX_SYMBOL as f32;
    let within = residual.clamp(-limit, limit);
    let whole = within as i32;
    let rest = within - whole as f32;
    // The limit fits i16.
    (whole + i32::from(rest >= 0.5) - i32::from(rest <= -0.5)) as i16
}

/// The better of the nearest symbol `far` and the one before it, by `cost` in units of [`UNITS_PER_BIT`].
fn optimised(
    residual: f32,
    far: i16,
    share: f64,
    cost: impl Fn(i16) -> Result<u64, EntropyError>,
) -> Result<i16, EntropyError> {
    if far == 0 {
        return Ok(0);
    }
    let near = far - far.signum();
    let loss = |symbol: i16| -> Result<f64, EntropyError> {
        let error = f64::from(residual) - f64::from(symbol);
        let bits = cost(symbol)? as f64 / UNITS_PER_BIT as f64;
        Ok(error * error + share * STEPS2_PER_BIT * bits)
    };
    Ok(if loss(near)? < loss(far)? { near } else { far })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::{HyperTables, ScaleTables};

    /// Table 0: almost always 0. The others: -1, 0, 1 and the escape with equal shares.
    fn tables() -> ScaleTables {
        let mut cdf = vec![0u16, 8, 65520, 65528];
        cdf.extend([0u16, 16384, 32768, 49152].repeat(63));
        ScaleTables::new(&[1; 64], &cdf).unwrap()
    }

    #[test]
    fn residuals_are_rounded_and_bounded() {
        assert_eq!(nearest(residual(2.0, 1.5, 32)), 3);
        assert_eq!(nearest(residual(-1e9, 1.0, 0)), -16383);
        assert_eq!(nearest(residual(f32::NAN, 1.0, 0)), 0);
    }

    #[test]
    fn a_symbol_that_costs_more_bits_than_its_error_is_worth_moves_towards_the_mean() {
        let tables = tables();
        let costs = CostTable::of_scales(&tables);
        let choose = |residual, index| Effort::Optimised.symbol(residual, index, &costs).unwrap();
        // A 1 takes 13 bits where 0 takes almost none: worth 0.27 squared steps, and it saves 2 r - 1.
        assert_eq!([0.4, 0.55, 0.62, 0.65].map(|r| choose(r, 0)), [0, 0, 0, 1]);
        assert_eq!([-0.4, -0.55, -0.62, -0.65].map(|r| choose(r, 0)), [0, 0, 0, -1]);
        // Where both take the same, the nearest is best.
        assert_eq!([0.4, 0.6, -0.6].map(|r| choose(r, 1)), [0, 1, -1]);
        // An escape: a 2 takes 2 + 1 + 1 bits, a 1 takes 2.
        assert_eq!([1.51, 1.54].map(|r| choose(r, 1)), [1, 2]);
        assert_eq!(choose(f32::NAN, 0), 0);
    }

    #[test]
    fn a_hyper_latent_beside_neighbours_that_make_it_dear_moves_towards_0() {
        // One channel of -1, 0, 1: beside a sum of 1 ones are likely, else they take 13 bits.
        let table = |ones: u16| [0, 8, 65528 - ones, 65528];
        let cdf: Vec<u16> = [8, 8, 60000].into_iter().flat_map(|ones| table(ones).repeat(8)).collect();
        let tables = HyperTables::with_contexts(&[-1; 8], &[3; 8], 3, &cdf).unwrap();
        let costs = HyperCosts::new(&tables, 100);
        let z = [0.6, 0.6, 0.9, 0.6, f32::NAN, -0.7, 9000.0];
        assert_eq!(nearest_hyper(&z), [1, 1, 1, 1, 0, -1, 4095]);
        // 13 bits are worth 0.45 squared steps; 0.6 saves 0.2 and 0.9 saves 0.8. The fourth has a neighbour that makes it cheap.
        assert_eq!(optimised_hyper(&z, 7, &costs).unwrap()[..6], [0, 0, 1, 1, 0, 0]);
    }

    #[test]
    fn efforts_have_numbers() {
        for number in 0..=3 {
            assert_eq!(Effort::new(number).map(Effort::number), Some(number));
        }
        assert_eq!(Effort::new(4), None);
    }
}
