//! Gain tables: from a head's output to a mean and a scale index, and from a decoded latent back to the next pass's input.

use crate::LayerError;
use crate::arithmetic::{WIDE_MAX, clamp_activation, round_shift};
use crate::knots::{KNOTS, QualityIndex};
use crate::layer::{check_channels, check_length, check_range};

/// Number of scale tables, one of which every latent is coded with.
pub const SCALES: usize = 64;
/// Steps of a mean in one quantisation step.
pub const MEAN_STEPS: i32 = 64;
/// Largest magnitude of a coded symbol.
pub const SYMBOL_MAX: i16 = 16383;

/// The gain tensors as they lie in a weight file, for `M` latent channels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gains {
    /// Multiplier of the mean `[64, M]`, below 32768.
    pub mult: Vec<u16>,
    /// Right shift of the mean `[M]`, 4..=30.
    pub shift: Vec<u8>,
    /// Multiplier of a decoded latent `[64, M]`, below 32768.
    pub inverse: Vec<u16>,
    /// Right shift of a decoded latent before the multiplication `[M]`, 0..=15.
    pub shift_a: Vec<u8>,
    /// Right shift after it `[M]`, 0..=30.
    pub shift_b: Vec<u8>,
    /// Added to the log-scale `[64, M]`.
    pub offset: Vec<i16>,
}

impl Gains {
    /// Checks lengths and ranges for `channels` latent channels.
    pub fn check(&self, channels: usize) -> Result<(), LayerError> {
        check_channels(channels)?;
        let table = channels.saturating_mul(KNOTS);
        check_length("gain.mult", table, self.mult.len())?;
        check_length("gain.inverse", table, self.inverse.len())?;
        check_length("gain.offset", table, self.offset.len())?;
        for (name, values) in [("gain.mult", &self.mult), ("gain.inverse", &self.inverse)] {
            for (i, &value) in values.iter().enumerate() {
                check_range(name, i % channels, value.into(), 0, WIDE_MAX.into())?;
            }
        }
        for (name, values, min, max) in [
            ("gain.shift", &self.shift, 4, 30),
            ("gain.shift_a", &self.shift_a, 0, 15),
            ("gain.shift_b", &self.shift_b, 0, 30),
        ] {
            check_length(name, channels, values.len())?;
            for (i, &value) in values.iter().enumerate() {
                check_range(name, i, value.into(), min, max)?;
            }
        }
        Ok(())
    }

    /// The tables at one quality.
    pub fn at(&self, quality: QualityIndex) -> GainRow {
        let channels = self.shift.len();
        GainRow {
            mult: quality.row(&self.mult, channels),
            shift: self.shift.iter().map(|&s| s.into()).collect(),
            inverse: quality.row(&self.inverse, channels),
            shift_a: self.shift_a.iter().map(|&s| s.into()).collect(),
            shift_b: self.shift_b.iter().map(|&s| s.into()).collect(),
            offset: quality.row(&self.offset, channels),
        }
    }
}

/// Gain tables at one quality, `[M]` each. Plain `i32` so that loops over channels vectorise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GainRow {
    /// See [`Gains::mult`].
    pub mult: Vec<i32>,
    /// See [`Gains::shift`].
    pub shift: Vec<u32>,
    /// See [`Gains::inverse`].
    pub inverse: Vec<i32>,
    /// See [`Gains::shift_a`].
    pub shift_a: Vec<u32>,
    /// See [`Gains::shift_b`].
    pub shift_b: Vec<u32>,
    /// See [`Gains::offset`].
    pub offset: Vec<i32>,
}

impl GainRow {
    /// The factor from units of the latent to quantisation steps, `[M]`, for the float transforms.
    pub fn scale(&self) -> Vec<f64> {
        let scale = |(&mult, &shift): (&i32, &u32)| f64::from(mult) * 1024.0 / (64.0 * f64::from(shift).exp2());
        self.mult.iter().zip(&self.shift).map(scale).collect()
    }
}

/// The mean in 1/64 of a quantisation step; `mean` is a head's output.
#[inline(always)]
pub fn mean64(mean: i16, mult: i32, shift: u32) -> i32 {
    round_shift(i32::from(mean) * mult, shift)
}

/// The scale table, 0..=63; `log_scale` is a head's output.
#[inline(always)]
pub fn scale_index(log_scale: i16, offset: i32) -> i32 {
    round_shift(i32::from(log_scale) + offset, 4).clamp(0, SCALES as i32 - 1)
}

/// The decoded latent in 1/64 of a quantisation step.
#[inline(always)]
pub fn latent64(symbol: i16, mean64: i32) -> i32 {
    i32::from(symbol) * MEAN_STEPS + mean64
}

/// What the following passes see of a decoded latent.
#[inline(always)]
pub fn feedback(latent64: i32, inverse: i32, shift_a: u32, shift_b: u32) -> i16 {
    let narrow = round_shift(latent64, shift_a).clamp(-WIDE_MAX, WIDE_MAX);
    clamp_activation(round_shift(narrow * inverse, shift_b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_computed_by_hand() {
        // -300 * 1000 = -300000; (-300000 + 512) >> 10 = -293 (exactly -292.5).
        assert_eq!(mean64(-300, 1000, 10), -293);
        assert_eq!(scale_index(-100, 108), 1);
        assert_eq!(scale_index(-100, 107), 0);
        assert_eq!(scale_index(32767, 32767), 63);
        assert_eq!(latent64(-3, 70), -122);
        // (-122 + 2) >> 2 = -30; -30 * 100 = -3000; (-3000 + 4) >> 3 = -375 (exactly -374.5).
        assert_eq!(feedback(-122, 100, 2, 3), -375);
        assert_eq!(feedback(1 << 27, 32767, 0, 0), 4095);
    }

    #[test]
    fn the_extreme_values_fit_in_32_bits() {
        let mean = mean64(i16::MIN + 1, WIDE_MAX, 4);
        assert_eq!(i64::from(mean), (-32767i64 * 32767 + 8) >> 4);
        assert_eq!(i64::from(latent64(-SYMBOL_MAX, mean)), -16383 * 64 + i64::from(mean));
        assert_eq!(feedback(latent64(SYMBOL_MAX, -mean), WIDE_MAX, 15, 30), 0);
    }

    #[test]
    fn tables_out_of_range_are_refused() {
        let good = Gains {
            mult: vec![1; 256],
            shift: vec![4; 4],
            inverse: vec![1; 256],
            shift_a: vec![0; 4],
            shift_b: vec![0; 4],
            offset: vec![0; 256],
        };
        assert_eq!(good.check(4), Ok(()));
        assert!(Gains { shift: vec![4, 4, 3, 4], ..good.clone() }.check(4).is_err());
        assert!(Gains { shift_a: vec![16; 4], ..good.clone() }.check(4).is_err());
        assert!(Gains { shift_b: vec![31; 4], ..good.clone() }.check(4).is_err());
        assert!(Gains { offset: vec![0; 255], ..good.clone() }.check(4).is_err());
        let mut mult = vec![1; 256];
        mult[6] = 32768;
        let refused = Gains { mult, ..good }.check(4);
        assert_eq!(refused, Err(LayerError::Range { tensor: "gain.mult", row: 2, value: 32768, min: 0, max: 32767 }));
    }
}
