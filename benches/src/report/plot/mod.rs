//! Rate-distortion curves as one SVG file: a panel for every metric, below each other, over a common axis of rates.
//!
//! Other than [`html`](super::html), which shows it, this has no style sheet and no script, so that any viewer draws
//! it. Curves are told apart by marker or dashes besides their colour, each has its label at its end, and the legend
//! has what a label cannot hold. Between points, curves are what Bjontegaard deltas integrate.
//!
//! plotters has neither tooltips nor ticks at 1, 2 and 5, and neither it nor kuva keeps labels of curves apart for
//! certain; each costs several crates.

mod axis;
mod curves;
mod labels;
mod progress;

use maud::{Markup, PreEscaped, html};

use super::Report;
use crate::metric::Metric;
use axis::Axis;
use curves::{Drawn, Look, drawn, looks};

pub use progress::{ProgressPanel, progress_svg};

/// How rates lie on their axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateAxis {
    /// Equal steps, from zero.
    Linear,
    /// Equal ratios: curves that need the same percentage more are the same distance apart everywhere.
    Log,
}

// Lengths in pixels.
const FONT: &str = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', Arial, sans-serif";
const TEXT: f64 = 13.0;
const HEADING: f64 = 17.0;
/// Left of the panels: numbers and the title of the axis.
const LEFT: f64 = 76.0;
const PANEL_WIDTH: f64 = 660.0;
const PANEL_HEIGHT: f64 = 380.0;
/// Above a panel: its name.
const ABOVE: f64 = 34.0;
/// Below a panel: numbers and the title of the axis.
const BELOW: f64 = 62.0;
/// From the panel to the labels: leader lines.
const LEADER: f64 = 26.0;
/// Widest label.
const LABEL: f64 = 280.0;
/// Distance of labels and of lines of the legend.
const LINE: f64 = 18.0;
const LEGEND_LINE: f64 = 22.0;
/// A piece of curve with its marker in the legend.
const SAMPLE: f64 = 34.0;

/// The whole picture.
pub fn svg(report: &Report, axis: RateAxis) -> String {
    let panels: Vec<(Metric, Vec<Drawn>)> =
        report.metrics.iter().map(|&metric| (metric, drawn(report, metric))).collect();
    let points = || panels.iter().flat_map(|(_, curves)| curves).flat_map(|curve| &curve.points);
    let rates = points().map(|dot| dot.bpp);
    let rates = match axis {
        RateAxis::Linear => Axis::from_zero(rates),
        RateAxis::Log => Axis::logarithmic(rates),
    };
    let entries = looks(report);
    let widest = entries.iter().map(|(label, _)| labels::width(label, TEXT)).fold(0.0, f64::max);
    let width = LEFT + PANEL_WIDTH + LEADER + widest.min(LABEL) + 24.0;
    let legend = Legend::new(entries.iter().map(|(label, look)| (label.as_ref(), *look)), width);
    // Labels always fit beside a panel.
    let panel_height = PANEL_HEIGHT.max(LINE * entries.len() as f64);
    let top = 52.0 + legend.height;
    let height = top + panels.len() as f64 * (ABOVE + panel_height + BELOW);
    let title = printable(&report.dataset.title);
    let scale = if axis == RateAxis::Log { ", logarithmic" } else { "" };
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(px(width)) height=(px(height))
            viewBox={ "0 0 " (px(width)) " " (px(height)) } role="img" aria-label={ "Rate-distortion curves: " (title) }
            font-family=(FONT) font-size=(TEXT) fill="#1a1a1a" {
            rect width="100%" height="100%" fill="#ffffff" {}
            text x="16" y="32" font-size=(HEADING) font-weight="600" {
                (labels::shorten(&title, HEADING * 1.1, width - 32.0))
            }
            (legend.draw(52.0))
            @for (index, (metric, curves)) in panels.iter().enumerate() {
                @let y = top + ABOVE + index as f64 * (ABOVE + panel_height + BELOW);
                g transform={ "translate(" (px(LEFT)) " " (px(y)) ")" } {
                    text x="0" y="-12" font-weight="600" font-size="14" { (metric.title()) }
                    @match (&rates, panel(*metric, curves, panel_height, rates.as_ref())) {
                        (Some(rates), Some(panel)) => {
                            (rate_ticks(rates, panel_height))
                            (panel)
                            text x=(px(PANEL_WIDTH / 2.0)) y=(px(panel_height + 44.0)) text-anchor="middle" {
                                "bits per pixel of whole files, mean" (scale)
                            }
                        }
                        _ => text x="0" y="16" { "there is no finite value to be drawn" },
                    }
                }
            }
        }
    };
    picture.into_string()
}

