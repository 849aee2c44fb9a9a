//! Choosing the integer grid of the prior's activations from what photos produce.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use crate::network::Network;
use crate::preset::KNOTS;
use crate::prior::{ACTIVATION_MAX, Grid, Ranges, Rounding, Taps};
use crate::train::Crops;
use crate::weights::MOST_STEPS;

/// Batches of eight crops looked at.
const BATCHES: u64 = 8;

/// Room above the largest value seen, before the clip at 4095 steps.
const HEADROOM: f32 = 1.25;

/// Runs the prior over crops at all qualities and returns steps per unit for every site.
pub fn calibrate(network: &Network, crops: &Crops, device: &Device) -> Grid {
    let device = device.clone().without_autodiff();
    let network = network.valid();
    let mut ranges = Ranges::new();
    for i in 0..BATCHES {
        let mut batch = crops.batch(u64::MAX / 2 - i, 8);
        if i % 2 == 1 {
            // The ends of the quality axis have the widest ranges.
            batch.knots = (0..8).map(|k| if k < 4 { 0 } else { KNOTS - 1 }).collect();
        }
        let side = batch.side / 8;
        let patches = Tensor::<4>::from_data(TensorData::new(batch.patches, [8, side, side, 192]), &device);
        let y = network.analysis.forward(patches);
        network.prior.forward(y, &batch.knots, Rounding::Hard, &mut Taps::Observe(&mut ranges));
    }
    grid(&ranges)
}

/// The finest power-of-two grid that holds each range with some headroom.
pub fn grid(ranges: &Ranges) -> Grid {
    let steps = |max: f32| {
        let exponent = (ACTIVATION_MAX / (HEADROOM * max.max(1e-6))).log2().floor() as i32;
        2f32.powi(exponent.max(0)).min(MOST_STEPS)
    };
    ranges.iter().map(|(site, &max)| (site.clone(), steps(max))).collect()
}
