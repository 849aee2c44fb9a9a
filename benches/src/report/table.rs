//! A report as tables for people: in a terminal, or as Markdown to paste into a document.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};

use super::{AVERAGING, Comparison, Figure, ImageFigures, Measured, Report, chart};
use crate::bd::{Bd, FALLS, FEW_POINTS, LEAST_OVERLAP};
use crate::metric::Metric;

/// How tables are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// For a terminal.
    Terminal,
    /// GitHub's Markdown.
    Markdown,
}

/// The whole report.
pub fn text(report: &Report, style: Style) -> String {
    let mut page = Page { text: String::new(), style };
    page.heading(&report.dataset.title);
    report.dataset.notes.iter().for_each(|note| page.line(&format!("note: {note}")));
    page.line(AVERAGING);
    for codec in &report.codecs {
        page.heading(&codec.label);
        page.line(&format!("{}; {}", codec.version, codec.settings));
        page.table(means(codec, &report.metrics));
    }
    let metric = report.metrics.first().filter(|_| style == Style::Terminal);
    if let Some(chart) = metric.and_then(|metric| chart::text(report, *metric)) {
        page.heading("Curves");
        page.line(chart.trim_end());
    }
    let comparisons = &report.comparisons;
    if !comparisons.list.is_empty() {
        page.heading(&format!(
            "Bjontegaard deltas, {} interpolation, {}",
            comparisons.method.name(),
            comparisons.interval
        ));
        page.table(deltas(&comparisons.list));
        // At the beginning of a line a star would be the point of a list.
        let star = if style == Style::Markdown { "\\" } else { "" };
        page.line(&format!("{star}{}", marks()));
        for comparison in &comparisons.list {
            let what = format!("{} against {} by {}", comparison.test, comparison.anchor, comparison.metric.title());
            remarks(comparison).iter().for_each(|remark| page.line(&format!("{what}: {remark}")));
        }
    }
    comparisons.unpublished.iter().for_each(|words| page.line(words));
    for curve in &report.published {
        page.line(&format!("{}: {} ({})", curve.label(), curve.description, curve.source));
    }
    let jobs = report.jobs;
    page.line(&format!(
        "speeds: megapixels per second of one encoding or decoding, {jobs} at a time; kept results keep theirs"
    ));
    report.warnings.iter().for_each(|warning| page.line(&format!("warning: {warning}")));
    page.line(&format!("made by {}: {}", report.program, report.command));
    page.text.trim().to_owned()
}

struct Page {
    text: String,
    style: Style,
}

impl Page {
    fn heading(&mut self, text: &str) {
        // Writing to a String cannot fail, here and below.
        let _ = match self.style {
            Style::Terminal => write!(self.text, "\n{text}\n"),
            Style::Markdown => write!(self.text, "\n## {text}\n\n"),
        };
    }

    fn line(&mut self, text: &str) {
        let end = if self.style == Style::Markdown { "\n\n" } else { "\n" };
        let _ = write!(self.text, "{text}{end}");
    }

    fn table(&mut self, (mut header, mut rows): (Vec<String>, Vec<Vec<String>>)) {
        if self.style == Style::Markdown {
            // Names of images and codecs may hold what ends a cell.
            let cells = header.iter_mut().chain(rows.iter_mut().flatten());
            cells.for_each(|cell| *cell = cell.replace('|', "\\|"));
        }
        let mut table = Table::new();
        match self.style {
            Style::Terminal => table.load_style(presets::NOTHING),
            Style::Markdown => table.load_style(presets::ASCII_MARKDOWN),
        };
        table.set_header(header).add_rows(rows);
        for column in table.column_iter_mut() {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let end = if self.style == Style::Markdown { "\n\n" } else { "\n" };
        let _ = write!(self.text, "{table}{end}");
    }
}

/// Why a figure is missing, or what to beware of beside what the table marks.
pub(super) fn remarks(comparison: &Comparison) -> Vec<String> {
    let mut said = Vec::new();
    for (name, figure) in [("BD-rate", &comparison.rate), (quality_name(comparison.metric), &comparison.quality)] {
        match figure {
            Figure::Bd(bd) if bd.falls => said.push(FALLS.to_owned()),
            Figure::Bd(_) => {}
            Figure::Impossible(why) => said.push(format!("no {name}: {why}")),
        }
    }
    said.dedup();
    said
}

/// What the mean difference in quality is called.
pub(super) fn quality_name(metric: Metric) -> &'static str {
    match metric {
        Metric::Psnr => "BD-PSNR",
        Metric::MsSsim => "BD-MS-SSIM",
        Metric::Ssimulacra2 => "BD-SSIMULACRA2",
        Metric::Butteraugli => "BD-Butteraugli",
    }
}

/// A metric's value with as many digits as say something.
pub(super) fn score(metric: Metric, value: f64) -> String {
    match metric {
        Metric::Psnr | Metric::Ssimulacra2 => format!("{value:.3}"),
        Metric::MsSsim => format!("{value:.5}"),
        Metric::Butteraugli => format!("{value:.4}"),
    }
}

