//! Adam with a moving average of the weights, fused over one flat array; in the eigenbases of [`super::soap`], if it has any.
//!
//! burn's optimisers work tensor by tensor in a dozen passes over memory, and their state has no stable file format; this is one pass, and its
//! state is three arrays. Adam: Kingma and Ba, arXiv 1412.6980.

use rayon::prelude::*;

use super::soap::{self, Rotation};
use crate::net::Precision;
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
    /// With SOAP, the rotations of every slot's matrices, in whose axes their moments are; empty with plain Adam.
    pub rotations: Vec<Vec<Rotation>>,
}

impl Adam {
    /// Starts from `weights`.
    pub fn new(weights: Vec<f32>) -> Self {
        let zeros = vec![0.0; weights.len()];
        Self {
            average: weights.clone(),
            first: zeros.clone(),
            second: zeros,
            weights,
            step: 0,
            lead: 0,
            rotations: Vec::new(),
        }
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
        let common = Common { clip, correction2, decay };
        self.parts(gradient, slots, rate1).into_par_iter().for_each(|part| part.update(common));
        norm
    }

    /// Begins to keep rotations, of no turn at first.
    /// `precision` is that of products that need no more.
    pub fn rotate(&mut self, slots: &[Slot], precision: Precision) {
        self.rotations = slots.iter().map(|slot| soap::rotations(slot, precision)).collect();
    }

    /// Pieces that can be updated at the same time.
    fn parts<'a>(&'a mut self, gradient: &'a [f32], slots: &[Slot], rate: f32) -> Vec<Part<'a>> {
        let step = self.step + self.lead;
        let mut all = Arrays {
            weights: &mut self.weights,
            average: &mut self.average,
            first: &mut self.first,
            second: &mut self.second,
            gradient,
        };
        let mut rotations = self.rotations.iter_mut();
        let (mut parts, mut number) = (Vec::new(), 0);
        // Slots follow each other without gaps.
        for slot in slots {
            let mut arrays = all.take(slot.len());
            let rate = rate * slot.rate;
            for rotation in rotations.next().into_iter().flatten() {
                number += 1;
                let due = soap::due(step, number);
                parts.push(Part { arrays: arrays.take(rotation.len()), rate, rotation: Some((rotation, due)) });
            }
            while slot.rate > 0.0 && !arrays.weights.is_empty() {
                let length = CHUNK.min(arrays.weights.len());
                parts.push(Part { arrays: arrays.take(length), rate, rotation: None });
            }
        }
        parts
    }
}

/// A range of all arrays.
#[derive(Default)]
struct Arrays<'a> {
    weights: &'a mut [f32],
    average: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    gradient: &'a [f32],
}

impl<'a> Arrays<'a> {
    /// Takes the first `count` elements away.
    fn take(&mut self, count: usize) -> Self {
        let Arrays { weights, average, first, second, gradient } = std::mem::take(self);
        let (w, weights) = weights.split_at_mut(count);
        let (a, average) = average.split_at_mut(count);
        let (m, first) = first.split_at_mut(count);
        let (v, second) = second.split_at_mut(count);
        let (g, gradient) = gradient.split_at(count);
        *self = Arrays { weights, average, first, second, gradient };
        Arrays { weights: w, average: a, first: m, second: v, gradient: g }
    }
}

/// A part of a slot, and what moves it.
struct Part<'a> {
    arrays: Arrays<'a>,
    rate: f32,
    /// With SOAP a whole matrix; whether its bases are due for a refresh.
    rotation: Option<(&'a mut Rotation, bool)>,
}

/// What is the same for all weights.
#[derive(Clone, Copy)]
struct Common {
    clip: f32,
    correction2: f32,
    decay: f32,
}

impl Part<'_> {
    fn update(self, common: Common) {
        let Common { clip, decay, .. } = common;
        let Arrays { weights: w, average: a, first: m, second: v, gradient: g } = self.arrays;
        let Some((rotation, due)) = self.rotation else {
            for i in 0..w.len() {
                w[i] -= self.rate * common.direction(g[i] * clip, &mut m[i], &mut v[i]);
                a[i] += (1.0 - decay) * (w[i] - a[i]);
            }
            return;
        };
        let gradient: Vec<f32> = g.iter().map(|g| g * clip).collect();
        let mut directions = rotation.turn(&gradient);
        for ((direction, m), v) in directions.iter_mut().zip(m.iter_mut()).zip(v.iter_mut()) {
            *direction = common.direction(*direction, m, v);
        }
        let directions = rotation.turn_back(&directions);
        for ((w, a), direction) in w.iter_mut().zip(a).zip(directions) {
            *w -= self.rate * direction;
            *a += (1.0 - decay) * (*w - *a);
        }
        rotation.learn(&gradient, m, v, due);
    }
}

