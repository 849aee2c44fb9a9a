//! The filter on pictures and in a file, and what its fit makes of pictures.

use super::coefficients::MAX_PRECISION;
use super::fit::fit;
use super::sums::{Part, Patch, Sums};
use super::*;
use crate::format::header::test_header;
use crate::format::{BitDepth, ColourModel, Header};
use crate::samples::{Samples, deepened, peak};
use crate::simd::Level;
use crate::splitmix::splitmix64;
use crate::transform::behind::testing::{Ready, in_steps};
use crate::{Colour, Error};

fn numbers(seed: u64, count: usize) -> Vec<u64> {
    let mut state = seed;
    (0..count).map(|_| splitmix64(&mut state)).collect()
}

/// Waves of colour with a little noise.
fn picture([width, height]: [usize; 2], channels: usize, seed: u64) -> Vec<u8> {
    let noise = numbers(seed, width * height * channels);
    let value = |i: usize| {
        let (x, y, c) = (i / channels % width, i / channels / width, i % channels);
        let wave = ((x * (c + 2)) as f64 / 9.0).sin() * 60.0 + ((y * (3 - c)) as f64 / 7.0).cos() * 50.0;
        (128.0 + wave + (noise[i] % 17) as f64 - 8.0) as u8
    };
    (0..width * height * channels).map(value).collect()
}

/// Some coefficients, most of them 0.
fn coefficients(channels: usize, precision: u8, seed: u64) -> Coefficients {
    let values = numbers(seed, channels * features(channels)).into_iter().map(|n| match n % 4 {
        0 => (n >> 8) as i16 >> (n >> 32 & 15),
        _ => 0,
    });
    Coefficients::new(channels, precision, values.map(|value| value.max(-i16::MAX)).collect())
}

/// The filter as `codec/FORMAT.md` words it, on samples up to `peak`.
fn reference(pixels: &[u16], [width, height]: [usize; 2], filter: &Coefficients, peak: f64) -> Vec<u16> {
    let channels = filter.channels();
    let (weights, count) = (filter.numbers(), features(channels));
    let rows: &[[f64; 3]] = match channels {
        1 => &[[1.0, 0.0, 0.0]],
        _ => &[[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]],
    };
    let unit: Vec<[f64; 3]> =
        rows.iter().map(|row| row.map(|v| v / row.iter().map(|v| v * v).sum::<f64>().sqrt())).collect();
    let signal = |k: usize, x: isize, y: isize| {
        let (x, y) = (x.clamp(0, width as isize - 1) as usize, y.clamp(0, height as isize - 1) as usize);
        (0..channels)
            .map(|c| unit[k][c] * f64::from(pixels[(y * width + x) * channels + c]) * 255.0 / peak)
            .sum::<f64>()
    };
    let middle = |k: usize| if k == 0 { 128.0 * (channels as f64).sqrt() } else { 0.0 };
    let mut out = Vec::new();
    for (y, x) in (0..height as isize).flat_map(|y| (0..width as isize).map(move |x| (y, x))) {
        let mut seen = vec![1.0];
        seen.extend((0..channels).map(|k| signal(k, x, y) - middle(k)));
        for k in 0..channels {
            let pair = |(rows, columns)| {
                signal(k, x + columns, y + rows) + signal(k, x - columns, y - rows) - 2.0 * signal(k, x, y)
            };
            seen.extend(PAIRS.map(pair));
        }
        let corrections: Vec<f64> =
            weights.chunks(count).map(|weights| weights.iter().zip(&seen).map(|(w, s)| w * s).sum()).collect();
        for c in 0..channels {
            let change: f64 = corrections.iter().zip(&unit).map(|(correction, unit)| correction * unit[c]).sum();
            let sample = f64::from(pixels[(y as usize * width + x as usize) * channels + c]);
            out.push((sample + change * peak / 255.0 + 0.5).clamp(0.0, peak) as u16);
        }
    }
    out
}

