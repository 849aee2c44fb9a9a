//! The filter on a picture that comes in rows: a synthesis behind which samples are mended.

use lic_model::filters::at_quality;
use lic_model::filters::mending::{CLASSES, FEATURES, PER_SIGNAL, REACH};
use lic_model::plain::Enhancement;

use super::COLOURS;
use super::features::Pixels;
use crate::format::Header;
use crate::neighbourhood::{self, Around, Kernel, LANES};
use crate::picture::channels;
use crate::samples::{Sample, nearest};
use crate::simd::{Job, Level, Simd};
use crate::transform::Synthesis;

/// Numbers of a feature's weights: three colours, and one that makes them a vector.
const WEIGHTS: usize = COLOURS + 1;
/// Bytes that the weights of a quality take for pictures of so many colours.
pub(crate) const fn weighed(channels: usize) -> u64 {
    (CLASSES * PER_SIGNAL * channels * size_of::<[f32; WEIGHTS]>()) as u64
}

/// Features whose products are summed apart, so that no addition waits for the one before.
const SUMS: usize = 4;

/// The weights of one quality [classes, features], for pictures of `C` colours.
struct Filter<const C: usize>(Vec<[f32; WEIGHTS]>);

impl<const C: usize> Filter<C> {
    /// How many features a pixel has.
    const FEATURES: usize = PER_SIGNAL * C;

    fn new(enhancement: &Enhancement, quality: u8) -> Self {
        let mut numbers = at_quality(enhancement.weights(), quality);
        let mut weights = Vec::with_capacity(CLASSES * Self::FEATURES);
        let mut feature = 0;
        while let (Some(r), Some(g), Some(b)) = (numbers.next(), numbers.next(), numbers.next()) {
            if feature % FEATURES < Self::FEATURES {
                // The change of a grey sample is the mean of the three.
                weights.push(if C == 1 { [(r + g + b) / 3.0, 0.0, 0.0, 0.0] } else { [r, g, b, 0.0] });
            }
            feature += 1;
        }
        Self(weights)
    }
}

impl<const C: usize> Kernel<C> for Filter<C> {
    const REACH: usize = REACH;

    fn line<T: Sample>(&self, level: Level, around: &Around<'_>, samples: &mut [T], peak: f32) {
        level.run(MendLine { filter: self, around, samples, peak });
    }
}

/// A line of samples to be mended, and the lines of signals around it.
struct MendLine<'a, T, const C: usize> {
    filter: &'a Filter<C>,
    around: &'a Around<'a>,
    samples: &'a mut [T],
    peak: f32,
}

impl<T: Sample, const C: usize> Job for MendLine<'_, T, C> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { filter, around, samples, peak } = self;
        let (up, down) = (255.0 / peak, peak / 255.0);
        let mut read = Pixels::NONE;
        let mut changes = [[0.0; WEIGHTS]; LANES];
        // Features that are summed side by side lie side by side: [feature / SUMS, pixel, SUMS].
        let mut beside = [[[0.0; SUMS]; LANES]; FEATURES / SUMS];
        for (group, pixels) in samples.as_chunks_mut::<C>().0.chunks_mut(LANES).enumerate() {
            read.read::<C>(around, group * LANES);
            for (beside, features) in beside.iter_mut().zip(read.features.as_chunks::<SUMS>().0) {
                for lane in 0..LANES {
                    for k in 0..SUMS {
                        beside[lane][k] = features[k][lane];
                    }
                }
            }
            for (lane, change) in changes.iter_mut().enumerate().take(pixels.len()) {
                let class = (read.classes[lane] as usize).min(CLASSES - 1);
                let weights = &filter.0[class * Filter::<C>::FEATURES..(class + 1) * Filter::<C>::FEATURES];
                let features = beside.iter().map(|pixels| &pixels[lane]);
                let sums = simd.weighed(weights.as_chunks::<SUMS>().0.iter().zip(features));
                for c in 0..WEIGHTS {
                    change[c] = (sums[0][c] + sums[1][c]) + (sums[2][c] + sums[3][c]);
                }
            }
            for (pixel, change) in pixels.iter_mut().zip(&changes) {
                for c in 0..C {
                    pixel[c] = nearest((pixel[c].into() * up + change[c]) * down, peak);
                }
            }
        }
    }
}

/// A synthesis of the picture of a header whose samples are mended.
pub(crate) fn behind<'a>(
    enhancement: &Enhancement,
    synthesis: Box<dyn Synthesis + 'a>,
    header: &Header,
) -> Box<dyn Synthesis + 'a> {
    behind_at(enhancement, Level::detect(), synthesis, header)
}

/// The same with the instructions of a level.
pub(super) fn behind_at<'a>(
    enhancement: &Enhancement,
    level: Level,
    synthesis: Box<dyn Synthesis + 'a>,
    header: &Header,
) -> Box<dyn Synthesis + 'a> {
    match channels(header.colour) {
        3 => neighbourhood::behind(Filter::<3>::new(enhancement, header.quality), level, synthesis, header),
        _ => neighbourhood::behind(Filter::<1>::new(enhancement, header.quality), level, synthesis, header),
    }
}
