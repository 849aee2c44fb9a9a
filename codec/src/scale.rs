//! Pictures made smaller: means of square blocks of pixels, taken band by band. Which sizes there are is `view.rs`.
//!
//! Means are taken of the stored, non-linear samples, as decoders of JPEG do, and rounded. Blocks start at the region's corner; at its
//! right and lower edges they are as large as they can be. Colours beside straight alpha are weighted by it, so that what is transparent
//! gives its neighbours no colour.

use rayon::prelude::*;

use crate::alpha::Alpha;
use crate::samples::Samples;

/// Rows of a picture, with its alpha plane, on their way to a smaller one.
#[derive(Debug)]
pub(crate) struct Reducer {
    /// Samples per row that comes in, by colours and by alpha.
    widths: [usize; 2],
    channels: usize,
    /// Samples of a block in each direction, by colours and by alpha.
    factors: [usize; 2],
}

/// Rows [rows, width, channels] with as many rows of alpha.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) pixels: Samples,
    pub(crate) alpha: Option<Alpha>,
}

impl Reducer {
    /// `widths`, `factors`: those of colours and alpha.
    pub(crate) fn new(widths: [usize; 2], channels: usize, factors: [usize; 2]) -> Self {
        Self { widths, channels, factors }
    }

    /// The means of whole blocks; only the picture's last rows may end within one.
    pub(crate) fn reduce(&self, rows: Rows) -> Rows {
        let [colour, plane] = self.factors;
        let [width, plane_width] = self.widths;
        let Rows { pixels, alpha } = rows;
        let weights =
            alpha.as_ref().filter(|alpha| !alpha.premultiplied && colour == plane).map(|alpha| &alpha.samples);
        let pixels = if colour == 1 { pixels } else { means(&pixels, weights, width, self.channels, colour) };
        let smaller = |alpha: Alpha| Alpha { samples: means(&alpha.samples, None, plane_width, 1, plane), ..alpha };
        let alpha = if plane == 1 { alpha } else { alpha.map(smaller) };
        Rows { pixels, alpha }
    }
}

/// Means over blocks of `factor` x `factor` of samples [rows, width, channels], with a weight per pixel [rows, width] or equal ones.
fn means(samples: &Samples, weights: Option<&Samples>, width: usize, channels: usize, factor: usize) -> Samples {
    match (samples, weights) {
        (Samples::Eight(samples), Some(Samples::Eight(weights))) => {
            Samples::Eight(blocks(samples, |at| weights[at].into(), width, channels, factor, |mean| mean as u8))
        }
        (Samples::Deep(depth, samples), Some(Samples::Deep(_, weights))) => {
            let means = blocks(samples, |at| weights[at].into(), width, channels, factor, |mean| mean as u16);
            Samples::Deep(*depth, means)
        }
        (Samples::Eight(samples), _) => {
            Samples::Eight(blocks(samples, |_| 1, width, channels, factor, |mean| mean as u8))
        }
        (Samples::Deep(depth, samples), _) => {
            Samples::Deep(*depth, blocks(samples, |_| 1, width, channels, factor, |mean| mean as u16))
        }
    }
}

/// `weight` of the pixel with a number; `sample` converts a mean, which is no larger than the largest sample.
fn blocks<T: Copy + Into<u64> + Send + Sync>(
    samples: &[T],
    weight: impl Fn(usize) -> u64 + Sync,
    width: usize,
    channels: usize,
    factor: usize,
    sample: impl Fn(u64) -> T + Sync,
) -> Vec<T> {
    let height = samples.len() / (width * channels).max(1);
    let row_of_blocks = |top: usize| {
        let rows = top..(top + factor).min(height);
        let mut out = Vec::with_capacity(width.div_ceil(factor) * channels);
        for left in (0..width).step_by(factor) {
            let pixels = || {
                let columns = left..(left + factor).min(width);
                rows.clone().flat_map(move |row| columns.clone().map(move |column| row * width + column))
            };
            let total: u64 = pixels().map(&weight).sum();
            for channel in 0..channels {
                let value = |at: usize| -> u64 { samples[at * channels + channel].into() };
                // Where everything is transparent all pixels count alike.
                let (sum, total) = match total {
                    0 => pixels().fold((0, 0), |(sum, count), at| (sum + value(at), count + 1)),
                    total => (pixels().map(|at| weight(at) * value(at)).sum(), total),
                };
                out.push(sample((sum + total / 2).checked_div(total).unwrap_or(0)));
            }
        }
        out
    };
    let tops: Vec<usize> = (0..height).step_by(factor).collect();
    tops.into_par_iter().flat_map_iter(row_of_blocks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::BitDepth;

    #[test]
    fn means_are_rounded_and_edges_have_smaller_blocks() {
        let samples: Vec<u8> = vec![1, 2, 9, 2, 2, 10, 30, 40, 50];
        assert_eq!(means(&samples.into(), None, 3, 1, 2), vec![2, 10, 35, 50].into());
        let deep = Samples::Deep(BitDepth::Ten, vec![1000, 3, 1001, 4]);
        assert_eq!(means(&deep, None, 2, 2, 2), Samples::Deep(BitDepth::Ten, vec![1001, 4]));
    }

    #[test]
    fn transparent_pixels_give_no_colour_unless_all_are() {
        let rows = |alpha: Vec<u8>, premultiplied| Rows {
            pixels: vec![100, 200].into(),
            alpha: Some(Alpha { samples: alpha.into(), premultiplied }),
        };
        let reduced = |rows| {
            let Rows { pixels, alpha } = Reducer::new([2, 2], 1, [2, 2]).reduce(rows);
            (pixels.to_eight()[0], alpha.unwrap().samples.to_eight()[0])
        };
        assert_eq!(reduced(rows(vec![255, 0], false)), (100, 128));
        assert_eq!(reduced(rows(vec![50, 150], false)), (175, 100));
        assert_eq!(reduced(rows(vec![0, 0], false)), (150, 0));
        assert_eq!(reduced(rows(vec![255, 0], true)), (150, 128));
    }
}
