//! The integer gain tables `prior.gain.*`: quantisation steps per unit of the whitened latent, its inverse, its logarithm.

use std::collections::BTreeMap;

use lic_shaders::gain::SCALES;

use crate::preset::KNOTS;
use crate::prior::ACTIVATION_MAX;
use crate::rate::{SCALE_MAX, SCALE_MIN};
use crate::weights::Entry;

/// Natural logarithm of the ratio of neighbouring scales.
pub(super) fn log_scale_step() -> f64 {
    (f64::from(SCALE_MAX) / f64::from(SCALE_MIN)).ln() / (SCALES - 1) as f64
}

/// Log-scales leave the heads in 1/16 of a table step: this many units per unit of natural logarithm.
pub(super) fn log_scale_units() -> f64 {
    16.0 / log_scale_step()
}

/// Means leave the heads in 2^-10 of a whitened unit.
pub(super) const MEAN_UNITS: f64 = 1024.0;

/// Largest table entry.
const MOST: f64 = 32767.0;

/// Adds the tables for `log_gain` [64, channels], natural logarithms in whitened units; the feedback has `feedback_steps` steps per unit.
pub(super) fn add(entries: &mut BTreeMap<String, Entry>, log_gain: &[f64], channels: usize, feedback_steps: f64) {
    let gain = |knot: usize, channel: usize| log_gain[knot * channels + channel].exp();
    let extreme =
        |channel: usize, f: fn(f64, f64) -> f64| (1..KNOTS).map(|k| gain(k, channel)).fold(gain(0, channel), f);

    let mut shift = Vec::with_capacity(channels);
    let mut shift_a = Vec::with_capacity(channels);
    let mut shift_b = Vec::with_capacity(channels);
    for channel in 0..channels {
        let (low, high) = (extreme(channel, f64::min), extreme(channel, f64::max));
        // mult = gain * 64 * 2^shift / 2^10.
        shift.push((MOST * 16.0 / high).log2().floor().clamp(4.0, 30.0));
        // feedback = y64 * factor, factor = feedback_steps / (64 gain): the value that reaches the clip must survive the first shift.
        let (weakest, strongest) = (feedback_steps / (64.0 * high), feedback_steps / (64.0 * low));
        let a = (f64::from(ACTIVATION_MAX) / weakest / MOST).log2().ceil().clamp(0.0, 15.0);
        shift_a.push(a);
        shift_b.push((MOST / (strongest * 2f64.powf(a))).log2().floor().clamp(0.0, 30.0));
    }
    let table = |f: &dyn Fn(usize, usize) -> f64| -> Vec<u16> {
        (0..KNOTS * channels).map(|i| f(i / channels, i % channels).round().clamp(1.0, MOST) as u16).collect()
    };
    let mult = table(&|k, c| gain(k, c) * 2f64.powf(shift[c]) / 16.0);
    let inverse = table(&|k, c| feedback_steps / (64.0 * gain(k, c)) * 2f64.powf(shift_a[c] + shift_b[c]));
    let offset: Vec<i16> =
        log_gain.iter().map(|g| ((g - f64::from(SCALE_MIN).ln()) * log_scale_units()).round() as i16).collect();

    let bytes = |values: &[f64]| values.iter().map(|&v| v as u8).collect::<Vec<u8>>();
    let shape = [KNOTS, channels];
    entries.insert("prior.gain.mult".into(), Entry::u16(&shape, &mult));
    entries.insert("prior.gain.shift".into(), Entry::u8(&[channels], &bytes(&shift)));
    entries.insert("prior.gain.inverse".into(), Entry::u16(&shape, &inverse));
    entries.insert("prior.gain.shift_a".into(), Entry::u8(&[channels], &bytes(&shift_a)));
    entries.insert("prior.gain.shift_b".into(), Entry::u8(&[channels], &bytes(&shift_b)));
    entries.insert("prior.gain.offset".into(), Entry::i16(&shape, &offset));
}
