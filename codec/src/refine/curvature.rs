//! By how much the cost bends: what a move costs beyond its gradient.
//!
//! Theory says it of a scale, and is the same for all channels and qualities. The networks know better: a random change of all latents at once, up and down, changes
//! the gradient of each by its own curvature and by noise from all others, which averages out over the positions of a channel (the diagonal of a matrix by random signs:
//! Bekas, Kokiopoulou and Saad, Applied Numerical Mathematics 57, 2007). On photos of validation it is 1.6 times that of theory at quality 20, and 1.1 times at 90. Channels
//! differ by a factor of two, of four at low qualities; of that the square root is what pays ([`super::search`] has the numbers).

use lic_model::refine::Window;

use super::draws::Draws;
use super::rates::Rates;
use crate::coding::STEPS2_PER_BIT;

/// Random changes that the gradient is taken of.
const PROBES: usize = 2;

/// Their size, in quantisation steps: between what rounding does to a latent, and a move.
const CHANGE: f32 = 0.3;

/// So many latents with the curvature of all channels are added to those of a channel.
const DOUBT: f32 = 60.0;

/// Bits per squared step of a latent, twice.
#[derive(Debug)]
pub(super) struct Curvature {
    /// By theory, of every scale index.
    by_index: Vec<f32>,
    /// What a channel's is, as a multiple of it.
    by_channel: Vec<f32>,
}

impl Curvature {
    /// That of theory; `exchange` is the slope of the rate, by which [`STEPS2_PER_BIT`] is weighed.
    pub(super) fn by_theory(rates: &Rates, exchange: f32, channels: usize) -> Self {
        let steepest = 2.0 * exchange / STEPS2_PER_BIT as f32;
        // What high-rate theory says of latents with large scales, and two thirds of it at least. Measured on the student it is less still for
        // small scales on average, but not for those that the gradient picks.
        let of_scale = |scale: f32| steepest * (0.88 + 0.28 * scale.ln()).clamp(0.64, 0.95);
        let by_index = (0..crate::prior::SCALES).map(|index| of_scale(rates.scale(index))).collect();
        Self { by_index, by_channel: vec![1.0; channels] }
    }

    /// Channels of the latent.
    pub(super) fn channels(&self) -> usize {
        self.by_channel.len()
    }

    /// That of a latent.
    #[inline]
    pub(super) fn of(&self, index: usize, channel: usize) -> f32 {
        self.by_index[index] * self.by_channel[channel]
    }

    /// Measures what channels have, at a state [rows, columns, M] of a tile with these scale indices; none where a latent is left out.
    pub(super) fn measure(
        &mut self,
        window: &Window<'_>,
        decoded: &[f32],
        indices: impl Iterator<Item = Option<usize>> + Clone,
        draws: &mut Draws,
    ) {
        let channels = self.by_channel.len();
        // Of every channel, what was found and what theory says.
        let mut sums = vec![[0.0f64; 2]; channels];
        for _ in 0..PROBES {
            for (place, (found, index)) in probe(window, decoded, draws).zip(indices.clone()).enumerate() {
                let Some(index) = index else { continue };
                let [sum, theory] = &mut sums[place % channels];
                *sum += f64::from(found);
                *theory += f64::from(self.by_index[index]);
            }
        }
        let [found, theory] = sums.iter().fold([0.0; 2], |all, sum| [all[0] + sum[0], all[1] + sum[1]]);
        if !(found > 0.0 && theory > 0.0) {
            return;
        }
        let (level, doubt) = (found / theory, f64::from(DOUBT * self.by_index[0]));
        for (ratio, sum) in self.by_channel.iter_mut().zip(sums) {
            let of_level = (sum[0] / level + doubt) / (sum[1] + doubt);
            *ratio = (level * of_level.clamp(0.3, 3.0).sqrt()) as f32;
        }
    }
}

