//! The same detail of an image as every codec shows it at the same rate: what the numbers of [`plot`](super::plot)
//! look like.
//!
//! A codec has a dial, not a rate, so its quality is searched for; what it reaches is recorded, because whole numbers
//! of the dial are as near as one comes. Pictures are kept as PNG, so that what is looked at is what was decoded.

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use lic_codec::Picture;
use lic_datasets::ImageFile;

use super::Report;
use crate::codecs::{CodecError, Session};
use crate::metric::Metric;
use crate::run::{Problem, RunError, Subject, picture_of};

/// Images that are shown.
pub const IMAGES: usize = 3;

/// Longest side of a detail, in pixels.
pub const SIDE: u32 = 256;

/// One image as every codec shows it.
#[derive(Debug)]
pub struct Detail {
    /// The image's name.
    pub image: String,
    /// Why it was chosen, in words.
    pub reason: String,
    /// Which part of it is shown.
    pub region: Region,
    /// This part of the original, as PNG.
    pub original: Vec<u8>,
    /// The codecs, in the order of the report.
    pub views: Vec<View>,
}

/// A codec's picture of a detail.
#[derive(Debug)]
pub struct View {
    /// The codec's label.
    pub codec: String,
    /// The quality on its dial.
    pub quality: f32,
    /// Bits per pixel of the whole file.
    pub bpp: f64,
    /// PSNR of the whole picture in dB; infinite if it is lossless.
    pub psnr: f64,
    /// The detail as PNG.
    pub png: Vec<u8>,
}

/// A rectangle of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// Why there are no pictures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CropError {
    /// An image cannot be read, or a codec failed.
    #[error(transparent)]
    Run(Box<RunError>),
    /// A PNG cannot be written.
    #[error("a detail of {image} cannot be written as PNG: {source}")]
    Png {
        /// The image.
        image: String,
        /// Why.
        source: image::ImageError,
    },
}

impl From<RunError> for CropError {
    fn from(error: RunError) -> Self {
        Self::Run(Box::new(error))
    }
}

/// Details of up to [`IMAGES`] images at the rate that the first codec needs at its middle quality.
///
/// # Errors
/// An image cannot be read any more, or a codec failed.
pub fn at_equal_rate(report: &Report, subjects: &[Subject], images: &[ImageFile]) -> Result<Vec<Detail>, CropError> {
    let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
    let mut details = Vec::new();
    for (index, reason) in chosen(report, &names) {
        if let (Some(image), Some(quality)) = (images.get(index), middle_quality(report)) {
            details.push(detail(image, reason, quality, subjects)?);
        }
    }
    Ok(details)
}

/// The first codec's middle quality: its rate is the one all are compared at.
fn middle_quality(report: &Report) -> Option<f32> {
    let means = &report.codecs.first()?.means;
    Some(means.get(means.len() / 2)?.quality)
}

/// Indices of images to show and why: the worst, then others evenly spread over the rest.
fn chosen(report: &Report, names: &[&str]) -> Vec<(usize, String)> {
    let worst = worst_by_rate(report).or_else(|| worst_by_metric(report));
    let worst = worst.and_then(|(name, reason)| Some((names.iter().position(|&other| other == name)?, reason)));
    let mut chosen: Vec<(usize, String)> = worst.into_iter().collect();
    let rest: Vec<usize> = (0..names.len()).filter(|index| chosen.iter().all(|(taken, _)| taken != index)).collect();
    let wanted = (IMAGES - chosen.len()).min(rest.len());
    let spread = (0..wanted).filter_map(|number| rest.get((2 * number + 1) * rest.len() / (2 * wanted)));
    chosen.extend(spread.map(|&index| (index, "one of several evenly spread over the set".to_owned())));
    chosen
}

/// The image with the highest BD-rate in the first comparison that has such.
fn worst_by_rate(report: &Report) -> Option<(&str, String)> {
    report.comparisons.list.iter().find_map(|comparison| {
        let (name, value) = comparison.images.as_ref()?.worst.as_ref()?;
        let (test, anchor, metric) = (&comparison.test, &comparison.anchor, comparison.metric.title());
        let reason = format!("the highest BD-rate of {test} against {anchor} by {metric}: {value:+.1} %");
        Some((name.as_str(), reason))
    })
}

/// The first codec's worst image by the first metric, at its middle quality.
fn worst_by_metric(report: &Report) -> Option<(&str, String)> {
    let codec = report.codecs.first()?;
    let metric = report.metrics.first()?;
    let score = codec.means.get(codec.means.len() / 2)?.scores.get(metric)?;
    Some((&score.worst_image, format!("the lowest quality of {} by {}", codec.label, metric.title())))
}