#[test]
fn rows_that_come_bit_by_bit_are_filtered_as_the_formula_says_at_every_depth_and_with_all_instructions() {
    for (width, height, channels) in [(45, 83, 3), (64, 48, 1), (7, 5, 3), (1, 1, 1), (33, 11, 1), (170, 40, 3)] {
        let pixels = picture([width, height], channels, 1);
        let colour = if channels == 3 { Colour::Rgb } else { Colour::Grey };
        let header = Header { colour, ..test_header(width as u16, height as u16) };
        let values = (0..channels * features(channels)).map(|i| [40, -25, 0, 7, 0, -3][(i * 5 + i / 7) % 6]).collect();
        let filter = Coefficients::new(channels, 11, values);
        let depths = [BitDepth::Eight, BitDepth::Ten, BitDepth::Twelve, BitDepth::Sixteen];
        for level in Level::all() {
            let mut found_by_step = Vec::new();
            for (depth, step) in depths.into_iter().flat_map(|depth| [1, 2, 5].map(|step| (depth, step))) {
                let deep: Vec<u16> = pixels.iter().map(|&sample| deepened(sample, depth)).collect();
                let header = Header { depth, ..header };
                let found = in_steps(&pixels, &header, step, |inner| filter.behind_at(level, inner, &header));
                let expected = reference(&deep, [width, height], &filter, peak(depth).into());
                assert_eq!(found.len(), expected.len());
                // The formula is in real numbers: where it is halfway between two samples, floats may take the other.
                let pairs = found.iter().zip(&expected);
                let differ: Vec<_> = pairs.clone().filter(|(a, b)| a != b).collect();
                assert!(differ.iter().all(|(a, b)| a.abs_diff(**b) == 1), "{differ:?}");
                assert!(differ.len() * 100 <= expected.len(), "{} of {}", differ.len(), expected.len());
                assert!(width == 1 || found != deep);
                found_by_step.push((depth, found));
            }
            assert!(found_by_step.chunks(3).all(|same| same.iter().all(|found| *found == same[0])));
        }
    }
}

#[test]
fn all_instructions_give_the_same_samples() {
    for (channels, colour) in [(3, Colour::Rgb), (1, Colour::Grey)] {
        let (size, header) = ([150, 70], Header { colour, ..test_header(150, 70) });
        let filter = coefficients(channels, 13, 4);
        let results: Vec<Vec<u16>> = Level::all()
            .into_iter()
            .map(|level| {
                let inner = Ready { lines: picture(size, channels, 9), stride: size[0] * channels };
                let mut found = Vec::new();
                let mut filtered = filter.behind_at(level, Box::new(inner), &header);
                filtered.push_deep(vec![Vec::new(); 5], BitDepth::Sixteen, &mut found).unwrap();
                found
            })
            .collect();
        assert!(results.iter().all(|found| *found == results[0]));
    }
}

#[test]
fn coefficients_survive_their_section() {
    for channels in [1, 3] {
        let colour = if channels == 3 { ColourModel::Rgb } else { ColourModel::Grey };
        for seed in 0..40 {
            let filter = coefficients(channels, (seed % 16) as u8, seed);
            let body = filter.write().unwrap();
            assert_eq!(Coefficients::read(colour, &body).unwrap(), filter, "{seed}");
        }
        let largest = Coefficients::new(channels, 0, vec![i16::MAX; channels * features(channels)]);
        assert_eq!(Coefficients::read(colour, &largest.write().unwrap()).unwrap(), largest);
        let nothing = Coefficients::new(channels, MAX_PRECISION, vec![0; channels * features(channels)]);
        assert!(nothing.is_nothing() && nothing.write().unwrap().len() <= 2);
    }
}

#[test]
fn the_bytes_of_a_section_stay_what_they_are() {
    let mut values = vec![0; 18];
    (values[0], values[1], values[2], values[9], values[17]) = (-3, 100, 17, -1, 4);
    let filter = Coefficients::new(1, 10, values);
    let body = filter.write().unwrap();
    assert_eq!(body, PINNED);
    assert_eq!(Coefficients::read(ColourModel::Grey, &PINNED).unwrap(), filter);
}

/// Of a grey picture: precision 10; -3, 100, 17 at the first three of 18 places, -1 at the tenth, 4 at the last.
const PINNED: [u8; 8] = [10, 230, 91, 159, 60, 250, 16, 244];

#[test]
fn a_section_that_no_encoder_writes_is_refused_or_is_some_filter() {
    let read = |body: &[u8]| Coefficients::read(ColourModel::Rgb, body);
    let refused = |body: &[u8]| matches!(read(body), Err(Error::InvalidSection { kind: 8, .. }));
    assert!(refused(&[]) && refused(&[16]) && refused(&[255, 0]));
    let mut long = coefficients(3, 9, 5).write().unwrap();
    long.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert!(refused(&long));
    let header = test_header(20, 20);
    for seed in 0..2000 {
        let body: Vec<u8> = numbers(seed, (seed % 200) as usize).into_iter().map(|n| n as u8).collect();
        if let Ok(filter) = read(&body) {
            let inner = Ready { lines: picture([20, 20], 3, seed), stride: 60 };
            let mut pixels = Vec::new();
            filter.behind(Box::new(inner), &header).push(vec![Vec::new(); 2], &mut pixels).unwrap();
            assert_eq!(pixels.len(), 20 * 20 * 3);
        }
    }
}

