//! Published curves to compare with: means over all images of a known set, as their authors measured them.
//!
//! `benches/anchors/*.tsv` are the tables, one for a set, with the source of every row; `make.py` beside them made them. They
//! hold for the whole set only.

use crate::curve::{Curve, CurveError, Point};
use crate::metric::Metric;

/// A published rate-distortion curve on a test set.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor {
    /// Short name, as on the command line.
    pub name: &'static str,
    /// Codec, version and settings.
    pub description: &'static str,
    /// Where the numbers were published.
    pub source: &'static str,
    /// The points, by rising rate.
    pub points: Vec<AnchorPoint>,
}

/// A published point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnchorPoint {
    /// Mean of bits per pixel.
    pub bpp: f64,
    /// Mean of PSNR-RGB in dB, if published.
    pub psnr: Option<f64>,
    /// Mean of MS-SSIM, if published.
    pub ms_ssim: Option<f64>,
}

/// Why there is no such anchor.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// No curve of this name.
    #[error("there is no published curve {name:?} on {set}, choose from {}", names(set).join(", "))]
    Unknown {
        /// The set.
        set: String,
        /// The name.
        name: String,
    },
    /// No curves on this set.
    #[error("there are no published curves on {set}, only on {}", SETS.map(|(set, _)| set).join(", "))]
    NoSet {
        /// The set.
        set: String,
    },
}

/// The tables by the name of the set.
const SETS: [(&str, &str); 3] = [
    ("kodak", include_str!("../anchors/kodak.tsv")),
    ("tecnick", include_str!("../anchors/tecnick.tsv")),
    ("clic-pro-valid", include_str!("../anchors/clic-pro-valid.tsv")),
];

/// A row of a table.
struct Row {
    name: &'static str,
    point: AnchorPoint,
    description: &'static str,
    source: &'static str,
}

fn rows(set: &str) -> impl Iterator<Item = Row> {
    let table = SETS.iter().find(|(name, _)| *name == set).map_or("", |(_, table)| table);
    table.lines().filter_map(|line| {
        let mut fields = line.split('\t');
        let name = fields.next()?;
        // The line of column names and comments have no numbers.
        let bpp = fields.next()?.parse().ok()?;
        let point = AnchorPoint { bpp, psnr: fields.next()?.parse().ok(), ms_ssim: fields.next()?.parse().ok() };
        Some(Row { name, point, description: fields.next()?, source: fields.next()? })
    })
}

/// The names of all published curves on a set, in the order of its table; none for a set without a table.
pub fn names(set: &str) -> Vec<&'static str> {
    let mut names: Vec<_> = rows(set).map(|row| row.name).collect();
    names.dedup();
    names
}

/// A published curve.
///
/// # Errors
/// There are none on this set, or none of this name.
pub fn find(set: &str, name: &str) -> Result<Anchor, AnchorError> {
    let mut found = rows(set).filter(|row| row.name == name);
    let Some(first) = found.next() else {
        let set = set.to_owned();
        let known = SETS.iter().any(|(known, _)| *known == set);
        return Err(if known {
            AnchorError::Unknown { set, name: name.to_owned() }
        } else {
            AnchorError::NoSet { set }
        });
    };
    let Row { name, point, description, source } = first;
    let points = std::iter::once(point).chain(found.map(|row| row.point)).collect();
    Ok(Anchor { name, description, source, points })
}

impl AnchorPoint {
    /// A metric's mean, if it was published.
    pub fn score(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::Psnr => self.psnr,
            Metric::MsSsim => self.ms_ssim,
            Metric::Ssimulacra2 | Metric::Butteraugli => None,
        }
    }
}

impl Anchor {
    /// The curve of a metric. `None` if it was not published.
    ///
    /// # Errors
    /// The points form no curve; none of those in the tables.
    pub fn curve(&self, metric: Metric) -> Option<Result<Curve, CurveError>> {
        let point = |point: &AnchorPoint| Some(Point { bpp: point.bpp, quality: metric.axis(point.score(metric)?) });
        let points: Vec<Point> = self.points.iter().filter_map(point).collect();
        (!points.is_empty()).then(|| Curve::new(points))
    }
}
