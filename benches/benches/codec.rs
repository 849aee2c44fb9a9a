//! Whole encoding and decoding of a 768x512 picture on the CPU, pixels to file and back.

mod common;

use std::time::Duration;

use common::{HEIGHT, WIDTH};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lic_codec::{Decoder, DeviceChoice, EncodeOptions, Encoder};

fn codec(criterion: &mut Criterion) {
    let model = common::model();
    let picture = common::picture();
    let encoder = Encoder::new(&model, DeviceChoice::Cpu).expect("the CPU works");
    let decoder = Decoder::new(&model, DeviceChoice::Cpu).expect("the CPU works");
    let options = EncodeOptions::default();
    let file = encoder.encode(&picture, &options).expect("encoding works").bytes;

    let mut group = criterion.benchmark_group("codec 768x512");
    group.throughput(Throughput::Elements(u64::from(WIDTH) * u64::from(HEIGHT)));
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function("encode", |b| b.iter(|| encoder.encode(&picture, &options)));
    group.bench_function("decode", |b| b.iter(|| decoder.decode(&file)));
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