fn detail(image: &ImageFile, reason: String, first_quality: f32, subjects: &[Subject]) -> Result<Detail, CropError> {
    let unreadable = |problem| RunError { image: image.describe(), codec: None, problem: Box::new(problem) };
    let photo = image.photo().map_err(|source| unreadable(source.into()))?;
    let original = picture_of(photo).map_err(|source| unreadable(CodecError::from(source).into()))?;
    let region = most_detailed(&original);
    let png =
        |picture: &Picture| cut(picture, region).map_err(|source| CropError::Png { image: image.describe(), source });
    let mut detail = Detail { image: image.name.clone(), reason, region, original: png(&original)?, views: Vec::new() };
    let mut target = None;
    for subject in subjects {
        let codec = subject.codec.about().label.clone();
        let failed =
            |problem| RunError { image: image.describe(), codec: Some(codec.clone()), problem: Box::new(problem) };
        let found = subject.codec.open(&original).map_err(Problem::from).and_then(|mut session| {
            let found = match target {
                None => encoded(session.as_mut(), first_quality, &original)?,
                Some(bpp) => nearest(session.as_mut(), bpp, &original)?,
            };
            let (decoded, _) = session.decode(&found.file)?;
            Ok((found.quality, found.bpp, Metric::Psnr.measure(&original, &decoded)?, decoded))
        });
        let (quality, bpp, psnr, decoded) = found.map_err(failed)?;
        target.get_or_insert(bpp);
        detail.views.push(View { codec, quality, bpp, psnr, png: png(&decoded)? });
    }
    Ok(detail)
}

/// A file with its quality and its rate.
struct Encoded {
    quality: f32,
    bpp: f64,
    file: Vec<u8>,
}

fn encoded(session: &mut dyn Session, quality: f32, original: &Picture) -> Result<Encoded, Problem> {
    let file = session.encode(quality)?.file;
    let pixels = f64::from(original.width) * f64::from(original.height);
    Ok(Encoded { quality, bpp: 8.0 * file.len() as f64 / pixels, file })
}

/// The file whose rate is nearest to `target`: bisection over the whole numbers of the dial, which visits both
/// neighbours of the target in at most 7 steps.
fn nearest(session: &mut dyn Session, target: f64, original: &Picture) -> Result<Encoded, Problem> {
    let mut best = encoded(session, 50.0, original)?;
    let (mut low, mut high) = if best.bpp < target { (51_i16, 100_i16) } else { (0, 49) };
    while low <= high {
        let quality = low.midpoint(high);
        let found = encoded(session, quality.into(), original)?;
        if found.bpp < target {
            low = quality + 1;
        } else {
            high = quality - 1;
        }
        if (found.bpp - target).abs() < (best.bpp - target).abs() {
            best = found;
        }
    }
    Ok(best)
}

/// Where the picture has most detail: the square with the largest mean difference of neighbouring samples of luma,
/// among those at steps of half a side.
fn most_detailed(picture: &Picture) -> Region {
    let (width, height) = (picture.width.min(SIDE), picture.height.min(SIDE));
    let starts = |length: u32, side: u32| (0..length - side).step_by(SIDE as usize / 2).chain([length - side]);
    let places = starts(picture.height, height).flat_map(|y| starts(picture.width, width).map(move |x| (x, y)));
    let regions = places.map(|(x, y)| Region { x, y, width, height });
    let whole = Region { x: 0, y: 0, width, height };
    regions.map(|region| (activity(picture, region), region)).max_by_key(|found| found.0).map_or(whole, |found| found.1)
}

/// Sum of differences of luma between horizontal and vertical neighbours.
fn activity(picture: &Picture, region: Region) -> u64 {
    let rows: Vec<Vec<u8>> = rows(picture, region).map(|row| luma(row, picture.channels())).collect();
    let across = rows.iter().flat_map(|row| row.iter().zip(row.iter().skip(1)));
    let down = rows.iter().zip(rows.iter().skip(1)).flat_map(|(upper, lower)| upper.iter().zip(lower));
    across.chain(down).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum()
}

/// Luma of ITU-R BT.601, to 8 bits.
fn luma(row: &[u8], channels: usize) -> Vec<u8> {
    let pixel = |samples: &[u8]| match *samples {
        [r, g, b] => ((u32::from(r) * 77 + u32::from(g) * 150 + u32::from(b) * 29) >> 8) as u8,
        [grey, ..] => grey,
        [] => 0,
    };
    row.chunks_exact(channels).map(pixel).collect()
}

/// The samples of a region, row by row.
fn rows(picture: &Picture, region: Region) -> impl Iterator<Item = &[u8]> {
    let channels = picture.channels();
    let (start, length) = (region.x as usize * channels, region.width as usize * channels);
    // Metrics know 8 bits only, and so does a report of them.
    let pixels = picture.pixels.as_eight().unwrap_or_default();
    let rows = pixels.chunks_exact(picture.width as usize * channels);
    let rows = rows.skip(region.y as usize).take(region.height as usize);
    rows.filter_map(move |row| row.get(start..start + length))
}

fn cut(picture: &Picture, region: Region) -> Result<Vec<u8>, image::ImageError> {
    let samples: Vec<u8> = rows(picture, region).flatten().copied().collect();
    let colour = if picture.channels() == 3 { ExtendedColorType::Rgb8 } else { ExtendedColorType::L8 };
    let mut png = Vec::new();
    PngEncoder::new(&mut png).write_image(&samples, region.width, region.height, colour)?;
    Ok(png)
}
