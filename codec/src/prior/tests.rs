//! All engines give the same numbers, and refuse what they must refuse.

use std::sync::Arc;

use safetensors::SafeTensors;

use super::random::{Noise, RandomTensors};
use super::*;
use crate::simd::Level;

const SMALL: Sizes = Sizes { latents: 20, hyper: 5, hidden: 12 };
const EVEN: Sizes = Sizes { latents: 32, hyper: 32, hidden: 32 };

fn load(tensors: &RandomTensors) -> Result<PriorWeights, WeightsError> {
    let bytes = tensors.to_bytes();
    PriorWeights::from_safetensors(&SafeTensors::deserialize(&bytes).unwrap())
}

fn random_weights(sizes: Sizes, seed: u64) -> Arc<PriorWeights> {
    Arc::new(load(&RandomTensors::prior(sizes, seed)).expect("random weights are valid"))
}

fn quality(t: u8) -> QualityIndex {
    QualityIndex::new(t).unwrap()
}

fn tiles(sizes: &[(usize, usize)]) -> Vec<TileShape> {
    sizes.iter().map(|&(height, width)| TileShape { height, width }).collect()
}

fn random_hyper(tiles: &[TileShape], channels: usize, noise: &mut Noise) -> Vec<Vec<i16>> {
    let mut value = || if noise.below(50) == 0 { noise.symmetric(4095) } else { noise.symmetric(60) } as i16;
    tiles.iter().map(|tile| (0..tile.hyper().positions() * channels).map(|_| value()).collect()).collect()
}

/// Everything an engine says.
#[derive(PartialEq, Eq)]
struct Trace {
    passes: Vec<Vec<Prediction>>,
    latents: Vec<Vec<i32>>,
}

/// Runs an engine on random hyper-latents and symbols; those of a tile depend on the seed and its number in `numbers`.
fn play(engine: &mut dyn PriorEngine, sizes: Sizes, tiles: &[TileShape], numbers: &[u64], t: u8) -> Trace {
    let mut noises: Vec<_> = numbers.iter().map(|&number| Noise(number)).collect();
    let hyper: Vec<_> =
        tiles.iter().zip(&mut noises).flat_map(|(tile, noise)| random_hyper(&[*tile], sizes.hyper, noise)).collect();
    let hyper: Vec<_> = hyper.iter().map(Vec::as_slice).collect();
    engine.begin(tiles, quality(t), &hyper).unwrap();
    let mut passes = Vec::new();
    for _ in 0..PASSES {
        let predictions = engine.predict().unwrap().to_vec();
        let symbol = |noise: &mut Noise| match noise.below(100) {
            0 => noise.symmetric(SYMBOL_MAX.into()) as i16,
            _ => noise.symmetric(40) as i16,
        };
        let symbols: Vec<Vec<i16>> = predictions
            .iter()
            .zip(&mut noises)
            .map(|(prediction, noise)| prediction.index.iter().map(|_| symbol(noise)).collect())
            .collect();
        engine.accept(&symbols).unwrap();
        passes.push(predictions);
    }
    Trace { passes, latents: engine.finish().unwrap() }
}

fn assert_same(name: &str, found: &Trace, expected: &Trace) {
    for (pass, (found, expected)) in found.passes.iter().zip(&expected.passes).enumerate() {
        for (tile, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert_eq!(found.mean64.len(), expected.mean64.len(), "{name}, pass {pass}, tile {tile}");
            let wrong = found.mean64.iter().zip(&expected.mean64).position(|(a, b)| a != b);
            assert_eq!(wrong, None, "{name}, pass {pass}, tile {tile}: first wrong mean");
            assert_eq!(found.index, expected.index, "{name}, pass {pass}, tile {tile}: scale indices");
        }
    }
    assert!(found == expected, "{name}: latents");
}

const MIXED: [(usize, usize); 6] = [(1, 1), (5, 3), (16, 16), (17, 31), (1, 9), (6, 1)];

/// The engines other than the scalar one that this machine can run.
fn others(weights: &Arc<PriorWeights>) -> Vec<(&'static str, Box<dyn PriorEngine>)> {
    let fast = FastEngine::new(Arc::clone(weights));
    let portable = FastEngine::with_level(Arc::clone(weights), Level::Portable);
    let cpu: [(&str, Box<dyn PriorEngine>); 2] = [("fast", Box::new(fast)), ("portable", Box::new(portable))];
    cpu.into_iter().chain(on_gpu(weights)).collect()
}

