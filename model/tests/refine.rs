//! The gradients of a refinement against differences, and bands against the whole.

use burn::tensor::Device;
use lic_model::Preset;
use lic_model::checkpoint::{Meta, save};
use lic_model::net::Precision;
use lic_model::network::Network;
use lic_model::params::{slots, values};
use lic_model::preset::ModelConfig;
use lic_model::quantise::checkpoint_to_weights;
use lic_model::refine::{Choice, Differentiable, Extent, Setting, Step, Window};
use lic_model::train::Adam;
use lic_model::weights::WeightFile;

mod support;

const TINY: &[u8] = include_bytes!("../weights/tiny.safetensors");

fn network() -> Differentiable {
    Differentiable::load(&WeightFile::parse(TINY).unwrap(), Precision::F32).unwrap()
}

fn wave(count: usize, speed: f32, size: f32) -> Vec<f32> {
    (0..count).map(|i| size * (i as f32 * speed).sin()).collect()
}

/// A window of 6 x 30 latents whose tile begins at row 1, column 3.
fn window<'a>(setting: &'a Setting<'a>, config: &ModelConfig) -> Window<'a> {
    let [rows, columns] = [6, 30];
    let extent = Extent { window: [rows, columns], rows: 1..6, columns: 3..30 };
    let target = wave(rows * columns * 768, 0.01, 0.4);
    let weight = vec![100.0; target.len()];
    Window::new(setting, extent, wave(rows * columns * config.y, 0.3, 2.0), &target, &weight)
}

/// Decodes every latent as given, with lengths that rise by `slope` bits per step of a mean.
fn given<'d>(
    window: &'d Window<'_>,
    latents: &'d [f32],
    slope: f32,
) -> impl FnMut(usize, &[f32], &[f32]) -> Choice + 'd {
    move |pass, means, _| {
        let zeros = vec![0.0; means.len()];
        let mut choice = Choice { decoded: zeros.clone(), by_mean: zeros.clone(), by_log_scale: zeros };
        window.in_pass(pass, |places| {
            choice.decoded[places.clone()].copy_from_slice(&latents[places.clone()]);
            choice.by_mean[places].fill(slope);
        });
        choice
    }
}

#[test]
fn the_gradient_is_that_of_distortion_and_later_means() {
    let network = network();
    let config = *network.config();
    let setting = network.at(100, &vec![2.0; config.y]);
    let window = window(&setting, &config);
    let latents = wave(5 * 27 * config.y, 0.7, 3.0);
    let hyper = wave(2 * 7 * config.z, 0.5, 1.5);
    // The cost whose slopes these are: distortion and the sum of all means.
    let cost = |latents: &[f32], hyper: &[f32]| {
        let mut sum = 0.0;
        let mut inner = given(&window, latents, 1.0);
        let step = window.step(hyper, |pass, means, log_scales| {
            window.in_pass(pass, |places| sum += means[places].iter().map(|&m| f64::from(m)).sum::<f64>());
            inner(pass, means, log_scales)
        });
        step.distortion + sum
    };
    let step = window.step(&hyper, given(&window, &latents, 1.0));
    assert!((step.distortion / window.distortion(&latents) - 1.0).abs() < 1e-5);
    let scale = step.by_latent.iter().map(|g| g.abs()).fold(0.0, f32::max);
    for place in [0, 37, 1000, 2222, latents.len() - 1] {
        let moved = |by: f32| {
            let mut latents = latents.clone();
            latents[place] += by;
            cost(&latents, &hyper)
        };
        let difference = ((moved(0.1) - moved(-0.1)) / 0.2) as f32;
        let gradient = step.by_latent[place];
        assert!((gradient - difference).abs() < 0.02 * scale, "{place}: {gradient}, {difference}");
    }
    for place in [3, 200, hyper.len() - 1] {
        let moved = |by: f32| {
            let mut hyper = hyper.clone();
            hyper[place] += by;
            cost(&latents, &hyper)
        };
        let difference = ((moved(0.05) - moved(-0.05)) / 0.1) as f32;
        let gradient = step.by_hyper[place];
        assert!((gradient - difference).abs() < 0.05 * difference.abs().max(1.0), "{place}: {gradient}, {difference}");
    }
}

#[test]
fn bands_add_up_to_the_whole() {
    let network = network();
    let config = *network.config();
    let setting = network.at(100, &vec![2.0; config.y]);
    let latents = wave(5 * 27 * config.y, 0.7, 3.0);
    let hyper = vec![0.0; 2 * 7 * config.z];
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let window = window(&setting, &config);
            window.step(&hyper, given(&window, &latents, 0.0))
        })
    };
    let (whole, bands) = (with_threads(1), with_threads(2));
    assert!((whole.distortion / bands.distortion - 1.0).abs() < 1e-5);
    let scale = whole.by_latent.iter().map(|g| g.abs()).fold(0.0, f32::max);
    for (a, b) in whole.by_latent.iter().zip(&bands.by_latent) {
        assert!((a - b).abs() < 1e-4 * scale, "{a}, {b}");
    }
}

/// An evaluation with products in this format.
fn evaluated(bytes: &[u8], precision: Precision) -> Step {
    let network = Differentiable::load(&WeightFile::parse(bytes).unwrap(), precision).unwrap();
    let config = *network.config();
    let setting = network.at(100, &vec![2.0; config.y]);
    let window = window(&setting, &config);
    let latents = wave(5 * 27 * config.y, 0.7, 3.0);
    window.step(&wave(2 * 7 * config.z, 0.5, 1.5), given(&window, &latents, 1.0))
}

#[test]
fn in_bf16_gradients_are_nearly_those_in_f32() {
    let [exact, rounded] = [Precision::F32, Precision::Bf16].map(|precision| evaluated(TINY, precision));
    assert_ne!(exact.by_latent, rounded.by_latent);
    assert!((exact.distortion / rounded.distortion - 1.0).abs() < 0.01);
    for (exact, rounded) in [(exact.by_latent, rounded.by_latent), (exact.by_hyper, rounded.by_hyper)] {
        let square = |x: &mut dyn Iterator<Item = f32>| x.map(|x| x * x).sum::<f32>().sqrt();
        let error = square(&mut exact.iter().zip(&rounded).map(|(a, b)| a - b));
        assert!(error < 0.03 * square(&mut exact.iter().copied()), "{error}");
    }
}

#[test]
fn a_network_whose_parts_are_odd_is_computed_in_f32() {
    let config = ModelConfig { hidden: 44, y: 36, z: 36, ..Preset::Tiny.config() };
    let meta = Meta { grid: Some(support::grid()), config, ..Meta::new(Preset::Tiny, 0) };
    let network = Network::new(&config, 0, &Device::flex());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    save(&path, &meta, &Adam::new(values(&network)), &slots(&network)).unwrap();
    let bytes = checkpoint_to_weights(&path, None).unwrap().bytes;
    let [exact, asked] = [Precision::F32, Precision::Bf16].map(|precision| evaluated(&bytes, precision));
    assert_eq!(exact.by_latent, asked.by_latent);
}
