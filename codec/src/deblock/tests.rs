//! The filter on pictures, and in a synthesis that gives its rows bit by bit.

use super::*;
use crate::format::header::test_header;
use crate::format::{BitDepth, Header};
use crate::samples::{deepened, peak};
use crate::simd::Level;
use crate::transform::behind::testing::{Ready, in_steps};
use crate::{Colour, Picture};

fn weights() -> [f32; DEBLOCKING_WEIGHTS] {
    std::array::from_fn(|i| [0.4, 0.2, 0.1, 0.05, -0.2, -0.1, 0.0, 0.0][i % 8] * if i / 8 % 2 == 1 { 1.1 } else { 1.0 })
}

/// Patches of different brightness, some with an edge inside.
fn picture(width: usize, height: usize, channels: usize) -> Vec<u8> {
    let value = |x: usize, y: usize, c: usize| {
        let patch = (x / 8 * 7 + y / 8 * 13 + 5 * c) % 11;
        let edge = if (x / 8 + y / 8).is_multiple_of(5) && x % 8 > 3 { 90 } else { 0 };
        (80 + patch + edge + (x * y) % 3) as u8
    };
    (0..width * height * channels).map(|i| value(i / channels % width, i / channels / width, i % channels)).collect()
}

/// The filter as `codec/FORMAT.md` words it, on samples up to `peak`, for quality 0.
fn reference(
    pixels: &[u16],
    [width, height]: [usize; 2],
    channels: usize,
    weights: &[f32; DEBLOCKING_WEIGHTS],
    peak: f32,
) -> Vec<u16> {
    let mut out: Vec<u16> = pixels.to_vec();
    let (up, down) = (255.0 / peak, peak / 255.0);
    for (along, across, stride, next) in
        [(height, width, width * channels, channels), (width, height, channels, width * channels)]
    {
        for boundary in (8..across).step_by(8).filter(|boundary| boundary + 4 <= across) {
            for line in 0..along {
                let at = |i: usize, c: usize| line * stride + (boundary + i - 4) * next + c;
                let x = |i: usize, c: usize| f32::from(out[at(i, c)]) * up;
                let mean = |f: &dyn Fn(usize) -> f32| (0..channels).map(f).sum::<f32>() / channels as f32;
                let s = |c: usize| 1.5 * (x(4, c) - x(3, c)) - 0.5 * (x(5, c) - x(2, c));
                let m = mean(&s);
                let size = mean(&|c| s(c).abs()) / 16.0;
                let activity = mean(&|c| (x(3, c) - x(1, c)).abs() + (x(4, c) - x(6, c)).abs()) / 32.0;
                let g = 1.0 / (1.0 + size * size + activity * activity);
                let kind = usize::from(boundary.is_multiple_of(16));
                let mut changed = Vec::new();
                for c in 0..channels {
                    for j in 0..4 {
                        let change = weights[kind * 8 + j] * (g * s(c)) + weights[kind * 8 + 4 + j] * (g * m);
                        changed.push((at(3 - j, c), x(3 - j, c) + change));
                        changed.push((at(4 + j, c), x(4 + j, c) - change));
                    }
                }
                changed.into_iter().for_each(|(at, value)| out[at] = (value * down + 0.5).clamp(0.0, peak) as u16);
            }
        }
    }
    out
}

#[test]
fn rows_that_come_bit_by_bit_are_smoothed_as_the_formula_says_at_every_depth_and_with_all_instructions() {
    for (width, height, channels) in [(45, 83, 3), (64, 48, 1), (7, 5, 3), (20, 12, 3), (33, 11, 1), (170, 40, 3)] {
        let pixels = picture(width, height, channels);
        let colour = if channels == 3 { Colour::Rgb } else { Colour::Grey };
        let header = Header { colour, quality: 0, ..test_header(width as u16, height as u16) };
        let depths = [BitDepth::Eight, BitDepth::Ten, BitDepth::Twelve, BitDepth::Sixteen];
        let steps = [1, 2, 5];
        for (i, level) in Level::all().into_iter().enumerate() {
            for (depth, step) in depths.into_iter().zip(steps.into_iter().cycle().skip(i)) {
                let deep: Vec<u16> = pixels.iter().map(|&sample| deepened(sample, depth)).collect();
                let expected = reference(&deep, [width, height], channels, &weights(), peak(depth).into());
                assert!(width < 12 || expected != deep);
                let header = Header { depth, ..header };
                let smooth = |inner| Deblocking::new(&weights()).behind_at(level, inner, &header);
                let found = in_steps(&pixels, &header, step, smooth);
                assert!(found == expected, "{width} x {height} x {channels}, {depth:?}, {level:?}");
            }
        }
    }
}

