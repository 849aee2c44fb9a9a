//! One gated block at the student's widths, forward and forward + backward, on the CPU: what a training step is made of.
//!
//! Elements are multiply-accumulates of the forward pass (3.56 c^2 a position); a backward pass has twice as many.

use std::time::Duration;

use burn::tensor::{Device, Tensor, TensorData};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lic_model::net::{GatedBlock, Init, Stream};

/// Crops of a training step.
const BATCH: usize = 8;

fn blocks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gated block, 8 crops of 256x256");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for (channels, side) in [(128, 32), (256, 16)] {
        let shape = [BATCH, side, side, channels];
        let count: usize = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|i| (i % 251) as f32 / 251.0 - 0.5).collect();
        group.throughput(Throughput::Elements((BATCH * side * side * channels * channels * 57 / 16) as u64));
        for (name, device) in [("forward", Device::flex()), ("forward + backward", Device::flex().autodiff())] {
            let block = GatedBlock::new(channels, &mut Init::new(1, &device));
            let x = Tensor::<4>::from_data(TensorData::new(values.clone(), shape), &device);
            let x = if name == "forward" { x } else { x.require_grad() };
            group.bench_function(format!("{channels} channels, {name}"), |b| {
                b.iter(|| {
                    let y = block.forward(Stream::split(x.clone())).join();
                    if name == "forward" {
                        y.into_data()
                    } else {
                        x.grad(&y.sum().backward()).expect("x is tracked").into_data()
                    }
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, blocks);
criterion_main!(benches);