/// Of every latent, its curvature and noise whose mean is zero.
fn probe(window: &Window<'_>, decoded: &[f32], draws: &mut Draws) -> impl Iterator<Item = f32> {
    let change: Vec<f32> = decoded.iter().map(|_| if draws.next() < 0.5 { -CHANGE } else { CHANGE }).collect();
    let changed = |sign: f32| decoded.iter().zip(&change).map(|(y, change)| y + sign * change).collect::<Vec<_>>();
    let [up, down] = [1.0, -1.0].map(|sign| window.gradient(&changed(sign)));
    up.into_iter().zip(down).zip(change).map(|((up, down), change)| (up - down) / (2.0 * change))
}

#[cfg(test)]
mod tests {
    use lic_model::net::Precision;
    use lic_model::refine::{Differentiable, Extent};
    use lic_model::weights::WeightFile;

    use super::*;
    use crate::model::Model;
    use crate::prior::QualityIndex;
    use crate::refine::tests::TINY;

    #[test]
    fn changing_all_latents_at_once_tells_a_channels_curvature_as_changing_one_by_one_does() {
        let model = Model::from_bytes(TINY.to_vec()).unwrap();
        let network = Differentiable::load(&WeightFile::parse(model.bytes()).unwrap(), Precision::F32).unwrap();
        let gains = model.prior().steps_per_unit(QualityIndex::new(126).unwrap());
        let setting = network.at(126, &gains);
        let (side, channels) = (4, network.config().y);
        let extent = Extent { window: [side; 2], rows: 0..side, columns: 0..side };
        let (target, weight) = (vec![0.1; side * side * 768], vec![1.0; side * side * 768]);
        let decoded: Vec<f32> = (0..side * side * channels).map(|i| (i * 7 % 5) as f32 - 2.0).collect();
        let window = Window::new(&setting, extent.clone(), vec![0.0; decoded.len()], &target, &weight);

        let mut one_by_one = vec![0.0; channels];
        for place in 0..decoded.len() {
            let [up, down] = [CHANGE, -CHANGE].map(|change| {
                let mut changed = decoded.clone();
                changed[place] += change;
                window.gradient(&changed)[place]
            });
            one_by_one[place % channels] += (up - down) / (2.0 * CHANGE);
        }
        let (mut at_once, mut draws, probes) = (vec![0.0; channels], Draws::new(), 200);
        for _ in 0..probes {
            for (place, found) in probe(&window, &decoded, &mut draws).enumerate() {
                at_once[place % channels] += found / probes as f32;
            }
        }
        let largest = one_by_one.iter().copied().fold(0.0, f32::max);
        for (channel, (at_once, one_by_one)) in at_once.iter().zip(&one_by_one).enumerate() {
            assert!((at_once - one_by_one).abs() < 0.1 * largest, "{channel}: {at_once}, {one_by_one}");
        }

        let rates = Rates::new(model.prior().scale_tables()).unwrap();
        let mut curvature = Curvature::by_theory(&rates, 1.0, channels);
        let before: Vec<f32> = (0..channels).map(|channel| curvature.of(30, channel)).collect();
        curvature.measure(&window, &decoded, decoded.iter().map(|_| Some(30)), &mut draws);
        let level = one_by_one.iter().sum::<f32>() / decoded.len() as f32;
        let found = (0..channels).map(|channel| curvature.of(30, channel)).sum::<f32>() / channels as f32;
        assert!((found / level - 1.0).abs() < 0.2, "{found}, {level}");
        assert_ne!(curvature.of(30, 3), curvature.of(30, 4));

        // Where nothing counts, theory stays.
        let nowhere = vec![0.0; target.len()];
        let window = Window::new(&setting, extent, vec![0.0; decoded.len()], &target, &nowhere);
        let mut curvature = Curvature::by_theory(&rates, 1.0, channels);
        curvature.measure(&window, &decoded, decoded.iter().map(|_| Some(30)), &mut draws);
        assert_eq!(before, (0..channels).map(|channel| curvature.of(30, channel)).collect::<Vec<_>>());
    }
}
