//! The float transforms of a 768x512 picture on the CPU, all of it in one piece: analysis and synthesis.

mod common;

use std::time::Duration;

use common::{HEIGHT, WIDTH};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use lic_model::inference::Transforms;
use lic_model::weights::WeightFile;

fn transforms(criterion: &mut Criterion) {
    let bytes = common::weights();
    let file = WeightFile::parse(&bytes).expect("a weight file");
    let transforms = Transforms::load(&file, &burn::tensor::Device::flex(), true).expect("usable transforms");
    let (rows, columns) = (HEIGHT as usize / 8, WIDTH as usize / 8);
    let patches: Vec<f32> = (0..rows * columns * 192).map(|i| (i % 251) as f32 / 251.0 - 0.5).collect();
    let latent = transforms.analyse(patches.clone(), rows, columns).expect("the encoder is loaded");

    let mut group = criterion.benchmark_group("transforms 768x512");
    group.throughput(Throughput::Elements(u64::from(WIDTH) * u64::from(HEIGHT)));
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function("analysis", |b| {
        b.iter_batched(|| patches.clone(), |patches| transforms.analyse(patches, rows, columns), BatchSize::LargeInput);
    });
    group.bench_function("synthesis", |b| {
        b.iter_batched(
            || latent.clone(),
            |latent| transforms.synthesise(latent, rows / 2, columns / 2, 126),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, transforms);
criterion_main!(benches);
