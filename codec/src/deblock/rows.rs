//! The filter on a picture that comes in rows: a synthesis behind which samples are smoothed.

use rayon::prelude::*;

use super::{Deblocking, Direction, Filter, LANES, PATCH, Smooth, TAPS};
use crate::format::Header;
use crate::picture::channels;
use crate::samples::Sample;
use crate::simd::Level;
use crate::transform::Synthesis;
use crate::transform::behind::{Behind, LineFilter};

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
        let filter = Deblocked {
            level,
            filter: self.at(header.quality),
            channels: channels(header.colour),
            width: header.width.into(),
            height: header.height.into(),
            done: 0,
        };
        Box::new(Behind::new(synthesis, filter))
    }
}

/// A picture whose samples are smoothed. Up to seven lines wait for those below them.
struct Deblocked {
    level: Level,
    filter: Filter,
    channels: usize,
    width: usize,
    height: usize,
    /// Lines that are complete.
    done: usize,
}

impl LineFilter for Deblocked {
    fn filter<T: Sample>(&mut self, samples: &mut Vec<T>, start: usize, waited: usize, peak: u16) -> Vec<T> {
        match self.channels {
            3 => self.smooth_colours::<T, 3>(samples, start, waited, peak.into()),
            _ => self.smooth_colours::<T, 1>(samples, start, waited, peak.into()),
        }
    }
}

impl Deblocked {
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
