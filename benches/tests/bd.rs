//! BD-rate and BD-PSNR against the Python package bjontegaard 1.3.0, on published curves.

use lic_benches::anchors::{find, names};
use lic_benches::{BdError, Curve, CurveError, Interval, Method, Metric, Point, bd_quality, bd_rate};

/// Anchor, tested curve, then for PSNR and for MS-SSIM in dB: BD-rate and BD-quality by PCHIP, Akima and cubic; at the end,
/// for PSNR by PCHIP, BD-rate over 28..36 dB and over 0.15..1.2 bpp of the tested curve. Made by `reference/bd.py`.
const PUBLISHED: [(&str, &str, [f64; 14]); 7] = [
    (
        "jpeg",
        "vtm",
        [
            -67.584158871,
            5.706246960,
            -67.583744059,
            5.703897403,
            -67.765173644,
            5.750370654,
            -58.306369824,
            4.177155436,
            -58.308772833,
            4.177637200,
            -58.235343869,
            4.172690759,
            -67.890141212,
            -64.140606027,
        ],
    ),
    (
        "jpeg",
        "bpg_444_x265_ycbcr",
        [
            -58.855159646,
            4.703406152,
            -58.853894894,
            4.701280936,
            -59.102434362,
            4.743874503,
            -47.845083013,
            3.182077960,
            -47.841241816,
            3.181598545,
            -47.766092593,
            3.175113506,
            -58.615069927,
            -56.673652281,
        ],
    ),
    (
        "jpeg",
        "webp",
        [
            -36.176150038,
            2.675825854,
            -36.175020948,
            2.675572425,
            -36.616227728,
            2.694507971,
            -23.410295239,
            1.738361513,
            -23.410490621,
            1.738503207,
            -23.293184716,
            1.719541316,
            -37.778077464,
            -37.682507216,
        ],
    ),
    (
        "bpg_444_x265_ycbcr",
        "vtm",
        [
            -18.024208397,
            0.977468878,
            -18.022532709,
            0.977376569,
            -18.066765938,
            0.994426946,
            -17.703592470,
            0.926411922,
            -17.697683995,
            0.926676121,
            -17.860555089,
            0.944809330,
            -22.411711868,
            -20.018036696,
        ],
    ),
    (
        "vtm",
        "jpeg",
        [
            208.491146661,
            -5.706246960,
            208.487199082,
            -5.703897403,
            210.223479709,
            -5.750370654,
            139.844790628,
            -4.177155436,
            139.858614860,
            -4.177637200,
            139.436904940,
            -4.172690759,
            211.430830822,
            271.029057842,
        ],
    ),
    (
        "vtm",
        "av1",
        [
            16.178055249,
            -0.704853517,
            16.179693373,
            -0.704243219,
            16.221334496,
            -0.697762989,
            14.586679086,
            -0.606301829,
            14.590128075,
            -0.606043378,
            14.651997193,
            -0.620176101,
            19.472190122,
            16.667314204,
        ],
    ),
    (
        "vtm",
        "hm",
        [
            23.307094384,
            -1.008560432,
            23.303508641,
            -1.008583325,
            23.390371676,
            -1.016994499,
            20.467130169,
            -0.863557684,
            20.459576642,
            -0.863302181,
            20.581960118,
            -0.875883117,
            29.255679834,
            26.947195550,
        ],
    ),
];

/// By PCHIP, Akima and cubic: BD-rate and BD-PSNR of the four points below. Made by `reference/bd.py`.
const FOUR: [[f64; 2]; 3] =
    [[-23.168043549122, 1.139719900774], [-23.250206614958, 1.137201293116], [-23.294551121403, 1.140272054524]];

fn curve(name: &str, metric: Metric) -> Curve {
    let anchor = find("kodak", name).expect("a published curve");
    anchor.curve(metric).expect("published by this metric").expect("points that form a curve")
}

fn points(rates: &[f64], qualities: &[f64]) -> Curve {
    Curve::new(rates.iter().zip(qualities).map(|(&bpp, &quality)| Point { bpp, quality })).expect("valid points")
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
}

