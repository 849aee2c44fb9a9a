//! BD-rate and BD-PSNR against the Python package bjontegaard 1.3.0.
//!
//! Expected values: `bjontegaard.bd_rate(rate_anchor, psnr_anchor, rate_test, psnr_test, method="pchip",
//! require_matching_points=False)` and `bd_psnr` likewise, with scipy 1.17.1, on the points of `anchors/kodak.tsv`. The
//! package has no restricted intervals: for these scipy's PchipInterpolator over log10 of the rate was integrated over the
//! interval (`integrate`), with `brentq` finding the PSNR at a rate.

use lic_benches::anchors::{kodak, kodak_names};
use lic_benches::{BdError, Curve, CurveError, Interval, Point, bd_psnr, bd_rate};

/// Anchor, tested curve, BD-rate, BD-PSNR, BD-rate over 28..36 dB, BD-rate over 0.15..1.2 bpp of the tested curve.
const PUBLISHED: [(&str, &str, f64, f64, f64, f64); 5] = [
    ("jpeg", "vtm", -67.584158871, 5.706246960, -67.890141212, -64.140606027),
    ("jpeg", "bpg_444_x265_ycbcr", -58.855159646, 4.703406152, -58.615069927, -56.673652281),
    ("jpeg", "webp", -36.176150038, 2.675825854, -37.778077464, -37.682507216),
    ("bpg_444_x265_ycbcr", "vtm", -18.024208397, 0.977468878, -22.411711868, -20.018036696),
    ("vtm", "jpeg", 208.491146661, -5.706246960, 211.430830822, 271.029057842),
];

fn curve(name: &str) -> Curve {
    kodak(name).expect("a published curve").curve
}

fn points(rates: &[f64], qualities: &[f64]) -> Curve {
    Curve::new(rates.iter().zip(qualities).map(|(&bpp, &psnr)| Point { bpp, psnr })).expect("valid points")
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
}

#[test]
fn published_curves_compare_as_in_the_python_package() {
    for (anchor, test, rate, psnr, by_quality, by_rate) in PUBLISHED {
        let (anchor, test) = (curve(anchor), curve(test));
        close(bd_rate(&anchor, &test, Interval::Common).expect("overlap").value, rate);
        close(bd_psnr(&anchor, &test).expect("overlap").value, psnr);
        close(bd_rate(&anchor, &test, Interval::Quality(28.0, 36.0)).expect("overlap").value, by_quality);
        close(bd_rate(&anchor, &test, Interval::Rate(0.15, 1.2)).expect("overlap").value, by_rate);
    }
}

#[test]
fn four_points_compare_as_in_the_python_package() {
    let anchor = points(&[0.2, 0.4, 0.8, 1.6], &[28.0, 31.0, 34.0, 37.5]);
    let test = points(&[0.15, 0.35, 0.7, 1.5], &[28.5, 31.2, 34.9, 38.0]);
    let rate = bd_rate(&anchor, &test, Interval::Common).expect("overlap");
    close(rate.value, -23.168043549122);
    close(bd_psnr(&anchor, &test).expect("overlap").value, 1.139719900774);
    // 28.5..37.5 of 28..38; the anchor's 28 dB and the test's 38 dB lie outside.
    close(rate.overlap, 0.9);
    assert_eq!((rate.anchor_points, rate.test_points), (3, 3));
    assert_eq!(rate.warnings().len(), 2);
}

#[test]
fn a_curve_against_itself_is_zero() {
    for name in kodak_names() {
        let bd = bd_rate(&curve(name), &curve(name), Interval::Common).expect("overlap");
        assert_eq!((bd.value, bd.overlap), (0.0, 1.0));
        assert!(bd.warnings().is_empty());
    }
}

