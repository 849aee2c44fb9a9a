//! Whether a tile may leave out its latents of scale index 0.
//!
//! Such latents are nearly always 0, and leaving them out saves most of the coding time. Where the prior is wrong (screenshots,
//! text) it would cost quality. The encoder codes a tile with skipping first and weighs, over all skipped latents whose rounding
//! would not have been 0, the squared error that is left against the bits that are saved.
//!
//! The unit is the quantisation step: gains are trained so that a step means the same in every channel. At high rate one bit
//! less makes four times the squared error, starting from 1/12 of a squared step: `dD/dR = -2 ln 2 / 12` at the operating
//! point. Error is bought back cheaper than that by coding, so there skipping is refused; a lone symbol of 1 at a cost of
//! 16 bits is left out rightly, a block of them in text, or one large symbol, is not.

use lic_shaders::gain::MEAN_STEPS;

use crate::entropy::cost::UNITS_PER_BIT;

/// Squared quantisation steps that one bit is worth: 2 ln 2 / 12.
const STEPS2_PER_BIT: f64 = std::f64::consts::LN_2 / 6.0;

/// What skipping has left out of a tile so far.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Skipped {
    /// Squared quantisation steps that coding would have removed.
    error: f64,
    /// Cost of coding, in units of 2^-26 bit.
    cost: u64,
}

impl Skipped {
    /// Notes a skipped latent: `residual` quantisation steps from its mean, `symbol` the rounding, `cost` of coding that.
    pub(super) fn add(&mut self, residual: f32, symbol: i16, cost: u64) {
        let (residual, symbol) = (f64::from(residual), f64::from(symbol));
        self.error += residual.powi(2) - (residual - symbol).powi(2);
        self.cost += cost;
    }

    /// Whether the bits saved are worth the error left.
    pub(super) fn is_worth_it(&self) -> bool {
        let bits = self.cost as f64 / UNITS_PER_BIT as f64;
        self.error <= STEPS2_PER_BIT * bits
    }
}

/// A latent's distance from its mean in quantisation steps, and its symbol.
pub(super) fn quantise(latent: f32, gain: f32, mean64: i32, limit: i32) -> (f32, i16) {
    let residual = latent * gain - mean64 as f32 / MEAN_STEPS as f32;
    // Saturates, and makes 0 of what is no number; the limit fits i16.
    let symbol = (residual.round() as i32).clamp(-limit, limit) as i16;
    (residual, symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_small_error_is_left_and_a_large_one_is_not() {
        let bits = |n: u64| n * UNITS_PER_BIT;
        let mut rare = Skipped::default();
        assert!(rare.is_worth_it());
        rare.add(0.7, 1, bits(16));
        assert!(rare.is_worth_it());
        rare.add(12.0, 12, bits(24));
        assert!(!rare.is_worth_it());
    }

    #[test]
    fn symbols_are_rounded_and_bounded() {
        assert_eq!(quantise(2.0, 1.5, 32, 16383), (2.5, 3));
        assert_eq!(quantise(-1e9, 1.0, 0, 16383).1, -16383);
        assert_eq!(quantise(f32::NAN, 1.0, 0, 16383).1, 0);
    }
}