#[test]
fn published_curves_compare_as_in_the_python_package() {
    for (anchor, test, expected) in PUBLISHED {
        let mut expected = expected.into_iter();
        let mut next = || expected.next().expect("fourteen numbers");
        for metric in [Metric::Psnr, Metric::MsSsim] {
            let (anchor, test) = (curve(anchor, metric), curve(test, metric));
            for method in Method::ALL {
                close(bd_rate(&anchor, &test, Interval::Common, method).expect("overlap").value, next());
                close(bd_quality(&anchor, &test, method).expect("overlap").value, next());
            }
        }
        let (anchor, test) = (curve(anchor, Metric::Psnr), curve(test, Metric::Psnr));
        for interval in [Interval::Quality(28.0, 36.0), Interval::Rate(0.15, 1.2)] {
            close(bd_rate(&anchor, &test, interval, Method::Pchip).expect("overlap").value, next());
        }
    }
}

#[test]
fn four_points_compare_as_in_the_python_package() {
    let anchor = points(&[0.2, 0.4, 0.8, 1.6], &[28.0, 31.0, 34.0, 37.5]);
    let test = points(&[0.15, 0.35, 0.7, 1.5], &[28.5, 31.2, 34.9, 38.0]);
    for (method, [expected_rate, expected_quality]) in Method::ALL.into_iter().zip(FOUR) {
        let rate = bd_rate(&anchor, &test, Interval::Common, method).expect("overlap");
        close(rate.value, expected_rate);
        close(bd_quality(&anchor, &test, method).expect("overlap").value, expected_quality);
        // 28.5..37.5 of 28..38; the anchor's 28 dB and the test's 38 dB lie outside.
        close(rate.overlap, 0.9);
        assert_eq!((rate.anchor_points, rate.test_points), (3, 3));
        assert_eq!(rate.warnings().len(), 2);
    }
}

#[test]
fn a_curve_against_itself_is_zero() {
    for name in names("kodak") {
        for metric in [Metric::Psnr, Metric::MsSsim] {
            let anchor = find("kodak", name).expect("a published curve");
            let Some(curve) = anchor.curve(metric) else { continue };
            let curve = curve.expect("points that form a curve");
            for method in Method::ALL {
                let bd = bd_rate(&curve, &curve, Interval::Common, method).expect("overlap");
                assert_eq!((bd.value, bd.overlap), (0.0, 1.0), "{name}");
            }
        }
    }
}

#[test]
fn doubled_rates_are_plus_one_hundred_percent() {
    let jpeg = curve("jpeg", Metric::Psnr);
    let doubled = Curve::new(jpeg.points().iter().map(|p| Point { bpp: 2.0 * p.bpp, ..*p })).expect("valid points");
    for method in Method::ALL {
        for interval in [Interval::Common, Interval::Quality(28.0, 36.0), Interval::Rate(0.6, 1.2)] {
            close(bd_rate(&jpeg, &doubled, interval, method).expect("overlap").value, 100.0);
        }
    }
}

#[test]
fn small_overlap_is_warned_about_and_none_is_an_error() {
    let low = points(&[0.1, 0.2, 0.3, 0.4, 0.5], &[20.0, 22.0, 24.0, 26.0, 28.0]);
    let high = points(&[0.5, 0.6, 0.7, 0.8, 0.9], &[27.0, 29.0, 31.0, 33.0, 35.0]);
    let rate = |a: &Curve, t: &Curve, interval| bd_rate(a, t, interval, Method::Pchip);
    let bd = rate(&low, &high, Interval::Common).expect("one dB of overlap");
    assert!(bd.warnings()[0].contains("7 %"), "{:?}", bd.warnings());
    let asked = rate(&low, &low, Interval::Quality(26.0, 34.0)).expect("two dB of overlap");
    close(asked.overlap, 0.25);
    // Of the rates from 0.4 to 1.6 the curve covers those to 0.8: half of it, in octaves.
    let short = points(&[0.2, 0.4, 0.8], &[20.0, 25.0, 30.0]);
    close(rate(&short, &short, Interval::Rate(0.4, 1.6)).expect("overlap").overlap, 0.5);
    let far = points(&[1.0, 1.5, 2.0], &[40.0, 41.0, 42.0]);
    assert!(matches!(rate(&low, &far, Interval::Common), Err(BdError::NoOverlap { .. })));
    assert!(matches!(rate(&low, &high, Interval::Quality(36.0, 40.0)), Err(BdError::NoOverlap { .. })));
}

