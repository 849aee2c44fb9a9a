//! Small models made up for tests, and pictures to go with them.
//!
//! Two kinds: [`random_model`], in which everything is random, so that halo, order and clamping matter; and
//! [`block_model`], a plain linear block transform with a prior that knows the gains, which really compresses smooth pictures.
#![allow(dead_code, reason = "every test program uses its own part of this")]

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::Device;
use lic_codec::prior::Sizes;
use lic_codec::prior::random::{Noise, RandomTensors};
use lic_codec::{Colour, Model, Picture};
use lic_model::Preset;
use lic_model::inference::Transforms;
use lic_model::net::{Analysis, Init, Synthesis};
use lic_model::params::{slots, values};
use lic_model::preset::{KNOTS, ModelConfig};
use lic_model::prior::HyperAnalysis;
use lic_model::weights::{Entry, FORMAT, Info, WeightFile, write};
use safetensors::Dtype;

type Entries = BTreeMap<String, Entry>;
type Named = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// A model of random weights; the decoded pixels stay around the middle of their range.
pub(crate) fn random_model(seed: u64) -> Model {
    random_model_of(Preset::Tiny.config(), seed)
}

/// The same for any configuration.
pub(crate) fn random_model_of(config: ModelConfig, seed: u64) -> Model {
    load(random_file(config, seed))
}

/// A random model, and its transforms on the CPU without the codec around them.
pub(crate) fn random_model_and_transforms(config: ModelConfig, seed: u64) -> (Model, Transforms) {
    let bytes = random_file(config, seed);
    let transforms = Transforms::load(&WeightFile::parse(&bytes).unwrap(), &Device::flex(), false).unwrap();
    (load(bytes), transforms)
}

fn random_file(config: ModelConfig, seed: u64) -> Vec<u8> {
    let mut entries = floats(&config, seed, |named| {
        let mut noise = Noise(seed);
        for (name, (_, values)) in named.iter_mut() {
            // Blocks and attention start as the identity: make them count.
            if name.contains("project") || name.contains("norm") {
                let scale = 0.3 / (values.len() as f32).sqrt().sqrt();
                values.iter_mut().for_each(|v| *v += scale * noise.symmetric(1000) as f32 / 1000.0);
            }
        }
    });
    add_prior(&mut entries, RandomTensors::prior(sizes(&config), seed));
    file(config, &entries)
}

/// Means of colours and of luminance gradients of 8x8 blocks: 32 numbers for 16x16 pixels, an orthonormal transform.
pub(crate) fn block_model() -> Model {
    block_model_with(|_| ())
}

/// [`block_model`] after a change of the prior's tensors.
pub(crate) fn block_model_with(change: impl FnOnce(&mut RandomTensors)) -> Model {
    let config = Preset::Tiny.config();
    let basis = basis();
    let mut entries = floats(&config, 1, |named| {
        for (name, (_, values)) in named.iter_mut() {
            if name.starts_with("analysis.") || name.starts_with("synthesis.") {
                values.fill(0.0);
            }
        }
        let mut set = |name: &str, at: usize, value: f32| named.get_mut(name).expect(name).1[at] = value;
        for (k, vector) in basis.iter().enumerate() {
            for (i, &v) in vector.iter().enumerate() {
                set("analysis.stem.weight", i * 32 + k, v);
                set("synthesis.head.weight", k * 192 + i, v);
            }
            for quadrant in 0..4 {
                // Of 4 x 32 channels at 1/16 the first 8 of each quadrant are kept.
                let (wide, narrow) = (quadrant * 32 + k, quadrant * 8 + k);
                set("analysis.down.weight", wide * 32 + narrow, 1.0);
                set("synthesis.up.weight", narrow * 128 + wide, 1.0);
            }
        }
        for i in 0..32 {
            set("analysis.head.weight", i * 32 + i, 1.0);
            set("synthesis.stem.weight", i * 32 + i, 1.0);
        }
        named.get_mut("synthesis.gain").expect("the gain was added").1.fill(1.0);
    });
    let mut prior = RandomTensors::prior(sizes(&config), 5);
    for (name, _, shape, bytes) in &mut prior.0 {
        // Heads say mean 0 and log-scale 0; gains and scale indices depend on the knot alone.
        if name.contains("head.weight") || name.contains("head.bias") || name.ends_with("hyper.up1.weight") {
            bytes.fill(0);
        }
        let gain = |knot: usize| 1024.0 * 1.054f64.powf(knot as f64);
        let table = |f: &dyn Fn(usize) -> [u8; 2]| (0..KNOTS).flat_map(|k| f(k).repeat(shape[1])).collect::<Vec<u8>>();
        match name.as_str() {
            "prior.gain.shift" => bytes.fill(14),
            "prior.gain.mult" => *bytes = table(&|k| (gain(k) as u16).to_le_bytes()),
            "prior.gain.offset" => *bytes = table(&|k| ((gain(k) / 1024.0 * 16.0) as i16).to_le_bytes()),
            _ => {}
        }
    }
    change(&mut prior);
    add_prior(&mut entries, prior);
    load(file(config, &entries))
}

