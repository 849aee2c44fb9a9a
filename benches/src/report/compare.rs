//! Figures of codecs against anchors: BD-rate and the mean difference in quality, of the mean curves and of every image.
//!
//! The mean curve goes through means over the images; this is what papers report. Where anchor and codec were both run, the
//! figure of every image and their mean are there too: one difficult image cannot hide in them, nor one large file.

use serde::Serialize;

use super::{Measured, OfImage, Published};
use crate::bd::{Bd, Interval, bd_quality, bd_rate};
use crate::curve::{Curve, CurveError, Point};
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
    /// Comparisons that there are not because a curve was published without the metric, in words.
    pub unpublished: Vec<String>,
    /// Anchors that nothing could be compared with.
    #[serde(skip)]
    idle_anchors: Vec<String>,
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
    /// The curves cannot be compared.
    Impossible(String),
}

/// BD-rates of single images.
#[derive(Debug, Serialize)]
pub struct ImageFigures {
    /// Mean of those that exist, in percent; NaN if there is none.
    pub mean: f64,
    /// Images among them whose curves overlap little or have few points: they count in full, but say little.
    pub weak: Vec<String>,
    /// The largest, and the image's name.
    pub worst: Option<(String, f64)>,
    /// Images whose curves cannot be compared.
    pub without: usize,
    /// All, in percent.
    pub all: Vec<(String, Option<f64>)>,
}

impl ImageFigures {
    /// Whether the figure of this image says little.
    pub fn is_weak(&self, image: &str) -> bool {
        self.weak.iter().any(|name| name == image)
    }
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

impl<'a> Side<'a> {
    /// All codecs that were run, then all published curves.
    pub fn all(codecs: &'a [Measured], published: &'a [Published]) -> Vec<Self> {
        codecs.iter().map(Self::Run).chain(published.iter().map(Self::Published)).collect()
    }

    /// The label in tables.
    pub fn label(self) -> String {
        match self {
            Self::Run(codec) => codec.label.clone(),
            Self::Published(curve) => curve.label(),
        }
    }

    /// Whether there is this metric of it: curves are published with some only.
    pub fn has(self, metric: Metric) -> bool {
        match self {
            Self::Run(_) => true,
            Self::Published(curve) => curve.points.iter().any(|point| point.scores.contains_key(&metric)),
        }
    }

    /// The curve of means, or why there is none.
    pub(super) fn curve(self, metric: Metric) -> Result<Curve, String> {
        let points: Vec<(f64, f64)> = match self {
            Self::Run(codec) => {
                codec.means.iter().filter_map(|mean| Some((mean.bpp, mean.scores.get(&metric)?.mean))).collect()
            }
            Self::Published(curve) => {
                let points = curve.points.iter();
                points.filter_map(|point| Some((point.bpp, *point.scores.get(&metric)?))).collect()
            }
        };
        curve(&points, metric).map_err(|error| format!("{}: {error}", self.label()))
    }
}

/// A curve through rates and values of a metric. Lossless points (no error at all) lie on no curve.
fn curve(points: &[(f64, f64)], metric: Metric) -> Result<Curve, CurveError> {
    let mut points: Vec<Point> =
        points.iter().map(|&(bpp, score)| Point { bpp, quality: metric.axis(score) }).collect();
    points.retain(|point| point.quality.is_finite());
    Curve::new(distinct(points))
}

/// Points by rising quality; of several of the same (flat pictures have them) the cheapest counts.
pub(super) fn distinct(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by(|a, b| a.quality.total_cmp(&b.quality).then(a.bpp.total_cmp(&b.bpp)));
    points.dedup_by(|next, kept| next.quality == kept.quality);
    points
}

/// The figures of `test` against `anchor` by one metric.
pub fn compare(anchor: Side<'_>, test: Side<'_>, metric: Metric, method: Method, interval: Interval) -> Comparison {
    let curves = (anchor.curve(metric), test.curve(metric));
    let (rate, quality) = match &curves {
        (Ok(a), Ok(t)) => {
            (Figure::from_result(bd_rate(a, t, interval, method)), Figure::from_result(bd_quality(a, t, method)))
        }
        (Err(why), _) | (_, Err(why)) => (Figure::Impossible(why.clone()), Figure::Impossible(why.clone())),
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
    let one = |(a, t): (&OfImage, &OfImage)| bd_rate(&of_image(a)?, &of_image(t)?, interval, method).ok();
    let pairs = anchor.images.iter().zip(&test.images);
    let figures: Vec<(&String, Option<Bd>)> = pairs.map(|(a, t)| (&t.name, one((a, t)))).collect();
    let is_weak = |figure: &Option<Bd>| figure.as_ref().is_some_and(Bd::is_weak);
    let weak = figures.iter().filter(|(_, bd)| is_weak(bd)).map(|&(name, _)| name.clone()).collect();
    let all: Vec<(String, Option<f64>)> =
        figures.into_iter().map(|(name, bd)| (name.clone(), bd.map(|bd| bd.value))).collect();
    let found = || all.iter().filter_map(|(name, value)| Some((name.clone(), (*value)?)));
    let count = found().count();
    Some(ImageFigures {
        mean: found().map(|(_, value)| value).sum::<f64>() / count as f64,
        worst: found().max_by(|a, b| a.1.total_cmp(&b.1)),
        without: all.len() - count,
        weak,
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
        let (mut list, mut unpublished) = (Vec::new(), Vec::new());
        for &metric in metrics {
            for &anchor in anchors {
                for &test in tests.iter().filter(|test| test.label() != anchor.label()) {
                    match [anchor, test].into_iter().find(|side| !side.has(metric)) {
                        None => list.push(compare(anchor, test, metric, method, interval)),
                        Some(side) => unpublished.push(format!("{} has no {}", side.label(), metric.title())),
                    }
                }
            }
        }
        unpublished.sort();
        unpublished.dedup();
        let is_idle = |anchor: &String| list.iter().all(|comparison| comparison.anchor != *anchor);
        let idle_anchors = anchors.iter().map(|anchor| anchor.label()).filter(is_idle).collect();
        Self { method, interval: words, list, unpublished, idle_anchors }
    }

    /// Figures that cannot be computed, in words.
    pub fn impossible(&self) -> Vec<String> {
        let impossible = |comparison: &Comparison| {
            let Comparison { metric, anchor, test, rate, .. } = comparison;
            match rate {
                Figure::Impossible(why) => {
                    Some(format!("no BD-rate of {test} against {anchor} by {}: {why}", metric.title()))
                }
                Figure::Bd(_) => None,
            }
        };
        self.list.iter().filter_map(impossible).collect()
    }

    /// Anchors that nothing could be compared with, in words.
    pub fn idle(&self) -> Vec<String> {
        let why = match self.unpublished.as_slice() {
            [] => "there is no other codec".to_owned(),
            some => some.join("; "),
        };
        self.idle_anchors.iter().map(|anchor| format!("nothing is compared with {anchor}: {why}")).collect()
    }
}
