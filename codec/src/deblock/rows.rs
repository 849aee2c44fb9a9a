//! The filter on a picture that comes in rows: a synthesis behind which samples are smoothed.

use rayon::prelude::*;

use super::{Deblocking, Direction, Filter, LANES, PATCH, Smooth, TAPS};
use crate::error::Error;
use crate::format::{BitDepth, Header};
use crate::picture::channels;
use crate::samples::{Sample, peak};
use crate::simd::Level;
use crate::transform::Synthesis;

impl Deblocking {
    /// A synthesis of the picture of a header whose samples are smoothed.
    pub(crate) fn behind<'a>(&self, synthesis: Box<dyn Synthesis + 'a>, header: &Header) -> Box<dyn Synthesis + 'a> {
        self.behind_at(Level::detect(), synthesis, header)
    }

    /// The same with the instructions of a level.
    pub(super) fn behind_at<'a>(
        &self,
        level: Level,
        synthesis: Box<dyn Synthesis + 'a>,
        header: &Header,
    ) -> Box<dyn Synthesis + 'a> {
        Box::new(Deblocked {
            inner: synthesis,
            level,
            filter: self.at(header.quality),
            channels: channels(header.colour),
            width: header.width.into(),
            height: header.height.into(),
            done: 0,
            eight: Vec::new(),
            deep: Vec::new(),
        })
    }
}

/// A synthesis whose samples are smoothed. Up to seven lines wait for those below them.
struct Deblocked<'a> {
    inner: Box<dyn Synthesis + 'a>,
    level: Level,
    filter: Filter,
    channels: usize,
    width: usize,
    height: usize,
    /// Lines that are complete.
    done: usize,
    /// Lines that wait, of the one depth or the other.
    eight: Vec<u8>,
    deep: Vec<u16>,
}

impl Deblocked<'_> {
    /// Smooths the samples from `start` on, of which the first `waited` have waited, and takes those that must wait again.
    fn smooth<T: Sample>(&mut self, samples: &mut Vec<T>, start: usize, waited: usize, peak: u16) -> Vec<T> {
        match self.channels {
            3 => self.smooth_colours::<T, 3>(samples, start, waited, peak.into()),
            _ => self.smooth_colours::<T, 1>(samples, start, waited, peak.into()),
        }
    }

    fn smooth_colours<T: Sample, const C: usize>(
        &mut self,
        samples: &mut Vec<T>,
        start: usize,
        waited: usize,
        peak: f32,
    ) -> Vec<T> {
        let (filter, level, stride) = (self.filter, self.level, self.width * C);
        // The last row of patches may reach beyond the picture.
        samples.truncate(start + (self.height - self.done) * stride);
        let pieces = samples[start + waited..].par_chunks_mut(LANES / C * stride);
        let smooth = |lines: &mut [T], direction| level.run(Smooth::<T, C> { filter: &filter, lines, direction, peak });
        pieces.for_each(|lines| smooth(lines, Direction::Columns { stride }));
        let lines = (samples.len() - start) / stride;
        // Lines above the first boundary have nothing to wait for; from there on, groups of eight around a boundary are complete together.
        let above = TAPS.saturating_sub(self.done).min(lines);
        let first = (self.done + above + TAPS) / PATCH;
        let groups = samples[start + above * stride..].par_chunks_exact_mut(PATCH * stride);
        let of_latents = |i: usize| (first + i).is_multiple_of(2);
        groups.enumerate().for_each(|(i, group)| smooth(group, Direction::Rows { of_latents: of_latents(i) }));
        let last = self.done + lines >= self.height;
        let complete = if last { lines } else { lines - (lines - above) % PATCH };
        self.done += complete;
        samples.split_off(start + complete * stride)
    }
}

impl Synthesis for Deblocked<'_> {
    fn push(&mut self, latents: Vec<Vec<f32>>, pixels: &mut Vec<u8>) -> Result<(), Error> {
        let (start, waited) = (pixels.len(), self.eight.len());
        pixels.append(&mut self.eight);
        self.inner.push(latents, pixels)?;
        self.eight = self.smooth(pixels, start, waited, u8::MAX.into());
        Ok(())
    }

    fn push_deep(&mut self, latents: Vec<Vec<f32>>, depth: BitDepth, pixels: &mut Vec<u16>) -> Result<(), Error> {
        let (start, waited) = (pixels.len(), self.deep.len());
        pixels.append(&mut self.deep);
        self.inner.push_deep(latents, depth, pixels)?;
        self.deep = self.smooth(pixels, start, waited, peak(depth));
        Ok(())
    }
}
