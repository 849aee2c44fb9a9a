//! A whole report: what was measured on what, how, and what follows from it. Everything a reader needs to judge a number
//! or to repeat it is in here; the modules below only write it down.
//!
//! [`table`] for terminals (with a small chart) and Markdown, [`csv`] for spreadsheets, [`plot`] for rate-distortion curves
//! as SVG, [`html`] for one page with all of it; JSON is this structure as it is.

mod chart;
pub mod compare;
pub mod crops;
pub mod csv;
pub mod html;
pub mod plot;
pub mod table;

use std::collections::BTreeMap;

use lic_datasets::Dataset;
use serde::Serialize;

use crate::anchors::{Anchor, AnchorPoint};
use crate::cache::Sample;
use crate::metric::Metric;
use crate::run::{Samples, Subject};

pub use compare::{Comparison, Comparisons, Figure, ImageFigures};

/// How means were taken; part of every output.
pub const AVERAGING: &str = "arithmetic means over images of bits per pixel (whole files) and of each metric (pictures of 8 bits); \
                             MS-SSIM becomes decibels after the mean";

/// Everything that was measured and computed.
#[derive(Debug, Serialize)]
pub struct Report {
    /// `lic` and its version.
    pub program: String,
    /// The command line.
    pub command: String,
    /// The images.
    pub dataset: Images,
    /// How means were taken.
    pub averaging: &'static str,
    /// Images that were worked on at a time: encoding and decoding times depend on it.
    pub jobs: usize,
    /// What was measured.
    pub metrics: Vec<Metric>,
    /// Codecs that were run.
    pub codecs: Vec<Measured>,
    /// Published curves that take part.
    pub published: Vec<Published>,
    /// Figures of codecs and published curves against anchors.
    pub comparisons: Comparisons,
    /// What a reader should hear.
    pub warnings: Vec<String>,
}

/// The images of a report.
#[derive(Debug, Serialize)]
pub struct Images {
    /// A known set's name, or a folder.
    pub name: String,
    /// Name, number of images and whether the set is complete, in words.
    pub title: String,
    /// Number of images.
    pub count: usize,
    /// Whether this is a whole known set.
    pub complete: bool,
    /// What is to be said about the set.
    pub notes: Vec<String>,
}

/// A codec's results.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// As asked for.
    pub label: String,
    /// Program or library and version.
    pub version: String,
    /// All settings.
    pub settings: String,
    /// Means over the images, by rising quality setting.
    pub means: Vec<Mean>,
    /// Every image.
    pub images: Vec<OfImage>,
}

/// Means over the images at one quality.
#[derive(Debug, Clone, Serialize)]
pub struct Mean {
    /// The codec's quality setting.
    pub quality: f32,
    /// Bits per pixel of whole files.
    pub bpp: f64,
    /// Every metric.
    pub scores: BTreeMap<Metric, Score>,
    /// Megapixels per second over all images; of external programs with start-up and files.
    pub encode_speed: f64,
    /// Megapixels per second over all images.
    pub decode_speed: f64,
}

/// A metric's mean and its worst image.
#[derive(Debug, Clone, Serialize)]
pub struct Score {
    /// Arithmetic mean.
    pub mean: f64,
    /// The worst image's value.
    pub worst: f64,
    /// Its name.
    pub worst_image: String,
}

/// All points of one image.
#[derive(Debug, Serialize)]
pub struct OfImage {
    /// File name.
    pub name: String,
    /// Points by rising quality setting.
    pub points: Vec<ImagePoint>,
}

/// One image at one quality.
#[derive(Debug, Serialize)]
pub struct ImagePoint {
    /// The codec's quality setting.
    pub quality: f32,
    /// Size of the whole file.
    pub bytes: u64,
    /// Bits per pixel.
    pub bpp: f64,
    /// Every metric.
    pub scores: BTreeMap<Metric, f64>,
}

/// A published curve.
#[derive(Debug, Serialize)]
pub struct Published {
    /// Name as on the command line.
    pub name: String,
    /// Codec, version, settings.
    pub description: String,
    /// Where the numbers come from.
    pub source: String,
    /// Bits per pixel and metrics, as published.
    pub points: Vec<PublishedPoint>,
}

/// A point of a published curve.
#[derive(Debug, Serialize)]
pub struct PublishedPoint {
    /// Bits per pixel.
    pub bpp: f64,
    /// Metrics that were published.
    pub scores: BTreeMap<Metric, f64>,
}

