//! [`Source`]: the pixels that an encoder compares with.

use crate::picture::Picture;
#[cfg(feature = "burn")]
use crate::tiles::{Area, LATENT};

/// A picture, or rows of one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) picture: &'a Picture,
    /// The row of latents, in the whole picture, at which it begins.
    pub(crate) top: usize,
}

impl Source<'_> {
    /// The latents of which there are pixels.
    #[cfg(feature = "burn")]
    pub(crate) fn area(&self) -> Area {
        let [width, height] = [self.picture.width, self.picture.height].map(|side| (side as usize).div_ceil(LATENT));
        Area { rows: self.top..self.top + height, columns: 0..width }
    }
}