#[test]
fn doubled_rates_are_plus_one_hundred_percent() {
    let jpeg = curve("jpeg");
    let doubled = Curve::new(jpeg.points().iter().map(|p| Point { bpp: 2.0 * p.bpp, ..*p })).expect("valid points");
    for interval in [Interval::Common, Interval::Quality(28.0, 36.0), Interval::Rate(0.6, 1.2)] {
        close(bd_rate(&jpeg, &doubled, interval).expect("overlap").value, 100.0);
    }
}

#[test]
fn small_overlap_is_warned_about_and_none_is_an_error() {
    let low = points(&[0.1, 0.2, 0.3, 0.4, 0.5], &[20.0, 22.0, 24.0, 26.0, 28.0]);
    let high = points(&[0.5, 0.6, 0.7, 0.8, 0.9], &[27.0, 29.0, 31.0, 33.0, 35.0]);
    let bd = bd_rate(&low, &high, Interval::Common).expect("one dB of overlap");
    assert!(bd.warnings()[0].contains("7 %"), "{:?}", bd.warnings());
    let asked = bd_rate(&low, &low, Interval::Quality(26.0, 34.0)).expect("two dB of overlap");
    close(asked.overlap, 0.25);
    // Of the rates from 0.4 to 1.6 the curve covers those to 0.8: half of it, in octaves.
    let short = points(&[0.2, 0.4, 0.8], &[20.0, 25.0, 30.0]);
    close(bd_rate(&short, &short, Interval::Rate(0.4, 1.6)).expect("overlap").overlap, 0.5);
    let far = points(&[1.0, 2.0], &[40.0, 42.0]);
    assert!(matches!(bd_rate(&low, &far, Interval::Common), Err(BdError::NoOverlap { .. })));
    assert!(matches!(bd_rate(&low, &high, Interval::Quality(36.0, 40.0)), Err(BdError::NoOverlap { .. })));
}

#[test]
fn a_curve_that_does_not_rise_has_no_bd_psnr() {
    let odd = points(&[0.5, 0.4, 0.8], &[28.0, 30.0, 32.0]);
    let jpeg = curve("jpeg");
    assert!(bd_rate(&jpeg, &odd, Interval::Common).is_ok());
    assert_eq!(bd_psnr(&jpeg, &odd), Err(BdError::NotRising));
    assert_eq!(bd_rate(&jpeg, &odd, Interval::Rate(0.15, 1.2)), Err(BdError::NotRising));
}

#[test]
fn points_that_form_no_curve_are_refused() {
    let one = Point { bpp: 0.5, psnr: 30.0 };
    assert_eq!(Curve::new([one]), Err(CurveError::TooFew(1)));
    assert_eq!(Curve::new([one, one]), Err(CurveError::SameQuality { psnr: 30.0 }));
    assert!(matches!(Curve::new([one, Point { bpp: 0.0, psnr: 20.0 }]), Err(CurveError::Impossible { .. })));
    assert!(matches!(Curve::new([one, Point { bpp: 1.0, psnr: f64::INFINITY }]), Err(CurveError::Impossible { .. })));
}

#[test]
fn quality_at_a_rate_goes_through_the_points() {
    let jpeg = curve("jpeg");
    for point in jpeg.points() {
        close(jpeg.quality_at(point.bpp).expect("rising"), point.psnr);
    }
    close(jpeg.quality_at(1e-9).expect("rising"), jpeg.quality_range()[0]);
    close(jpeg.quality_at(1e9).expect("rising"), jpeg.quality_range()[1]);
}

#[test]
fn every_anchor_is_a_rising_curve_with_a_source() {
    assert_eq!(kodak_names(), ["jpeg", "webp", "bpg_444_x265_ycbcr", "vtm"]);
    for name in kodak_names() {
        let anchor = kodak(name).expect("a published curve");
        assert!(anchor.curve.is_rising(), "{name}");
        assert!(anchor.curve.points().len() >= 8 && anchor.source.contains("CompressAI"), "{name}");
    }
    let error = kodak("jpg").expect_err("no such curve");
    assert!(error.to_string().contains("\"jpg\", choose from jpeg, webp"), "{error}");
}