impl Images {
    /// What a report says of a set of images.
    pub fn of(dataset: &Dataset) -> Self {
        Self {
            name: dataset.name.clone(),
            title: dataset.title(),
            count: dataset.images.len(),
            complete: dataset.is_complete_known(),
            notes: dataset.notes.clone(),
        }
    }
}

impl Measured {
    /// The results of all codecs of a run.
    pub fn all(subjects: &[Subject], dataset: &Dataset, samples: &Samples, metrics: &[Metric]) -> Vec<Self> {
        let one = |(subject, images): (&Subject, &Vec<Vec<Sample>>)| {
            let names = dataset.images.iter().map(|image| image.name.clone());
            let images: Vec<(String, &[Sample])> = names.zip(images.iter().map(Vec::as_slice)).collect();
            let of_quality = |(index, &quality): (usize, &f32)| Mean::of(quality, index, &images, metrics);
            Self {
                label: subject.codec.about().label.clone(),
                version: subject.codec.about().version.clone(),
                settings: subject.codec.about().settings.clone(),
                means: subject.qualities.iter().enumerate().filter_map(of_quality).collect(),
                images: images.iter().map(|(name, points)| OfImage::of(name, points, subject, metrics)).collect(),
            }
        };
        subjects.iter().zip(samples).map(one).collect()
    }
}

impl Mean {
    /// The mean of the points at `index` of all images; `None` without images.
    fn of(quality: f32, index: usize, images: &[(String, &[Sample])], metrics: &[Metric]) -> Option<Self> {
        let points: Vec<(&str, &Sample)> =
            images.iter().filter_map(|(name, points)| Some((name.as_str(), points.get(index)?))).collect();
        let count = points.len() as f64;
        let sum = |value: &dyn Fn(&Sample) -> f64| points.iter().map(|(_, sample)| value(sample)).sum::<f64>();
        let megapixels = sum(&|sample| sample.pixels as f64) / 1e6;
        let score = |&metric: &Metric| {
            let values = points.iter().filter_map(|(name, sample)| Some((*name, *sample.scores.get(&metric)?)));
            let worst = values.clone().reduce(|a, b| if metric.is_worse(b.1, a.1) { b } else { a })?;
            let mean = values.map(|(_, value)| value).sum::<f64>() / count;
            Some((metric, Score { mean, worst: worst.1, worst_image: worst.0.to_owned() }))
        };
        (!points.is_empty()).then(|| Self {
            quality,
            bpp: sum(&Sample::bpp) / count,
            scores: metrics.iter().filter_map(score).collect(),
            encode_speed: megapixels / sum(&|sample| sample.encode_seconds),
            decode_speed: megapixels / sum(&|sample| sample.decode_seconds),
        })
    }
}

impl OfImage {
    fn of(name: &str, points: &[Sample], subject: &Subject, metrics: &[Metric]) -> Self {
        let one = |(&quality, sample): (&f32, &Sample)| ImagePoint {
            quality,
            bytes: sample.bytes,
            bpp: sample.bpp(),
            scores: metrics.iter().filter_map(|metric| Some((*metric, *sample.scores.get(metric)?))).collect(),
        };
        Self { name: name.to_owned(), points: subject.qualities.iter().zip(points).map(one).collect() }
    }

    /// Pairs of neighbouring qualities between which the file does not grow, or PSNR does not rise.
    pub fn not_rising(&self) -> Vec<[f32; 2]> {
        let psnr = |point: &ImagePoint| point.scores.get(&Metric::Psnr).copied();
        let falls = |pair: &&[ImagePoint]| {
            let [a, b] = pair else { return false };
            a.bytes >= b.bytes || psnr(a).zip(psnr(b)).is_some_and(|(a, b)| a >= b)
        };
        let ends = |pair: &[ImagePoint]| pair.first().zip(pair.last()).map(|(a, b)| [a.quality, b.quality]);
        self.points.windows(2).filter(falls).filter_map(ends).collect()
    }
}

impl Published {
    /// A published curve as it is.
    pub fn of(anchor: &Anchor) -> Self {
        let point = |point: &AnchorPoint| PublishedPoint {
            bpp: point.bpp,
            scores: Metric::ALL.into_iter().filter_map(|metric| Some((metric, point.score(metric)?))).collect(),
        };
        Self {
            name: anchor.name.to_owned(),
            description: anchor.description.to_owned(),
            source: anchor.source.to_owned(),
            points: anchor.points.iter().map(point).collect(),
        }
    }

    /// How it is called in tables beside codecs that were run.
    pub fn label(&self) -> String {
        format!("published:{}", self.name)
    }
}