#[test]
fn weights_that_are_no_numbers_make_black_pixels_and_no_panic() {
    let inner = Box::new(Ready { lines: vec![100; 32 * 32 * 3], stride: 96 });
    let mut smoothed = Deblocking::new(&[f32::NAN; DEBLOCKING_WEIGHTS]).behind(inner, &test_header(32, 32));
    let mut pixels = Vec::new();
    smoothed.push(vec![Vec::new(); 2], &mut pixels).unwrap();
    assert!(pixels.len() == 32 * 32 * 3 && pixels.contains(&0) && pixels.contains(&100));
}

#[test]
fn weights_between_two_qualities_are_interpolated() {
    let mut weights = [0.0; DEBLOCKING_WEIGHTS];
    weights[..16].fill(1.0);
    weights[16..32].fill(2.0);
    let deblocking = Deblocking::new(&weights);
    for (quality, expected) in [(0, 1.0), (32, 1.5), (64, 2.0), (96, 1.0), (252, 0.0)] {
        assert_eq!(deblocking.at(quality).0[0][0][0], expected, "{quality}");
    }
}

#[test]
fn the_fit_finds_what_a_picture_was_spoilt_with() {
    let (width, height) = (160, 128);
    let smooth: Vec<u8> =
        (0..width * height * 3).map(|i| (60 + (i / 3 % width) / 3 + (i / 3 / width) / 4) as u8).collect();
    // Every patch is too bright or too dark as a whole.
    let level = |i: usize| ((i / 3 % width / 8 * 5 + i / 3 / width / 8 * 3) % 7) as u8;
    let blocky: Vec<u8> = smooth.iter().enumerate().map(|(i, v)| v + level(i)).collect();
    let middle: Vec<u8> = smooth.iter().map(|v| v + 3).collect();
    let picture = |pixels: &[u8]| Picture::new(width as u32, height as u32, Colour::Rgb, pixels.to_vec()).unwrap();
    let mut fit = DeblockFit::default();
    assert!(fit.solve().is_none());
    for quality in DeblockFit::QUALITIES {
        fit.add(quality, &picture(&middle), &picture(&blocky));
    }
    let weights = fit.solve().unwrap();
    let deep: Vec<u16> = blocky.iter().map(|&sample| sample.into()).collect();
    let filtered: Vec<u8> =
        reference(&deep, [width, height], 3, &weights, 255.0).into_iter().map(|sample| sample as u8).collect();
    let psnr = |pixels: &[u8]| picture(&middle).psnr(&picture(pixels));
    assert!(psnr(&filtered) > psnr(&blocky) + 0.5, "{} after {}", psnr(&filtered), psnr(&blocky));
    assert!(weights.iter().all(|weight| weight.abs() < 1.0), "{weights:?}");
}

#[test]
fn the_fit_passes_over_pictures_whose_fields_do_not_fit_each_other() {
    let good = Picture::new(32, 32, Colour::Rgb, vec![9; 32 * 32 * 3]).unwrap();
    let mut fit = DeblockFit::default();
    for wrong in [
        Picture { pixels: vec![9; 32 * 32 * 3 - 1].into(), ..good.clone() },
        Picture { pixels: vec![].into(), ..good.clone() },
        Picture { width: 33, ..good.clone() },
        Picture { height: u32::MAX, ..good.clone() },
        Picture { colour: Colour::Grey, ..good.clone() },
    ] {
        fit.add(0, &good, &wrong);
        fit.add(0, &wrong, &good);
        fit.add(0, &wrong, &wrong);
    }
    assert!(fit.solve().is_none());
    fit.add(0, &good, &good);
    assert!(fit.solve().is_some());
}
