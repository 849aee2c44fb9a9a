//! The filter on pictures that come in rows, its classes, and what its fit makes of pictures.

use lic_model::filters::mending::{CLASSES, FEATURES, PAIRS};
use lic_model::filters::{KNOTS, at_quality};
use lic_model::plain::Enhancement;

use super::apply::behind_at;
use super::*;
use crate::format::header::test_header;
use crate::format::{BitDepth, Header};
use crate::samples::{deepened, peak};
use crate::simd::Level;
use crate::splitmix::splitmix64;
use crate::transform::behind::testing::in_steps;
use crate::{Colour, Picture};

/// Waves and edges of colour that run all ways, calm on the left and noisy on the right.
fn picture([width, height]: [usize; 2], channels: usize) -> Vec<u8> {
    let mut state = 7;
    let value = |i: usize| {
        let (x, y, c) = ((i / channels % width) as f64, (i / channels / width) as f64, i % channels);
        let wave = (x / 5.0 + y / (3.0 + c as f64)).sin() * 50.0 + ((x - y) / 9.0).cos().signum() * 20.0;
        let noise = (splitmix64(&mut state) % 31) as f64 * x / width as f64;
        (110.0 + wave + noise) as u8
    };
    (0..width * height * channels).map(value).collect()
}

/// Weights that are others for every quality, class, feature and colour.
fn weights() -> Enhancement {
    let weight = |i: usize| ((i * 37 + i / 216 * 5) % 101) as f32 / 2000.0 - 0.025;
    Enhancement::new((0..Enhancement::COUNT).map(weight).collect()).unwrap()
}

/// The filter as `codec/FORMAT.md` words it, on samples up to `peak`.
fn reference(pixels: &[u16], [width, height]: [usize; 2], weights: &Enhancement, quality: u8, peak: f64) -> Vec<u16> {
    let channels = pixels.len() / (width * height);
    let signal = |p: usize, x: isize, y: isize| {
        let (x, y) = (x.clamp(0, width as isize - 1) as usize, y.clamp(0, height as isize - 1) as usize);
        let colour = |c: usize| f64::from(pixels[(y * width + x) * channels + c.min(channels - 1)]) * 255.0 / peak;
        let [r, g, b] = [0, 1, 2].map(colour);
        [r + g + b, r - b, r - 2.0 * g + b][p]
    };
    let class = |x: isize, y: isize| {
        let mut sums = [0.0; 4];
        for (x, y) in (y - 1..=y + 1).flat_map(|y| (x - 1..=x + 1).map(move |x| (x, y))) {
            for (sum, (down, right)) in sums.iter_mut().zip([(1, 0), (0, 1), (1, 1), (-1, 1)]) {
                let at = |rows: isize, columns: isize| signal(0, x + columns, y + rows);
                *sum += (2.0 * at(0, 0) - at(down, right) - at(-down, -right)).abs();
            }
        }
        let [d, a, f, r] = sums;
        let busy = [17.0, 26.0, 44.0, 94.0, 203.0, 468.0, 1014.0].iter().filter(|least| d + a >= **least).count();
        let ways =
            [(a, d, 0), (d, a, 1), (f, r, 2), (r, f, 3)].map(|(most, least, way)| (most + 1.5, least + 1.5, way));
        let [upright, aslant] = [&ways[..2], &ways[2..]].map(|two| if two[0].0 > two[1].0 { two[0] } else { two[1] });
        let (most, least, way) = if upright.0 * aslant.1 >= aslant.0 * upright.1 { upright } else { aslant };
        let clearly = [1.3, 2.0, 4.0].iter().filter(|ratio| most > **ratio * least).count();
        busy * 13 + if clearly == 0 { 0 } else { 3 * way + clearly }
    };
    let (knot, part) = (usize::from(quality) / 64, f64::from(quality % 64) / 64.0);
    let weight = |class: usize, feature: usize, colour: usize| {
        let of = |knot: usize| f64::from(weights.weights()[((knot.min(4) * 104 + class) * 72 + feature) * 3 + colour]);
        of(knot) + part * (of(knot + 1) - of(knot))
    };
    let mut out = Vec::new();
    for (y, x) in (0..height as isize).flat_map(|y| (0..width as isize).map(move |x| (y, x))) {
        let mut seen = Vec::new();
        for (p, limit) in [7.0, 3.0, 5.0].into_iter().enumerate() {
            let sides = |(rows, columns): (isize, isize)| {
                [1, -1].map(|side| signal(p, x + side * columns, y + side * rows) - signal(p, x, y))
            };
            seen.extend(PAIRS.map(|pair| sides(pair).iter().sum::<f64>()));
            seen.extend(PAIRS.map(|pair| sides(pair).iter().map(|side| side.clamp(-limit, limit)).sum::<f64>()));
        }
        let class = class(x, y);
        let change = |c: usize| seen.iter().enumerate().map(|(f, seen)| seen * weight(class, f, c)).sum::<f64>();
        for c in 0..channels {
            let change = if channels == 1 { (change(0) + change(1) + change(2)) / 3.0 } else { change(c) };
            let sample = f64::from(pixels[(y as usize * width + x as usize) * channels + c]);
            out.push((sample + change * peak / 255.0 + 0.5).clamp(0.0, peak) as u16);
        }
    }
    out
}

