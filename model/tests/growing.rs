//! Growing as its user sees it: a larger network that computes what the smaller one did, and can still learn.

use burn::tensor::{Device, Tensor, TensorData};
use lic_model::ModelConfig;
use lic_model::grow::{GrowError, Shut, grow, grow_moments, revive, shut_units};
use lic_model::network::Network;
use lic_model::params;
use lic_model::preset::Preset;
use lic_model::prior::{Rounding, Taps};
use lic_model::train::{Adam, Batch, Crops, Place, step};

/// A network of `tiny`'s kind whose weights are all different from zero, as training leaves them.
fn trained(config: &ModelConfig, device: &Device) -> Network {
    let network = Network::new(config, 3, device);
    let slots = params::slots(&network);
    let mut values = params::values(&network);
    for slot in slots {
        // The parameters that make scales would blow up the rest.
        let size = if slot.name.contains("log_") || slot.name.contains("density") { 0.1 } else { 0.04 };
        for (i, value) in values[slot.range()].iter_mut().enumerate() {
            *value += size * (((i * 7919 + slot.offset) % 1009) as f32 / 504.5 - 1.0);
        }
    }
    params::with_values(network, &values)
}

fn larger() -> ModelConfig {
    let tiny = Preset::Tiny.config();
    ModelConfig { c8: 64, c16: 48, y: 40, z: 36, hidden: 44, context_blocks: 3, blocks8: 2, blocks16: 3, ..tiny }
}

fn batch() -> Batch {
    let patches = (0..2 * 64 * 192).map(|i| ((i * 31 % 97) as f32 / 97.0 - 0.5) * 0.8).collect();
    Batch { patches, knots: vec![5, 60], side: 64, numbers: Vec::new() }
}

/// Decoded patches, latent, bits of the latent and of the hyper-latent.
fn evaluate(network: &Network, device: &Device) -> (Vec<f32>, f64, f64) {
    let batch = batch();
    let patches = Tensor::<4>::from_data(TensorData::new(batch.patches.clone(), [2, 8, 8, 192]), device);
    let (decoded, coded) = network.forward(patches, &batch.knots, Rounding::Hard, &mut Taps::Off);
    let residual: Vec<f32> = params::read(coded.residual).into_iter().map(f32::round).collect();
    let bits = lic_model::rate::rate(&residual, &params::read(coded.log_scale), None, 1, 1).bits[0];
    (params::read(decoded), bits, params::read(coded.z_bits).iter().map(|&b| f64::from(b)).sum())
}

#[test]
fn a_grown_network_computes_what_the_smaller_one_does() {
    let device = Device::flex();
    let small = Preset::Tiny.config();
    let network = trained(&small, &device);
    let expected = evaluate(&network, &device);
    let with_attention = ModelConfig { c8: 64, c16: 64, head_width: Some(32), ..larger() };
    let into_new = [small, larger(), with_attention].map(|large| (large, Network::new(&large, 9, &device)));
    // So does one that has been trained before, as long as it has no attention.
    for (large, fresh) in into_new.into_iter().chain([(larger(), trained(&larger(), &device))]) {
        let grown = grow(fresh, &params::named(&network), &small, &large).unwrap();
        let found = evaluate(&grown, &device);
        let largest = expected.0.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        for (a, b) in found.0.iter().zip(&expected.0) {
            assert!((a - b).abs() < 1e-4 * largest, "{a} instead of {b} with {large:?}");
        }
        assert!((found.1 - expected.1).abs() < 1e-3 * expected.1 + 0.1, "{found:?} {expected:?}");
        // The new hyper-latents are cheap, not free.
        let silent = (large.z - small.z) as f64 * 2.0 * 0.05;
        assert!(found.2 - expected.2 < silent + 1e-3 * expected.2, "{} instead of {}", found.2, expected.2);
    }
}

#[test]
fn what_grows_into_a_trained_network_keeps_its_attention_and_the_inside_of_its_new_blocks() {
    let device = Device::flex();
    let (small, large) = (Preset::Tiny.config(), ModelConfig { c8: 64, c16: 64, head_width: Some(32), ..larger() });
    let old = trained(&large, &device);
    let before = params::values(&old);
    let grown = grow(old, &params::named(&trained(&small, &device)), &small, &large).unwrap();
    let after = params::values(&grown);
    let (mut kept, mut silent) = (0, 0);
    for slot in params::slots(&grown) {
        let (before, after) = (&before[slot.range()], &after[slot.range()]);
        let is_of_new_block = slot.name.contains(".blocks8.1.") || slot.name.contains(".blocks16.1.");
        if is_of_new_block && slot.name.contains(".project.") {
            assert!(after.iter().all(|&weight| weight == 0.0), "{}", slot.name);
            silent += 1;
        } else if is_of_new_block || slot.name.contains(".attention") {
            assert_eq!(before, after, "{}", slot.name);
            kept += 1;
        }
    }
    assert!(kept > 50 && silent == 8, "{kept} kept, {silent} silent");
}

