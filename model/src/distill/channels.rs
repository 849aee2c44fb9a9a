//! Phase 2, channel distillation: the student's latent is led to the teacher's channels, those with most bits first.
//!
//! `L = L_RD + b * sum_c w_c D_c`, `w_c` proportional to `H_c` ([`super::entropies`]), `sum_c w_c = 1`,
//! `D_c = E[(y_s - y_t)^2 + KL(N(m_t, s_t) | N(m_s, s_s))]`
//!
//! over the K teacher channels with most bits, K being the student's latent width, with everything in the teacher's quantisation steps at the crop's quality.
//! The divergence has the closed form of [`divergence`] and makes the student's prior expect what the teacher's expects, not only its latent be what the
//! teacher's is. The phase is FEDS' (arXiv 2503.06399), "channels by entropy", as its abstract and summaries describe it; the choice of distance, its
//! units and `b` are this project's reading.

use burn::tensor::{Tensor, TensorData};

use super::cache::{Cache, CacheError};
use super::teacher::{Teacher, recall};
use super::{DistillError, Entropies};
use crate::backprop::{Added, Addition, Seen, Work};
use crate::grow::{fits, latent_places};
use crate::network::Network;
use crate::params;
use crate::preset::ModelConfig;
use crate::prior::{Taps, from_passes};
use crate::rate::SCALE_MIN;
use crate::train::{Batch, Guide, LOSS_SCALE, Objective, Place, StepReport, TrainError, Weights, rate_distortion};

/// The teacher's channel that each student channel is led to: those with most bits, every one of them at the student channel of its own place as far as it
/// has one, the others at student channels whose own teacher channel carries too little.
pub(super) fn pairs(entropies: &Entropies, student: &ModelConfig, teacher: &ModelConfig) -> Vec<usize> {
    let own = match fits(student, teacher) {
        Ok(()) => latent_places(student, teacher),
        Err(_) => (0..student.y.min(teacher.y)).collect(),
    };
    let mut chosen: Vec<usize> = entropies.ranked().into_iter().take(student.y).map(|(channel, _)| channel).collect();
    let mut pairs: Vec<Option<usize>> = vec![None; student.y];
    for (pair, place) in pairs.iter_mut().zip(&own) {
        if let Some(at) = chosen.iter().position(|channel| channel == place) {
            *pair = Some(chosen.remove(at));
        }
    }
    // A teacher narrower than the student has nothing for the rest: they get its weakest channel, twice.
    let last = entropies.ranked().last().map_or(0, |(channel, _)| *channel);
    let mut rest = chosen.into_iter();
    pairs.into_iter().map(|pair| pair.or_else(|| rest.next()).unwrap_or(last)).collect()
}

/// `KL(N(m_t, s_t) | N(m_s, s_s))` in nats, from the difference of means and the logarithms of the scales:
/// `ln(s_s / s_t) + (s_t^2 + (m_t - m_s)^2) / (2 s_s^2) - 1/2`.
pub(super) fn divergence(mean_difference: Tensor<4>, teacher_log: Tensor<4>, student_log: Tensor<4>) -> Tensor<4> {
    let ratio = (teacher_log.clone() - student_log.clone()).mul_scalar(2.0).exp();
    let shift = mean_difference.square() * student_log.clone().mul_scalar(-2.0).exp();
    student_log - teacher_log + (ratio + shift).mul_scalar(0.5).sub_scalar(0.5)
}

/// The loss of phase 2.
#[derive(Debug)]
pub(super) struct ChannelDistillation {
    teacher: Teacher,
    cache: Cache,
    /// Teacher channel of every student channel.
    pairs: Vec<usize>,
    /// `w_c` of every student channel.
    weights: Vec<f32>,
    /// `b`.
    factor: f64,
    set: u64,
    own: Led,
}

/// What a batch's latents are led to, for our own kernels; everything in the order of the student's channels.
#[derive(Debug, Default)]
struct Led {
    /// Latents, residuals and log-scales [batch, h, w, y], in the teacher's quantisation steps.
    targets: [Vec<f32>; 3],
    /// Logarithms of the teacher's gains [batch, y].
    log_gains: Vec<f32>,
    /// `LOSS_SCALE b w_c / positions of the batch`.
    slopes: Vec<f32>,
}

