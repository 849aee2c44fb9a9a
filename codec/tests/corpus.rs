//! The seeds of the fuzz targets and every input that once broke something, through the checks of `fuzz/src`, within a budget of memory.
//!
//! A program of its own with a single test, because the counting allocator counts every thread. `make_corpus` is how the seeds were made.

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "there it is a crate")]
mod checks;
mod support;

use std::path::{Path, PathBuf};

use lic_codec::format::{BitDepth, Cicp};
use lic_codec::{Alpha, Colour, EncodeOptions, Metadata, Picture, Samples};
use peak_alloc::PeakAlloc;
use support::picture;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes that one input may make a check allocate at its peak. The pictures have at most 4608 pixels; the engines' weights take most.
const MOST: usize = 8 << 20;

type Check = fn(&[u8]);
const TARGETS: [(&str, Check); 4] = [
    ("header", checks::header::check),
    ("decode", checks::decode::check),
    ("round_trip", checks::round_trip::check),
    ("image_hook", checks::image_hook::check),
];

fn folder(kind: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(kind).join(target)
}

/// The inputs of a folder, with their names.
fn inputs(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut inputs: Vec<(String, Vec<u8>)> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
        .collect();
    inputs.sort();
    inputs
}

#[test]
fn the_corpus_and_every_former_crash_keep_all_promises_within_the_budget() {
    // What is loaded once does not count.
    let encoder = &*checks::model::ENCODER;
    let decoder = &*checks::model::DECODER;
    encoder.encode(&picture(20, 20, Colour::Rgb), &EncodeOptions::default()).unwrap();
    let mut most = 0;
    for (target, check) in TARGETS {
        let seeds = inputs(&folder("corpus", target));
        assert!(seeds.len() >= 4, "{target} has only {} seeds", seeds.len());
        for (name, input) in seeds.iter().chain(&inputs(&folder("regressions", target))) {
            println!("{name}");
            let before = MEMORY.current_usage();
            MEMORY.reset_peak_usage();
            check(input);
            let peak = MEMORY.peak_usage().saturating_sub(before);
            assert!(peak < MOST, "{name} took {peak} bytes");
            most = most.max(peak);
        }
    }
    assert!(most > 100_000, "the allocator does not count");
    // Seeds that nobody can decode any more would test the door only.
    let files: Vec<_> =
        inputs(&folder("corpus", "decode")).into_iter().filter(|(name, _)| name.ends_with(".lic")).collect();
    assert_eq!(files.len(), pictures().len());
    for (name, file) in files {
        assert!(decoder.decode(&file).is_ok(), "{name}");
    }
}

/// What the seeds show: names, pictures, and options.
fn pictures() -> Vec<(&'static str, Picture, EncodeOptions)> {
    let plain = EncodeOptions { quality: 30.0, ..EncodeOptions::default() };
    let tiled = EncodeOptions { tile: 64, ..plain };
    let grey =
        |depth| Picture { pixels: deep(picture(40, 33, Colour::Grey).pixels, depth), ..picture(40, 33, Colour::Grey) };
    let ramp =
        |picture: &Picture| (0..picture.width * picture.height).map(|i| (i % picture.width) as u8).collect::<Vec<u8>>();
    let transparent = |mut picture: Picture, premultiplied| {
        let samples = deep(ramp(&picture).into(), picture.pixels.depth());
        picture.alpha = Some(Alpha { samples, premultiplied });
        picture
    };
    let metadata = Metadata {
        icc: Some(b"a profile".to_vec()),
        cicp: Some(Cicp { primaries: 9, transfer: 16, matrix: 0, full_range: 1 }),
        exif: Some(b"II*\0exif".to_vec()),
        xmp: Some(b"<x:xmpmeta/>".to_vec()),
        orientation: 6,
    };
    vec![
        ("dot", picture(1, 1, Colour::Rgb), plain),
        ("rgb", picture(40, 33, Colour::Rgb), plain),
        ("grey", picture(33, 40, Colour::Grey), plain),
        ("tiles", picture(70, 65, Colour::Rgb), tiled),
        ("depth-10", grey(BitDepth::Ten), plain),
        ("depth-12", grey(BitDepth::Twelve), plain),
        ("depth-16", grey(BitDepth::Sixteen), plain),
        ("sections", Picture { metadata, ..picture(20, 17, Colour::Rgb) }, plain),
        ("alpha-lossless", transparent(picture(20, 17, Colour::Rgb), false), plain),
        ("alpha-lossless-16", transparent(grey(BitDepth::Sixteen), false), plain),
        ("alpha-lossless-tiles", transparent(picture(70, 30, Colour::Grey), true), tiled),
        (
            "alpha-lossy",
            transparent(picture(20, 17, Colour::Rgb), true),
            EncodeOptions { alpha_quality: Some(20.0), ..plain },
        ),
        (
            "alpha-lossy-tiles",
            transparent(picture(70, 30, Colour::Grey), false),
            EncodeOptions { alpha_quality: Some(20.0), ..tiled },
        ),
    ]
}

fn deep(samples: Samples, depth: BitDepth) -> Samples {
    match depth {
        BitDepth::Eight => samples,
        depth => {
            Samples::Deep(depth, samples.to_sixteen().iter().map(|sample| sample >> (16 - depth.bits())).collect())
        }
    }
}

#[test]
#[ignore = "writes the seeds into fuzz/corpus"]
fn make_corpus() {
    let write = |target: &str, name: &str, bytes: &[u8]| {
        std::fs::create_dir_all(folder("corpus", target)).unwrap();
        std::fs::write(folder("corpus", target).join(name), bytes).unwrap();
    };
    for (name, picture, options) in pictures() {
        let file = checks::model::ENCODER.encode(&picture, &options).unwrap().bytes;
        for target in ["header", "decode"] {
            write(target, &format!("{name}.lic"), &file);
        }
        // Without limits, and with limits that are just enough for the smaller ones.
        let limits = if picture.alpha.is_some() { [7, 70, 40, 100] } else { [0; 4] };
        write("image_hook", &format!("{name}.limited"), &[&limits[..], &file].concat());
    }
    // Recipes: bytes that stand for choices, with different kinds of alpha and payload.
    let mut noise = lic_codec::prior::random::Noise(1);
    for number in 0..6u8 {
        let mut recipe: Vec<u8> = (0..40 + 20 * number).map(|_| noise.below(256) as u8).collect();
        write("round_trip", &format!("recipe-{number}"), &recipe);
        recipe[0] = number;
        write("image_hook", &format!("recipe-{number}"), &recipe);
        recipe[6] = number % 4;
        recipe[9] = 0;
        write("decode", &format!("recipe-{number}"), &recipe);
    }
}
