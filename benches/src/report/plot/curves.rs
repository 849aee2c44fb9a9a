//! The curves of a plot: what of a report can be drawn, and how each curve looks.

use std::borrow::Cow;

use crate::curve::Point;
use crate::interpolate::{Interpolant, Method};
use crate::metric::Metric;
use crate::report::Report;
use crate::report::compare::distinct;
use crate::report::table::score;

/// The palette of M. Okabe and K. Ito, "Color Universal Design" (2008), which people with any kind of colour vision
/// can tell apart; yellow is left out, orange, sky blue and purple are darkened until all have a contrast of 3:1 on
/// white.
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009070", "#000000", "#b0588c", "#a87400", "#2b8cc4"];

/// Outlines around (0, 0): circle, square, triangle, diamond, triangle on its tip, cross.
const MARKERS: [&str; 6] = [
    "M-4.5 0A4.5 4.5 0 1 0 4.5 0A4.5 4.5 0 1 0 -4.5 0Z",
    "M-4-4H4V4H-4Z",
    "M0-5.5L5 4H-5Z",
    "M0-6L5 0L0 6L-5 0Z",
    "M0 5.5L5-4H-5Z",
    "M-5-2H-2V-5H2V-2H5V2H2V5H-2V2H-5Z",
];

/// Dashes of published curves; those of codecs that were run are solid.
const DASHES: [&str; 4] = ["7 4", "2 3", "12 4 2 4", "12 5"];

/// Straight pieces between two points of a smooth curve.
const PIECES: usize = 16;

/// A curve ready to be drawn.
#[derive(Debug)]
pub(super) struct Drawn {
    /// The codec's or published curve's label.
    pub label: String,
    /// How it looks.
    pub look: Look,
    /// Measured points, by rising rate; at least one.
    pub points: Vec<Dot>,
    /// Rates in bits per pixel and places on the metric's axis, to be joined by straight lines.
    pub line: Vec<(f64, f64)>,
}

/// How a curve looks. Colour alone carries no meaning: its marker or its dashes tell it apart, too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Of the line and its markers.
    pub colour: &'static str,
    /// The marker's outline.
    pub marker: &'static str,
    /// Its size: smaller for published curves.
    pub scale: f64,
    /// The dashes of the line, if it is not solid.
    pub dash: Option<&'static str>,
}

/// A measured point.
#[derive(Debug)]
pub(super) struct Dot {
    /// Bits per pixel.
    pub bpp: f64,
    /// Place on the metric's axis.
    pub height: f64,
    /// The point in words.
    pub text: String,
}

/// Labels and looks of everything in a report: codecs that were run, then published curves.
pub(super) fn looks(report: &Report) -> Vec<(Cow<'_, str>, Look)> {
    let run = report.codecs.iter().map(|codec| Cow::Borrowed(codec.label.as_str()));
    let published = report.published.iter().map(|curve| Cow::Owned(curve.label()));
    let run_count = report.codecs.len();
    let look = |(index, label): (usize, _)| (label, look(index, index.checked_sub(run_count)));
    run.chain(published).enumerate().map(look).collect()
}

/// The look of the curve `index`, which is the published one of number `published` or was run.
pub(super) fn look(index: usize, published: Option<usize>) -> Look {
    let nth = |list: &[&'static str], index: usize| list.get(index % list.len()).copied().unwrap_or_default();
    Look {
        colour: nth(&COLOURS, index),
        marker: nth(&MARKERS, index),
        scale: if published.is_some() { 0.75 } else { 1.0 },
        dash: published.map(|number| nth(&DASHES, number)),
    }
}

/// What can be drawn by a metric, in the order of [`looks`]. Infinite values, of lossless points, are left out.
pub(super) fn drawn(report: &Report, metric: Metric) -> Vec<Drawn> {
    let run = report.codecs.iter().map(|codec| {
        let means = codec.means.iter().filter_map(|mean| Some((mean, mean.scores.get(&metric)?.mean)));
        let dot = |(mean, value): (&crate::report::Mean, f64)| {
            dot(&format!("{}, quality {}", codec.label, mean.quality), metric, mean.bpp, value)
        };
        means.filter_map(dot).collect::<Vec<_>>()
    });
    let published = report.published.iter().map(|curve| {
        let points = curve.points.iter().filter_map(|point| Some((point.bpp, *point.scores.get(&metric)?)));
        points.filter_map(|(bpp, value)| dot(&curve.label(), metric, bpp, value)).collect()
    });
    let curve = |((label, look), mut points): ((Cow<'_, str>, Look), Vec<Dot>)| {
        points.sort_by(|a, b| a.bpp.total_cmp(&b.bpp));
        let line = line(&points, report.comparisons.method);
        (!points.is_empty()).then(|| Drawn { label: label.into_owned(), look, points, line })
    };
    looks(report).into_iter().zip(run.chain(published)).filter_map(curve).collect()
}

fn dot(what: &str, metric: Metric, bpp: f64, value: f64) -> Option<Dot> {
    let height = metric.axis(value);
    let text = format!("{what}: {bpp:.4} bpp, {} {}", metric.title(), score(metric, value));
    (bpp > 0.0 && bpp.is_finite() && height.is_finite()).then_some(Dot { bpp, height, text })
}

/// The interpolation that Bjontegaard deltas use, or straight lines if the points allow none.
fn line(points: &[Dot], method: Method) -> Vec<(f64, f64)> {
    let distinct = distinct(points.iter().map(|dot| Point { bpp: dot.bpp, quality: dot.height }).collect());
    let knots: Vec<(f64, f64)> = distinct.iter().map(|point| (point.quality, point.bpp.log10())).collect();
    let Some(curve) = Interpolant::new(method, &knots) else {
        return points.iter().map(|dot| (dot.bpp, dot.height)).collect();
    };
    let [low, high] = curve.domain();
    let pieces = PIECES * knots.len();
    let at = |index: usize| low + (high - low) * index as f64 / pieces as f64;
    // The knots as well, so that the line meets its markers.
    let mut heights: Vec<f64> = (0..=pieces).map(at).chain(knots.iter().map(|knot| knot.0)).collect();
    heights.sort_by(f64::total_cmp);
    heights.into_iter().map(|height| (10f64.powf(curve.value(height)), height)).collect()
}
