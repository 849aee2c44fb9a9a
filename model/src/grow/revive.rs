//! Hidden units whose gate has shut for good, and new ones in their places.
//!
//! A gate at -40 passes 4e-18 of its value and of its gradient: a unit whose gate is shut at every position of every photo is dead, and no
//! further training opens it. In the student after 114,330 steps 96 % of the hidden units at 1/16 were like that, in both transforms, so that
//! 1.1 of its 4.1 million parameters did nothing. Here they get random incoming weights again, and outgoing weights of zero, like the new units of
//! [`super::grow`]: what the network computes stays the same, up to what the dead units let through.
//!
//! Most units of a block can die because its 3x3 convolution has grown: in the student after 140,685 steps those at 1/16 had outputs of an RMS of
//! 13 to 38 (median channel; up to 150), where those at 1/8 had 0.9 to 3.2. Random weights on such inputs make gates with an RMS of 8 to 16, and a
//! step of Adam moves a gate by more the larger its inputs are. So the convolution's outputs are first divided by their RMS, and the weights that
//! read them multiplied by it.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use crate::net::{Init, Sight, columns, full};
use crate::network::Network;
use crate::params::{Slot, read};
use crate::prior::{Rounding, Taps};
use crate::train::{Adam, Crops};

/// A gate that never passes more than this is shut (the sigmoid of -9.2).
const SHUT: f32 = 1e-4;

/// Batches of eight crops looked at.
const BATCHES: u64 = 4;

/// The shut units of one block.
#[derive(Clone, Debug, PartialEq)]
pub struct Shut {
    /// The block's path in the network: `analysis.blocks16.0`.
    pub block: String,
    /// Numbers of its shut units.
    pub units: Vec<usize>,
    /// All its units.
    pub of: usize,
    /// RMS of each output of its 3x3 convolution [c/4].
    pub mixed: Vec<f32>,
}

/// What has been seen of a block.
struct Seen {
    block: String,
    /// Each unit's widest gate.
    gates: Vec<f32>,
    /// Mean square of each output of the convolution.
    squares: Vec<f32>,
}

/// Every block's units that stay shut on crops at all qualities.
pub fn shut_units(network: &Network, crops: &Crops, device: &Device) -> Vec<Shut> {
    let device = device.clone().without_autodiff();
    let network = network.valid();
    let mut seen: Vec<Seen> = Vec::new();
    for i in 0..BATCHES {
        let batch = crops.batch(u64::MAX / 4 - i, 8);
        let side = batch.side / 8;
        let patches = Tensor::<4>::from_data(TensorData::new(batch.patches, [8, side, side, 192]), &device);
        let mut now = Vec::new();
        let mut look = |transform: &str, sight: Sight<'_>| {
            if let Sight::Block { name, block, input } = sight {
                let mixed = block.mix(input);
                now.push(Seen {
                    block: format!("{transform}.{name}"),
                    squares: read(columns(full(mixed.head.clone())).square().mean_dim(0)),
                    gates: read(columns(block.gates(mixed)).max_dim(0)),
                });
            }
        };
        let y = network.analysis.forward_watched(patches, &mut |sight| look("analysis", sight));
        let coded = network.prior.forward(y, &batch.knots, Rounding::Hard, &mut Taps::Off);
        let gain = network.feature_gain(&batch.knots);
        network.synthesis.forward_watched(coded.y_hat, gain, &mut |sight| look("synthesis", sight));
        if seen.is_empty() {
            seen = now;
        } else {
            for (seen, now) in seen.iter_mut().zip(now) {
                seen.gates.iter_mut().zip(now.gates).for_each(|(widest, gate)| *widest = widest.max(gate));
                seen.squares.iter_mut().zip(now.squares).for_each(|(sum, square)| *sum += square);
            }
        }
    }
    let limit = (SHUT / (1.0 - SHUT)).ln();
    let shut = |Seen { block, gates, squares }| Shut {
        block,
        units: gates.iter().enumerate().filter(|(_, gate)| **gate < limit).map(|(unit, _)| unit).collect(),
        of: gates.len(),
        mixed: squares.into_iter().map(|sum| (sum / BATCHES as f32).sqrt()).collect(),
    };
    seen.into_iter().map(shut).collect()
}

/// Divides the outputs of a block's convolution by their RMS, where that is above 1, and multiplies the weights that read them by it; Adam's moments
/// follow. The block computes what it did.
fn tame(adam: &mut Adam, slots: &[Slot], Shut { block, of, mixed, .. }: &Shut) {
    let factors: Vec<f32> = mixed.iter().map(|rms| rms.max(1.0)).collect();
    let mut scale = |name: &str, row: usize, factor: &dyn Fn(f32) -> f32| {
        let Some(slot) = slots.iter().find(|slot| slot.name == format!("{block}.{name}")) else { return };
        for (rms, at) in factors.iter().zip((slot.offset..).step_by(row)) {
            let (factor, row) = (factor(*rms), at..at + row);
            adam.weights[row.clone()].iter_mut().for_each(|w| *w *= factor);
            adam.average[row.clone()].iter_mut().for_each(|w| *w *= factor);
            adam.first[row.clone()].iter_mut().for_each(|m| *m /= factor);
            adam.second[row].iter_mut().for_each(|v| *v /= factor * factor);
        }
    };
    // Weights [c/4, c/4, 3, 3] and biases [c/4] of the convolution; weights [c, 2 of] that read it.
    scale("conv.weight", 9 * mixed.len(), &|rms| 1.0 / rms);
    scale("conv.bias", 1, &|rms| 1.0 / rms);
    scale("expand.weight", 2 * of, &|rms| rms);
}

/// Puts new units in the places of shut ones, in weights, average and moments; returns how many.
pub fn revive(adam: &mut Adam, slots: &[Slot], shut: &[Shut], seed: u64) -> usize {
    let mut init = Init::new(seed, &Device::flex());
    let mut count = 0;
    for block in shut.iter().filter(|block| !block.units.is_empty()) {
        tame(adam, slots, block);
        let Shut { block, units, of, .. } = block;
        let of = *of;
        // Weights [c, 2 of] and biases [2 of] of values and gates; weights [of, c] of what follows.
        let bound = 1.0 / (of as f32).sqrt();
        let mut set = |name: &str, place: &dyn Fn(usize) -> bool, bound: f32| {
            let Some(slot) = slots.iter().find(|slot| slot.name == format!("{block}.{name}")) else { return };
            for (i, value) in init.draws(slot.len(), bound).into_iter().enumerate().filter(|(i, _)| place(*i)) {
                adam.weights[slot.offset + i] = value;
                adam.average[slot.offset + i] = value;
                adam.first[slot.offset + i] = 0.0;
                adam.second[slot.offset + i] = 0.0;
            }
        };
        let mut is_shut = vec![false; of];
        units.iter().filter(|unit| **unit < of).for_each(|&unit| is_shut[unit] = true);
        set("expand.weight", &|i| is_shut[i % of], bound);
        set("expand.bias", &|i| is_shut[i % of], 0.0);
        set("project.weight", &|i| is_shut[i / of], 0.0);
        count += is_shut.iter().filter(|shut| **shut).count();
    }
    count
}