#[test]
fn everything_new_learns_within_three_steps() {
    let device = Device::flex().autodiff();
    let (small, large) = (Preset::Tiny.config(), larger());
    let network = trained(&small, &device);
    let mut grown = grow(Network::new(&large, 9, &device), &params::named(&network), &small, &large).unwrap();
    let slots = params::slots(&grown);
    let start = params::values(&grown);
    let mut adam = Adam::new(start.clone());
    for i in 0..3 {
        let (_, gradient) = step(&grown, &batch(), Place { seed: 0, step: i, device: &device }, &mut Taps::Off);
        adam.update(&gradient, &slots, 1e-3);
        grown = params::with_values(grown, &adam.weights);
    }
    // Hyper-latents that are rounded to zero give the weights that read them no gradient.
    let reads_rounded = |name: &str| name == "prior.hyper.up1.weight" || name.contains("density");
    for slot in slots.iter().filter(|s| s.name.ends_with("weight") && !reads_rounded(&s.name)) {
        let moved = slot.range().filter(|&i| adam.weights[i] != start[i]).count();
        assert!(moved > slot.len() / 2, "{}: {moved} of {} weights moved", slot.name, slot.len());
    }
}

#[test]
fn moments_go_where_their_weights_went() {
    let device = Device::flex();
    let (small, large) = (Preset::Tiny.config(), larger());
    let network = trained(&small, &device);
    let named = params::named(&network);
    let grown = grow(Network::new(&large, 9, &device), &named, &small, &large).unwrap();
    let slots = params::slots(&grown);
    let (weights, moments) = (params::values(&grown), grow_moments(&named, &slots, &small, &large).unwrap());
    assert!(weights.iter().zip(&moments).all(|(w, m)| w == m || *m == 0.0));
    let kept = moments.iter().filter(|m| **m != 0.0).count();
    let expected = params::values(&network).iter().filter(|v| **v != 0.0).count();
    assert_eq!(kept, expected);
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let device = Device::flex();
    let (small, large) = (Preset::Tiny.config(), larger());
    let network = trained(&large, &device);
    let error = grow(Network::new(&small, 0, &device), &params::named(&network), &large, &small).unwrap_err();
    assert_eq!(error.to_string(), "the model to begin with has 64 channels at 1/8, more than the 32 of the preset");
    let attention = ModelConfig { c8: 64, c16: 64, head_width: Some(32), ..larger() };
    let error = lic_model::grow::fits(&attention, &Preset::Student.config()).unwrap_err();
    assert!(matches!(error, GrowError::Attention));
}

#[test]
fn shut_units_are_found_and_new_ones_change_nothing_at_first() {
    let folder = tempfile::tempdir().unwrap();
    image::RgbImage::from_fn(128, 128, |x, y| image::Rgb([(x * 2) as u8, (y * 2) as u8, ((x * y) % 251) as u8]))
        .save(folder.path().join("photo.png"))
        .unwrap();
    let crops = Crops::load(folder.path(), 64, 0).unwrap();
    let device = Device::flex();
    let network = trained(&Preset::Tiny.config(), &device);
    let slots = params::slots(&network);
    assert!(shut_units(&network, &crops, &device).iter().all(|shut| shut.units.is_empty()));

    // Shut the gates of units 3 and 20 of one block, whose convolution has grown.
    let mut adam = Adam::new(params::values(&network));
    let bias = slots.iter().find(|s| s.name == "synthesis.blocks16.0.expand.bias").unwrap();
    for unit in [3, 20] {
        adam.weights[bias.offset + 32 + unit] = -20_000.0;
    }
    let conv = slots.iter().find(|s| s.name == "synthesis.blocks16.0.conv.weight").unwrap();
    adam.weights[conv.range()].iter_mut().for_each(|w| *w *= 100.0);
    let network = params::with_values(network, &adam.weights);
    let before = evaluate(&network, &device);
    let shut = shut_units(&network, &crops, &device);
    let found: Vec<&Shut> = shut.iter().filter(|shut| !shut.units.is_empty()).collect();
    let [Shut { block, units, of: 32, mixed }] = found[..] else { panic!("{found:?}") };
    assert_eq!((block.as_str(), units.as_slice()), ("synthesis.blocks16.0", [3, 20].as_slice()));
    assert!(mixed.iter().all(|rms| *rms > 1.1), "{mixed:?}");

    assert_eq!(revive(&mut adam, &slots, &shut, 1), 2);
    let network = params::with_values(network, &adam.weights);
    let after = evaluate(&network, &device);
    for (a, b) in after.0.iter().zip(&before.0) {
        assert!((a - b).abs() < 1e-5, "{a} instead of {b}");
    }
    let shut = shut_units(&network, &crops, &device);
    assert!(shut.iter().all(|shut| shut.units.is_empty()));
    let tamed = shut.iter().find(|shut| shut.block == "synthesis.blocks16.0").unwrap();
    assert!(tamed.mixed.iter().all(|rms| (rms - 1.0).abs() < 1e-3), "{:?}", tamed.mixed);
}
