//! The tables of the page. All scroll in a box of their own where the window is narrow; those of single images are
//! folded up and can be sorted.

use maud::{Markup, html};

use crate::metric::Metric;
use crate::report::table::{difference, mean_of_images, overlap, percent, points, remarks, score, worst_image};
use crate::report::{Comparison, Comparisons, ImageFigures, Mean, Measured};

/// Shown where there is no value.
const NONE: &str = "–";

/// Every codec against every anchor.
pub(super) fn deltas(comparisons: &Comparisons) -> Markup {
    let numbers = ["BD-rate", "BD-quality, common rates", "Overlap", "Points", "Images: mean", "Worst image"];
    boxed(
        "Bjontegaard deltas",
        &html! {
            thead {
                tr {
                    @for name in ["Metric", "Anchor", "Codec"] { th scope="col" { (name) } }
                    @for name in numbers { th.number scope="col" { (name) } }
                }
            }
            tbody { @for comparison in &comparisons.list { (delta(comparison)) } }
        },
    )
}

fn delta(comparison: &Comparison) -> Markup {
    let Comparison { metric, anchor, test, rate, quality, images } = comparison;
    let bd = rate.bd();
    html! {
        tr {
            td { (metric.title()) }
            td { (anchor) }
            th scope="row" { (test) }
            td.number { strong { (bd.map_or_else(none, |bd| percent(bd.value))) } }
            td.number { (quality.bd().map_or_else(none, |bd| difference(*metric, bd))) }
            td.number { (bd.map_or_else(none, overlap)) }
            td.number { (bd.map_or_else(none, points)) }
            td.number {
                @match images {
                    Some(images) => {
                        (mean_of_images(images).unwrap_or_else(none))
                        @if images.without > 0 { br; small { (images.without) " without" } }
                    }
                    None => (NONE),
                }
            }
            td.number {
                @match images.as_ref().and_then(worst_image) {
                    Some((name, value)) => { (value) br; small { (name) } }
                    None => (NONE),
                }
            }
        }
        @let remarks = remarks(comparison);
        @if !remarks.is_empty() {
            tr.remarks { td colspan="9" { span { (remarks.join("; ")) } } }
        }
    }
}

/// A codec's means at all qualities.
pub(super) fn means(codec: &Measured, metrics: &[Metric]) -> Markup {
    let row = |mean: &Mean| {
        html! {
            tr {
                th.number scope="row" { (mean.quality) }
                td.number { (format!("{:.4}", mean.bpp)) }
                @for metric in metrics {
                    @match mean.scores.get(metric) {
                        Some(found) => {
                            td.number { (score(*metric, found.mean)) }
                            td.number { (score(*metric, found.worst)) br; small { (found.worst_image) } }
                        }
                        None => { td.number { (NONE) } td.number { (NONE) } }
                    }
                }
                td.number { (format!("{:.2}", mean.encode_speed)) }
                td.number { (format!("{:.2}", mean.decode_speed)) }
            }
        }
    };
    html! {
        h3 { (codec.label) }
        (boxed(&format!("Means of {}", codec.label), &html! {
            thead {
                tr {
                    th.number scope="col" { "Quality" }
                    th.number scope="col" { "bpp" }
                    @for metric in metrics {
                        th.number scope="col" { (metric.title()) }
                        th.number scope="col" { "worst image" }
                    }
                    th.number scope="col" { "Encoding, MP/s" }
                    th.number scope="col" { "Decoding, MP/s" }
                }
            }
            tbody { @for mean in &codec.means { (row(mean)) } }
        }))
    }
}

/// All points of all images of a codec.
pub(super) fn images(codec: &Measured, metrics: &[Metric]) -> Markup {
    let points = codec.images.iter().flat_map(|image| image.points.iter().map(move |point| (&image.name, point)));
    let caption = format!("Images with {}", codec.label);
    folded(
        &caption,
        &html! {
            thead {
                tr {
                    (sortable("Image", false))
                    (sortable("Quality", true))
                    (sortable("Bytes", true))
                    (sortable("bpp", true))
                    @for metric in metrics { (sortable(metric.title(), true)) }
                }
            }
            tbody {
                @for (name, point) in points {
                    tr {
                        th scope="row" { (name) }
                        (number(Some(point.quality.into()), &point.quality.to_string()))
                        (number(Some(point.bytes as f64), &point.bytes.to_string()))
                        (number(Some(point.bpp), &format!("{:.4}", point.bpp)))
                        @for metric in metrics {
                            @let value = point.scores.get(metric).copied();
                            (number(value, &value.map_or_else(none, |value| score(*metric, value))))
                        }
                    }
                }
            }
        },
    )
}

/// BD-rates of single images: a table for every metric and anchor, a column for every codec.
pub(super) fn image_deltas(comparisons: &Comparisons) -> Markup {
    let mut tables: Vec<(Metric, &str, Vec<&Comparison>)> = Vec::new();
    for comparison in comparisons.list.iter().filter(|comparison| comparison.images.is_some()) {
        let key = (comparison.metric, comparison.anchor.as_str());
        match tables.iter_mut().find(|table| (table.0, table.1) == key) {
            Some(table) => table.2.push(comparison),
            None => tables.push((key.0, key.1, vec![comparison])),
        }
    }
    html! {
        @for (metric, anchor, columns) in &tables {
            (folded(&format!("BD-rate against {anchor} by {}", metric.title()), &image_delta_rows(columns)))
        }
    }
}

fn image_delta_rows(columns: &[&Comparison]) -> Markup {
    let values: Vec<&ImageFigures> = columns.iter().filter_map(|column| column.images.as_ref()).collect();
    html! {
        thead {
            tr {
                (sortable("Image", false))
                @for column in columns { (sortable(&column.test, true)) }
            }
        }
        tbody {
            @for (row, (name, _)) in values.first().iter().flat_map(|figures| &figures.all).enumerate() {
                tr {
                    th scope="row" { (name) }
                    @for figures in &values {
                        @let value = figures.all.get(row).and_then(|(_, value)| *value);
                        @let mark = if figures.is_weak(name) { "*" } else { "" };
                        (number(value, &value.map_or_else(none, |value| percent(value) + mark)))
                    }
                }
            }
        }
    }
}

/// A table in a box that scrolls, also with the keyboard.
fn boxed(name: &str, rows: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(name) { table { (rows) } }
    }
}

fn folded(name: &str, rows: &Markup) -> Markup {
    html! {
        details {
            summary { (name) }
            div.scroll tabindex="0" role="region" aria-label=(name) { table.sortable { (rows) } }
        }
    }
}

fn sortable(name: &str, number: bool) -> Markup {
    html! { th.number[number] scope="col" { button type="button" { (name) } } }
}

/// A cell that is sorted by its value, not by its text; script has its own word for infinity.
fn number(value: Option<f64>, text: &str) -> Markup {
    let value = value.map(|value| if value.is_infinite() { "Infinity".to_owned() } else { value.to_string() });
    html! { td.number data-value=[value] { (text) } }
}

fn none() -> String {
    NONE.to_owned()
}
