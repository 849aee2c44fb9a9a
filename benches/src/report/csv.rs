//! A report as comma-separated values: one table with a row for every codec, quality and image, means included, so that a
//! spreadsheet or a script can take it from there. Figures against anchors follow in rows of their own kind; the first rows say how all of it was made.

use super::{AVERAGING, Comparison, Figure, Report};

/// The columns; what does not apply to a row is empty.
const COLUMNS: [&str; 11] =
    ["row", "dataset", "codec", "quality", "image", "bytes", "bpp", "metric", "value", "anchor", "remark"];

/// All numbers of the report.
///
/// # Errors
/// None that can happen: the text is built in memory.
pub fn text(report: &Report) -> Result<String, csv::Error> {
    let mut rows = csv::Writer::from_writer(Vec::new());
    rows.write_record(COLUMNS)?;
    let dataset = report.dataset.title.as_str();
    let mut say = |row, codec: &str, value: &str, remark: &str| {
        rows.write_record([row, dataset, codec, "", "", "", "", "", value, "", remark])
    };
    say("program", "", &report.program, &report.command)?;
    say("averaging", "", "", AVERAGING)?;
    say("interpolation", "", report.comparisons.method.name(), "")?;
    say("interval", "", &report.comparisons.interval, "")?;
    report.dataset.notes.iter().try_for_each(|note| say("note", "", "", note))?;
    report.codecs.iter().try_for_each(|codec| say("codec", &codec.label, &codec.version, &codec.settings))?;
    report.published.iter().try_for_each(|curve| say("codec", &curve.label(), "", &curve.description))?;
    report
        .warnings
        .iter()
        .chain(&report.comparisons.unpublished)
        .try_for_each(|words| say("warning", "", "", words))?;
    for codec in &report.codecs {
        let label = codec.label.as_str();
        for image in &codec.images {
            for point in &image.points {
                let (quality, bytes, bpp) = (point.quality.to_string(), point.bytes.to_string(), point.bpp.to_string());
                for (metric, value) in &point.scores {
                    let value = value.to_string();
                    let row = [&quality, &image.name, &bytes, &bpp].map(String::as_str);
                    rows.write_record(
                        [&["image", dataset, label], &row[..], &[metric.name(), &value, "", ""]].concat(),
                    )?;
                }
            }
        }
        for mean in &codec.means {
            let (quality, bpp) = (mean.quality.to_string(), mean.bpp.to_string());
            for (metric, score) in &mean.scores {
                let (value, worst) = (score.mean.to_string(), score.worst.to_string());
                let name = metric.name();
                rows.write_record(["mean", dataset, label, &quality, "", "", &bpp, name, &value, "", ""])?;
                let image = score.worst_image.as_str();
                rows.write_record(["worst", dataset, label, &quality, image, "", "", name, &worst, "", ""])?;
            }
        }
    }
    for curve in &report.published {
        for point in &curve.points {
            for (metric, value) in &point.scores {
                let (bpp, value, label) = (point.bpp.to_string(), value.to_string(), curve.label());
                let row = ["published", dataset, &label, "", "", "", &bpp, metric.name(), &value, "", &curve.source];
                rows.write_record(row)?;
            }
        }
    }
    for comparison in &report.comparisons.list {
        figures(&mut rows, dataset, comparison)?;
    }
    let bytes = rows.into_inner().map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn figures(rows: &mut csv::Writer<Vec<u8>>, dataset: &str, comparison: &Comparison) -> Result<(), csv::Error> {
    let Comparison { metric, anchor, test, rate, quality, images } = comparison;
    let metric = metric.name();
    // Qualities are compared over all rates that both have, whatever the interval of the rates' comparison.
    for (kind, figure, over) in [("bd-rate-percent", rate, ""), ("bd-quality", quality, "over the common rates; ")] {
        let (value, remark) = match figure {
            Figure::Bd(bd) => {
                let (overlap, of_anchor, of_test) = (100.0 * bd.overlap, bd.anchor_points, bd.test_points);
                let mut words = vec![format!(
                    "{over}overlap {overlap:.0} %, {of_anchor} points of the anchor, {of_test} of the codec"
                )];
                words.extend(bd.warnings());
                (bd.value.to_string(), words.join("; "))
            }
            Figure::Impossible(why) => (String::new(), why.clone()),
        };
        rows.write_record([kind, dataset, test, "", "", "", "", metric, &value, anchor, &remark])?;
    }
    for (figures, (image, value)) in images.iter().flat_map(|figures| figures.all.iter().map(move |one| (figures, one)))
    {
        let (value, remark) = match value {
            Some(value) if figures.is_weak(image) => {
                (value.to_string(), "the curves overlap little, or have few points")
            }
            Some(value) => (value.to_string(), ""),
            None => (String::new(), "the curves cannot be compared"),
        };
        rows.write_record(["bd-rate-percent", dataset, test, "", image, "", "", metric, &value, anchor, remark])?;
    }
    Ok(())
}
