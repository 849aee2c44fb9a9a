//! Our own backward pass against burn's automatic differentiation.

use burn::tensor::Device;
use lic_model::backprop::Engine;
use lic_model::net::{Precision, set_matrix_precision};
use lic_model::network::Network;
use lic_model::params;
use lic_model::preset::Preset;
use lic_model::prior::{Grid, Taps};
use lic_model::train::{Batch, Place, step};

/// Repeatable values in -1..1.
fn values(count: usize, seed: u64) -> Vec<f32> {
    lic_model::prior::uniform_noise(seed, count).into_iter().map(|v| 2.0 * v).collect()
}

fn batch(samples: usize, side: usize) -> Batch {
    // Smooth enough that latents are not noise alone.
    let noise = values(samples * side * side * 3, 9);
    let patches = noise.iter().enumerate().map(|(i, v)| 0.3 * (i as f32 * 1e-4).sin() + 0.1 * v).collect();
    Batch { patches, knots: (0..samples).map(|i| (17 * i + 30) % 64).collect(), side, numbers: vec![0; samples] }
}

/// Compares loss and gradient, as a whole and tensor by tensor; a single tensor in bf16 not as closely.
fn compare(preset: Preset, samples: usize, side: usize, grid: Option<&Grid>, precision: Precision, tolerance: f64) {
    set_matrix_precision(Precision::F32);
    let device = Device::flex().autodiff();
    let network = Network::new(&preset.config(), 3, &device);
    let slots = params::slots(&network);
    let mut weights = params::values(&network);
    // Parameters that begin as zero would hide the gradients behind them.
    weights.iter_mut().zip(values(slots.iter().map(|s| s.len()).sum(), 5)).for_each(|(w, v)| *w += 0.02 * v);
    // A hyper-latent that rounds to zero everywhere would, too.
    for slot in slots.iter().filter(|slot| slot.name.starts_with("prior.hyper_analysis.down2")) {
        weights[slot.range()].iter_mut().for_each(|w| *w *= 30.0);
    }
    let network = params::with_values(network, &weights);
    let batch = batch(samples, side);
    let mut taps = grid.map_or(Taps::Off, Taps::Round);
    let (expected, gradient) = step(&network, &batch, Place { seed: 1, step: 2, device: &device }, &mut taps);
    let mut engine = Engine::new(&preset.config(), &slots).unwrap();
    let mut own = Vec::new();
    for _ in 0..2 {
        // The second time in memory that has been used.
        let found = engine.step(&weights, &batch, [1, 2], grid, precision, &mut own);
        assert!((found.loss - expected.loss).abs() < 0.05 * tolerance * expected.loss, "{found:?} {expected:?}");
        assert!((found.bpp - expected.bpp).abs() < 0.05 * tolerance * expected.bpp, "{found:?} {expected:?}");
        let distance = |range: std::ops::Range<usize>| {
            let (a, b) = (&gradient[range.clone()], &own[range]);
            let norm = |v: &mut dyn Iterator<Item = f32>| v.map(|x| f64::from(x * x)).sum::<f64>().sqrt();
            (norm(&mut a.iter().zip(b).map(|(a, b)| a - b)), norm(&mut a.iter().copied()))
        };
        let (error, size) = distance(0..weights.len());
        assert!(error < tolerance * size, "error {error:e} of {size:e}");
        let tolerance = if precision == Precision::F32 { tolerance } else { 4.0 * tolerance };
        for slot in slots.iter().filter(|slot| slot.rate > 0.0) {
            let (error, size) = distance(slot.range());
            assert!(size > 0.0, "{} has no gradient", slot.name);
            assert!(error < tolerance * size, "{}: error {error:e} of {size:e}", slot.name);
        }
    }
}

#[test]
fn gradients_of_tiny_are_those_of_burn() {
    compare(Preset::Tiny, 3, 128, None, Precision::F32, 2e-3);
}

#[test]
fn gradients_of_the_student_are_those_of_burn() {
    compare(Preset::Student, 2, 64, None, Precision::F32, 2e-3);
}

/// Rounded operands push some latents over to the next step, which moves gradients by more than the rounding.
#[test]
fn gradients_with_products_in_bf16_are_near_those_of_burn() {
    compare(Preset::Student, 2, 64, None, Precision::Bf16, 0.2);
    compare(Preset::Tiny, 2, 128, None, Precision::Bf16, 0.2);
    // Blocks go through several parts, the last of which is shorter.
    compare(Preset::Tiny, 2, 192, None, Precision::Bf16, 0.2);
}

#[test]
fn gradients_on_the_integer_grid_are_those_of_burn() {
    let mut grid = Grid::from([("z".to_owned(), 16.0), ("feedback".to_owned(), 64.0)]);
    for stage in 1..3 {
        grid.insert(format!("hyper.stream{stage}"), 200.0);
        grid.insert(format!("hyper.hidden{stage}"), 300.0);
    }
    for pass in 1..4 {
        grid.insert(format!("pass{pass}.stream"), 200.0);
        for block in 0..3 {
            grid.insert(format!("pass{pass}.hidden{block}"), 300.0);
        }
    }
    compare(Preset::Tiny, 2, 128, Some(&grid), Precision::F32, 2e-3);
    // The prior's products stay f32 there.
    compare(Preset::Tiny, 2, 128, Some(&grid), Precision::Bf16, 0.2);
}

#[test]
fn gradients_of_the_teacher_with_its_attention_are_those_of_burn() {
    compare(Preset::Teacher, 1, 64, None, Precision::F32, 2e-3);
    compare(Preset::Teacher, 1, 192, None, Precision::F32, 2e-3);
}

#[test]
fn a_network_of_another_preset_is_refused() {
    let network = Network::new(&Preset::Tiny.config(), 0, &Device::flex());
    let error = Engine::new(&Preset::Teacher.config(), &params::slots(&network)).unwrap_err();
    assert_eq!(error.to_string(), "the network has no parameter analysis.blocks8.1.project.weight");
}
