//! What parts, smaller pictures, previews and rows cost of a 100-megapixel file, in time and memory, against all of it: the best of three, and the
//! most that is allocated beside model and file.
//!
//! A program of its own kind, because the counting allocator is slow with threads that allocate much; criterion would not show memory.

mod common;

use std::time::{Duration, Instant};

use lic_codec::{Decoder, DeviceChoice, EncodeOptions, Encoder, Frame, Region, Samples, Scale, View};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const WIDTH: u32 = 12288;
const HEIGHT: u32 = 8192;

/// Least time and most memory of a few runs.
fn cost(work: impl Fn()) -> (Duration, usize) {
    let mut best = Duration::MAX;
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    for _ in 0..3 {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed());
    }
    (best, MEMORY.peak_usage().saturating_sub(before))
}

fn main() {
    let model = common::model();
    let encoder = Encoder::new(&model, DeviceChoice::Cpu).expect("the CPU works");
    let decoder = Decoder::new(&model, DeviceChoice::Cpu).expect("the CPU works");
    let options = EncodeOptions::default();
    let picture = common::picture_of(WIDTH, HEIGHT);
    let file = encoder.encode(&picture, &options).expect("encoding works").bytes;
    println!("{WIDTH}x{HEIGHT}, {} bytes", file.len());
    let whole = cost(|| drop(decoder.decode(&file).expect("decoding works")));
    let report = |name: &str, (time, memory): (Duration, usize)| {
        println!(
            "{name:<28} {:>8.3} s {:>8.1} MB   1/{:.1} of the time, 1/{:.1} of the memory of decode",
            time.as_secs_f64(),
            memory as f64 / 1e6,
            whole.0.as_secs_f64() / time.as_secs_f64(),
            whole.1 as f64 / memory as f64,
        );
    };
    report("decode", whole);
    let view = |view: View| cost(|| drop(decoder.view(&file, &view).expect("decoding works")));
    for (name, x, y) in
        [("region, across four tiles", 4900, 3900), ("region, in a corner", 0, 0), ("region, last", 11776, 7680)]
    {
        report(name, view(View::of(Region { x, y, width: 512, height: 512 })));
    }
    report("scale 1/8", view(View::at(Scale::Eighth)));
    report("preview", view(View::at(Scale::Preview)));
    let rows = || {
        let mut rows = decoder.rows(file.as_slice(), &View::default()).expect("a good file");
        while rows.next_band().expect("decoding works").is_some() {}
    };
    report("rows from a reader", cost(rows));

    let encode = cost(|| drop(encoder.encode(&picture, &options).expect("encoding works")));
    report("encode", encode);
    let frame = Frame {
        width: WIDTH,
        height: HEIGHT,
        colour: picture.colour,
        depth: picture.pixels.depth(),
        alpha: None,
        metadata: picture.metadata.clone(),
    };
    let samples = picture.pixels.as_eight().expect("8 bits");
    let in_rows = || {
        let mut rows = encoder.rows(&frame, &options).expect("a good frame");
        for band in samples.chunks(64 * 3 * WIDTH as usize) {
            rows.push(Samples::Eight(band.to_vec()), None).expect("encoding works");
        }
        drop(rows.finish().expect("all rows came"));
    };
    report("encode in rows", cost(in_rows));
}
