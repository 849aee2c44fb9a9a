//! Which symbol stands for a latent: the nearest one, or one step nearer to the mean where that saves more bits than it costs.
//!
//! Rate-distortion optimised rounding: per symbol the smaller of `error + bits * exchange rate`, with the code lengths of the
//! integer prior's own tables. It decides symbol by symbol and knows nothing of what a symbol does to the contexts of later
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
//! With earlier weights, on eight of them, 0.15 gained 0.67 %, 0.2 0.69 %, 0.3 0.45 %, and 0.5 lost 0.58 %. Shares that rise from pass to pass (0.1, 0.2, 0.3, 0.4) gave no more (-0.67 %). Spoilt contexts are not the whole reason: in
//! the last pass alone, after which there are none, 0.3 gains 0.15 % and 0.6 already loses 0.28 %.
//!
//! The curvature is not the reason: measured on the student (squared Jacobian of the synthesis, crops of validation), an error of a step costs 21 bits
//! per squared step, twice, where scales are large, as theory says, and only 3 to 12 where they are below 0.4. Rounding that takes this into account is worse,
//! not better (+0.7 to +15 % bits at equal distortion; in the last pass alone +0.5 to +1.6 %). What is left is that all these errors point the same
//! way, towards the mean, and add up in the picture, while those of nearest rounding cancel. Only the gradient of the real error shows that, which is
//! what efforts 2 and 3 are about (`crate::refine`); it costs more than encoding at effort 1 does in all, so no such effort can be had for
//! 30 % more time.

use lic_shaders::gain::MEAN_STEPS;

use crate::entropy::cost::UNITS_PER_BIT;
use crate::entropy::{CostTable, MAX_SYMBOL};
use crate::error::EntropyError;

/// Squared quantisation steps that one bit is worth: 2 ln 2 / 12.
pub(crate) const STEPS2_PER_BIT: f64 = std::f64::consts::LN_2 / 6.0;

/// How much of that a saved bit may cost in rounding; chosen by measurement.
const SHARE: f64 = 0.12;

/// How much time an encoder may spend on smaller files. Decoders do not know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Effort {
    /// Effort 0: every latent is rounded to the nearest symbol.
    Nearest,
    /// Effort 1: rate-distortion optimised rounding.
    #[default]
    Optimised,
    /// Effort 2: a short search through synthesis and prior, seconds for a picture of half a megapixel. Needs the cargo feature `burn`, as the
    /// next does.
    Refined,
    /// Effort 3: a long search, a minute or two.
    Thorough,
}

impl Effort {
    /// The effort of a number.
    pub fn new(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Nearest),
            1 => Some(Self::Optimised),
            2 => Some(Self::Refined),
            3 => Some(Self::Thorough),
            _ => None,
        }
    }

    /// The number of an effort, as in `--effort`.
    pub fn number(self) -> u8 {
        match self {
            Self::Nearest => 0,
            Self::Optimised => 1,
            Self::Refined => 2,
            Self::Thorough => 3,
        }
    }

    /// Whether there is a search.
    pub(crate) fn searches(self) -> bool {
        matches!(self, Self::Refined | Self::Thorough)
    }

    /// The effort that a search is prepared with.
    pub(crate) fn without_search(self) -> Self {
        if self.searches() { Self::Optimised } else { self }
    }

    /// The symbol of a latent that is coded with the scale table `index`.
    ///
    /// # Errors
    /// There is no such table.
    pub(super) fn symbol(self, residual: f32, index: u8, costs: &CostTable<'_>) -> Result<i16, EntropyError> {
        match self {
            Self::Nearest => Ok(nearest(residual)),
            Self::Optimised | Self::Refined | Self::Thorough => optimised(residual, index, costs),
        }
    }
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

/// The better of the nearest symbol and the one before it.
fn optimised(residual: f32, index: u8, costs: &CostTable<'_>) -> Result<i16, EntropyError> {
    let far = nearest(residual);
    if far == 0 {
        return Ok(0);
    }
    let near = far - far.signum();
    let loss = |symbol: i16| -> Result<f64, EntropyError> {
        let error = f64::from(residual) - f64::from(symbol);
        let bits = costs.cost(index.into(), symbol)? as f64 / UNITS_PER_BIT as f64;
        Ok(error * error + SHARE * STEPS2_PER_BIT * bits)
    };
    Ok(if loss(near)? < loss(far)? { near } else { far })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::ScaleTables;

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
        let choose = |residual, index| optimised(residual, index, &costs).unwrap();
        // A 1 takes 13 bits where 0 takes almost none: worth 0.18 squared steps, and it saves 2 r - 1.
        assert_eq!([0.4, 0.55, 0.58, 0.6].map(|r| choose(r, 0)), [0, 0, 0, 1]);
        assert_eq!([-0.4, -0.55, -0.58, -0.6].map(|r| choose(r, 0)), [0, 0, 0, -1]);
        // Where both take the same, the nearest is best.
        assert_eq!([0.4, 0.6, -0.6].map(|r| choose(r, 1)), [0, 1, -1]);
        // An escape: a 2 takes 2 + 1 + 1 bits, a 1 takes 2.
        assert_eq!([1.51, 1.54].map(|r| choose(r, 1)), [1, 2]);
        assert_eq!(choose(f32::NAN, 0), 0);
    }

    #[test]
    fn efforts_have_numbers() {
        for number in 0..=3 {
            assert_eq!(Effort::new(number).map(Effort::number), Some(number));
        }
        assert_eq!(Effort::new(4), None);
    }
}
