//! [`Behind`]: a synthesis whose lines pass through a filter, which may keep the last ones back until it has seen those below them.

use super::Synthesis;
use crate::error::Error;
use crate::format::BitDepth;
use crate::samples::{Sample, peak};

/// A filter on the lines of a picture, from the top. The samples of a picture have one depth.
pub(crate) trait LineFilter: Send {
    /// Filters the samples from `start` on, of which the first `waited` have waited, and takes those that must wait again. What reaches beyond the picture
    /// is cut off.
    fn filter<T: Sample>(&mut self, samples: &mut Vec<T>, start: usize, waited: usize, peak: u16) -> Vec<T>;
}

/// A synthesis with a filter behind it.
pub(crate) struct Behind<'a, F> {
    inner: Box<dyn Synthesis + 'a>,
    filter: F,
    /// Samples that wait, of the one depth or the other.
    eight: Vec<u8>,
    deep: Vec<u16>,
}

impl<'a, F: LineFilter> Behind<'a, F> {
    pub(crate) fn new(inner: Box<dyn Synthesis + 'a>, filter: F) -> Self {
        Self { inner, filter, eight: Vec::new(), deep: Vec::new() }
    }
}

impl<F: LineFilter> Synthesis for Behind<'_, F> {
    fn push(&mut self, latents: Vec<Vec<f32>>, pixels: &mut Vec<u8>) -> Result<(), Error> {
        let (start, waited) = (pixels.len(), self.eight.len());
        pixels.append(&mut self.eight);
        self.inner.push(latents, pixels)?;
        self.eight = self.filter.filter(pixels, start, waited, u8::MAX.into());
        Ok(())
    }

    fn push_deep(&mut self, latents: Vec<Vec<f32>>, depth: BitDepth, pixels: &mut Vec<u16>) -> Result<(), Error> {
        let (start, waited) = (pixels.len(), self.deep.len());
        pixels.append(&mut self.deep);
        self.inner.push_deep(latents, depth, pixels)?;
        self.deep = self.filter.filter(pixels, start, waited, peak(depth));
        Ok(())
    }
}