#[cfg(not(feature = "gpu"))]
fn on_gpu(_: &Arc<PriorWeights>) -> Vec<(&'static str, Box<dyn PriorEngine>)> {
    Vec::new()
}

#[cfg(feature = "gpu")]
fn on_gpu(weights: &Arc<PriorWeights>) -> Vec<(&'static str, Box<dyn PriorEngine>)> {
    if std::env::var_os("LIC_TEST_NO_GPU").is_some() {
        return Vec::new();
    }
    let open = || GpuEngine::new(Arc::clone(weights), AdapterPolicy::Any).expect("an adapter, or LIC_TEST_NO_GPU set");
    let mut split = open();
    // Too few for two of the larger tiles, so that the tiles are computed in several batches.
    split.most_positions = 600;
    vec![("gpu", Box::new(open())), ("gpu in batches", Box::new(split))]
}

#[test]
fn all_engines_agree_with_the_scalar_one_on_mixed_tiles_at_several_qualities() {
    for (sizes, seed) in [(SMALL, 1), (EVEN, 2)] {
        let weights = random_weights(sizes, seed);
        let tiles = tiles(&MIXED);
        let mut scalar = ScalarEngine::new(Arc::clone(&weights));
        let mut engines = others(&weights);
        for t in [0, 101, 252, 46] {
            let expected = play(&mut scalar, sizes, &tiles, &[1, 2, 3, 4, 5, 6], t);
            for (name, engine) in &mut engines {
                assert_same(name, &play(engine.as_mut(), sizes, &tiles, &[1, 2, 3, 4, 5, 6], t), &expected);
            }
        }
    }
}

#[test]
fn random_weights_use_all_scales_and_many_means_and_every_pass_sees_the_ones_before() {
    let weights = random_weights(EVEN, 2);
    let tiles = tiles(&[(16, 16)]);
    let mut engine = FastEngine::new(weights);
    let trace = play(&mut engine, EVEN, &tiles, &[1], 101);
    let mut indices: Vec<u8> = trace.passes.iter().flat_map(|p| p[0].index.clone()).collect();
    indices.sort_unstable();
    indices.dedup();
    assert_eq!(indices.len(), SCALES, "every scale table occurs");
    let mut means: Vec<i32> = trace.passes.iter().flat_map(|p| p[0].mean64.clone()).collect();
    means.sort_unstable();
    means.dedup();
    assert!(means.len() > 1000, "{} different means", means.len());
    // Pass 3 must change with a symbol of pass 0: the symbols of the next number differ, the hyper-latents do not.
    let hyper = vec![0; 16 * EVEN.hyper];
    let last = |engine: &mut FastEngine, first: i16| {
        engine.begin(&tiles, quality(101), &[&hyper]).unwrap();
        for pass in 0..3 {
            let count = engine.predict().unwrap()[0].index.len();
            engine.accept(&[vec![if pass == 0 { first } else { 0 }; count]]).unwrap();
        }
        engine.predict().unwrap().to_vec()
    };
    assert_ne!(last(&mut engine, 0), last(&mut engine, 30));
}

#[test]
fn a_tile_alone_gives_the_same_as_in_a_batch() {
    let weights = random_weights(SMALL, 3);
    let mut fast = FastEngine::new(Arc::clone(&weights));
    let numbers = [7, 8, 9, 10, 11, 12];
    let all = play(&mut fast, SMALL, &tiles(&MIXED), &numbers, 77);
    for (name, mut engine) in others(&weights) {
        let alone = play(engine.as_mut(), SMALL, &tiles(&MIXED[3..4]), &numbers[3..4], 77);
        assert!(alone.latents[0] == all.latents[3], "{name}");
        for (alone, all) in alone.passes.iter().zip(&all.passes) {
            assert!(alone[0] == all[3], "{name}");
        }
    }
}

#[test]
fn latents_are_symbols_plus_means_at_the_place_of_their_group() {
    let weights = random_weights(SMALL, 4);
    let mut engine = FastEngine::new(weights);
    let shape = tiles(&[(2, 2)]);
    engine.begin(&shape, quality(9), &[&[3; 5]]).unwrap();
    // M / 4 = 5 channels; in pass 0 the phases 0, 1, 2, 3 belong to the groups 0, 2, 3, 1.
    let first = engine.predict().unwrap()[0].clone();
    assert_eq!(first.mean64.len(), 2 * 2 * 5);
    let symbols: Vec<i16> = (0..20).collect();
    engine.accept(&[symbols]).unwrap();
    for _ in 1..PASSES {
        engine.predict().unwrap();
        engine.accept(&[vec![0; 20]]).unwrap();
    }
    let latents = engine.finish().unwrap().remove(0);
    for (position, group) in [0, 2, 3, 1].into_iter().enumerate() {
        for j in 0..5 {
            let coded = 5 * position + j;
            assert_eq!(latents[20 * position + 5 * group + j], 64 * coded as i32 + first.mean64[coded]);
        }
    }
}

