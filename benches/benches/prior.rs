//! The integer prior of a 768x512 picture with the student's sizes: the scalar definition against the fast path. Weights are
//! random, which does not change the work.

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lic_codec::QualityIndex;
use lic_codec::prior::random::RandomTensors;
use lic_codec::prior::{FastEngine, PASSES, PriorEngine, PriorWeights, ScalarEngine, Sizes, TileShape};
use lic_model::Preset;
use safetensors::SafeTensors;

/// 768x512 pixels in units of 16.
const SHAPE: TileShape = TileShape { height: 32, width: 48 };

fn weights() -> Arc<PriorWeights> {
    let config = Preset::Student.config();
    let sizes = Sizes { latents: config.y, hyper: config.z, hidden: config.hidden };
    let bytes = RandomTensors::prior(sizes, 1).to_bytes();
    let file = SafeTensors::deserialize(&bytes).expect("a valid file");
    Arc::new(PriorWeights::from_safetensors(&file).expect("valid weights"))
}

/// All passes, with symbols 0.
fn run(engine: &mut dyn PriorEngine, hyper: &[i16]) -> Vec<Vec<i32>> {
    engine.begin(&[SHAPE], QualityIndex::MAX, &[hyper]).expect("a plausible tile");
    for _ in 0..PASSES {
        let symbols: Vec<Vec<i16>> =
            engine.predict().expect("in order").iter().map(|prediction| vec![0; prediction.index.len()]).collect();
        engine.accept(&symbols).expect("as many symbols as predictions");
    }
    engine.finish().expect("after the last pass")
}

fn prior(criterion: &mut Criterion) {
    let weights = weights();
    let hyper: Vec<i16> = (0..SHAPE.hyper().positions() * weights.sizes().hyper).map(|i| (i % 7) as i16 - 3).collect();
    let mut group = criterion.benchmark_group("prior 768x512");
    group.throughput(Throughput::Elements(768 * 512)).sample_size(10).measurement_time(Duration::from_secs(10));
    let mut fast = FastEngine::new(weights.clone());
    group.bench_function("fast", |b| b.iter(|| run(&mut fast, &hyper)));
    let mut scalar = ScalarEngine::new(weights);
    group.bench_function("scalar", |b| b.iter(|| run(&mut scalar, &hyper)));
    assert_eq!(run(&mut fast, &hyper), run(&mut scalar, &hyper));
    group.finish();
}

criterion_group!(benches, prior);
criterion_main!(benches);
