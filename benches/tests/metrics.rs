//! Metrics against their references.

use lic_benches::metric::{Metric, MetricError};
use lic_codec::{Colour, Picture};
use lic_datasets::{Channels, Photo, SAMPLES};

fn sample(name: &str) -> Picture {
    let photo = SAMPLES.iter().find(|s| s.name == name).expect("a sample").photo().expect("a photo");
    let Photo { width, height, channels, pixels, .. } = photo;
    let colour = if channels == Channels::Grey { Colour::Grey } else { Colour::Rgb };
    Picture::new(width, height, colour, pixels.into_eight()).expect("a picture")
}

/// A picture whose samples are made from row, column, channel, and a function of row, column and channel that gives the
/// original's samples (columns beyond the edge repeat it).
fn distorted(picture: &Picture, change: impl Fn(usize, usize, usize, &dyn Fn(i64) -> i64) -> i64) -> Picture {
    let (width, channels) = (picture.width as usize, picture.channels());
    let pixels = picture.pixels.to_eight();
    let make = |index: usize| {
        let (row, column, channel) = (index / channels / width, index / channels % width, index % channels);
        let original = |shift: i64| {
            let column = (column as i64 + shift).clamp(0, width as i64 - 1) as usize;
            i64::from(pixels[(row * width + column) * channels + channel])
        };
        change(row, column, channel, &original).clamp(0, 255) as u8
    };
    let changed: Vec<u8> = (0..pixels.len()).map(make).collect();
    Picture { pixels: changed.into(), ..picture.clone() }
}

fn noise(picture: &Picture, most: i64) -> Picture {
    distorted(picture, |y, x, c, original| {
        original(0) + (x as i64 * 7 + y as i64 * 13 + c as i64 * 29) % (2 * most + 1) - most
    })
}

fn coarse(picture: &Picture, step: i64) -> Picture {
    distorted(picture, |_, _, _, original| original(0) / step * step + step / 2)
}

fn smear(picture: &Picture, reach: i64) -> Picture {
    distorted(picture, |_, _, _, original| (-reach..=reach).map(original).sum::<i64>() / (2 * reach + 1))
}

fn cropped(picture: &Picture, width: u32, height: u32) -> Picture {
    let row = picture.width as usize * picture.channels();
    let pixels = picture.pixels.to_eight();
    let rows = pixels.chunks_exact(row).take(height as usize);
    let pixels: Vec<u8> = rows.flat_map(|row| row[..width as usize * picture.channels()].to_vec()).collect();
    Picture::new(width, height, picture.colour, pixels).expect("a picture")
}

/// The five pairs of `reference/pictures.py`.
fn pairs() -> [(Picture, Picture); 5] {
    let [chelsea, coffee, landscape, page] =
        ["chelsea", "coffee", "landscape", "page"].map(|n| sample(&format!("{n}.png")));
    let odd = cropped(&coffee, 301, 233);
    let faded = distorted(&page, |_, _, _, original| original(0) * 3 / 4 + 20);
    [
        (chelsea.clone(), noise(&chelsea, 20)),
        (coffee.clone(), coarse(&coffee, 32)),
        (landscape.clone(), smear(&landscape, 2)),
        (odd.clone(), noise(&odd, 60)),
        (page, faded),
    ]
}

#[track_caller]
fn agrees(metric: Metric, expected: [f64; 5], tolerance: f64) {
    for ((original, decoded), expected) in pairs().into_iter().zip(expected) {
        let found = metric.measure(&original, &decoded).expect("large enough");
        assert!((found - expected).abs() < tolerance, "{metric}: {found}, expected {expected}");
    }
}

/// Expected values: `reference/ms_ssim.py`, with pytorch-msssim 1.0.0 and torch 2.9.0.
#[test]
fn ms_ssim_is_that_of_pytorch_msssim() {
    agrees(Metric::MsSsim, [0.943_867_39, 0.936_653_08, 0.998_106_72, 0.552_768_83, 0.958_825_11], 1e-5);
}

/// Expected values: the crate ssimulacra2 0.5.1 of rust-av, of which the one in use is a faster fork, on the PNG files that `reference/perceptual.py`
/// keeps if asked to. It is a port of the C++ code; the Python package ssimulacra2 0.3.0, another, gives 0.7 to 2.1 less, and which of the two is
/// nearer to the original has not been looked into.
#[test]
fn ssimulacra2_is_that_of_the_crate_it_was_made_from() {
    agrees(Metric::Ssimulacra2, [62.765646, 23.527246, 83.462518, -62.519836, 14.905274], 0.05);
}

/// Expected values: `reference/perceptual.py`, with butteraugli_main of libjxl 0.7.0, 3-norm at 80 nits. The crate follows a
/// later libjxl.
#[test]
fn butteraugli_is_within_a_twentieth_of_an_older_libjxl() {
    for (expected, (original, decoded)) in [3.052792, 4.593801, 0.879085, 15.595743, 16.689432].into_iter().zip(pairs())
    {
        let found = Metric::Butteraugli.measure(&original, &decoded).expect("large enough");
        assert!((found / expected - 1.0).abs() < 0.05, "{found}, expected {expected}");
    }
}

#[test]
fn names_of_metrics_are_read_and_wrong_ones_named() {
    for metric in Metric::ALL {
        assert_eq!(metric.name().parse(), Ok(metric));
    }
    let error = "vmaf".parse::<Metric>().expect_err("no such metric");
    assert!(error.to_string().contains("\"vmaf\", choose from psnr, ms-ssim"), "{error}");
}

#[test]
fn equal_pictures_have_the_best_value_of_every_metric() {
    let picture = cropped(&sample("coffee.png"), 200, 170);
    for (metric, best) in
        [(Metric::Psnr, f64::INFINITY), (Metric::MsSsim, 1.0), (Metric::Ssimulacra2, 100.0), (Metric::Butteraugli, 0.0)]
    {
        let found = metric.measure(&picture, &picture).expect("large enough");
        assert!(found == best || (found - best).abs() < 1e-6, "{metric}: {found}");
    }
}

#[test]
fn more_noise_is_worse_by_every_metric_in_colour_and_grey() {
    for picture in [cropped(&sample("coffee.png"), 200, 170), cropped(&sample("page.png"), 200, 170)] {
        for metric in Metric::ALL {
            let [little, much] =
                [4, 24].map(|most| metric.measure(&picture, &noise(&picture, most)).expect("large enough"));
            assert!(metric.is_worse(much, little) && !metric.is_worse(little, much), "{metric}: {little}, {much}");
            assert!(metric.axis(little) > metric.axis(much), "{metric}: {little}, {much}");
        }
    }
}

#[test]
fn ms_ssim_in_decibels_is_the_distance_from_one() {
    assert!((Metric::MsSsim.axis(0.99) - 20.0).abs() < 1e-9);
    assert_eq!(Metric::MsSsim.axis(1.0), f64::INFINITY);
}

#[test]
fn pictures_too_small_or_of_other_shape_are_refused_with_a_way_out() {
    let picture = cropped(&sample("coffee.png"), 300, 160);
    let error = Metric::MsSsim.measure(&picture, &picture).expect_err("160 rows");
    assert!(matches!(error, MetricError::TooSmall { least: 161, .. }));
    assert!(error.to_string().contains("300x160") && error.to_string().contains("--metric"), "{error}");
    let other = cropped(&picture, 299, 160);
    for metric in Metric::ALL {
        assert!(matches!(metric.measure(&picture, &other), Err(MetricError::Shape { .. })));
    }
}
