//! Bits of the hyper-latent with their gradients: [`crate::prior::ZDensity`] in closed form.

use std::ops::Range;

use super::{Layout, Missing};
use crate::preset::Z_KNOTS;
use crate::prior::density::{COMPONENTS, MIN_WIDTH};

/// Smallest probability of a value.
const LEAST: f32 = 1e-9;

/// The tables of centres, widths and mixture weights.
#[derive(Debug)]
pub(super) struct Density {
    tables: [Range<usize>; 3],
    channels: usize,
}

/// One component on one value.
#[derive(Clone, Copy, Default)]
struct Component {
    width: f32,
    width_slope: f32,
    share: f32,
    upper: f32,
    lower: f32,
}

impl Density {
    pub(super) fn find(layout: &Layout<'_>) -> Result<Self, Missing> {
        let table = |name: &str| layout.find(&format!("prior.density.{name}")).map(|(range, _)| range);
        let tables = [table("centre")?, table("width")?, table("weight")?];
        let channels = tables[0].len() / (Z_KNOTS * COMPONENTS);
        Ok(Self { tables, channels })
    }

    /// Bits of `z` [positions, channels] under row `knot`. Adds `factor` times their gradients to those of `z` and of the tables.
    pub(super) fn bits(
        &self,
        z: &[f32],
        knot: usize,
        factor: f32,
        weights: &[f32],
        d_z: &mut [f32],
        gradient: &mut [f32],
    ) -> f64 {
        let row = self.channels * COMPONENTS;
        let [centres, widths, logits] = self.tables.clone().map(|table| table.start + knot * row);
        let mut bits = 0.0f64;
        for c in 0..self.channels {
            let at = c * COMPONENTS;
            let centre: [f32; COMPONENTS] = std::array::from_fn(|k| weights[centres + at + k]);
            let exps: [f32; COMPONENTS] = {
                let logit: [f32; COMPONENTS] = std::array::from_fn(|k| weights[logits + at + k]);
                let most = logit.into_iter().fold(f32::MIN, f32::max);
                logit.map(|logit| (logit - most).exp())
            };
            let sum: f32 = exps.iter().sum();
            let mut parts: [Component; COMPONENTS] = std::array::from_fn(|k| {
                let raw = weights[widths + at + k];
                let width = raw.max(0.0) + (-raw.abs()).exp().ln_1p() + MIN_WIDTH as f32;
                Component { width, width_slope: sigmoid(raw), share: exps[k] / sum, ..Component::default() }
            });
            for (z, d_z) in z.iter().zip(d_z.iter_mut()).skip(c).step_by(self.channels) {
                let mut p = 0.0;
                for (part, centre) in parts.iter_mut().zip(centre) {
                    part.upper = sigmoid((z - centre + 0.5) / part.width);
                    part.lower = sigmoid((z - centre - 0.5) / part.width);
                    p += part.share * (part.upper - part.lower);
                }
                bits -= f64::from(p.max(LEAST).log2());
                if p < LEAST {
                    continue;
                }
                let by_p = -factor / (p * std::f32::consts::LN_2);
                for (k, (part, centre)) in parts.iter().zip(centre).enumerate() {
                    let by_part = by_p * part.share / part.width;
                    let (upper, lower) = (part.upper * (1.0 - part.upper), part.lower * (1.0 - part.lower));
                    let by_offset = by_part * (upper - lower);
                    let by_width = -by_part * (upper * (z - centre + 0.5) - lower * (z - centre - 0.5)) / part.width;
                    *d_z += by_offset;
                    gradient[centres + at + k] -= by_offset;
                    gradient[widths + at + k] += by_width * part.width_slope;
                    gradient[logits + at + k] += by_p * part.share * (part.upper - part.lower - p);
                }
            }
        }
        bits
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