impl Common {
    /// Takes a gradient into both moments; their quotient.
    #[inline(always)]
    fn direction(self, gradient: f32, first: &mut f32, second: &mut f32) -> f32 {
        *first = BETA1 * *first + (1.0 - BETA1) * gradient;
        *second = BETA2 * *second + (1.0 - BETA2) * gradient * gradient;
        *first / ((*second * self.correction2).sqrt() + EPSILON)
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
        // The average, shorter at the start.
        let weights = [(0.9, 1.0 / 51.0), (0.812_557_022_289_889_2, 2.0 / 52.0)];
        let average = weights.iter().fold(1.0f64, |average, (weight, decay)| decay * average + (1.0 - decay) * weight);
        assert!((f64::from(adam.average[0]) - average).abs() < 1e-6, "{} instead of {average}", adam.average[0]);
        assert_eq!(adam.average[2..], [5.0, 5.0]);
    }

    /// Loss after 400 steps on `0.5 sum of W o (H W)` for a matrix `H` whose eigenvalues span 1 to 0.001 and whose eigenvectors are no axes.
    fn loss_of_skewed_bowl(soap: Option<Precision>) -> f32 {
        const N: usize = 16;
        // Reflections of a diagonal matrix: H = (I - 2 u u^T) D (I - 2 u u^T), u of length one.
        let u: Vec<f32> = (0..N).map(|i| (1.0 + (i as f32 * 2.3).sin()) / 5.1).collect();
        let length = u.iter().map(|v| v * v).sum::<f32>();
        let reflect = |x: &[f32]| -> Vec<f32> {
            let along = 2.0 / length * x.iter().zip(&u).map(|(x, u)| x * u).sum::<f32>();
            x.iter().zip(&u).map(|(x, u)| x - along * u).collect()
        };
        let bowl = |x: &[f32]| {
            let inner = reflect(x);
            let scaled: Vec<f32> =
                inner.iter().enumerate().map(|(i, v)| v * 0.001f32.powf(i as f32 / (N - 1) as f32)).collect();
            reflect(&scaled)
        };
        let gradient = |w: &[f32]| -> Vec<f32> {
            let mut out = vec![0.0; N * N];
            for column in 0..N {
                let x: Vec<f32> = w.iter().skip(column).step_by(N).copied().collect();
                out.iter_mut().skip(column).step_by(N).zip(bowl(&x)).for_each(|(out, v)| *out = v);
            }
            out
        };
        let slots = [Slot { name: "w.weight".into(), shape: vec![N, N], offset: 0, rate: 1.0 }];
        let mut adam = Adam::new(
            (0..N * N).map(|i| ((i as u32).wrapping_mul(2_654_435_761) >> 16) as f32 / 32_768.0 - 1.0).collect(),
        );
        if let Some(precision) = soap {
            adam.rotate(&slots, precision);
        }
        for step in 0..400 {
            let g = gradient(&adam.weights);
            adam.update(&g, &slots, 0.05 * (1.0 - f64::from(step) / 400.0));
        }
        adam.weights.iter().zip(gradient(&adam.weights)).map(|(w, g)| 0.5 * w * g).sum()
    }

    #[test]
    fn eigenbases_bring_weights_to_the_bottom_of_a_skewed_bowl() {
        let plain = loss_of_skewed_bowl(None);
        for precision in [Precision::F32, Precision::Bf16] {
            let soap = loss_of_skewed_bowl(Some(precision));
            assert!(soap < 1e-3 * plain, "{soap} with bases in {precision:?}, {plain} without");
        }
    }

    #[test]
    fn before_the_bases_turn_soap_is_adam() {
        let slots = [Slot { name: "w.weight".into(), shape: vec![2, 2], offset: 0, rate: 1.0 }];
        let (mut plain, mut soap) = (Adam::new(vec![1.0; 4]), Adam::new(vec![1.0; 4]));
        soap.rotate(&slots, Precision::F32);
        let gradient = [0.3, -0.1, 0.2, 0.5];
        plain.update(&gradient, &slots, 0.1);
        soap.update(&gradient, &slots, 0.1);
        for (a, b) in plain.weights.iter().zip(&soap.weights) {
            assert!((a - b).abs() < 1e-6, "{a} and {b}");
        }
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
