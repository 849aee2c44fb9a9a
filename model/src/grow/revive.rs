//! Hidden units whose gate has shut for good, and new ones in their places.
//!
//! A gate at -40 passes 4e-18 of its value and of its gradient: a unit whose gate is shut at every position of every photo is dead, and no
//! further training opens it. In the student after 114,330 steps 96 % of the hidden units at 1/16 were like that, in both transforms, so that
//! 1.1 of its 4.1 million parameters did nothing. Here they get random incoming weights again, and outgoing weights of zero, like the new units of
//! [`super::grow`]: what the network computes stays the same, up to what the dead units let through.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use crate::net::{Init, Sight};
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
}

/// Every block's units that stay shut on crops at all qualities.
pub fn shut_units(network: &Network, crops: &Crops, device: &Device) -> Vec<Shut> {
    let device = device.clone().without_autodiff();
    let network = network.valid();
    let mut widest: Vec<(String, Vec<f32>)> = Vec::new();
    for i in 0..BATCHES {
        let batch = crops.batch(u64::MAX / 4 - i, 8);
        let side = batch.side / 8;
        let patches = Tensor::<4>::from_data(TensorData::new(batch.patches, [8, side, side, 192]), &device);
        let mut seen = Vec::new();
        let mut look = |transform: &str, sight: Sight<'_>| {
            if let Sight::Block { name, block, input } = sight {
                let gates = block.gates(input);
                let [b, h, w, c] = gates.dims();
                seen.push((format!("{transform}.{name}"), read(gates.reshape([b * h * w, c]).max_dim(0))));
            }
        };
        let y = network.analysis.forward_watched(patches, &mut |sight| look("analysis", sight));
        let coded = network.prior.forward(y, &batch.knots, Rounding::Hard, &mut Taps::Off);
        let gain = network.feature_gain(&batch.knots);
        network.synthesis.forward_watched(coded.y_hat, gain, &mut |sight| look("synthesis", sight));
        if widest.is_empty() {
            widest = seen;
        } else {
            for ((_, most), (_, gates)) in widest.iter_mut().zip(seen) {
                most.iter_mut().zip(gates).for_each(|(most, gate)| *most = most.max(gate));
            }
        }
    }
    let limit = (SHUT / (1.0 - SHUT)).ln();
    let shut = |(block, gates): (String, Vec<f32>)| Shut {
        block,
        units: gates.iter().enumerate().filter(|(_, gate)| **gate < limit).map(|(unit, _)| unit).collect(),
        of: gates.len(),
    };
    widest.into_iter().map(shut).collect()
}

/// Puts new units in the places of shut ones, in weights, average and moments; returns how many.
pub fn revive(adam: &mut Adam, slots: &[Slot], shut: &[Shut], seed: u64) -> usize {
    let mut init = Init::new(seed, &Device::flex());
    let mut count = 0;
    for Shut { block, units, of } in shut {
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