#[test]
fn rows_that_come_bit_by_bit_are_mended_as_the_formula_says_at_every_depth_and_with_all_instructions() {
    for (width, height, channels) in [(45, 83, 3), (64, 48, 1), (7, 5, 3), (1, 1, 1), (33, 11, 1), (170, 40, 3)] {
        let pixels = picture([width, height], channels);
        let colour = if channels == 3 { Colour::Rgb } else { Colour::Grey };
        let depths = [BitDepth::Eight, BitDepth::Ten, BitDepth::Twelve, BitDepth::Sixteen];
        for (depth, quality) in depths.into_iter().zip([0, 100, 192, 252]) {
            let header = Header { colour, depth, quality, ..test_header(width as u16, height as u16) };
            let deep: Vec<u16> = pixels.iter().map(|&sample| deepened(sample, depth)).collect();
            let expected = reference(&deep, [width, height], &weights(), quality, peak(depth).into());
            let found = Level::all().into_iter().flat_map(|level| {
                [1, 2, 5]
                    .map(|step| in_steps(&pixels, &header, step, |inner| behind_at(&weights(), level, inner, &header)))
            });
            let found: Vec<Vec<u16>> = found.collect();
            assert!(found.iter().all(|other| *other == found[0]), "{width}, {depth:?}");
            // The formula is in real numbers: where it is halfway between two samples, or between two classes, floats may take the other.
            let pairs = found[0].iter().zip(&expected);
            let differ = pairs.filter(|(a, b)| a.abs_diff(**b) > u16::from(depth != BitDepth::Eight)).count();
            assert_eq!(found[0].len(), expected.len());
            assert!(differ * 100 <= expected.len(), "{differ} of {}: {width}, {depth:?}", expected.len());
            assert!(width == 1 || found[0] != deep);
        }
    }
}

#[test]
fn grey_is_mended_as_the_mean_of_three_colours_that_are_the_same() {
    let (size, header) = ([90, 40], test_header(90, 40));
    let grey = picture(size, 1);
    let colours: Vec<u8> = grey.iter().flat_map(|&sample| [sample; 3]).collect();
    let level = Level::detect();
    let of_grey = Header { colour: Colour::Grey, ..header };
    let found = in_steps(&grey, &of_grey, 2, |inner| behind_at(&weights(), level, inner, &of_grey));
    let colours = in_steps(&colours, &header, 2, |inner| behind_at(&weights(), level, inner, &header));
    for (grey, colours) in found.iter().zip(colours.chunks_exact(3)) {
        let mean = f64::from(colours.iter().sum::<u16>()) / 3.0;
        assert!((f64::from(*grey) - mean).abs() <= 1.0, "{grey} and {colours:?}");
    }
}

#[test]
fn weights_that_are_no_numbers_make_black_pixels_and_no_panic() {
    let header = test_header(32, 32);
    let weights = Enhancement::new(vec![f32::NAN; Enhancement::COUNT]).unwrap();
    let found = in_steps(&[100; 32 * 32 * 3], &header, 1, |inner| behind(&weights, inner, &header));
    assert_eq!(found, [0; 32 * 32 * 3]);
}

