//! Entropy coding alone: symbols per second, both ways, on one thread.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lic_codec::entropy::{Adaptation, Adapter, ScaleTables, TileDecoder, TileEncoder};
use lic_codec::prior::random::Noise;

const SYMBOLS: usize = 1 << 20;

/// Tables of rounded normal distributions with 64 log-spaced standard deviations from 0.11 to 64, as the quantiser makes them.
fn tables() -> ScaleTables {
    let (mut radius, mut cdf) = (Vec::new(), Vec::new());
    for table in 0..64 {
        let reach = (4.0 * sigma(table)).ceil() as i32;
        radius.push(reach as u16);
        // Every symbol, and the escape at the end, gets one unit and its share of the rest.
        let entries = 2 * reach + 2;
        let density = |symbol: i32| (-0.5 * (f64::from(symbol) / sigma(table)).powi(2)).exp();
        let total: f64 = (-reach..=reach).map(density).sum();
        let rest = f64::from(65536 - entries);
        let mut sum = 0.0;
        for (entry, symbol) in (-reach..=reach + 1).enumerate() {
            cdf.push((sum / total * rest) as u16 + entry as u16);
            sum += density(symbol);
        }
    }
    ScaleTables::new(&radius, &cdf).expect("valid tables")
}

fn sigma(table: usize) -> f64 {
    0.11 * (64.0f64 / 0.11).powf(table as f64 / 63.0)
}

/// Scale indices 1..=40, and symbols that are distributed about as the tables say (a sum of four uniform numbers).
fn latents() -> (Vec<u8>, Vec<i16>) {
    let mut noise = Noise(1);
    let indices: Vec<u8> = (0..SYMBOLS).map(|_| 1 + noise.below(40) as u8).collect();
    let mut symbol = |&index: &u8| {
        let sum: i32 = (0..4).map(|_| noise.symmetric(1000)).sum();
        (f64::from(sum) / 1000.0 * 0.87 * sigma(index.into())).round() as i16
    };
    let symbols = indices.iter().map(&mut symbol).collect();
    (indices, symbols)
}

/// How far every entry of every table is from the middle of its table.
fn distances(tables: &ScaleTables) -> impl Iterator<Item = i16> + '_ {
    let models = (0..64).filter_map(|table| tables.tables().model(table).ok());
    models.flat_map(|model| (0..=model.escape() as i32).map(move |entry| (entry + model.low()).unsigned_abs() as i16))
}

fn entropy(criterion: &mut Criterion) {
    let tables = tables();
    let (indices, symbols) = latents();
    let mut group = criterion.benchmark_group("entropy");
    group.throughput(Throughput::Elements(SYMBOLS as u64));
    let encode = || {
        let mut encoder = TileEncoder::new(false);
        encoder.encode_symbols(&tables, &symbols, &indices).expect("symbols in range");
        encoder.finish()
    };
    group.bench_function("encode", |b| b.iter(encode));
    let payload = encode();
    let mut decoded = vec![0; SYMBOLS];
    group.bench_function("decode", |b| {
        b.iter(|| {
            let mut decoder = TileDecoder::new(&payload).expect("a payload");
            decoder.decode_symbols(&tables, &indices, &mut decoded).expect("an undamaged payload");
            decoder.finish()
        });
    });
    assert_eq!(decoded, symbols);
    // As tiles are coded with weights that adapt: 64 of 256 channels at a position.
    let scores: Vec<i16> = distances(&tables).map(|distance| 30 * distance.min(200) - 40).collect();
    let adaptation = Adaptation::new(&tables, scores, &[90; 64]).expect("scores in range");
    let encode = || {
        let (mut encoder, mut adapter) = (TileEncoder::new(false), Adapter::new(&adaptation, 256, 64));
        encoder.encode_pass(&tables, &mut adapter, 0, &symbols, &indices).expect("symbols in range");
        encoder.finish()
    };
    group.bench_function("encode, adapting", |b| b.iter(encode));
    let payload = encode();
    group.bench_function("decode, adapting", |b| {
        b.iter(|| {
            let mut decoder = TileDecoder::new(&payload).expect("a payload");
            let mut adapter = Adapter::new(&adaptation, 256, 64);
            decoder.decode_pass(&tables, &mut adapter, 0, &indices, &mut decoded).expect("an undamaged payload");
            decoder.finish()
        });
    });
    assert_eq!(decoded, symbols);
    group.finish();
}

criterion_group!(benches, entropy);
criterion_main!(benches);
