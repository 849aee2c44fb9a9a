//! Published curves to compare with: means over the 24 Kodak images, as their authors measured them.
//!
//! `benches/anchors/kodak.tsv` is the table, with the source of every row.

use crate::curve::{Curve, CurveError, Point};

/// A published rate-distortion curve on a test set.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor {
    /// Short name, as on the command line.
    pub name: &'static str,
    /// Codec, version and settings.
    pub description: &'static str,
    /// Where the numbers were published.
    pub source: &'static str,
    /// The points.
    pub curve: Curve,
}

/// Why there is no such anchor.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// No curve of this name.
    #[error("there is no anchor {name:?}, choose from {}", kodak_names().join(", "))]
    Unknown {
        /// The name.
        name: String,
    },
    /// The table is wrong.
    #[error("the curve of {name:?} is unusable: {source}")]
    Curve {
        /// The name.
        name: String,
        /// What is wrong with it.
        source: CurveError,
    },
}

const KODAK: &str = include_str!("../anchors/kodak.tsv");

/// The rows of a table: name, point, description, source.
fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, Point, &'static str, &'static str)> {
    table.lines().filter_map(|line| {
        let mut fields = line.split('\t');
        let name = fields.next()?;
        // The line of column names and comments have no numbers.
        let (bpp, psnr) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some((name, Point { bpp, psnr }, fields.next()?, fields.next()?))
    })
}

/// The names of all anchors on Kodak, in the order of the table.
pub fn kodak_names() -> Vec<&'static str> {
    let mut names: Vec<_> = rows(KODAK).map(|(name, ..)| name).collect();
    names.dedup();
    names
}

/// A published curve on Kodak.
///
/// # Errors
/// There is none of this name.
pub fn kodak(name: &str) -> Result<Anchor, AnchorError> {
    let points = rows(KODAK).filter(|row| row.0 == name).map(|row| row.1);
    let unknown = || AnchorError::Unknown { name: name.to_owned() };
    let (name, _, description, source) = rows(KODAK).find(|row| row.0 == name).ok_or_else(unknown)?;
    let curve = Curve::new(points).map_err(|source| AnchorError::Curve { name: name.to_owned(), source })?;
    Ok(Anchor { name, description, source, curve })
}
