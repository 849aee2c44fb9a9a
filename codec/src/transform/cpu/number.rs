//! Float arithmetic that is the same on every machine: additions, multiplications and divisions of IEEE 754, one by one.
//!
//! Nothing here is fused, rounded by the instruction set's own rules or taken from the system's mathematical library. All of it vectorises.

use super::pack::STEPS_MAX;
use crate::samples::Sample;

/// `1.5 * 2^23`: added to a number below `2^22`, it leaves the nearest integer in the lowest bits.
const MAGIC: f32 = 12_582_912.0;

/// The nearest integer of a number below `2^22`, even ones first; anything for larger ones.
#[inline(always)]
pub(super) fn nearest(x: f32) -> i32 {
    ((x + MAGIC).to_bits() as i32).wrapping_sub(MAGIC.to_bits() as i32)
}

/// Below this a vector counts as zero, above its inverse as damaged: both become zero.
const SMALLEST: f32 = 1e-30;

/// Size of a step and steps per unit for a vector of integers up to [`STEPS_MAX`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) size: f32,
    per_unit: f32,
}

impl Step {
    /// From the bits of the largest absolute value, see [`largest_bits`].
    #[inline(always)]
    pub(super) fn new(largest_bits: u32) -> Self {
        let largest = f32::from_bits(largest_bits);
        if largest > SMALLEST && largest < 1.0 / SMALLEST {
            Self { size: largest / STEPS_MAX, per_unit: STEPS_MAX / largest }
        } else {
            Self { size: 0.0, per_unit: 0.0 }
        }
    }

    /// Integers of some of the vector's values; as many as `out` and `values` both have.
    #[inline(always)]
    pub(super) fn quantise(self, values: &[f32], out: &mut [i16]) {
        for (out, &value) in out.iter_mut().zip(values) {
            *out = nearest(value * self.per_unit) as i16;
        }
    }
}

/// The bits of the largest absolute value: they are ordered like the numbers, and integers may be compared in any order.
#[inline(always)]
pub(super) fn largest_bits(values: &[f32], start: u32) -> u32 {
    values.iter().fold(start, |most, value| most.max(value.to_bits() & 0x7FFF_FFFF))
}

/// `value * sigmoid(gate)`, to about 3e-6 of it, for `T` vectors. Step by step for all of them, so that the steps of several chains lie beside each
/// other.
#[inline(always)]
pub(super) fn gated<const N: usize, const T: usize>(
    values: &[[f32; N]; T],
    gates: &[[f32; N]; T],
    results: &mut [[f32; N]; T],
) {
    let mut powers = *gates;
    for power in powers.as_flattened_mut() {
        *power *= -std::f32::consts::LOG2_E;
    }
    exp2(&mut powers);
    for ((result, value), power) in
        results.as_flattened_mut().iter_mut().zip(values.as_flattened()).zip(powers.as_flattened())
    {
        *result = value / (1.0 + power);
    }
}

/// `2^x` for x in -126..=60, the nearer end beyond: a gate of 60 is as good as shut, and 2^60 far from overflow.
#[inline(always)]
fn exp2<const N: usize, const T: usize>(x: &mut [[f32; N]; T]) {
    let mut shifted = [[0.0; N]; T];
    for (x, shifted) in x.as_flattened_mut().iter_mut().zip(shifted.as_flattened_mut()) {
        let within = if *x < 60.0 { *x } else { 60.0 };
        let within = if within > -126.0 { within } else { -126.0 };
        *shifted = within + MAGIC;
        *x = within - (*shifted - MAGIC);
    }
    // The Taylor series of 2^x, |x| <= 1/2.
    let mut power = [[0.001_333_355_8; N]; T];
    for coefficient in [0.009_618_129, 0.055_504_11, 0.240_226_5, std::f32::consts::LN_2, 1.0] {
        for (power, x) in power.as_flattened_mut().iter_mut().zip(x.as_flattened()) {
            *power = *power * x + coefficient;
        }
    }
    for ((x, power), shifted) in x.as_flattened_mut().iter_mut().zip(power.as_flattened()).zip(shifted.as_flattened()) {
        let exponent = (shifted.to_bits() as i32).wrapping_sub(MAGIC.to_bits() as i32);
        *x = f32::from_bits((power.to_bits() as i32).wrapping_add(exponent << 23) as u32);
    }
}

/// The sample, 0 to `peak`, of a number that is nominally in -0.5..=0.5; 0 for what is no number.
#[inline(always)]
pub(super) fn sample<T: Sample>(value: f32, peak: f32) -> T {
    let scaled = (value + 0.5) * peak;
    let scaled = if scaled > 0.0 { scaled } else { 0.0 };
    let scaled = if scaled < peak { scaled } else { peak };
    T::of(nearest(scaled))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate_of(value: f32, gate: f32) -> f32 {
        let mut result = [[0.0]];
        gated(&[[value]], &[[gate]], &mut result);
        result[0][0]
    }

    #[test]
    fn gates_follow_the_sigmoid_from_shut_to_open() {
        for i in -4000..=4000 {
            let gate = i as f32 / 50.0;
            let exact = 3.0 / (1.0 + (-f64::from(gate)).exp());
            let found = f64::from(gate_of(3.0, gate));
            assert!((found - exact).abs() <= 4e-6 * exact + 1e-15, "{found:e}, not {exact:e}, at gate {gate}");
        }
        assert_eq!(gate_of(1.0, f32::INFINITY), 1.0);
        assert!(gate_of(1.0, -250.0) < 1e-17);
    }

    #[test]
    fn integers_are_the_nearest_and_reach_the_whole_range() {
        let values = [-2.0, 0.0, 1.0, 1.999_9];
        let mut out = [0; 4];
        let step = Step::new(largest_bits(&values, 0));
        step.quantise(&values, &mut out);
        assert_eq!(out, [-8191, 0, 4096, 8191]);
        assert!((step.size * 8191.0 - 2.0).abs() < 1e-6);
    }

    #[test]
    fn vectors_of_zeros_and_damaged_ones_become_zeros() {
        for largest in [0.0, 1e-40, f32::INFINITY, f32::NAN] {
            let mut out = [7];
            let step = Step::new(largest_bits(&[largest], 0));
            step.quantise(&[0.5], &mut out);
            assert_eq!((out, step.size), ([0], 0.0), "{largest}");
        }
    }

    #[test]
    fn what_is_no_number_is_black() {
        assert_eq!([f32::NAN, -9.0, 9.0, 0.5, -0.5].map(|v| sample::<u8>(v, 255.0)), [0, 0, 255, 255, 0]);
        assert_eq!([f32::NAN, -9.0, 9.0, 0.5, 0.0].map(|v| sample::<u16>(v, 65535.0)), [0, 0, 65535, 65535, 32768]);
    }
}