fn means(codec: &Measured, metrics: &[Metric]) -> (Vec<String>, Vec<Vec<String>>) {
    let mut header = vec!["quality".to_owned(), "bpp".to_owned()];
    for metric in metrics {
        header.extend([metric.title().to_owned(), "worst".to_owned(), "of".to_owned()]);
    }
    header.extend(["encode MP/s".to_owned(), "decode MP/s".to_owned()]);
    let row = |mean: &super::Mean| {
        let mut row = vec![mean.quality.to_string(), format!("{:.4}", mean.bpp)];
        for metric in metrics {
            let cells = mean.scores.get(metric).map(|found| {
                let name = found.worst_image.rsplit_once('.').map_or(found.worst_image.as_str(), |(stem, _)| stem);
                [score(*metric, found.mean), score(*metric, found.worst), name.to_owned()]
            });
            row.extend(cells.unwrap_or_else(|| ["-".to_owned(), "-".to_owned(), "-".to_owned()]));
        }
        row.extend([format!("{:.2}", mean.encode_speed), format!("{:.2}", mean.decode_speed)]);
        row
    };
    (header, codec.means.iter().map(row).collect())
}

fn deltas(list: &[Comparison]) -> (Vec<String>, Vec<Vec<String>>) {
    let header = [
        "metric",
        "anchor",
        "codec",
        "BD-rate",
        "overlap",
        "points",
        "BD-quality, common rates",
        "images: mean",
        "worst",
        "of",
    ];
    let row = |comparison: &Comparison| {
        let Comparison { metric, anchor, test, rate, quality, images } = comparison;
        let bd = rate.bd();
        let dash = || "-".to_owned();
        let worst = images.as_ref().and_then(worst_image);
        vec![
            metric.title().to_owned(),
            anchor.clone(),
            test.clone(),
            bd.map_or_else(dash, |bd| percent(bd.value)),
            bd.map_or_else(dash, overlap),
            bd.map_or_else(dash, points),
            quality.bd().map_or_else(dash, |bd| difference(*metric, bd)),
            images.as_ref().map_or_else(dash, image_mean),
            worst.as_ref().map_or_else(dash, |(_, value)| value.clone()),
            worst.map_or_else(dash, |(name, _)| name),
        ]
    };
    (header.map(str::to_owned).to_vec(), list.iter().map(row).collect())
}

/// What the marks in a table of figures mean.
pub(super) fn marks() -> String {
    format!(
        "* less than {:.0} % overlap, or fewer than {FEW_POINTS} points: such a figure says little",
        100.0 * LEAST_OVERLAP
    )
}

/// A mean difference in quality, which always is over all common rates; marked as [`overlap`] and [`points`] are.
pub(super) fn difference(metric: Metric, bd: &Bd) -> String {
    let weak = bd.is_weak();
    let unit = if axis_unit(metric).is_empty() { String::new() } else { format!(" {}", axis_unit(metric)) };
    format!("{:+.3}{unit}{}", bd.value, if weak { "*" } else { "" })
}

/// The share of quality (of one or the other curve) that a figure rests on, marked if it is small.
pub(super) fn overlap(bd: &Bd) -> String {
    let mark = if bd.overlaps_little() { "*" } else { "" };
    format!("{:.0} %{mark}", 100.0 * bd.overlap)
}

/// Points of the tested curve and of the anchor inside of the interval, marked if they are few.
pub(super) fn points(bd: &Bd) -> String {
    let mark = if bd.has_few_points() { "*" } else { "" };
    format!("{}/{}{mark}", bd.test_points, bd.anchor_points)
}

/// The unit of a metric's axis.
pub(super) fn axis_unit(metric: Metric) -> &'static str {
    match metric {
        Metric::Psnr | Metric::MsSsim => "dB",
        Metric::Ssimulacra2 | Metric::Butteraugli => "",
    }
}

/// A difference in percent.
pub(super) fn percent(value: f64) -> String {
    format!("{value:+.2} %")
}

/// The mean over images, marked if curves of any overlap little.
pub(super) fn mean_of_images(images: &ImageFigures) -> Option<String> {
    let mark = if images.weak.is_empty() { "" } else { "*" };
    images.mean.is_finite().then(|| format!("{}{mark}", percent(images.mean)))
}

/// The worst image and its figure, marked if its curves overlap little.
pub(super) fn worst_image(images: &ImageFigures) -> Option<(String, String)> {
    let (name, value) = images.worst.clone()?;
    let mark = if images.is_weak(&name) { "*" } else { "" };
    Some((name, format!("{}{mark}", percent(value))))
}

fn image_mean(images: &ImageFigures) -> String {
    let mean = mean_of_images(images).unwrap_or_else(|| "-".to_owned());
    if images.without == 0 { mean } else { format!("{mean} ({} without)", images.without) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_cell_of_markdown_is_escaped() {
        let cells = |style| {
            let mut page = Page { text: String::new(), style };
            page.table((vec!["a|b".to_owned(), "c".to_owned()], vec![vec!["1".to_owned(), "d|e".to_owned()]]));
            page.text
        };
        let markdown = cells(Style::Markdown);
        assert!(markdown.contains("a\\|b") && markdown.contains("d\\|e"), "{markdown}");
        assert!(cells(Style::Terminal).contains("a|b"));
    }
}
