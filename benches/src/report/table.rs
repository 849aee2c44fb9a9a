//! A report as tables for people: in a terminal, or as Markdown to paste into a document.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};

use super::{AVERAGING, Comparison, Figure, ImageFigures, Measured, Report};
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
    let comparisons = &report.comparisons;
    if !comparisons.list.is_empty() {
        page.heading(&format!(
            "Bjontegaard deltas, {} interpolation, {}",
            comparisons.method.name(),
            comparisons.interval
        ));
        page.table(deltas(&comparisons.list));
        report.comparisons.list.iter().for_each(|comparison| page.remarks(comparison));
    }
    for curve in &report.published {
        page.line(&format!("{}: {} ({})", curve.label(), curve.description, curve.source));
    }
    let jobs = report.jobs;
    page.line(&format!("speeds: megapixels per second of one encoding or decoding, with {jobs} images at a time"));
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

    fn table(&mut self, (header, rows): (Vec<String>, Vec<Vec<String>>)) {
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

    /// What is to be said about a comparison: why there is no figure, or what to beware of.
    fn remarks(&mut self, comparison: &Comparison) {
        let Comparison { metric, anchor, test, rate, quality, .. } = comparison;
        let what = format!("{test} against {anchor} by {}", metric.title());
        let mut said = Vec::new();
        for (name, figure) in [("BD-rate", rate), (quality_name(*metric), quality)] {
            match figure {
                Figure::Bd(bd) => said.extend(bd.warnings().iter().map(|warning| format!("{name}: {warning}"))),
                Figure::NotPublished(why) | Figure::Impossible(why) => said.push(format!("no {name}: {why}")),
            }
        }
        said.dedup();
        said.iter().for_each(|remark| self.line(&format!("{what}: {remark}")));
    }
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
    let header =
        ["metric", "anchor", "codec", "BD-rate", "overlap", "points", "BD-quality", "images: mean", "worst", "of"];
    let row = |comparison: &Comparison| {
        let Comparison { metric, anchor, test, rate, quality, images } = comparison;
        let bd = rate.bd();
        let dash = || "-".to_owned();
        let worst = images.as_ref().and_then(|images| images.worst.clone());
        vec![
            metric.title().to_owned(),
            anchor.clone(),
            test.clone(),
            bd.map_or_else(dash, |bd| percent(bd.value)),
            bd.map_or_else(dash, |bd| format!("{:.0} %", 100.0 * bd.overlap)),
            bd.map_or_else(dash, |bd| format!("{}/{}", bd.test_points, bd.anchor_points)),
            quality.bd().map_or_else(dash, |bd| format!("{:+.3} {}", bd.value, axis_unit(*metric)).trim().to_owned()),
            images.as_ref().map_or_else(dash, image_mean),
            worst.as_ref().map_or_else(dash, |(_, value)| percent(*value)),
            worst.map_or_else(dash, |(name, _)| name),
        ]
    };
    (header.map(str::to_owned).to_vec(), list.iter().map(row).collect())
}

/// The unit of a metric's axis.
pub(super) fn axis_unit(metric: Metric) -> &'static str {
    match metric {
        Metric::Psnr | Metric::MsSsim => "dB",
        Metric::Ssimulacra2 | Metric::Butteraugli => "",
    }
}

fn percent(value: f64) -> String {
    format!("{value:+.2} %")
}

fn image_mean(images: &ImageFigures) -> String {
    let mean = if images.mean.is_finite() { percent(images.mean) } else { "-".to_owned() };
    if images.without == 0 { mean } else { format!("{mean} ({} without)", images.without) }
}
