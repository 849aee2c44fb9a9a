//! Code lengths as the search wants them: bits of a symbol in an f32, and how they change with the scale.
//!
//! Differs from [`CostTable`], whose integers decide in effort 1 and nowhere else, in being rounded and complete: every symbol has a length. Scale indices
//! come from the float prior here, so the search sees nearly what the integer prior will charge.

use lic_model::rate::{SCALE_MAX, SCALE_MIN};

use crate::entropy::cost::UNITS_PER_BIT;
use crate::entropy::{CostTable, MAX_SYMBOL, ScaleTables};
use crate::error::EntropyError;
use crate::prior::SCALES;

/// Smallest and largest scale of the tables, in quantisation steps (`codec/PRIOR.md`, "Probabilities").
const SCALE_RANGE: [f32; 2] = [SCALE_MIN, SCALE_MAX];

/// Symbols past a table's edge whose escapes are listed; beyond them a symbol costs as much as the last.
const ESCAPES: i32 = 32;

/// Bits of every symbol under every scale.
pub(super) struct Rates {
    /// Of every scale the bits of the symbols -reach..=reach.
    bits: Vec<Vec<f32>>,
    /// Natural logarithm of the first scale, and of the ratio of one scale to the next.
    first: f32,
    ratio: f32,
}

impl Rates {
    pub(super) fn new(tables: &ScaleTables) -> Result<Self, EntropyError> {
        let costs = CostTable::of_scales(tables);
        let of_scale = |index: usize| {
            let reach = (tables.tables().model(index)?.escape() as i32 / 2 + ESCAPES).min(MAX_SYMBOL);
            let bits = |symbol: i32| Ok(costs.cost(index, symbol as i16)? as f32 / UNITS_PER_BIT as f32);
            (-reach..=reach).map(bits).collect::<Result<_, EntropyError>>()
        };
        let [low, high] = SCALE_RANGE.map(f32::ln);
        Ok(Self {
            bits: (0..SCALES).map(of_scale).collect::<Result<_, _>>()?,
            first: low,
            ratio: (high - low) / (SCALES - 1) as f32,
        })
    }

    /// The table of a log-scale.
    pub(super) fn index(&self, log_scale: f32) -> usize {
        // Saturates, and makes 0 of what is no number.
        (((log_scale - self.first) / self.ratio).round() as usize).min(SCALES - 1)
    }

    /// The scale of a table, in quantisation steps.
    pub(super) fn scale(&self, index: usize) -> f32 {
        (self.first + self.ratio * index as f32).exp()
    }

    /// Bits of a symbol.
    pub(super) fn bits(&self, index: usize, symbol: i32) -> f32 {
        let Some(bits) = self.bits.get(index) else { return 0.0 };
        let reach = bits.len() as i32 / 2;
        bits.get((symbol.clamp(-reach, reach) + reach) as usize).copied().unwrap_or(0.0)
    }

    /// By how many bits a symbol's length rises per unit of the log-scale.
    pub(super) fn by_log_scale(&self, index: usize, symbol: i32) -> f32 {
        let (below, above) = (index.saturating_sub(1), (index + 1).min(SCALES - 1));
        (self.bits(above, symbol) - self.bits(below, symbol)) / (self.ratio * (above - below) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    #[test]
    fn lengths_are_those_of_the_gaussians_behind_the_tables() {
        // Those of other models are fitted to what they code.
        let tiny = include_bytes!("../../../model/weights/tiny.safetensors");
        let model = Model::from_bytes(tiny.to_vec()).unwrap();
        let rates = Rates::new(model.prior().scale_tables()).unwrap();
        for log_scale in [-1.5f32, 0.0, 2.0] {
            let index = rates.index(log_scale);
            let scale = rates.scale(index);
            assert!((scale.ln() - log_scale).abs() < 0.06);
            for symbol in -3..=3i32 {
                let exact = lic_model::rate::term(symbol as f32, scale.ln());
                if exact.bits > 12.0 {
                    continue;
                }
                let (bits, slope) = (rates.bits(index, symbol), rates.by_log_scale(index, symbol));
                assert!((bits - exact.bits).abs() < 0.05 * exact.bits + 0.02, "{symbol} {scale}: {bits}, {exact:?}");
                let allowed = 0.1 * exact.by_log_scale.abs() + 0.15;
                assert!((slope - exact.by_log_scale).abs() < allowed, "{symbol} {scale}: {slope}, {exact:?}");
            }
        }
    }

    #[test]
    fn every_symbol_and_log_scale_has_a_length() {
        let rates = Rates::new(Model::embedded().unwrap().prior().scale_tables()).unwrap();
        assert_eq!([f32::NAN, -9.0, 9.0].map(|l| rates.index(l)), [0, 0, 63]);
        assert!(rates.bits(0, MAX_SYMBOL) >= rates.bits(0, 40));
        assert!(rates.bits(0, 0) < 0.01 && rates.by_log_scale(0, 0) >= 0.0);
    }
}
