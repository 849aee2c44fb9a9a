//! Hidden units of the transforms that photos hardly use, taken out of a weight file.
//!
//! A gate that is shut on every photo of training was never taught what to do when it opens. On a few pictures (an engraving, lines of three pixels) it
//! does, passes what no layer behind it has ever seen, and whole blocks of the picture become noise. So the units whose gates never open on photos, or
//! whose outputs there have next to no energy, get outgoing weights of zero: photos are coded as before, and the others no longer fall apart. Differs from
//! [`crate::grow::revive`], which gives units that are shut on *training* crops another chance to learn. The idea is pruning by activation, as in
//! Network Trimming (Hu et al., arXiv 1607.03250); to do it against rare inputs is ours.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use image::RgbImage;

use super::RestoreError;
use super::restore::restore_to_run;
use crate::load::Named;
use crate::net::{Sight, columns};
use crate::params::read;
use crate::prior::{Rounding, Taps};
use crate::train::{VALIDATION_KNOTS, patches};
use crate::weights::{Entry, WeightFile};

/// A gate that never passes more than an eighth of its value (the sigmoid of -2) does not open. With the student of 157,318 steps, fifty photos to fit to and
/// photos of validation to measure on, -4, -2 and -1 gain 0.45, 0.44 and 0.43 % (some photos had blocks that fell apart), 0 loses everything; an
/// engraving that had 13.9 dB at quality 50 gets 25.3, 26.3 and 26.4.
const OPEN: f32 = -2.0;

/// Part of the energy of a block's hidden units that all may have together that are taken out for having little.
const SHARE: f64 = 1e-4;

/// What a weight file became.
#[derive(Clone, Debug)]
pub struct Pruned {
    /// The file.
    pub bytes: Vec<u8>,
    /// Numbers of the units that were taken out, by block: `analysis.blocks16.0`.
    pub units: BTreeMap<String, Vec<usize>>,
}

/// The weight file without the hidden units that `photos`, whose sides are multiples of 64, hardly use.
///
/// # Errors
/// The bytes are no weight file of a network that can be computed.
pub fn without_rare_units(bytes: &[u8], photos: &[RgbImage]) -> Result<Pruned, RestoreError> {
    let file = WeightFile::parse(bytes)?;
    let mut units = BTreeMap::new();
    let mut changed = Named::new();
    for (block, Seen { mut energies, gates }) in seen(&file, photos)? {
        let name = format!("{block}.project.weight");
        let tensor = file.floats(&format!("{block}.project."))?.remove("weight");
        let Some((shape, mut values)) = tensor else { return Err(RestoreError::Tensor { name }) };
        let width = shape.get(1).copied().unwrap_or(1).max(1);
        // What a unit adds to the stream: its own energy times that of its outgoing weights.
        for (energy, row) in energies.iter_mut().zip(values.chunks_exact(width)) {
            *energy *= row.iter().map(|w| f64::from(w * w)).sum::<f64>();
        }
        let rare = rare(&energies, &gates);
        for row in &rare {
            if let Some(row) = values.chunks_exact_mut(width).nth(*row) {
                row.fill(0.0);
            }
        }
        if !rare.is_empty() {
            changed.insert(name, (shape, values));
            units.insert(block, rare);
        }
    }
    let bytes = file.with(|entries| {
        entries.extend(changed.into_iter().map(|(name, (shape, values))| (name, Entry::f16(&shape, &values))));
    })?;
    Ok(Pruned { bytes, units })
}

/// What was seen of a block's hidden units.
#[derive(Debug, Default)]
struct Seen {
    /// Sums of the squares of their outputs over all positions of all photos.
    energies: Vec<f64>,
    /// Their widest gates.
    gates: Vec<f32>,
}

/// The units whose gates do not open, and those of least energy that have at most [`SHARE`] of all together; in order.
fn rare(energies: &[f64], gates: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..energies.len()).collect();
    order.sort_by(|a, b| energies[*a].total_cmp(&energies[*b]));
    let most = SHARE * energies.iter().sum::<f64>();
    let mut sum = 0.0;
    let mut rare: Vec<usize> = order
        .into_iter()
        .take_while(|unit| {
            sum += energies[*unit];
            sum <= most
        })
        .collect();
    rare.extend(gates.iter().enumerate().filter(|(_, gate)| **gate < OPEN).map(|(unit, _)| unit));
    rare.sort_unstable();
    rare.dedup();
    rare
}