#[test]
fn a_curve_that_does_not_rise_is_warned_about_and_has_no_bd_psnr() {
    let odd = points(&[0.5, 0.4, 0.8], &[28.0, 30.0, 32.0]);
    let jpeg = curve("jpeg", Metric::Psnr);
    let bd = bd_rate(&jpeg, &odd, Interval::Common, Method::Pchip).expect("overlap");
    assert!(bd.warnings().iter().any(|warning| warning.contains("does not always rise")), "{:?}", bd.warnings());
    assert_eq!(bd_quality(&jpeg, &odd, Method::Pchip), Err(BdError::NotRising));
    assert_eq!(bd_rate(&jpeg, &odd, Interval::Rate(0.15, 1.2), Method::Pchip), Err(BdError::NotRising));
}

#[test]
fn three_points_are_too_few_for_one_polynomial() {
    let three = points(&[0.2, 0.4, 0.8], &[20.0, 25.0, 30.0]);
    let error = bd_rate(&three, &three, Interval::Common, Method::Cubic).expect_err("too few");
    assert_eq!(error, BdError::TooFew { method: Method::Cubic });
    assert_eq!(bd_rate(&three, &three, Interval::Rate(0.3, 0.6), Method::Cubic), Err(error));
    assert!(error.to_string().contains("cubic"), "{error}");
}

#[test]
fn points_that_form_no_curve_are_refused() {
    let point = |bpp, quality| Point { bpp, quality };
    let two = [point(0.5, 30.0), point(1.0, 33.0)];
    assert_eq!(Curve::new(two), Err(CurveError::TooFew(2)));
    assert!(CurveError::TooFew(2).to_string().contains("at least 3"));
    assert_eq!(Curve::new([two[0], two[0], two[1]]), Err(CurveError::SameQuality { quality: 30.0 }));
    let with = |bad| Curve::new([two[0], two[1], bad]);
    assert!(matches!(with(point(0.0, 20.0)), Err(CurveError::Impossible { .. })));
    assert!(matches!(with(point(1.0, f64::INFINITY)), Err(CurveError::Impossible { .. })));
}

#[test]
fn quality_at_a_rate_goes_through_the_points() {
    let jpeg = curve("jpeg", Metric::Psnr);
    let at = |bpp| jpeg.quality_at(bpp, Method::Pchip).expect("rising");
    for point in jpeg.points() {
        close(at(point.bpp), point.quality);
    }
    close(at(1e-9), jpeg.points()[0].quality);
    close(at(1e9), jpeg.points()[jpeg.points().len() - 1].quality);
}

#[test]
fn every_published_curve_rises_and_has_a_source() {
    for (set, count) in [("kodak", 55), ("tecnick", 16), ("clic-pro-valid", 19)] {
        assert_eq!(names(set).len(), count, "{set}");
        for name in names(set) {
            let anchor = find(set, name).expect("a published curve");
            assert!(!anchor.source.is_empty() && !anchor.description.is_empty(), "{set}: {name}");
            let curves: Vec<Curve> = [Metric::Psnr, Metric::MsSsim]
                .into_iter()
                .filter_map(|metric| anchor.curve(metric))
                .map(|curve| curve.expect("points that form a curve"))
                .collect();
            assert!(!curves.is_empty() && curves.iter().all(Curve::is_rising), "{set}: {name}");
        }
    }
}

#[test]
fn unknown_curves_and_sets_are_named() {
    let error = find("kodak", "jpg").expect_err("no such curve");
    assert!(error.to_string().contains("\"jpg\" on kodak, choose from av1"), "{error}");
    let error = find("holiday", "jpeg").expect_err("no such set");
    assert!(error.to_string().contains("holiday, only on kodak, tecnick, clic-pro-valid"), "{error}");
}