/// What is counted of one in `every` row of two pictures.
fn counted(level: Level, size: [usize; 2], every: usize, decoded: &[u8], original: &Samples) -> Sums {
    let channels = decoded.len() / (size[0] * size[1]);
    let mut sums = Sums::new(channels);
    let whole = Part { columns: 0..size[0], rows: 0..size[1], stride: size[0] };
    // In two pieces, as if there were other blocks beside them.
    for columns in [0..size[0] / 3, size[0] / 3..size[0]] {
        let part = Part { columns, ..whole.clone() };
        sums.add(level, &Patch::new(channels, (decoded, &part, &whole), (original, &part)), every);
    }
    sums
}

#[test]
fn sums_are_those_of_the_products_up_to_the_edges_of_the_picture() {
    for (size, channels, every) in [([40, 35], 3, 2), ([1100, 20], 1, 1), ([9, 7], 3, 3)] {
        let (decoded, original) = (picture(size, channels, 2), picture(size, channels, 3));
        let at = |pixels: &[u8], x: isize, y: isize, c: usize| {
            let (x, y) = (x.clamp(0, size[0] as isize - 1) as usize, y.clamp(0, size[1] as isize - 1) as usize);
            i64::from(pixels[(y * size[0] + x) * channels + c])
        };
        let count = features(channels) + channels;
        let mut expected = vec![0; count * count];
        let rows = (0..size[1] as isize).step_by(every);
        for (y, x) in rows.flat_map(|y| (0..size[0] as isize).map(move |x| (y, x))) {
            let mut seen = vec![1];
            seen.extend((0..channels).map(|c| at(&decoded, x, y, c) - 128));
            for c in 0..channels {
                for (rows, columns) in PAIRS {
                    let around = at(&decoded, x + columns, y + rows, c) + at(&decoded, x - columns, y - rows, c);
                    seen.push(around - 2 * at(&decoded, x, y, c));
                }
            }
            seen.extend((0..channels).map(|c| at(&original, x, y, c) - at(&decoded, x, y, c)));
            for (i, expected) in expected.iter_mut().enumerate() {
                *expected += seen[i / count] * seen[i % count];
            }
        }
        let deep: Vec<u16> = original.iter().map(|&sample| deepened(sample, BitDepth::Twelve)).collect();
        for level in Level::all() {
            for original in [Samples::Eight(original.clone()), Samples::Deep(BitDepth::Twelve, deep.clone())] {
                let sums = counted(level, size, every, &decoded, &original);
                assert_eq!(sums.count, (size[0] * size[1].div_ceil(every)) as u64);
                let found: Vec<i64> = (0..count * count).map(|i| sums.of(i / count, i % count)).collect();
                assert_eq!(found, expected, "{size:?}, {level:?}");
            }
        }
    }
}

#[test]
fn a_fit_finds_what_a_picture_was_spoilt_with_and_leaves_a_good_one_alone() {
    let size = [160, 128];
    for (channels, colour) in [(3, ColourModel::Rgb), (1, ColourModel::Grey)] {
        let decoded = picture(size, channels, 7);
        let mut values = vec![0; channels * features(channels)];
        // A constant, brightness from brightness, and from pairs beside and above.
        (values[0], values[1], values[1 + channels], values[2 + channels]) = (3, -60, 50, -30);
        let right = Coefficients::new(channels, 9, values);
        let deep: Vec<u16> = decoded.iter().map(|&sample| sample.into()).collect();
        let original: Vec<u8> = reference(&deep, size, &right, 255.0).into_iter().map(|sample| sample as u8).collect();
        let pixels = (size[0] * size[1]) as u64;
        let sums = counted(Level::detect(), size, 1, &decoded, &Samples::Eight(original.clone()));
        let found = fit(&sums, pixels, 0.1).unwrap().expect("a filter that is worth its bytes");
        let filter = Coefficients::read(colour, &found).unwrap();
        let filtered = reference(&deep, size, &filter, 255.0);
        let error = |pixels: &[u16]| -> f64 {
            pixels.iter().zip(&original).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
        };
        // What is left is rounding, of the original and of the result.
        assert!(error(&filtered) < 0.05 * error(&deep), "{} of {}", error(&filtered), error(&deep));

        let same = counted(Level::detect(), size, 1, &decoded, &Samples::Eight(decoded.clone()));
        assert_eq!(fit(&same, pixels, 100.0).unwrap(), None);
        // Nor is a filter worth anything where errors are worth nothing.
        assert_eq!(fit(&sums, pixels, 1e-9).unwrap(), None);
        assert_eq!(fit(&Sums::new(channels), pixels, 1.0).unwrap(), None);
    }
}