/// The units of every block on all photos, those of the synthesis at five qualities.
fn seen(file: &WeightFile<'_>, photos: &[RgbImage]) -> Result<BTreeMap<String, Seen>, RestoreError> {
    let device = Device::flex();
    let network = restore_to_run(file, &device)?.valid();
    let mut all: BTreeMap<String, Seen> = BTreeMap::new();
    for photo in photos {
        let (width, height) = (photo.width() as usize, photo.height() as usize);
        let shape = [1, height / 8, width / 8, 192];
        let input = Tensor::<4>::from_data(TensorData::new(patches(photo.as_raw(), width, height), shape), &device);
        let mut look = |transform: &str, sight: Sight<'_>| {
            if let Sight::Block { name, block, input } = sight {
                let mixed = block.mix(input);
                let (hidden, gates) = (columns(block.hidden(mixed.clone())), columns(block.gates(mixed)));
                let Seen { energies, gates: widest } = all.entry(format!("{transform}.{name}")).or_default();
                energies.resize(hidden.dims()[1], 0.0);
                widest.resize(hidden.dims()[1], f32::NEG_INFINITY);
                let squares = read(hidden.square().sum_dim(0));
                energies.iter_mut().zip(squares).for_each(|(sum, square)| *sum += f64::from(square));
                widest.iter_mut().zip(read(gates.max_dim(0))).for_each(|(widest, gate)| *widest = widest.max(gate));
            }
        };
        let y = network.analysis.forward_watched(input, &mut |sight| look("analysis", sight));
        for knot in VALIDATION_KNOTS {
            let coded = network.prior.forward(y.clone(), &[knot], Rounding::Hard, &mut Taps::Off);
            let gain = network.feature_gain(&[knot]);
            network.synthesis.forward_watched(coded.y_hat, gain, &mut |sight| look("synthesis", sight));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frozen model.
    const TINY: &[u8] = include_bytes!("../../weights/tiny.safetensors");

    #[test]
    fn units_without_energy_are_rare_and_so_are_those_that_never_open() {
        let mut energies = vec![1.0; 100];
        energies[7] = 0.0;
        energies[40] = 4e-3;
        energies[3] = 5e-3;
        energies[90] = 6e-3;
        let mut gates = vec![1.0; 100];
        assert_eq!(rare(&energies, &gates), [3, 7, 40]);
        gates[40] = -5.0;
        gates[50] = -5.0;
        gates[51] = -1.0;
        assert_eq!(rare(&energies, &gates), [3, 7, 40, 50]);
        assert_eq!(rare(&[0.0; 3], &[1.0; 3]), [0, 1, 2]);
        assert!(rare(&[], &[]).is_empty());
    }

    /// A unit of the first block whose gate never opens, and which would shout if it did.
    #[test]
    fn a_unit_that_is_shut_on_photos_is_taken_out_and_nothing_else_is() {
        let photo = RgbImage::from_fn(128, 64, |x, y| image::Rgb([(x * 2) as u8, (y * 3) as u8, (x ^ y) as u8]));
        let file = WeightFile::parse(TINY).unwrap();
        let floats = file.floats("analysis.blocks8.0.").unwrap();
        let (shape, mut bias) = floats["expand.bias"].clone();
        let channels = bias.len() / 2;
        bias[channels + 5] = -1000.0;
        let (wide, mut project) = floats["project.weight"].clone();
        project[5 * channels..6 * channels].fill(9.0);
        let with = |project: &[f32]| {
            let changed = file.with(|entries| {
                entries.insert("analysis.blocks8.0.expand.bias".to_owned(), Entry::f16(&shape, &bias));
                entries.insert("analysis.blocks8.0.project.weight".to_owned(), Entry::f16(&wide, project));
            });
            changed.unwrap()
        };
        let pruned = without_rare_units(&with(&project), std::slice::from_ref(&photo)).unwrap();
        assert!(pruned.units["analysis.blocks8.0"].contains(&5), "{:?}", pruned.units);
        let project =
            &WeightFile::parse(&pruned.bytes).unwrap().floats("analysis.blocks8.0.").unwrap()["project.weight"].1;
        assert!(project[5 * channels..6 * channels].iter().all(|w| *w == 0.0));
        assert!(project[..5 * channels].iter().any(|w| *w != 0.0));
    }
}
