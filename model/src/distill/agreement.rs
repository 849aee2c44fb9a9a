//! The losses of phases 1 and 2 and the teacher's answers in our own kernels, against the definitions in burn.

use burn::tensor::Device;

use super::channels::{ChannelDistillation, latent_sizes};
use super::features::{FeatureAlignment, stage_sizes};
use super::{Cache, Entropies, Teacher};
use crate::backprop::{Engine, Setting};
use crate::net::{Precision, set_matrix_precision};
use crate::network::Network;
use crate::params::{self, Slot};
use crate::preset::{ModelConfig, Preset};
use crate::prior::{Taps, uniform_noise};
use crate::train::{Batch, Objective, Place, Weights};

const SIDE: usize = 128;

/// A network whose parameters are all in use.
fn network(config: &ModelConfig, seed: u64, device: &Device) -> Network {
    let network = Network::new(config, seed, device);
    let mut weights = params::values(&network);
    let noise = uniform_noise(seed + 100, weights.len());
    weights.iter_mut().zip(noise).for_each(|(weight, noise)| *weight += 0.04 * noise);
    // A hyper-latent that rounds to zero everywhere would hide the gradients behind it.
    for slot in params::slots(&network).iter().filter(|slot| slot.name.starts_with("prior.hyper_analysis.down2")) {
        weights[slot.range()].iter_mut().for_each(|weight| *weight *= 30.0);
    }
    params::with_values(network, &weights)
}

/// The student's size, and a teacher with more channels and with attention.
fn configs() -> (ModelConfig, ModelConfig) {
    let student = Preset::Tiny.config();
    let teacher = ModelConfig { c8: 64, c16: 64, y: 48, head_width: Preset::Teacher.config().head_width, ..student };
    (student, teacher)
}

fn teacher() -> Teacher {
    let (_, config) = configs();
    let device = Device::flex();
    Teacher::new(config, &params::named(&network(&config, 8, &device)), &device).unwrap()
}

fn batch(samples: usize) -> Batch {
    let noise = uniform_noise(3, samples * SIDE * SIDE * 3);
    let patches = noise.iter().enumerate().map(|(i, v)| 0.4 * (i as f32 * 1e-4).sin() + 0.2 * v).collect();
    Batch { patches, knots: vec![5, 31, 60][..samples].to_vec(), side: SIDE, numbers: (0..samples as u64).collect() }
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let square = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v) * f64::from(v)).sum::<f64>();
    (square(&mut a.iter().zip(b).map(|(a, b)| a - b)) / square(&mut a.iter().copied())).sqrt()
}

/// Losses and gradients of a step by burn and by our own kernels.
fn compare(objective: &mut dyn Objective) {
    set_matrix_precision(Precision::F32);
    let (config, _) = configs();
    let device = Device::flex().autodiff();
    let student = network(&config, 4, &device);
    let mut slots = params::slots(&student);
    let size = slots.iter().map(Slot::len).sum::<usize>();
    slots.extend(objective.slots().into_iter().map(|slot| Slot { offset: size + slot.offset, ..slot }));
    let mut values = params::values(&student);
    values.extend(objective.values());
    let batch = batch(3);
    let place = Place { seed: 1, step: 2, device: &device };
    let (expected, gradient) = objective.step(&student, &batch, place, &mut Taps::Off).unwrap();

    let mut engine = Engine::new(&config, &slots).unwrap();
    let precision = Precision::F32;
    let weights = Weights { values: &values, slots: &slots, precision };
    let setting = Setting {
        place: [1, 2],
        grid: None,
        precision,
        addition: objective.addition(&batch, weights).unwrap(),
        filters: None,
    };
    let mut own = Vec::new();
    let found = engine.step_towards(&values, &batch, setting, &mut own);
    assert!((found.added - expected.added).abs() < 1e-4 * expected.added, "{found:?} instead of {expected:?}");
    assert!((found.loss - expected.loss).abs() < 1e-4 * expected.loss, "{found:?} instead of {expected:?}");
    assert!(expected.added > 0.1 * expected.loss, "{expected:?}");
    for slot in slots.iter().filter(|slot| slot.rate > 0.0) {
        let error = distance(&gradient[slot.range()], &own[slot.range()]);
        assert!(error < 2e-3, "{}: error {error:e}", slot.name);
    }
}

#[test]
fn a_teacher_asked_with_our_own_kernels_answers_what_burn_does() {
    let batch = batch(2);
    let burn = teacher();
    let own = teacher().with_own_kernels(Precision::F32).unwrap();
    let (stages, latents) = (burn.stages(&batch).into_iter().zip(own.stages(&batch)), burn.latents(&batch));
    for (i, (a, b)) in stages.chain(latents.into_iter().zip(own.latents(&batch))).enumerate() {
        assert_eq!(a.len(), b.len());
        // Some latents are rounded to another step.
        assert!(distance(&a, &b) < 5e-3, "{i}: {}", distance(&a, &b));
    }
}

#[test]
fn a_teacher_asked_in_bf16_answers_about_the_same() {
    let batch = batch(2);
    let [plain, fast] =
        [Precision::F32, Precision::Bf16].map(|precision| teacher().with_own_kernels(precision).unwrap());
    // The stages of the analysis; behind them latents are rounded to other steps.
    for (i, (a, b)) in plain.stages(&batch).iter().zip(fast.stages(&batch)).take(2).enumerate() {
        let found = distance(a, &b);
        assert!(found > 1e-5 && found < 3e-2, "{i}: {found}");
    }
}

#[test]
fn feature_alignment_in_our_own_kernels_is_that_of_burn() {
    let folder = tempfile::tempdir().unwrap();
    let teacher = teacher();
    let sizes = stage_sizes(&teacher.config, SIDE);
    let cache = Cache::open(&folder.path().join("stages"), sizes.iter().sum(), 1 << 30).unwrap();
    let (student, _) = configs();
    let device = Device::flex().autodiff();
    compare(&mut FeatureAlignment::new(teacher, cache, &student, 3000.0, 8, 1, &device));
}

#[test]
fn channel_distillation_in_our_own_kernels_is_that_of_burn() {
    let folder = tempfile::tempdir().unwrap();
    let teacher = teacher();
    let sizes = latent_sizes(&teacher.config, SIDE);
    let cache = Cache::open(&folder.path().join("latents"), sizes.iter().sum(), 1 << 30).unwrap();
    let (student, _) = configs();
    let bits = (0..teacher.config.y).map(|i| ((7 * i) % 48) as f64 + 1.0).collect();
    let entropies = Entropies { teacher: teacher.id, crops: 0, bits, hyper: 0.0 };
    compare(&mut ChannelDistillation::new(teacher, cache, &entropies, &student, 500.0, 8).unwrap());
}
