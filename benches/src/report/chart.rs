//! Rate-distortion curves in characters, for terminals; [`plot`](super::plot) draws them properly.

use super::Report;
use super::compare::Side;
use crate::interpolate::{Interpolant, Method};
use crate::metric::Metric;

/// Characters of the area of the curves.
const WIDTH: usize = 64;

/// Lines of the area of the curves.
const HEIGHT: usize = 16;

/// A line with a number at every so many lines.
const LINES_A_TICK: usize = 5;

/// The curves of one metric over the logarithm of the rate, each in a letter of its own; `None` if there are none.
pub(super) fn text(report: &Report, metric: Metric) -> Option<String> {
    let sides = Side::all(&report.codecs, &report.published);
    let (mut curves, mut missing) = (Vec::<(char, String, Interpolant)>::new(), Vec::new());
    let mut letters = 'a'..='z';
    for side in sides {
        let letter = letters.next();
        let Ok(curve) = side.curve(metric) else { continue };
        match (curve.quality(Method::Pchip), letter) {
            (Some(curve), Some(letter)) => curves.push((letter, side.label(), curve)),
            (Some(_), None) => {}
            (None, _) => missing.push(side.label()),
        }
    }
    let [left, right] = span(curves.iter().flat_map(|(_, _, curve)| curve.domain()))?;
    let at = |column: usize| left + (right - left) * column as f64 / (WIDTH - 1) as f64;
    let value = |curve: &Interpolant, column: usize| {
        let [first, last] = curve.domain();
        (first..=last).contains(&at(column)).then(|| curve.value(at(column)))
    };
    let values = curves.iter().flat_map(|(_, _, curve)| (0..WIDTH).filter_map(|column| value(curve, column)));
    let [low, high] = span(values)?;

    let mut lines = vec![[' '; WIDTH]; HEIGHT];
    for (letter, _, curve) in &curves {
        for column in 0..WIDTH {
            let Some(value) = value(curve, column) else { continue };
            let row = ((high - value) / (high - low) * (HEIGHT - 1) as f64).round() as usize;
            if let Some(cell) = lines.get_mut(row).and_then(|line| line.get_mut(column)) {
                *cell = *letter;
            }
        }
    }
    let mut text = format!("{}\n", metric.axis_title());
    for (row, line) in lines.iter().enumerate() {
        let tick = high - (high - low) * row as f64 / (HEIGHT - 1) as f64;
        let number = if row % LINES_A_TICK == 0 { format!("{tick:8.1} |") } else { format!("{:9}|", "") };
        text.push_str(format!("{number}{}", line.iter().collect::<String>()).trim_end());
        text.push('\n');
    }
    let rate = |column: usize| format!("{:.2}", 10f64.powf(at(column)));
    let [a, b, c, d] = [0, WIDTH / 3, 2 * WIDTH / 3, WIDTH - 1].map(rate);
    text.push_str(&format!("{:10}{a:<21}{b:<21}{c:<18}{d} bpp\n", ""));
    let legend: Vec<String> = curves.iter().map(|(letter, label, _)| format!("{letter} {label}")).collect();
    text.push_str(&format!("{:10}{}\n", "", legend.join(", ")));
    if !missing.is_empty() {
        text.push_str(&format!(
            "{:10}not drawn, as their quality does not rise with the rate: {}\n",
            "",
            missing.join(", ")
        ));
    }
    Some(text)
}

/// The smallest and the largest of some numbers, if they are not one.
fn span(numbers: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let [low, high] = numbers.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], n| [low.min(n), high.max(n)]);
    (low < high).then_some([low, high])
}
