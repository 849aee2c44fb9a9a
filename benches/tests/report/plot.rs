//! The SVG: all curves and labels are there, readable, and well-formed.

use lic_benches::report::Report;
use lic_benches::report::plot::{RateAxis, svg};
use roxmltree::{Document, Node};

use crate::example;

const AXES: [RateAxis; 2] = [RateAxis::Log, RateAxis::Linear];

fn texts<'a>(document: &'a Document<'_>, class: Option<&str>) -> Vec<&'a str> {
    let is_wanted = |node: &Node<'_, '_>| node.has_tag_name((SVG, "text")) && node.attribute("class") == class;
    document.descendants().filter(is_wanted).filter_map(|node| node.text()).collect()
}

const SVG: &str = "http://www.w3.org/2000/svg";

fn number(node: Node<'_, '_>, name: &str) -> f64 {
    node.attribute(name).and_then(|text| text.parse().ok()).expect("a number")
}

/// Labels of every panel with their heights.
fn labels<'a>(document: &'a Document<'_>) -> Vec<Vec<(&'a str, f64)>> {
    let label = |node: Node<'a, '_>| Some((node.text()?, number(node, "y")));
    let of_panel = |panel: Node<'a, '_>| -> Vec<(&'a str, f64)> {
        panel.children().filter(|node| node.attribute("class") == Some("label")).filter_map(label).collect()
    };
    document.descendants().map(of_panel).filter(|labels| !labels.is_empty()).collect()
}

/// The example with all its published curves three times, so that many curves end at one place.
fn crowded() -> Report {
    let mut report = example::report();
    for copy in 0..3 {
        for mut curve in example::report().published {
            curve.name = format!("{}-{copy}", curve.name);
            report.published.push(curve);
        }
    }
    report
}

#[test]
fn labels_do_not_overlap_and_stay_beside_their_panel() {
    for (report, axis) in [(example::report(), AXES[0]), (crowded(), AXES[0]), (crowded(), AXES[1])] {
        let text = svg(&report, axis);
        let document = Document::parse(&text).expect("well-formed");
        let panels = labels(&document);
        assert_eq!(panels.len(), report.metrics.len());
        for labels in panels {
            let mut heights: Vec<f64> = labels.iter().map(|label| label.1).collect();
            heights.sort_by(f64::total_cmp);
            // Text of 13 pixels with its descenders.
            assert!(heights.windows(2).all(|pair| pair[1] - pair[0] >= 16.0), "{labels:?}");
            assert!(heights.iter().all(|&y| (0.0..=480.0).contains(&y)), "{labels:?}");
        }
    }
}

#[test]
fn every_curve_is_labelled_at_its_end_and_in_the_legend() {
    let report = example::report();
    let text = svg(&report, RateAxis::Log);
    let document = Document::parse(&text).expect("well-formed");
    let legend = texts(&document, None);
    let panels = labels(&document);
    for (label, panels_with_it) in
        [("lic", 4), ("jpeg", 4), ("webp:method=6", 4), ("published:vtm", 2), ("published:elic", 1)]
    {
        assert!(legend.contains(&label), "{label}");
        let found = panels.iter().filter(|labels| labels.iter().any(|found| found.0 == label)).count();
        assert_eq!(found, panels_with_it, "{label}");
    }
    let long = &report.codecs[3].label;
    assert!(legend.contains(&long.as_str()), "the legend has room for the whole label");
    assert!(panels[0].iter().any(|(label, _)| label.starts_with("lic:model") && label.contains('…')));
}

#[test]
fn nothing_is_cut_off() {
    for axis in AXES {
        let text = svg(&crowded(), axis);
        let document = Document::parse(&text).expect("well-formed");
        let width = number(document.root_element(), "width");
        for node in document.descendants().filter(|node| node.attribute("class") == Some("label")) {
            // The panel starts at 76; letters are at most 0.65 of their height wide on average.
            let end = 76.0 + number(node, "x") + 13.0 * 0.65 * node.text().unwrap_or_default().chars().count() as f64;
            assert!(end <= width, "{:?} ends at {end} of {width}", node.text());
        }
    }
}

#[test]
fn logarithmic_rates_have_ticks_at_1_2_and_5() {
    let text = svg(&example::report(), RateAxis::Log);
    let document = Document::parse(&text).expect("well-formed");
    let ticks = texts(&document, Some("rate"));
    assert_eq!(ticks[..7], ["0.05", "0.1", "0.2", "0.5", "1", "2", "5"]);
    let text = svg(&example::report(), RateAxis::Linear);
    let document = Document::parse(&text).expect("well-formed");
    assert_eq!(texts(&document, Some("rate"))[..4], ["0", "1", "2", "3"]);
}

#[test]
fn markers_say_what_they_stand_for_and_lossless_points_have_none() {
    let report = example::report();
    let text = svg(&report, RateAxis::Log);
    let document = Document::parse(&text).expect("well-formed");
    let titles: Vec<&str> = document
        .descendants()
        .filter(|node| node.has_tag_name((SVG, "title")))
        .filter_map(|node| node.text())
        .collect();
    let mean = &report.codecs[0].means[4];
    let psnr = mean.scores[&lic_benches::Metric::Psnr].mean;
    let expected = format!("lic, quality 60: {:.4} bpp, PSNR-RGB {psnr:.3}", mean.bpp);
    assert!(titles.contains(&expected.as_str()), "{expected}: {titles:?}");
    let webp = |metric: &str| {
        titles.iter().filter(|title| title.starts_with("webp:method=6, ") && title.contains(metric)).count()
    };
    assert_eq!((webp("PSNR"), webp("MS-SSIM")), (6, 7));
    assert!(!text.contains("inf") && !text.contains("NaN"));
}

#[test]
fn markup_in_names_is_text() {
    let mut report = example::report();
    report.dataset.title = "photos <&> \"new\"\u{7}".to_owned();
    report.codecs[0].label = "lic:model=<b>&.safetensors".to_owned();
    for axis in AXES {
        let text = svg(&report, axis);
        let document = Document::parse(&text).expect("well-formed");
        let found = texts(&document, None);
        assert!(
            found.contains(&"photos <&> \"new\"\u{fffd}") && found.contains(&"lic:model=<b>&.safetensors"),
            "{found:?}"
        );
    }
}

#[test]
fn a_report_without_curves_says_so() {
    let mut report = example::report();
    report.codecs.clear();
    report.published.clear();
    let text = svg(&report, RateAxis::Log);
    let document = Document::parse(&text).expect("well-formed");
    assert!(texts(&document, None).iter().any(|text| text.contains("no finite value")));
}

#[test]
fn the_plot_has_a_white_ground_and_no_small_letters() {
    let text = svg(&example::report(), RateAxis::Log);
    let document = Document::parse(&text).expect("well-formed");
    let ground = document.root_element().first_element_child().expect("there are children");
    assert_eq!((ground.attribute("fill"), ground.attribute("width")), (Some("#ffffff"), Some("100%")));
    let sizes = document.descendants().filter(|node| node.has_attribute("font-size"));
    let sizes: Vec<f64> = sizes.map(|node| number(node, "font-size")).collect();
    assert!(!sizes.is_empty() && sizes.iter().all(|&size| size >= 12.0), "{sizes:?}");
}
