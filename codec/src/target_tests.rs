//! The search against made-up curves.

use super::*;
use crate::stats::Stats;

/// Searches on a curve of scores; returns quality index, score, miss, trials.
fn on_curve(wanted: Target, score: impl Fn(u8) -> f64) -> (u8, f64, Option<Miss>, u32) {
    on_curve_from(Range::ALL, wanted, score)
}

fn on_curve_from(range: Range, wanted: Target, score: impl Fn(u8) -> f64) -> (u8, f64, Option<Miss>, u32) {
    let trial = |quality: QualityIndex| {
        let encoded = Encoded { bytes: Vec::new(), quality, stats: Stats::default(), target: None };
        Ok((encoded, score(quality.get())))
    };
    let (encoded, outcome) = search(wanted, 80_000, range, trial).unwrap();
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
fn a_search_that_begins_near_a_quality_ends_where_one_among_all_does() {
    let psnr = |t: u8| 25.0 + f64::from(t) * 0.08;
    for t in 0..=252 {
        let quality = QualityIndex::new(t).unwrap();
        for bytes in [999, 1000, 2345, 9999, 20_000, 1_000_000] {
            let wanted = Target::Bytes(bytes);
            let (found, all) = (on_curve_from(Range::near(wanted, quality), wanted, smooth), on_curve(wanted, smooth));
            assert_eq!((found.0, found.1, found.2), (all.0, all.1, all.2), "{bytes} bytes from {t}");
        }
        for db in [20.0, 25.0, 33.0, 44.0, 60.0] {
            let wanted = Target::Psnr(db);
            let (found, all) = (on_curve_from(Range::near(wanted, quality), wanted, psnr), on_curve(wanted, psnr));
            assert_eq!((found.0, found.1, found.2), (all.0, all.1, all.2), "{db} dB from {t}");
        }
    }
}

#[test]
fn a_search_that_begins_near_the_target_takes_few_trials() {
    let psnr = |t: u8| 25.0 + f64::from(t) * 0.08;
    for t in 24..=245 {
        let quality = QualityIndex::new(t).unwrap();
        for shift in [0, 5, 8] {
            let wanted = Target::Bytes(smooth(t - shift) as u64);
            let (found, _, _, trials) = on_curve_from(Range::near(wanted, quality), wanted, smooth);
            assert_eq!(found, t - shift);
            assert!(f64::from(trials) <= MOST_NEAR, "{trials}");
        }
        for shift in [0, 7, 20] {
            let wanted = Target::Psnr(psnr(t - shift));
            let (found, _, _, trials) = on_curve_from(Range::near(wanted, quality), wanted, psnr);
            assert_eq!(found, t - shift);
            assert!(f64::from(trials) <= MOST_NEAR, "{trials}");
        }
    }
}

#[test]
fn a_searched_file_replaces_no_better_answer() {
    let file = |bytes: usize, wanted: Target, reached: f64, miss| {
        let quality = QualityIndex::MAX;
        let encoded = Encoded { bytes: vec![0; bytes], quality, stats: Stats::default(), target: None };
        (encoded, TargetOutcome { wanted, reached, trials: 1, miss })
    };
    let better = |(new, found): &(Encoded, TargetOutcome), (old, outcome): &(Encoded, TargetOutcome)| {
        is_better((new, found), (old, outcome))
    };
    let size = |bytes: usize, miss| file(bytes, Target::Bytes(100), bytes as f64, miss);
    let (met, below) = (size(98, None), size(90, Some(Miss::CoarseSteps)));
    let (above, more) = (size(120, Some(Miss::LowestQuality)), size(130, Some(Miss::LowestQuality)));
    assert!(better(&met, &met) && better(&met, &below) && better(&met, &above) && better(&below, &below));
    assert!(better(&below, &above) && better(&above, &more));
    assert!(!better(&below, &met) && !better(&above, &met) && !better(&above, &below) && !better(&more, &above));

    let psnr = |bytes: usize, reached: f64, miss| file(bytes, Target::Psnr(40.0), reached, miss);
    let (small, large) = (psnr(90, 40.1, None), psnr(100, 40.0, None));
    let (low, lower) = (psnr(95, 39.0, Some(Miss::HighestQuality)), psnr(80, 38.0, Some(Miss::HighestQuality)));
    assert!(better(&small, &large) && better(&large, &low) && better(&low, &lower));
    assert!(!better(&large, &small) && !better(&low, &large) && !better(&lower, &low));
}

#[test]
fn targets_that_are_no_size_are_refused() {
    for target in [Target::Bytes(0), Target::BitsPerPixel(f64::NAN), Target::Psnr(-3.0), Target::Psnr(f64::INFINITY)] {
        assert!(matches!(target.check(), Err(Error::InvalidOption { .. })));
    }
}
