//! Gradients against differences. That the way forward is the decoders' is a test of `lic_codec::refine`.

use super::*;
use crate::backprop::filters::planes::COLOURS;
use crate::plain::ENHANCEMENT;
use crate::prior::uniform_noise;

const SIZE: [usize; 2] = [4, 6];
/// Ends within the last patches, and is no multiple of the lanes.
const PICTURE: [usize; 2] = [29, 43];

/// Weights that are others everywhere.
fn filters() -> Filters {
    let noise = |seed, count, scale: f32| uniform_noise(seed, count).into_iter().map(move |x| scale * x);
    let deblocking: Vec<f32> = noise(1, DEBLOCKING_WEIGHTS, 0.4).collect();
    Filters {
        deblocking: deblocking.try_into().ok(),
        enhancement: Enhancement::new(noise(2, ENHANCEMENT.iter().product(), 0.03).collect()),
    }
}

/// Waves with some noise, which is what most classes are seen with; so large.
fn patches(scale: f32) -> Vec<f32> {
    let noise = uniform_noise(3, SIZE[0] * SIZE[1] * 192);
    let wave = |i: usize| ((i % 192) as f32 / 17.0).sin() * 0.08 + (i / 192) as f32 / 100.0;
    noise.iter().enumerate().map(|(i, noise)| scale * (wave(i) + noise * 0.04 * (1 + i / 192 % 5) as f32)).collect()
}

fn size() -> usize {
    SIZE[0] * SIZE[1] * 192
}

/// What counts of the filtered patches, and the classes that were found.
fn value(filter: &Filter, patches: &[f32], slopes: &[f32]) -> (f64, Option<Vec<u8>>) {
    let mut filtered = patches.to_vec();
    let kept = filter.forward(&mut filtered, SIZE, PICTURE, &mut Pool::default());
    let sum = filtered.iter().zip(slopes).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    (sum, kept.mending.map(|kept| kept.classes().to_vec()))
}

/// How many of the numbers whose classes stay as they are have a gradient that is not that of differences, and how many there are.
fn wrong(filter: &Filter, scale: f32) -> (usize, usize) {
    let patches = patches(scale);
    let slopes = uniform_noise(4, size());
    let mut pool = Pool::default();
    let mut gradient = slopes.clone();
    let kept = filter.forward(&mut patches.clone(), SIZE, PICTURE, &mut pool);
    pool.spoil();
    filter.back(kept, &mut gradient, SIZE, &mut pool);
    let (_, classes) = value(filter, &patches, &slopes);
    let (mut wrong, mut all) = (0, 0);
    for place in 0..patches.len() {
        const CHANGE: f32 = 1e-4;
        let [up, down] = [CHANGE, -CHANGE].map(|change| {
            let mut changed = patches.clone();
            changed[place] += change;
            value(filter, &changed, &slopes)
        });
        if up.1 != classes || down.1 != classes {
            continue;
        }
        let found = (up.0 - down.0) / (2.0 * f64::from(CHANGE));
        all += 1;
        wrong += usize::from((found - f64::from(gradient[place])).abs() > 0.02);
    }
    (wrong, all)
}

#[test]
fn the_way_back_of_mending_is_that_of_differences() {
    let filter = Filter { smoothing: None, ..filters().at(100) };
    let (wrong, all) = wrong(&filter, 1.0);
    // Where a difference to a neighbour is just being clipped.
    assert!(all > size() / 2 && wrong * 100 < all, "{wrong} of {all}");
}

#[test]
fn the_way_back_of_smoothing_is_that_of_differences_where_its_weights_hardly_move() {
    let filter = Filter { mending: None, ..filters().at(100) };
    // Steps of about one, with which every weight is about 1.
    let (wrong, all) = wrong(&filter, 0.05);
    assert!(all == size() && wrong * 100 < all, "{wrong} of {all}");
}

#[test]
fn numbers_beyond_the_picture_neither_change_nor_count() {
    let filter = filters().at(37);
    let mut filtered = patches(1.0);
    let kept = filter.forward(&mut filtered, SIZE, PICTURE, &mut Pool::default());
    let mut gradient = vec![1.0; size()];
    filter.back(kept, &mut gradient, SIZE, &mut Pool::default());
    let before = patches(1.0);
    let mut changed = 0;
    for place in 0..size() {
        let (patch, inner) = (place / 192, place % 192);
        let row = patch / SIZE[1] * 8 + inner / 24;
        let column = patch % SIZE[1] * 8 + inner / COLOURS % 8;
        if row >= PICTURE[0] || column >= PICTURE[1] {
            assert_eq!((filtered[place], gradient[place]), (before[place], 1.0), "{row}, {column}");
        } else {
            changed += usize::from(filtered[place] != before[place]);
        }
    }
    assert!(changed > PICTURE[0] * PICTURE[1] * 2, "{changed}");
}

#[test]
fn pictures_smaller_than_a_patch_pass() {
    let filter = filters().at(252);
    for picture in [[1, 1], [3, 5], [8, 12], [13, 2]] {
        let mut filtered = vec![0.1; 4 * 192];
        let kept = filter.forward(&mut filtered, [2, 2], picture, &mut Pool::default());
        let mut gradient = vec![1.0; filtered.len()];
        filter.back(kept, &mut gradient, [2, 2], &mut Pool::default());
        // Nothing is to be mended where all is the same, and a constant added to all is found again.
        let there = (picture[0] * picture[1] * COLOURS) as f32;
        let sum = gradient.iter().sum::<f32>();
        assert!(filtered.iter().all(|x| (x - 0.1).abs() < 1e-6));
        assert!((sum - filtered.len() as f32).abs() < 1e-3 * there, "{picture:?}: {sum}");
    }
}
