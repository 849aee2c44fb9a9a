//! Curves of training runs as one SVG file: a panel for every quantity, below each other, over a common axis of time or steps.
//!
//! Differs from [`svg`](super::svg) in what is drawn: quantities over time, as they were logged, joined by straight lines.

use maud::{Markup, html};

use super::axis::Axis;
use super::curves::{Look, look};
use super::{ABOVE, BELOW, FONT, HEADING, LABEL, LEADER, LEFT, LINE, Legend, PANEL_HEIGHT, PANEL_WIDTH, TEXT};
use super::{labels, marker, path, printable, px, rate_ticks};

/// Markers of a curve, at most; all of its points are on its line.
const MARKERS: usize = 24;

/// One quantity of several runs.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgressPanel {
    /// What it is.
    pub title: String,
    /// Of each run, in the order of the labels: places on the common axis and values.
    pub curves: Vec<Vec<(f64, f64)>>,
}

/// The whole picture. `axis` is what the common axis shows, `labels` are the runs'.
pub fn progress_svg(title: &str, axis: &str, labels: &[String], panels: &[ProgressPanel]) -> String {
    let places = panels.iter().flat_map(|panel| panel.curves.iter().flatten()).map(|point| point.0);
    let common = Axis::linear(places);
    let looks: Vec<Look> = (0..labels.len()).map(|index| look(index, None)).collect();
    let widest = labels.iter().map(|label| labels::width(label, TEXT)).fold(0.0, f64::max);
    let width = LEFT + PANEL_WIDTH + LEADER + widest.min(LABEL) + 24.0;
    let legend = Legend::new(labels.iter().map(String::as_str).zip(looks.iter().copied()), width);
    let top = 52.0 + legend.height;
    let height = top + panels.len() as f64 * (ABOVE + PANEL_HEIGHT + BELOW);
    let title = printable(title);
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(px(width)) height=(px(height))
            viewBox={ "0 0 " (px(width)) " " (px(height)) } role="img" aria-label=(title)
            font-family=(FONT) font-size=(TEXT) fill="#1a1a1a" {
            rect width="100%" height="100%" fill="#ffffff" {}
            text x="16" y="32" font-size=(HEADING) font-weight="600" {
                (labels::shorten(&title, HEADING * 1.1, width - 32.0))
            }
            (legend.draw(52.0))
            @for (index, panel) in panels.iter().enumerate() {
                @let y = top + ABOVE + index as f64 * (ABOVE + PANEL_HEIGHT + BELOW);
                g transform={ "translate(" (px(LEFT)) " " (px(y)) ")" } {
                    text x="0" y="-12" font-weight="600" font-size="14" { (printable(&panel.title)) }
                    @match common.as_ref().and_then(|common| draw(panel, common, labels, &looks)) {
                        Some(drawn) => {
                            (drawn)
                            text x=(px(PANEL_WIDTH / 2.0)) y=(px(PANEL_HEIGHT + 44.0)) text-anchor="middle" {
                                (printable(axis))
                            }
                        }
                        None => text x="0" y="16" { "there is no finite value to be drawn" },
                    }
                }
            }
        }
    };
    picture.into_string()
}

/// A run's line in a panel, in pixels.
struct Curve<'a> {
    points: Vec<(f64, f64)>,
    look: Look,
    name: &'a str,
}

fn draw(panel: &ProgressPanel, common: &Axis, names: &[String], looks: &[Look]) -> Option<Markup> {
    let finite = |curve: &Vec<(f64, f64)>| -> Vec<(f64, f64)> {
        curve.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect()
    };
    let curves: Vec<Vec<(f64, f64)>> = panel.curves.iter().map(finite).collect();
    let values = Axis::linear(curves.iter().flatten().map(|point| point.1))?;
    let place = |(x, y): (f64, f64)| (PANEL_WIDTH * common.position(x), PANEL_HEIGHT * (1.0 - values.position(y)));
    let drawn: Vec<Curve<'_>> = curves
        .into_iter()
        .zip(looks.iter().zip(names))
        .filter(|(curve, _)| !curve.is_empty())
        .map(|(curve, (look, name))| Curve { points: curve.into_iter().map(place).collect(), look: *look, name })
        .collect();
    let ends: Vec<(f64, f64)> = drawn.iter().filter_map(|curve| curve.points.last().copied()).collect();
    let wanted: Vec<f64> = ends.iter().map(|end| end.1).collect();
    let heights = labels::spread(&wanted, LINE, [LINE / 2.0, PANEL_HEIGHT - LINE / 2.0]);
    Some(html! {
        (rate_ticks(common, PANEL_HEIGHT))
        @for tick in values.ticks() {
            @let y = px(PANEL_HEIGHT * (1.0 - values.position(tick.value)));
            line x1="0" x2=(px(PANEL_WIDTH)) y1=(y) y2=(y) stroke="#e2e2e2" {}
            text x="-9" y=(y) dy="0.35em" text-anchor="end" { (tick.text) }
        }
        rect width=(px(PANEL_WIDTH)) height=(px(PANEL_HEIGHT)) fill="none" stroke="#707070" {}
        @for (Curve { points, look, name }, (end, label)) in drawn.iter().zip(ends.iter().zip(&heights)) {
            path fill="none" stroke=(look.colour) stroke-opacity="0.45"
                d=(path([*end, (PANEL_WIDTH + 6.0, *label), (PANEL_WIDTH + LEADER - 6.0, *label)].into_iter())) {}
            path fill="none" stroke=(look.colour) stroke-width="2" stroke-linejoin="round"
                d=(path(points.iter().copied())) {}
            @for point in points.iter().step_by(points.len().div_ceil(MARKERS).max(1)) {
                (marker(*look, *point, None))
            }
            text.label x=(px(PANEL_WIDTH + LEADER)) y=(px(*label)) dy="0.35em" {
                (labels::shorten(&printable(name), TEXT, LABEL))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_has_a_line_and_a_label_in_every_panel_it_has_values_for() {
        let panels = [
            ProgressPanel { title: "score".into(), curves: vec![vec![(0.0, 9.5), (1.0, 9.2)], vec![(0.5, 9.4)]] },
            ProgressPanel { title: "loss".into(), curves: vec![vec![(0.2, 11.0), (0.9, f64::NAN)], vec![]] },
        ];
        let svg = progress_svg("runs", "hours", &["teacher".into(), "<student>".into()], &panels);
        // Once in the legend, and once beside each of its lines.
        assert_eq!(svg.matches(">teacher<").count(), 3, "{svg}");
        assert_eq!(svg.matches(">&lt;student&gt;<").count(), 2, "{svg}");
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn nothing_to_draw_is_said_in_words() {
        let panels = [ProgressPanel { title: "score".into(), curves: vec![vec![]] }];
        assert!(progress_svg("runs", "hours", &["a".into()], &panels).contains("no finite value"));
    }
}
