//! Adam with a moving average of the weights, fused over one flat array.
//!
//! burn's optimisers work tensor by tensor in a dozen passes over memory, and their state has no stable file format; this is one pass, and its
//! state is three arrays. Adam: Kingma and Ba, arXiv 1412.6980.

use rayon::prelude::*;

use crate::params::Slot;

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.98;
const EPSILON: f32 = 1e-8;

/// Largest decay of the moving average of the weights; shorter at the start.
const EMA: f32 = 0.999;

/// Elements a thread takes at a time.
const CHUNK: usize = 1 << 16;

/// Optimiser state, in the order of [`crate::params::slots`].
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    /// Master weights.
    pub weights: Vec<f32>,
    /// Exponential moving average of the weights: what ships.
    pub average: Vec<f32>,
    /// First moment.
    pub first: Vec<f32>,
    /// Second moment.
    pub second: Vec<f32>,
    /// Steps taken.
    pub step: u64,
    /// Steps behind the moments when the run began: they need that much less correction.
    pub lead: u64,
}

impl Adam {
    /// Starts from `weights`.
    pub fn new(weights: Vec<f32>) -> Self {
        let zeros = vec![0.0; weights.len()];
        Self { average: weights.clone(), first: zeros.clone(), second: zeros, weights, step: 0, lead: 0 }
    }

    /// One step with learning rate `rate` after scaling the gradient to a norm of at most 1. Returns the norm before. A gradient that is not
    /// finite changes nothing but the step count.
    pub fn update(&mut self, gradient: &[f32], slots: &[Slot], rate: f64) -> f64 {
        let norm = gradient
            .par_chunks(CHUNK)
            .map(|c| c.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>())
            .collect::<Vec<_>>();
        let norm = norm.into_iter().sum::<f64>().sqrt();
        self.step += 1;
        if !norm.is_finite() {
            return norm;
        }
        let clip = (1.0 / norm.max(1.0)) as f32;
        let t = (self.step + self.lead).min(100_000) as i32;
        let rate1 = (rate / (1.0 - f64::from(BETA1).powi(t))) as f32;
        let correction2 = (1.0 / (1.0 - f64::from(BETA2).powi(t))) as f32;
        let decay = EMA.min(self.step as f32 / (self.step as f32 + 50.0));
        for slot in slots.iter().filter(|slot| slot.rate > 0.0) {
            let (range, rate) = (slot.range(), rate1 * slot.rate);
            self.weights[range.clone()]
                .par_chunks_mut(CHUNK)
                .zip(self.average[range.clone()].par_chunks_mut(CHUNK))
                .zip(self.first[range.clone()].par_chunks_mut(CHUNK))
                .zip(self.second[range.clone()].par_chunks_mut(CHUNK))
                .zip(gradient[range].par_chunks(CHUNK))
                .for_each(|((((w, a), m), v), g)| {
                    for i in 0..w.len() {
                        let g = g[i] * clip;
                        m[i] = BETA1 * m[i] + (1.0 - BETA1) * g;
                        v[i] = BETA2 * v[i] + (1.0 - BETA2) * g * g;
                        w[i] -= rate * m[i] / ((v[i] * correction2).sqrt() + EPSILON);
                        a[i] += (1.0 - decay) * (w[i] - a[i]);
                    }
                });
        }
        norm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(name: &str, offset: usize, rate: f32) -> Slot {
        Slot { name: name.into(), shape: vec![2], offset, rate }
    }

    /// Expected: `torch.optim.Adam([w], lr=0.1, betas=(0.9, 0.98))` on w = (1, 2) in float64, PyTorch 2.9.0, two steps with gradients
    /// (0.3, -0.4) and (0.1, 0.2); and the formula written out for the first weight.
    #[test]
    fn two_steps_agree_with_pytorch() {
        let mut adam = Adam::new(vec![1.0, 2.0, 5.0, 5.0]);
        let slots = [slot("w", 0, 1.0), slot("constant", 2, 0.0)];
        assert!((adam.update(&[0.3, -0.4, 0.0, 0.0], &slots, 0.1) - 0.5).abs() < 1e-6);
        adam.update(&[0.1, 0.2, 0.0, 0.0], &slots, 0.1);
        let (m, v) = ((0.09 * 0.3 + 0.1 * 0.1) / 0.19, (0.0196 * 0.09 + 0.02 * 0.01) / 0.0396f64);
        assert!((f64::from(adam.weights[0]) - (0.9 - 0.1 * m / v.sqrt())).abs() < 1e-6);
        for (weight, expected) in adam.weights.iter().zip([0.812_557_022_289_889_2, 2.126_710_768_008_118]) {
            assert!((f64::from(*weight) - expected).abs() < 1e-6, "{weight} instead of {expected}");
        }
        assert_eq!(adam.weights[2..], [5.0, 5.0]);
    }

    #[test]
    fn a_relative_rate_scales_the_movement() {
        let (mut plain, mut fast) = (Adam::new(vec![1.0, 2.0]), Adam::new(vec![1.0, 2.0]));
        plain.update(&[0.3, -0.4], &[slot("w", 0, 1.0)], 0.1);
        fast.update(&[0.3, -0.4], &[slot("w", 0, 3.0)], 0.1);
        for i in 0..2 {
            let start = [1.0, 2.0][i];
            assert!((fast.weights[i] - start - 3.0 * (plain.weights[i] - start)).abs() < 1e-6);
        }
    }

    #[test]
    fn a_gradient_that_is_not_finite_changes_nothing() {
        let mut adam = Adam::new(vec![1.0, 2.0]);
        adam.update(&[f32::NAN, 0.0], &[slot("w", 0, 1.0)], 0.1);
        assert_eq!(adam.weights, [1.0, 2.0]);
    }
}
