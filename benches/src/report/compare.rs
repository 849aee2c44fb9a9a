//! Figures of codecs against anchors: BD-rate and the mean difference in quality, of the mean curves and of every image.
//!
//! The mean curve goes through means over the images; this is what papers report. Where anchor and codec were both run, the
//! figure of every image and their mean are there too: one difficult image cannot hide in them, nor one large file.

use serde::Serialize;

use super::{Measured, OfImage, Published};
use crate::bd::{Bd, Interval, bd_quality, bd_rate};
use crate::curve::{Curve, Point};
use crate::interpolate::Method;
use crate::metric::Metric;

/// All comparisons of a report and how they were made.
#[derive(Debug, Serialize)]
pub struct Comparisons {
    /// The interpolation.
    pub method: Method,
    /// Where curves are compared, in words.
    pub interval: String,
    /// By metric, anchor and codec.
    pub list: Vec<Comparison>,
}

/// One codec against one anchor by one metric.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The metric.
    pub metric: Metric,
    /// The anchor's label.
    pub anchor: String,
    /// The codec's label.
    pub test: String,
    /// BD-rate in percent.
    pub rate: Figure,
    /// Mean difference in quality at equal rate, on the metric's axis: BD-PSNR in dB for PSNR.
    pub quality: Figure,
    /// BD-rate of every image, if both were run.
    pub images: Option<ImageFigures>,
}

/// A figure, or why there is none.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// The figure.
    Bd(Bd),
    /// The anchor was published without this metric.
    NotPublished(String),
    /// The curves cannot be compared.
    Impossible(String),
}

/// BD-rates of single images.
#[derive(Debug, Serialize)]
pub struct ImageFigures {
    /// Mean of those that exist, in percent; NaN if there is none.
    pub mean: f64,
    /// The largest, and the image's name.
    pub worst: Option<(String, f64)>,
    /// Images whose curves cannot be compared.
    pub without: usize,
    /// All, in percent.
    pub all: Vec<(String, Option<f64>)>,
}

impl Figure {
    /// The figure, if there is one.
    pub fn bd(&self) -> Option<&Bd> {
        match self {
            Self::Bd(bd) => Some(bd),
            _ => None,
        }
    }

    fn from_result<E: ToString>(result: Result<Bd, E>) -> Self {
        result.map_or_else(|error| Self::Impossible(error.to_string()), Self::Bd)
    }
}

/// One of the two that are compared.
#[derive(Clone, Copy)]
pub enum Side<'a> {
    /// A codec that was run.
    Run(&'a Measured),
    /// A published curve.
    Published(&'a Published),
}

/// A curve, or why there is none.
type Curved = Result<Curve, Figure>;

impl Side<'_> {
    /// The label in tables.
    pub fn label(self) -> String {
        match self {
            Self::Run(codec) => codec.label.clone(),
            Self::Published(curve) => curve.label(),
        }
    }

    /// The curve of means.
    fn curve(self, metric: Metric) -> Curved {
        let points: Vec<(f64, f64)> = match self {
            Self::Run(codec) => {
                codec.means.iter().filter_map(|mean| Some((mean.bpp, mean.scores.get(&metric)?.mean))).collect()
            }
            Self::Published(curve) => {
                let points = curve.points.iter();
                points.filter_map(|point| Some((point.bpp, *point.scores.get(&metric)?))).collect()
            }
        };
        if points.is_empty() {
            return Err(Figure::NotPublished(format!("{} has no {}", self.label(), metric.title())));
        }
        curve(&points, metric)
    }
}

/// A curve through rates and values of a metric. Lossless points (no error at all) lie on no curve; equal points count once.
fn curve(points: &[(f64, f64)], metric: Metric) -> Curved {
    let mut points: Vec<Point> =
        points.iter().map(|&(bpp, score)| Point { bpp, quality: metric.axis(score) }).collect();
    points.retain(|point| point.quality.is_finite());
    points.dedup();
    Curve::new(points).map_err(|error| Figure::Impossible(error.to_string()))
}

/// The figures of `test` against `anchor` by one metric.
pub fn compare(anchor: Side<'_>, test: Side<'_>, metric: Metric, method: Method, interval: Interval) -> Comparison {
    let curves = (anchor.curve(metric), test.curve(metric));
    let (rate, quality) = match &curves {
        (Ok(a), Ok(t)) => {
            (Figure::from_result(bd_rate(a, t, interval, method)), Figure::from_result(bd_quality(a, t, method)))
        }
        (Err(none), _) | (_, Err(none)) => (none.clone(), none.clone()),
    };
    let images = images(anchor, test, metric, method, interval);
    Comparison { metric, anchor: anchor.label(), test: test.label(), rate, quality, images }
}

fn images(
    anchor: Side<'_>,
    test: Side<'_>,
    metric: Metric,
    method: Method,
    interval: Interval,
) -> Option<ImageFigures> {
    let (Side::Run(anchor), Side::Run(test)) = (anchor, test) else { return None };
    let of_image = |image: &OfImage| {
        let points = image.points.iter().filter_map(|point| Some((point.bpp, *point.scores.get(&metric)?)));
        curve(&points.collect::<Vec<_>>(), metric).ok()
    };
    let one = |(a, t): (&OfImage, &OfImage)| {
        let bd = bd_rate(&of_image(a)?, &of_image(t)?, interval, method);
        bd.ok().map(|bd| bd.value)
    };
    let pairs = anchor.images.iter().zip(&test.images);
    let all: Vec<(String, Option<f64>)> = pairs.map(|(a, t)| (t.name.clone(), one((a, t)))).collect();
    let found = || all.iter().filter_map(|(name, value)| Some((name.clone(), (*value)?)));
    let count = found().count();
    Some(ImageFigures {
        mean: found().map(|(_, value)| value).sum::<f64>() / count as f64,
        worst: found().max_by(|a, b| a.1.total_cmp(&b.1)),
        without: all.len() - count,
        all,
    })
}

impl Comparisons {
    /// Every test against every anchor, by every metric.
    pub fn new(
        anchors: &[Side<'_>],
        tests: &[Side<'_>],
        metrics: &[Metric],
        method: Method,
        (interval, words): (Interval, String),
    ) -> Self {
        let mut list = Vec::new();
        for &metric in metrics {
            for &anchor in anchors {
                for &test in tests.iter().filter(|test| test.label() != anchor.label()) {
                    list.push(compare(anchor, test, metric, method, interval));
                }
            }
        }
        Self { method, interval: words, list }
    }

    /// Figures that were asked for and cannot be computed, in words; a metric that was not published counts only if the
    /// anchor has none of those asked for.
    pub fn failures(&self) -> Vec<String> {
        let impossible = |c: &Comparison| match &c.rate {
            Figure::Impossible(why) => {
                Some(format!("no BD-rate of {} against {} by {}: {why}", c.test, c.anchor, c.metric.title()))
            }
            _ => None,
        };
        let mut failures: Vec<String> = self.list.iter().filter_map(impossible).collect();
        let mut anchors: Vec<&str> = self.list.iter().map(|c| c.anchor.as_str()).collect();
        anchors.dedup();
        for anchor in anchors {
            let mut of_anchor = self.list.iter().filter(|c| c.anchor == anchor);
            if of_anchor.all(|c| matches!(c.rate, Figure::NotPublished(_))) {
                failures.push(format!("{anchor} was published without any of the metrics asked for"));
            }
        }
        failures
    }
}