/// What depends on the metric: its axis, its curves and their labels.
fn panel(metric: Metric, curves: &[Drawn], height: f64, rates: Option<&Axis>) -> Option<Markup> {
    let rates = rates?;
    let on_lines = curves.iter().flat_map(|curve| &curve.line).map(|(_, value)| *value);
    let values = Axis::linear(on_lines.chain(curves.iter().flat_map(|curve| &curve.points).map(|dot| dot.height)))?;
    let place = |(bpp, value): (f64, f64)| (PANEL_WIDTH * rates.position(bpp), height * (1.0 - values.position(value)));
    let ends: Vec<(f64, f64)> =
        curves.iter().filter_map(|curve| curve.points.last()).map(|dot| place((dot.bpp, dot.height))).collect();
    let wanted: Vec<f64> = ends.iter().map(|end| end.1).collect();
    let heights = labels::spread(&wanted, LINE, [LINE / 2.0, height - LINE / 2.0]);
    Some(html! {
        @for tick in values.ticks() {
            @let y = px(height * (1.0 - values.position(tick.value)));
            line x1="0" x2=(px(PANEL_WIDTH)) y1=(y) y2=(y) stroke="#e2e2e2" {}
            text x="-9" y=(y) dy="0.35em" text-anchor="end" { (tick.text) }
        }
        text transform={ "translate(-56 " (px(height / 2.0)) ") rotate(-90)" } text-anchor="middle" {
            (metric.axis_title())
        }
        rect width=(px(PANEL_WIDTH)) height=(px(height)) fill="none" stroke="#707070" {}
        @for ((curve, end), label) in curves.iter().zip(&ends).zip(&heights) {
            path fill="none" stroke=(curve.look.colour) stroke-opacity="0.45"
                d=(path([*end, (PANEL_WIDTH + 6.0, *label), (PANEL_WIDTH + LEADER - 6.0, *label)].into_iter())) {}
        }
        @for curve in curves {
            path fill="none" stroke=(curve.look.colour) stroke-width="2" stroke-linejoin="round"
                stroke-dasharray=[curve.look.dash] d=(path(curve.line.iter().map(|&point| place(point)))) {}
            @for dot in &curve.points {
                (marker(curve.look, place((dot.bpp, dot.height)), Some(&dot.text)))
            }
        }
        @for (curve, y) in curves.iter().zip(&heights) {
            (marker(curve.look, (PANEL_WIDTH + LEADER - 4.0, *y), None))
            text.label x=(px(PANEL_WIDTH + LEADER + 6.0)) y=(px(*y)) dy="0.35em" {
                (labels::shorten(&printable(&curve.label), TEXT, LABEL))
            }
        }
    })
}

fn rate_ticks(rates: &Axis, height: f64) -> Markup {
    html! {
        @for tick in rates.ticks() {
            @let x = px(PANEL_WIDTH * rates.position(tick.value));
            line x1=(x) x2=(x) y1="0" y2=(px(height)) stroke="#e2e2e2" {}
            text.rate x=(x) y=(px(height + 20.0)) text-anchor="middle" { (tick.text) }
        }
    }
}

fn marker(look: Look, (x, y): (f64, f64), tooltip: Option<&str>) -> Markup {
    html! {
        path d=(look.marker) fill=(look.colour) stroke="#ffffff" stroke-width="1"
            transform={ "translate(" (px(x)) " " (px(y)) ") scale(" (look.scale) ")" } {
            @if let Some(text) = tooltip { title { (printable(text)) } }
        }
    }
}

fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    let step = |(index, (x, y)): (usize, (f64, f64))| format!("{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
    points.enumerate().map(step).collect()
}

/// Lines of entries, as many beside each other as fit.
struct Legend<'a> {
    entries: Vec<(f64, f64, &'a str, Look)>,
    height: f64,
    width: f64,
}

impl<'a> Legend<'a> {
    fn new(entries: impl Iterator<Item = (&'a str, Look)>, width: f64) -> Self {
        let (mut x, mut y) = (16.0, 0.0);
        let place = |(label, look): (&'a str, Look)| {
            let length = SAMPLE + 8.0 + labels::width(label, TEXT) + 20.0;
            if x > 16.0 && x + length > width {
                (x, y) = (16.0, y + LEGEND_LINE);
            }
            let at = x;
            x += length;
            (at, y, label, look)
        };
        let entries = entries.map(place).collect();
        Self { entries, height: y + LEGEND_LINE, width }
    }

    fn draw(&self, top: f64) -> Markup {
        html! {
            @for &(x, y, label, look) in &self.entries {
                g transform={ "translate(" (px(x)) " " (px(top + y + LEGEND_LINE / 2.0)) ")" } {
                    line x1="0" x2=(px(SAMPLE)) y1="0" y2="0" stroke=(look.colour) stroke-width="2"
                        stroke-dasharray=[look.dash] {}
                    (marker(look, (SAMPLE / 2.0, 0.0), None))
                    text x=(px(SAMPLE + 8.0)) y="0" dy="0.35em" {
                        (labels::shorten(&printable(label), TEXT, self.width - x - SAMPLE - 24.0))
                    }
                }
            }
        }
    }
}

/// A length with as many digits as anybody sees.
fn px(length: f64) -> PreEscaped<String> {
    PreEscaped(format!("{length:.1}"))
}

/// A text without the control characters that XML forbids; names of files may have them.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
