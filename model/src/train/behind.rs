//! Filters behind the synthesis as a part of a run's loss: read once, of all quality knots, with what tells them from others.
//!
//! Weight files have filters that `lic quantize --fit` has fitted to their synthesis ([`crate::filters`]). A transform that is trained in front of them leaves to them what they mend.

use std::path::Path;

use super::TrainError;
use crate::backprop::filters::{Filter, Filters};
use crate::load::LoadError;
use crate::weights::WeightFile;

/// The filters of a weight file.
#[derive(Clone, Debug)]
pub struct Behind {
    /// [`WeightFile::filters_id`].
    pub(super) id: u32,
    /// By quality knot.
    pub(super) of_knots: Vec<Filter>,
}

impl Behind {
    /// Those of a file.
    ///
    /// # Errors
    /// The file cannot be read, is no weight file, or has no filters.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let bytes = std::fs::read(path).map_err(|source| TrainError::Read { path: path.to_owned(), source })?;
        let failed = |source: LoadError| TrainError::Filters { path: path.to_owned(), source };
        let file = WeightFile::parse(&bytes).map_err(|error| failed(error.into()))?;
        let filters = Filters::load(&file).map_err(failed)?;
        let filters = filters.ok_or_else(|| TrainError::NoFilters(path.to_owned()))?;
        Ok(Self { id: file.filters_id(), of_knots: filters.at_knots() })
    }
}
