//! The integer arithmetic all engines share: rounding shifts, requantisation and the clamps that follow it.
//!
//! `kernels/arithmetic.wgsl` says the same in WGSL. Everything is 32-bit two's complement, see `codec/PRIOR.md`.

/// Largest magnitude of an activation.
pub const ACTIVATION_MAX: i32 = 4095;
/// Largest magnitude of a head's output, and of the value between the two shifts of a requantisation.
pub const WIDE_MAX: i32 = 32767;

/// What is added before a right shift by `shift` (0..=31) so that it rounds to nearest: half of the divisor, 0 for no shift.
#[inline(always)]
pub const fn rounding(shift: u32) -> i32 {
    // 2^31 needs the unsigned type; after halving it fits.
    ((1u32 << shift) >> 1) as i32
}

/// `value / 2^shift` rounded to the nearest integer, ties towards plus infinity. `shift` is 0..=31.
#[inline(always)]
pub const fn round_shift(value: i32, shift: u32) -> i32 {
    (value + rounding(shift)) >> shift
}

/// An accumulator brought to the scale of the layer's output, before the final clamp.
#[inline(always)]
pub fn requantise(accumulator: i32, shift1: u32, mult: i32, shift2: u32) -> i32 {
    let narrow = round_shift(accumulator, shift1).clamp(-WIDE_MAX, WIDE_MAX);
    round_shift(narrow * mult, shift2)
}

/// Clamps to the range of activations, -4095..=4095.
#[inline(always)]
pub fn clamp_activation(value: i32) -> i16 {
    value.clamp(-ACTIVATION_MAX, ACTIVATION_MAX) as i16
}

/// Clamps to the non-negative activations, 0..=4095.
#[inline(always)]
pub fn clamp_relu(value: i32) -> i16 {
    value.clamp(0, ACTIVATION_MAX) as i16
}

/// Clamps to the range of head outputs, -32767..=32767.
#[inline(always)]
pub fn clamp_wide(value: i32) -> i16 {
    value.clamp(-WIDE_MAX, WIDE_MAX) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rounding_shift_rounds_ties_up_also_below_zero() {
        assert_eq!(round_shift(5, 1), 3);
        assert_eq!(round_shift(-5, 1), -2);
        assert_eq!(round_shift(-6, 2), -1);
        assert_eq!(round_shift(-7, 2), -2);
        assert_eq!(round_shift(-7, 0), -7);
        assert_eq!(round_shift(i32::MIN, 31), -1);
        assert_eq!(round_shift((1 << 30) - 1, 31), 0);
        assert_eq!(round_shift(1 << 29, 30), 1);
    }

    #[test]
    fn requantisation_matches_values_computed_by_hand() {
        // -1000 / 8 = -125; -125 * 300 = -37500; (-37500 + 512) >> 10 = -36988 / 1024 = -36.12 -> -37.
        assert_eq!(requantise(-1000, 3, 300, 10), -37);
        // (1003 + 4) >> 3 = 125; 37500 + 512 = 38012 >> 10 = 37.
        assert_eq!(requantise(1003, 3, 300, 10), 37);
        // The first clamp bites: 1 << 20 becomes 32767.
        assert_eq!(requantise(1 << 20, 0, 2, 1), 32767);
        assert_eq!(requantise(-(1 << 20), 0, 2, 0), -65534);
        // The largest product and rounding stay inside i32.
        assert_eq!(requantise(i32::MAX, 0, 32767, 31), 0);
        assert_eq!(requantise(i32::MIN, 0, 32767, 30), -1);
    }
}