impl Addition for Led {
    fn add(&self, sample: usize, seen: Seen<'_>, work: &mut Work) -> Added {
        let channels = self.slopes.len();
        let floor = SCALE_MIN.ln();
        let log_gains = &self.log_gains[sample * channels..][..channels];
        let gains: Vec<f32> = log_gains.iter().map(|log| log.exp()).collect();
        // From the student's quantisation steps to the teacher's.
        let shifts: Vec<f32> = log_gains.iter().zip(seen.log_gain).map(|(teacher, own)| teacher - own).collect();
        let factors: Vec<f32> = shifts.iter().map(|log| log.exp()).collect();
        let count = seen.latent.len();
        let [latents, residuals, log_scales] = self.targets.each_ref().map(|values| &values[sample * count..][..count]);
        let [mut d_latent, mut d_residual, mut d_log_scale] = std::array::from_fn(|_| work.pool.take(count));
        let mut d_log_gain = work.pool.zeros(channels);
        let mut value = 0.0f64;
        for at in (0..count).step_by(channels) {
            let mut sum = 0.0f32;
            for c in 0..channels {
                let i = at + c;
                let residual = seen.residual[i] * factors[c];
                let log_scale = seen.log_scale[i].max(floor) + shifts[c];
                let target_log = log_scales[i].max(floor);
                let difference = latents[i] - seen.latent[i] * gains[c];
                let means = difference - (residuals[i] - residual);
                let inverse = (-2.0 * log_scale).exp();
                let ratio = (2.0 * target_log).exp() * inverse;
                let shift = means * means * inverse;
                let slope = self.slopes[c];
                sum += slope * (difference * difference + log_scale - target_log + 0.5 * (ratio + shift) - 0.5);
                let by_means = slope * means * inverse;
                let by_log_scale = slope * (1.0 - ratio - shift);
                d_latent[i] = -gains[c] * (2.0 * slope * difference + by_means);
                d_residual[i] = factors[c] * by_means;
                // The bound's gradient passes as if there were none.
                d_log_scale[i] = by_log_scale;
                d_log_gain[c] -= by_means * residual + by_log_scale;
            }
            value += f64::from(sum);
        }
        Added {
            value: value / LOSS_SCALE,
            latent: d_latent,
            residual: d_residual,
            log_scale: d_log_scale,
            log_gain: d_log_gain,
            ..Added::default()
        }
    }
}

impl ChannelDistillation {
    pub(super) fn new(
        teacher: Teacher,
        cache: Cache,
        entropies: &Entropies,
        student: &ModelConfig,
        factor: f64,
        set: u64,
    ) -> Result<Self, DistillError> {
        let pairs = pairs(entropies, student, &teacher.config);
        let bits: Vec<f64> = pairs.iter().map(|&c| entropies.bits.get(c).copied().unwrap_or(0.0)).collect();
        let total = bits.iter().sum::<f64>();
        if total.is_nan() || total <= 0.0 {
            return Err(DistillError::NoBits);
        }
        let weights = bits.iter().map(|b| (b / total) as f32).collect();
        Ok(Self { teacher, cache, pairs, weights, factor, set, own: Led::default() })
    }

    /// Latents, residuals and log-scales of a batch, as the teacher has them.
    fn targets(&mut self, batch: &Batch) -> Result<[Vec<f32>; 3], CacheError> {
        let sizes = latent_sizes(&self.teacher.config, batch.side);
        let parts = recall(&mut self.cache, batch, &sizes, |missing| self.teacher.latents(missing))?;
        let mut parts = parts.iter().map(|values| self.paired(values));
        Ok(std::array::from_fn(|_| parts.next().unwrap_or_default()))
    }

    /// Logarithms of the teacher's gains [batch, y].
    fn log_gains(&self, batch: &Batch) -> Vec<f32> {
        self.paired(&params::read(self.teacher.network.prior.log_gains(&batch.knots)))
    }

    /// The student's channels of a teacher's tensor [.., y].
    fn paired(&self, values: &[f32]) -> Vec<f32> {
        values.chunks_exact(self.teacher.config.y).flat_map(|row| self.pairs.iter().map(|&c| row[c])).collect()
    }
}

/// Numbers of a crop's latent, residual and log-scale.
pub(super) fn latent_sizes(config: &ModelConfig, side: usize) -> [usize; 3] {
    [config.y * (side / 16) * (side / 16); 3]
}

impl Objective for ChannelDistillation {
    fn guide(&self) -> Option<Guide> {
        Some(Guide { teacher: self.teacher.id, crops: self.set, weight: self.factor })
    }

    fn addition(&mut self, batch: &Batch, _weights: Weights<'_>) -> Result<Option<&dyn Addition>, TrainError> {
        let targets = self.targets(batch)?;
        let positions = targets[0].len() / self.weights.len();
        let slope = LOSS_SCALE * self.factor / positions as f64;
        let slopes = self.weights.iter().map(|weight| (slope * f64::from(*weight)) as f32).collect();
        self.own = Led { targets, log_gains: self.log_gains(batch), slopes };
        Ok(Some(&self.own))
    }

