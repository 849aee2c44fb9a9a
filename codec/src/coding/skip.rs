//! Whether a tile may leave out its latents of scale index 0.
//!
//! Such latents are nearly always 0, and leaving them out saves most of the coding time. Where the prior is wrong (screenshots,
//! text) it would cost quality. The encoder codes a tile with skipping first and weighs, over all skipped latents whose rounding
//! would not have been 0, the squared error that is left against the bits that are saved.
//!
//! The exchange rate between bits and error is that of [`super::choose`]. Error that is bought back cheaper by coding is a
//! reason to refuse skipping; a lone symbol of 1 at a cost of 16 bits is left out rightly, a block of them in text, or one
//! large symbol, is not.

use super::choose::STEPS2_PER_BIT;
use crate::entropy::cost::UNITS_PER_BIT;

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

    /// Adds what was left out elsewhere.
    pub(super) fn merge(&mut self, other: &Self) {
        self.error += other.error;
        self.cost += other.cost;
    }

    /// Whether the bits saved are worth the error left.
    pub(super) fn is_worth_it(&self) -> bool {
        let bits = self.cost as f64 / UNITS_PER_BIT as f64;
        self.error <= STEPS2_PER_BIT * bits
    }
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
}