#[test]
fn weights_between_two_qualities_are_interpolated() {
    let size = CLASSES * FEATURES * COLOURS;
    let weights = (0..Enhancement::COUNT).map(|i| [1.0, 2.0, 0.0, 0.0, 4.0][i / size]).collect();
    let enhancement = Enhancement::new(weights).unwrap();
    for (quality, expected) in [(0, 1.0), (32, 1.5), (64, 2.0), (96, 1.0), (224, 2.0), (252, 3.75)] {
        assert_eq!(at_quality(enhancement.weights(), quality).nth(size - 1), Some(expected), "{quality}");
    }
}

#[test]
fn a_fit_finds_what_pictures_were_spoilt_with_at_one_quality_and_leaves_the_others_alone() {
    let size = [160, 128];
    let spoilt = picture(size, 3);
    let header = Header { quality: 128, ..test_header(160, 128) };
    let right = weights();
    let original = in_steps(&spoilt, &header, 4, |inner| behind(&right, inner, &header));
    let original: Vec<u8> = original.into_iter().map(|sample| sample as u8).collect();
    let picture = |pixels: &[u8]| Picture::new(160, 128, Colour::Rgb, pixels.to_vec()).unwrap();
    let mut fit = EnhanceFit::default();
    assert!(fit.equations().is_none());
    fit.add(128, &picture(&original), &picture(&spoilt));
    let equations: Vec<(Vec<f64>, Vec<f64>)> = fit.equations().unwrap().collect();
    assert_eq!(equations.len(), KNOTS * CLASSES);
    assert!(equations[..2 * CLASSES].iter().all(|(products, _)| products.iter().all(|&product| product == 0.0)));
    // By gradient descent, as solving is not this crate's.
    let mut found = vec![0.0f64; Enhancement::COUNT];
    for (number, (products, errors)) in equations.iter().enumerate() {
        let steepest: f64 = (0..FEATURES).map(|i| products[i * FEATURES + i]).sum();
        if steepest == 0.0 {
            continue;
        }
        let weights = &mut found[number * FEATURES * COLOURS..(number + 1) * FEATURES * COLOURS];
        for _ in 0..400 {
            for c in 0..COLOURS {
                let slope = |i: usize| {
                    let row = &products[i * FEATURES..(i + 1) * FEATURES];
                    errors[i * COLOURS + c] - (0..FEATURES).map(|j| row[j] * weights[j * COLOURS + c]).sum::<f64>()
                };
                let slopes: Vec<f64> = (0..FEATURES).map(slope).collect();
                slopes.iter().enumerate().for_each(|(i, slope)| weights[i * COLOURS + c] += slope / steepest);
            }
        }
    }
    let found = Enhancement::new(found.into_iter().map(|weight| weight as f32).collect()).unwrap();
    let mended = in_steps(&spoilt, &header, 4, |inner| behind(&found, inner, &header));
    let mended: Vec<u8> = mended.into_iter().map(|sample| sample as u8).collect();
    let psnr = |pixels: &[u8]| picture(&original).psnr(&picture(pixels));
    assert!(psnr(&mended) > psnr(&spoilt) + 6.0, "{} after {}", psnr(&mended), psnr(&spoilt));
}

#[test]
fn the_fit_passes_over_pictures_whose_fields_do_not_fit_each_other() {
    let good = Picture::new(32, 32, Colour::Rgb, vec![9; 32 * 32 * 3]).unwrap();
    let other = Picture { pixels: vec![10; 32 * 32 * 3].into(), ..good.clone() };
    let mut fit = EnhanceFit::default();
    for wrong in [
        Picture { pixels: vec![7; 32 * 32 * 3 - 1].into(), ..good.clone() },
        Picture { pixels: vec![].into(), ..good.clone() },
        Picture { width: 33, ..other.clone() },
        Picture { height: u32::MAX, ..other.clone() },
        Picture { colour: Colour::Grey, ..other.clone() },
        // Nothing to mend.
        good.clone(),
    ] {
        fit.add(0, &good, &wrong);
        fit.add(0, &wrong, &good);
        fit.add(0, &wrong, &wrong);
    }
    assert!(fit.equations().is_none());
    fit.add(0, &good, &other);
    assert!(fit.equations().is_some());
}