    fn step(
        &mut self,
        network: &Network,
        batch: &Batch,
        place: Place<'_>,
        taps: &mut Taps<'_>,
    ) -> Result<(StepReport, Vec<f32>), TrainError> {
        let targets = self.targets(batch)?;
        let pass = rate_distortion(network, batch, place, taps);
        let [b, h, w, y] = pass.latent.dims();
        let tensor = |values: &[f32], shape: [usize; 4]| {
            Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), place.device)
        };
        let [latent, residual, log_scale] = targets.map(|values| tensor(&values, [b, h, w, y]));
        let floor = f64::from(SCALE_MIN.ln());
        let log_scale = log_scale.clamp_min(floor);

        // From the student's quantisation steps to the teacher's.
        let teacher_gain = tensor(&self.log_gains(batch), [b, 1, 1, y]);
        let to_teacher = teacher_gain.clone() - network.prior.log_gains(&batch.knots);
        let student_latent = pass.latent.clone() * teacher_gain.exp();
        let student_residual = from_passes(pass.residual.clone(), [h, w]) * to_teacher.clone().exp();
        // The bound that the rate puts on scales; its gradient passes as if there were none.
        let student_log = from_passes(pass.log_scale.clone(), [h, w]);
        let plain = student_log.clone().detach();
        let student_log = student_log + (plain.clone().clamp_min(floor) - plain) + to_teacher;

        let difference = latent - student_latent;
        let mean_difference = difference.clone() - (residual - student_residual);
        let distances = difference.square() + divergence(mean_difference, log_scale, student_log);
        let weights = tensor(&self.weights, [1, 1, 1, y]);
        let distance = (distances * weights).sum().div_scalar((b * h * w) as f64);
        let (report, gradients) = pass.towards(distance, self.factor);
        Ok((report, params::gradients(network, &gradients)))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn config(y: usize) -> ModelConfig {
        ModelConfig { y, ..crate::Preset::Tiny.config() }
    }

    #[test]
    fn channels_keep_their_places_and_strong_new_ones_take_those_of_weak_ones() {
        // Teacher channels 0..12, the student's 8 at 0, 1, 3, 4, 6, 7, 9, 10; 2 is strong, 4 the weakest of the student's.
        let mut bits = vec![1.0, 1.0, 0.9, 1.0, 0.1, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0];
        let entropies = Entropies { teacher: 0, crops: 0, bits: bits.clone(), hyper: 0.0 };
        assert_eq!(pairs(&entropies, &config(8), &config(12)), [0, 1, 3, 2, 6, 7, 9, 10]);
        bits[2] = 0.05;
        let entropies = Entropies { teacher: 0, crops: 0, bits, hyper: 0.0 };
        assert_eq!(pairs(&entropies, &config(8), &config(12)), [0, 1, 3, 4, 6, 7, 9, 10]);
    }

    #[test]
    fn the_divergence_is_the_integral_of_its_definition() {
        let at =
            |value: f64| Tensor::<4>::from_data(TensorData::new(vec![value as f32], [1, 1, 1, 1]), &Device::flex());
        for (m_t, s_t, m_s, s_s) in
            [(0.0, 1.0, 0.0, 1.0), (0.5, 0.3, 0.0, 0.8), (-2.0, 1.5, 1.0, 0.7), (0.0, 0.11, 0.05, 0.2)]
        {
            let density = |x: f64, m: f64, s: f64| {
                (-0.5 * ((x - m) / s).powi(2)).exp() / (s * (2.0 * std::f64::consts::PI).sqrt())
            };
            // Simpson's rule over ten standard deviations of the teacher.
            let n = 20_000;
            let (low, step) = (m_t - 10.0 * s_t, 20.0 * s_t / f64::from(n));
            let f = |i: i32| {
                let x = low + f64::from(i) * step;
                let log_ratio = -0.5 * (((x - m_t) / s_t).powi(2) - ((x - m_s) / s_s).powi(2)) + (s_s / s_t).ln();
                density(x, m_t, s_t) * log_ratio
            };
            let sum: f64 =
                (0..=n).map(|i| f(i) * if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) }).sum();
            let expected = sum * step / 3.0;
            let found = divergence(at(m_t - m_s), at(f64::ln(s_t)), at(f64::ln(s_s))).into_scalar::<f32>();
            assert!((f64::from(found) - expected).abs() < 1e-4 * expected.max(1.0), "{found} instead of {expected}");
        }
    }
}
