//! A report as one web page that needs nothing but itself: style, script, curves and pictures are inside, and its
//! policy forbids everything else.
//!
//! Other than [`table`](super::table), whose figures it repeats, this is for looking around: both rate axes, every
//! image, and details side by side. Without scripts and on paper all of it can be read, too. Text is escaped by
//! `maud`.

mod tables;
mod viewer;

use std::io::Write;
use std::path::{Path, PathBuf};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::crops::Detail;
use super::plot::{self, RateAxis};
use super::table::marks;
use super::{Images, Report};

/// The page's name in its folder.
pub const FILE_NAME: &str = "index.html";

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Nothing from outside, not even from beside the page.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// The page cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the report to {}: {source}", path.display())]
pub struct WriteError {
    /// The file.
    path: PathBuf,
    /// Why.
    source: std::io::Error,
}

/// The whole page.
pub fn page(report: &Report, details: &[Detail]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                // Without it, browsers ask servers for an icon.
                link rel="icon" href="data:,";
                title { "lic bd-rate: " (report.dataset.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (heading(&report.dataset))
                    (warnings(&report.warnings))
                    @if !report.comparisons.list.is_empty() {
                        section {
                            h2 { "Bjontegaard deltas" }
                            (tables::deltas(&report.comparisons))
                            p.note { (marks()) }
                        }
                    }
                    @for words in &report.comparisons.unpublished { p.note { (words) } }
                    (plots(report))
                    (viewer::section(details))
                    section {
                        h2 { "Means over the images" }
                        @for codec in &report.codecs { (tables::means(codec, &report.metrics)) }
                        p.note {
                            "Speeds are megapixels per second of one encoding or decoding, with "
                            (report.jobs) " image" @if report.jobs != 1 { "s" } " at a time; results kept from earlier runs keep theirs."
                        }
                    }
                    (images(report))
                    (method(report))
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn heading(images: &Images) -> Markup {
    html! {
        header {
            p.kind { "Rate and distortion, measured on real files" }
            h1 {
                @if let Some((before, after)) = images.title.split_once("PARTIAL") {
                    (before) mark { "PARTIAL" } (after)
                } @else {
                    (images.title)
                }
            }
            @if !images.complete {
                p.warning { "This is not a complete known set: the numbers cannot be compared with published ones." }
            }
            @for note in &images.notes { p.note { (note) } }
        }
    }
}

fn warnings(warnings: &[String]) -> Markup {
    html! {
        @if !warnings.is_empty() {
            section.warning {
                h2 { "Warnings" }
                ul { @for warning in warnings { li { (warning) } } }
            }
        }
    }
}

fn plots(report: &Report) -> Markup {
    html! {
        section {
            h2 { "Rate-distortion curves" }
            p.controls hidden { button type="button" id="switch-axis" { "Show linear rates" } }
            p.note { "Point at a marker to read its values." }
            @for (name, axis) in [("log", RateAxis::Log), ("linear", RateAxis::Linear)] {
                div.plot.scroll id={ "plot-" (name) } tabindex="0" role="region"
                    aria-label={ "Curves, " (name) " rates" } {
                    (PreEscaped(plot::svg(report, axis)))
                }
            }
        }
    }
}

fn images(report: &Report) -> Markup {
    html! {
        section {
            h2 { "Every image" }
            p.note { "Click a column's name to sort by it." }
            (tables::image_deltas(&report.comparisons))
            @for codec in &report.codecs { (tables::images(codec, &report.metrics)) }
        }
    }
}

fn method(report: &Report) -> Markup {
    html! {
        section {
            h2 { "How this was measured" }
            dl {
                dt { "Command" } dd { code { (report.command) } }
                dt { "Program" } dd { (report.program) }
                dt { "Images" } dd { (report.dataset.title) " (" (report.dataset.name) "): " (report.dataset.count) }
                dt { "Averaging" } dd { (report.averaging) }
                dt { "Interpolation" } dd { (report.comparisons.method.name()) }
                dt { "Interval" } dd { (report.comparisons.interval) }
                dt { "Images at a time" } dd { (report.jobs) }
                @for codec in &report.codecs {
                    dt { (codec.label) } dd { (codec.version) br; (codec.settings) }
                }
                @for curve in &report.published {
                    dt { (curve.label()) } dd { (curve.description) br; "from " (curve.source) }
                }
            }
        }
    }
}

/// Writes the page into a folder, which need not exist yet; an older page there is replaced in one step.
///
/// # Errors
/// The folder cannot be made or written to.
pub fn write(folder: &Path, page: &str) -> Result<PathBuf, WriteError> {
    let path = folder.join(FILE_NAME);
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut builder = tempfile::Builder::new();
        // Temporary files are private by default; this one becomes an ordinary file, as the user's umask has it.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.prefix(".lic-").tempfile_in(folder)?;
        file.write_all(page.as_bytes())?;
        file.persist(&path)?;
        Ok(())
    };
    match write() {
        Ok(()) => Ok(path),
        Err(source) => Err(WriteError { path, source }),
    }
}
