//! Whole encoding and decoding on the CPU, pixels to file and back, and the stages of both, at 0.4, 1.4 and 12 megapixels.
//!
//! Stages are what [`lic_codec::Stats`] counts: the analysis with the hyper-analysis, the prior's passes, the entropy coder, the synthesis.

mod common;

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lic_codec::{Decoder, DeviceChoice, EncodeOptions, Encoder, Stats};

/// Kodak's size, Tecnick's, and a camera's.
const SIZES: [(u32, u32); 3] = [(768, 512), (1200, 1200), (4096, 3072)];

/// A stage's name, and its time.
type Stage = (&'static str, fn(&Stats, Duration) -> Duration);

const ENCODE: [Stage; 4] = [
    ("encode", |_, whole| whole),
    ("encode: analysis", |stats, _| stats.analysis),
    ("encode: prior", |stats, _| stats.prior),
    ("encode: coding", |stats, _| stats.coding),
];

const DECODE: [Stage; 4] = [
    ("decode", |_, whole| whole),
    ("decode: prior", |stats, _| stats.prior),
    ("decode: coding", |stats, _| stats.coding),
    ("decode: synthesis", |stats, _| stats.synthesis),
];

fn codec(criterion: &mut Criterion) {
    let model = common::model();
    let encoder = Encoder::new(&model, DeviceChoice::Cpu).expect("the CPU works");
    let decoder = Decoder::new(&model, DeviceChoice::Cpu).expect("the CPU works");
    let options = EncodeOptions::default();
    for (width, height) in SIZES {
        let picture = common::picture_of(width, height);
        let encode = || encoder.encode(&picture, &options).expect("encoding works");
        let file = encode().bytes;
        let mut group = criterion.benchmark_group(format!("codec {width}x{height}"));
        group.throughput(Throughput::Elements(u64::from(width) * u64::from(height)));
        group.sample_size(10).measurement_time(Duration::from_secs(5));
        for (name, of) in ENCODE {
            group.bench_function(name, |b| b.iter_custom(|runs| timed(runs, of, || encode().stats)));
        }
        let decode = || decoder.decode(&file).expect("decoding works").stats;
        for (name, of) in DECODE {
            group.bench_function(name, |b| b.iter_custom(|runs| timed(runs, of, decode)));
        }
        group.finish();
    }
}

/// The time of one stage over some runs.
fn timed(runs: u64, of: fn(&Stats, Duration) -> Duration, work: impl Fn() -> Stats) -> Duration {
    let run = |_| {
        let start = Instant::now();
        let stats = work();
        of(&stats, start.elapsed())
    };
    (0..runs).map(run).sum()
}

criterion_group!(benches, codec);
criterion_main!(benches);
