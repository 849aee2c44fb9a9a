//! What decoders do behind the synthesis, with its gradient: smoothing between patches, then mending of pixels ([`crate::filters`]).
//!
//! Differs from the decoders' filters (`lic_codec::deblock`, `lic_codec::enhance`) in being computed in floats, without rounding or clamping on the way, and in having a way back. Two things are taken as
//! fixed on that way, because they have jumps or hardly change: the class of a pixel's surroundings, and the weight of a correction between patches. A loss with the filters in it
//! needs this gradient: with that of what the filters leave alone, in its place, training runs away (`model/EXPERIMENTS.md`, "The filters in the loss").

mod mending;
mod planes;
mod smoothing;
#[cfg(test)]
mod tests;

use mending::Mending;
use planes::Planes;
use smoothing::Smoothing;

use super::pool::Pool;
use crate::load::LoadError;
use crate::plain::{self, DEBLOCKING_WEIGHTS, Enhancement};
use crate::preset::KNOTS;
use crate::weights::WeightFile;

/// The filters of a weight file, for all qualities.
#[derive(Debug, Clone)]
pub struct Filters {
    deblocking: Option<[f32; DEBLOCKING_WEIGHTS]>,
    enhancement: Option<Enhancement>,
}

impl Filters {
    /// Those of a file; `None` if it has none.
    ///
    /// # Errors
    /// A tensor has the wrong shape or type.
    pub fn load(file: &WeightFile<'_>) -> Result<Option<Self>, LoadError> {
        let filters = Self { deblocking: plain::deblocking(file)?, enhancement: plain::enhancement(file)? };
        Ok((filters.deblocking.is_some() || filters.enhancement.is_some()).then_some(filters))
    }

    /// Those of a quality 0..=252.
    pub fn at(&self, quality: u8) -> Filter {
        Filter {
            smoothing: self.deblocking.as_ref().map(|weights| Smoothing::new(weights, quality)),
            mending: self.enhancement.as_ref().map(|weights| Mending::new(weights, quality)),
        }
    }

    /// Those of all knots, in order.
    pub fn at_knots(&self) -> Vec<Filter> {
        (0..KNOTS).map(|knot| self.at(4 * knot as u8)).collect()
    }
}

/// The filters of one quality.
#[derive(Debug, Clone)]
pub struct Filter {
    smoothing: Option<Smoothing>,
    mending: Option<Mending>,
}

/// What the way back needs.
#[derive(Debug)]
pub struct Kept {
    smoothing: Option<smoothing::Kept>,
    mending: Option<mending::Kept>,
    planes: Planes,
}

/// Samples of patches are in -0.5..=0.5, those that are filtered in units of 1/255.
const WHITE: f32 = 255.0;

impl Filter {
    /// Filters patches [rows, columns, 192] of a picture of this height and width in pixels, which ends within the last patches.
    pub(crate) fn forward(
        &self,
        patches: &mut [f32],
        [rows, columns]: [usize; 2],
        picture: [usize; 2],
        pool: &mut Pool,
    ) -> Kept {
        let mut planes = Planes::new(picture, 0, pool);
        planes.read(patches, [rows, columns], |sample| (sample + 0.5) * WHITE);
        let smoothing = self.smoothing.as_ref().map(|filter| filter.forward(&mut planes, pool));
        let mending = self.mending.as_ref().map(|filter| filter.forward(&mut planes, pool));
        planes.write(patches, [rows, columns], |sample| sample / WHITE - 0.5);
        Kept { smoothing, mending, planes }
    }

    /// Turns the gradient by what came out into that by what went in.
    pub(crate) fn back(&self, mut kept: Kept, gradient: &mut [f32], size: [usize; 2], pool: &mut Pool) {
        kept.planes.read(gradient, size, |d| d);
        if let (Some(filter), Some(kept_of_it)) = (&self.mending, kept.mending.take()) {
            filter.back(kept_of_it, &mut kept.planes, pool);
        }
        if let (Some(filter), Some(kept_of_it)) = (&self.smoothing, kept.smoothing.take()) {
            filter.back(kept_of_it, &mut kept.planes, pool);
        }
        kept.planes.write(gradient, size, |d| d);
        kept.planes.give(pool);
    }

    /// The same without a way back, with memory of its own.
    pub fn apply(&self, patches: &mut [f32], size: [usize; 2], picture: [usize; 2]) {
        self.forward(patches, size, picture, &mut Pool::default());
    }
}
