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

/// For tests of filters.
#[cfg(test)]
pub(crate) mod testing {
    use super::super::Synthesis;
    use crate::error::Error;
    use crate::format::{BitDepth, Header};
    use crate::picture::channels;

    /// A synthesis that has a picture already: sixteen rows for every row of "latents" it is given.
    pub(crate) struct Ready {
        pub(crate) lines: Vec<u8>,
        pub(crate) stride: usize,
    }

    impl Synthesis for Ready {
        fn push(&mut self, latents: Vec<Vec<f32>>, pixels: &mut Vec<u8>) -> Result<(), Error> {
            let count = (16 * latents.len() * self.stride).min(self.lines.len());
            pixels.extend(self.lines.drain(..count));
            Ok(())
        }
    }

    /// What comes of the picture of a header behind a filter, `step` rows of latents at a time, with the header's depth.
    pub(crate) fn in_steps<'a>(
        pixels: &[u8],
        header: &Header,
        step: usize,
        filter: impl FnOnce(Box<dyn Synthesis + 'a>) -> Box<dyn Synthesis + 'a>,
    ) -> Vec<u16> {
        let (height, stride) = (usize::from(header.height), usize::from(header.width) * channels(header.colour));
        // Something below the picture, as the last row of patches may have.
        let below = vec![255; (height.next_multiple_of(16) - height) * stride];
        let mut filtered = filter(Box::new(Ready { lines: [pixels, &below].concat(), stride }));
        // Something is there already.
        let (mut eight, mut found) = (vec![1, 2, 3], vec![1, 2, 3]);
        let mut rows = height.div_ceil(16);
        while rows > 0 {
            let latents = vec![Vec::new(); step.min(rows)];
            rows -= latents.len();
            if header.depth == BitDepth::Eight {
                filtered.push(latents, &mut eight).unwrap();
                found = eight.iter().map(|&sample| sample.into()).collect();
            } else {
                filtered.push_deep(latents, header.depth, &mut found).unwrap();
            }
            assert!((found.len() - 3).is_multiple_of(stride) && found.starts_with(&[1, 2, 3]));
        }
        found.split_off(3)
    }
}
