//! How new channels of the latent and the hyper-latent begin: at zero, expected to be zero, and read by random weights.
//!
//! A channel that is exactly zero changes nothing wherever it is read, so those weights may be random, and through them the gradient reaches the
//! analysis layer that makes it. Costs after real rounding: about 1e-5 bits a latent and 0.01 bits a hyper-latent. (With the noise of training both
//! cost about 0.15 bits, as every silent channel of any network does, which moves the training loss by a constant.)

use super::NewPlace;
use crate::load::{Named, ParamError};
use crate::preset::{KNOTS, ModelConfig};
use crate::prior::density::{COMPONENTS, MIN_WIDTH};
use crate::rate::SCALE_MIN;

/// The mixture of a silent hyper-latent: a narrow logistic at zero, and at both neighbours one with this logit against it.
const NEIGHBOUR_LOGIT: f32 = -6.0;

/// Width of those logistics.
const WIDTH: f64 = 0.05;

/// What silent channels take from the smaller network.
pub(super) struct Silence {
    /// Natural logarithm of the gain of new latent channels at each knot: the mean over the old ones.
    log_gain: Vec<f32>,
    /// Natural logarithm of their predicted scale in whitened units: at the bound of 0.11 steps at the highest quality, below it at others.
    log_scale: f32,
}

impl Silence {
    pub(super) fn new(named: &Named, small: &ModelConfig) -> Result<Self, ParamError> {
        let tensor = |name: &str, rows: usize| {
            let (shape, values) = named.get(name).ok_or_else(|| ParamError::Missing(name.to_owned()))?;
            let expected = vec![rows, small.y];
            if *shape == expected && values.len() == rows * small.y {
                Ok(values)
            } else {
                Err(ParamError::Shape { name: name.to_owned(), found: shape.clone(), expected })
            }
        };
        let (gain, deviation) = (tensor("prior.log_gain", KNOTS)?, tensor("prior.log_deviation", 1)?);
        let mean = |row: &[f32]| row.iter().sum::<f32>() / row.len().max(1) as f32;
        // New channels are in whitened units already: deviation 1.
        let log_gain: Vec<f32> = gain.chunks(small.y.max(1)).map(|row| mean(row) + mean(deviation)).collect();
        let highest = log_gain.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        Ok(Self { log_gain, log_scale: SCALE_MIN.ln() - highest })
    }

    /// The value of a new place of a tensor where it is not what [`super::grow`] does elsewhere; `fresh` is a new network's.
    pub(super) fn value(&self, name: &str, place: &NewPlace<'_>, fresh: f32) -> Option<f32> {
        let parts: Vec<&str> = name.split('.').collect();
        let last = place.index.last().copied().unwrap_or(0);
        match parts.as_slice() {
            // They read zeros.
            ["synthesis", "stem", "weight"] | ["prior", "hyper", "up1", "weight"] => Some(fresh),
            ["analysis", "head", _]
            | ["prior", "hyper_analysis", "down2", _]
            | ["prior", "heads", _, "mean" | "mean_bias" | "scale"] => Some(0.0),
            ["prior", "heads", _, "scale_bias"] => Some(self.log_scale),
            ["prior", "log_gain"] => place.index.first().and_then(|&knot| self.log_gain.get(knot)).copied(),
            ["prior", "log_deviation"] => Some(0.0),
            ["prior", "density", "centre"] => Some((last % COMPONENTS) as f32 - (COMPONENTS / 2) as f32),
            ["prior", "density", "width"] => Some((WIDTH - MIN_WIDTH).exp_m1().ln() as f32),
            ["prior", "density", "weight"] if last % COMPONENTS == COMPONENTS / 2 => Some(0.0),
            ["prior", "density", "weight"] => Some(NEIGHBOUR_LOGIT),
            _ => None,
        }
    }
}