/// Eight orthonormal vectors over 8x8 pixels x 3 colours.
fn basis() -> Vec<Vec<f32>> {
    let half = |i: usize| if i < 4 { 1.0 } else { -1.0 };
    let quarter = |i: usize| if (2..6).contains(&i) { 1.0 } else { -1.0 };
    let pattern: [&dyn Fn(usize, usize) -> f32; 5] =
        [&|_, x| half(x), &|y, _| half(y), &|y, x| half(x) * half(y), &|_, x| quarter(x), &|y, _| quarter(y)];
    let pixel = |f: &dyn Fn(usize, usize, usize) -> f32| {
        let values: Vec<f32> = (0..192).map(|i| f(i / 24, i / 3 % 8, i % 3)).collect();
        let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        values.iter().map(|v| v / norm).collect::<Vec<f32>>()
    };
    let mut vectors: Vec<Vec<f32>> = (0..3).map(|c| pixel(&|_, _, k| if k == c { 1.0 } else { 0.0 })).collect();
    vectors.extend(pattern.iter().map(|f| pixel(&|y, x, _| f(y, x))));
    vectors
}

fn sizes(config: &ModelConfig) -> Sizes {
    Sizes { latents: config.y, hyper: config.z, hidden: config.hidden }
}

/// The float tensors of a weight file, by their full names, after `change`.
fn floats(config: &ModelConfig, seed: u64, change: impl FnOnce(&mut Named)) -> Entries {
    let mut init = Init::new(seed, &Device::flex());
    let mut named = Named::new();
    collect(&mut named, "analysis", &Analysis::new(config, &mut init));
    collect(&mut named, "synthesis", &Synthesis::new(config, &mut init));
    collect(&mut named, "hyper_analysis", &HyperAnalysis::new(config, &mut init));
    named.remove("synthesis.log_gain");
    named.insert("synthesis.gain".into(), (vec![KNOTS, config.c8], vec![1.0; KNOTS * config.c8]));
    change(&mut named);
    named.into_iter().map(|(name, (shape, values))| (name, Entry::f16(&shape, &values))).collect()
}

fn collect<M: Module>(named: &mut Named, prefix: &str, module: &M) {
    let all = values(module);
    for slot in slots(module) {
        named.insert(format!("{prefix}.{}", slot.name), (slot.shape.clone(), all[slot.range()].to_vec()));
    }
}

fn add_prior(entries: &mut Entries, tensors: RandomTensors) {
    for (name, dtype, shape, bytes) in tensors.0 {
        let pairs = || bytes.as_chunks::<2>().0.iter().copied();
        let entry = match dtype {
            Dtype::U8 => Entry::u8(&shape, &bytes),
            Dtype::I16 => Entry::i16(&shape, &pairs().map(i16::from_le_bytes).collect::<Vec<_>>()),
            Dtype::U16 => Entry::u16(&shape, &pairs().map(u16::from_le_bytes).collect::<Vec<_>>()),
            Dtype::I32 => {
                let words = bytes.as_chunks().0.iter().copied();
                Entry::i32(&shape, &words.map(i32::from_le_bytes).collect::<Vec<_>>())
            }
            other => panic!("a prior has no {other:?} tensors"),
        };
        entries.insert(name, entry);
    }
}

fn file(config: ModelConfig, entries: &Entries) -> Vec<u8> {
    let info = Info { format: FORMAT, preset: Preset::Tiny, config, steps: 0, seconds: 0.0, grid: None };
    write(&info, entries).expect("the tensors fit their shapes")
}

fn load(bytes: Vec<u8>) -> Model {
    Model::from_bytes(bytes).expect("the model is valid")
}

/// A smooth picture with some edges and a little noise.
pub(crate) fn picture(width: u32, height: u32, colour: Colour) -> Picture {
    let mut noise = Noise(u64::from(width) << 20 | u64::from(height));
    let channels = if colour == Colour::Grey { 1 } else { 3 };
    let mut pixels = Vec::with_capacity((width * height) as usize * channels);
    for y in 0..height {
        for x in 0..width {
            for c in 0..channels {
                let wave = (f64::from(x) / 23.0 + c as f64).sin() + (f64::from(y) / 17.0).cos();
                let edge = if (x / 40 + y / 56) % 3 == 0 { 40.0 } else { 0.0 };
                pixels.push((110.0 + 45.0 * wave + edge + f64::from(noise.symmetric(3))) as u8);
            }
        }
    }
    Picture::new(width, height, colour, pixels).expect("the picture is valid")
}