#[test]
fn calls_out_of_order_and_values_out_of_range_are_errors() {
    let weights = random_weights(SMALL, 5);
    let mut engine = FastEngine::new(weights);
    let shape = tiles(&[(5, 3)]);
    let hyper = [0; 10];
    assert!(matches!(engine.predict(), Err(PriorError::Sequence(_))));
    assert!(matches!(engine.accept(&[]), Err(PriorError::Sequence(_))));
    assert!(matches!(engine.begin(&[], quality(0), &[]), Err(PriorError::NoTiles)));
    assert!(matches!(engine.begin(&shape, quality(0), &[]), Err(PriorError::Tiles { found: 0, expected: 1, .. })));
    let short = engine.begin(&shape, quality(0), &[&hyper[1..]]);
    assert!(matches!(short, Err(PriorError::Count { found: 9, expected: 10, .. })));
    let mut extreme = hyper;
    extreme[4] = 4096;
    let large = engine.begin(&shape, quality(0), &[&extreme]);
    assert!(matches!(large, Err(PriorError::Range { value: 4096, limit: 4095, .. })));
    for bad in [(0, 3), (3, 0), (usize::MAX, 2)] {
        let refused = engine.begin(&tiles(&[bad]), quality(0), &[&[]]);
        assert!(matches!(refused, Err(PriorError::Shape { tile: 0, .. })));
    }
    assert!(matches!(engine.predict(), Err(PriorError::Sequence(_))), "a refused begin starts nothing");

    engine.begin(&shape, quality(0), &[&hyper]).unwrap();
    assert!(matches!(engine.accept(&[vec![0; 75]]), Err(PriorError::Sequence(_))));
    engine.predict().unwrap();
    assert!(matches!(engine.predict(), Err(PriorError::Sequence(_))));
    assert!(matches!(engine.accept(&[vec![0; 74]]), Err(PriorError::Count { found: 74, expected: 75, .. })));
    let symbols = vec![i16::MIN; 75];
    assert!(matches!(engine.accept(&[symbols]), Err(PriorError::Range { value: i16::MIN, limit: 16383, .. })));
    assert!(matches!(engine.finish(), Err(PriorError::Sequence(_))));
    engine.accept(&[vec![-16383; 75]]).unwrap();
    assert!(matches!(engine.accept(&[vec![0; 75]]), Err(PriorError::Sequence(_))));
}

#[test]
fn sums_at_the_edge_of_32_bits_are_the_same_in_all_engines() {
    // 32 weights of 16383 and activations of 4095 leave 655327 below 2^31 for bias and rounding.
    let mut tensors = RandomTensors::prior(EVEN, 9);
    let rounding: i32 = 1 << 14;
    for (name, .., bytes) in &mut tensors.0 {
        let sign = |i: usize, per_row: usize| {
            if (i / per_row).is_multiple_of(2) { 1 } else { -1 }
        };
        match name.as_str() {
            "prior.z_shift" => bytes[0] = 12,
            "prior.hyper.up1.weight" => {
                for (i, weight) in bytes.as_chunks_mut().0.iter_mut().enumerate() {
                    *weight = (16383 * sign(i, 32) as i16).to_le_bytes();
                }
            }
            "prior.hyper.up1.bias" => {
                for (i, bias) in bytes.as_chunks_mut().0.iter_mut().enumerate() {
                    *bias = ((655_327 - rounding) * sign(i, 1)).to_le_bytes();
                }
            }
            "prior.hyper.up1.shift1" => bytes.fill(15),
            _ => {}
        }
    }
    let weights = Arc::new(load(&tensors).expect("the largest allowed sums"));
    let shape = tiles(&[(5, 3)]);
    for z in [1, -1, 4095, -4095] {
        let hyper = [z; 2 * 32];
        let mut scalar = ScalarEngine::new(Arc::clone(&weights));
        scalar.begin(&shape, quality(252), &[&hyper]).unwrap();
        let expected = scalar.predict().unwrap();
        for (name, mut engine) in others(&weights) {
            engine.begin(&shape, quality(252), &[&hyper]).unwrap();
            assert!(engine.predict().unwrap() == expected, "{name}, z {z}");
        }
    }
}
