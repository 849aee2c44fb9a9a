//! The search against made-up curves.

use super::*;
use crate::stats::Stats;

/// Searches on a curve of scores; returns quality index, score, miss, trials.
fn on_curve(wanted: Target, score: impl Fn(u8) -> f64) -> (u8, f64, Option<Miss>, u32) {
    let trial = |quality: QualityIndex| {
        let encoded = Encoded { bytes: Vec::new(), quality, stats: Stats::default(), target: None };
        Ok((encoded, score(quality.get())))
    };
    let (encoded, outcome) = search(wanted, 80_000, Range::ALL, trial).unwrap();
    (encoded.quality.get(), outcome.reached, outcome.miss, outcome.trials)
}

fn smooth(t: u8) -> f64 {
    (1000.0 * 1.012f64.powi(t.into())).round()
}

#[test]
fn a_size_is_reached_from_below() {
    for bytes in [1000, 1001, 2345, 9999, 20000] {
        let (t, reached, miss, trials) = on_curve(Target::Bytes(bytes), smooth);
        assert!(reached <= bytes as f64 && reached >= 0.97 * bytes as f64);
        assert!(t == 252 || smooth(t + 1) > bytes as f64);
        assert_eq!(miss, None);
        assert!(trials <= 9);
    }
    let (_, bits, miss, _) = on_curve(Target::BitsPerPixel(0.5), smooth);
    assert!((0.485..=0.5).contains(&bits), "{bits}");
    assert_eq!(miss, None);
}

#[test]
fn sizes_out_of_reach_give_the_nearest_file_and_the_reason() {
    let (t, _, miss, _) = on_curve(Target::Bytes(999), smooth);
    assert_eq!((t, miss), (0, Some(Miss::LowestQuality)));
    let (t, _, miss, _) = on_curve(Target::Bytes(1_000_000), smooth);
    assert_eq!((t, miss), (252, Some(Miss::HighestQuality)));
    let steps = |t: u8| f64::from(t / 50) * 1000.0 + 1000.0;
    let (t, reached, miss, _) = on_curve(Target::Bytes(2900), steps);
    assert_eq!((t, reached, miss), (99, 2000.0, Some(Miss::CoarseSteps)));
}

#[test]
fn a_step_down_behind_the_border_is_used() {
    let dented = |t: u8| match t {
        100 => 5000.0,
        101 => 4990.0,
        t if t < 100 => 10.0 * f64::from(t),
        t => 50.0 * f64::from(t),
    };
    let (t, _, miss, _) = on_curve(Target::Bytes(4995), dented);
    assert_eq!((t, miss), (101, None));
}

#[test]
fn a_psnr_is_reached_from_above_with_the_lowest_quality() {
    let psnr = |t: u8| 25.0 + f64::from(t) * 0.08;
    let (t, _, miss, _) = on_curve(Target::Psnr(33.0), psnr);
    assert_eq!((t, miss), (100, None));
    let (t, _, miss, _) = on_curve(Target::Psnr(60.0), psnr);
    assert_eq!((t, miss), (252, Some(Miss::HighestQuality)));
    let (t, _, miss, _) = on_curve(Target::Psnr(20.0), psnr);
    assert_eq!((t, miss), (0, None));
}

#[test]
fn targets_that_are_no_size_are_refused() {
    for target in [Target::Bytes(0), Target::BitsPerPixel(f64::NAN), Target::Psnr(-3.0), Target::Psnr(f64::INFINITY)] {
        assert!(matches!(target.check(), Err(Error::InvalidOption { .. })));
    }
}
