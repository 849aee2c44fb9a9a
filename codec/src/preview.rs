//! The preview: pictures of an eighth of the size by a linear map of each latent, without the synthesis transform.
//!
//! A position of the latent plane, 16x16 pixels, gives 2x2 samples (pixel shuffle). `lic quantize --fit` fits the map by least squares
//! to the means of 8x8 pixels. Sums are taken in one order without fused operations, so previews are the same on every machine.

use lic_shaders::transform::Dense;
use rayon::prelude::*;

use crate::error::Error;
use crate::format::{BitDepth, ColourModel, Header};
use crate::picture::channels;
use crate::samples::{nearest, peak};
use crate::transform::Synthesis;

/// Samples per latent in each direction.
const SIDE: usize = 2;

/// The maps of a model.
#[derive(Debug)]
pub(crate) struct PreviewHead {
    /// To 2x2 samples of red, green and blue: row, column, colour.
    colour: Dense,
    /// To 2x2 means of them.
    grey: Dense,
}

impl PreviewHead {
    /// `colour` has latents for inputs and 2x2x3 outputs.
    pub(crate) fn new(colour: Dense) -> Self {
        Self { grey: colour.mean_of_colours(), colour }
    }

    /// Begins the picture of a header, whose sides count samples of the preview.
    pub(crate) fn synthesis(&self, header: &Header) -> Box<dyn Synthesis + '_> {
        let head = match header.colour {
            ColourModel::Rgb => &self.colour,
            ColourModel::Grey => &self.grey,
        };
        Box::new(PreviewSynthesis { head, header: *header, missing: header.height.into() })
    }
}

struct PreviewSynthesis<'a> {
    head: &'a Dense,
    header: Header,
    /// Rows of samples that are still to come.
    missing: usize,
}

impl PreviewSynthesis<'_> {
    /// Appends the samples of rows of latents [columns, M]; black is -0.5 and white 0.5.
    fn take<T: Send>(&mut self, latents: &[Vec<f32>], sample: impl Fn(f32) -> T + Sync, pixels: &mut Vec<T>) {
        let rows: Vec<Vec<T>> = latents
            .par_iter()
            .flat_map_iter(|row| self.lines(row))
            .map(|line| line.into_iter().map(&sample).collect())
            .collect();
        let count = rows.len().min(self.missing);
        self.missing -= count;
        rows.into_iter().take(count).for_each(|mut row| pixels.append(&mut row));
    }

    /// The two rows of samples of a row of latents.
    fn lines(&self, latents: &[f32]) -> [Vec<f32>; SIDE] {
        // Sums of constant length stay in registers.
        match self.header.colour {
            ColourModel::Rgb => self.lines_of::<{ SIDE * SIDE * 3 }>(latents),
            ColourModel::Grey => self.lines_of::<{ SIDE * SIDE }>(latents),
        }
    }

    fn lines_of<const OUTPUTS: usize>(&self, latents: &[f32]) -> [Vec<f32>; SIDE] {
        let run = OUTPUTS / SIDE;
        let length = usize::from(self.header.width) * channels(self.header.colour);
        let mut lines = [Vec::with_capacity(length + run), Vec::with_capacity(length + run)];
        let bias = self.head.bias.first_chunk::<OUTPUTS>().copied().unwrap_or([0.0; OUTPUTS]);
        let weights = self.head.weight.as_chunks::<OUTPUTS>().0;
        for latent in latents.chunks_exact(self.head.inputs.max(1)) {
            let mut sums = bias;
            for (value, weights) in latent.iter().zip(weights) {
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
            }
            for (line, sums) in lines.iter_mut().zip(sums.chunks_exact(run)) {
                line.extend_from_slice(sums);
            }
        }
        lines.iter_mut().for_each(|line| line.truncate(length));
        lines
    }
}

impl Synthesis for PreviewSynthesis<'_> {
    fn push(&mut self, latents: Vec<Vec<f32>>, pixels: &mut Vec<u8>) -> Result<(), Error> {
        // The conversion saturates, and makes 0 of what is no number.
        self.take(&latents, |value| ((value + 0.5) * 255.0 + 0.5) as u8, pixels);
        Ok(())
    }

    fn push_deep(&mut self, latents: Vec<Vec<f32>>, depth: BitDepth, pixels: &mut Vec<u16>) -> Result<(), Error> {
        let peak = f32::from(peak(depth));
        self.take(&latents, |value| nearest((value + 0.5) * peak, peak), pixels);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::header::test_header;

    /// One latent channel, which every output takes with another factor.
    fn head() -> PreviewHead {
        let weight = (1..=12).map(|factor| factor as f32 / 255.0).collect();
        PreviewHead::new(Dense { inputs: 1, outputs: 12, weight, bias: vec![-0.5; 12] })
    }

    #[test]
    fn a_latent_becomes_two_by_two_samples_that_end_with_the_picture() {
        let head = head();
        let mut pixels = Vec::new();
        let mut synthesis = head.synthesis(&test_header(3, 3));
        synthesis.push(vec![vec![1.0, 2.0]], &mut pixels).unwrap();
        assert_eq!(pixels, [1, 2, 3, 4, 5, 6, 2, 4, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18]);
        synthesis.push(vec![vec![f32::NAN, 100.0]], &mut pixels).unwrap();
        assert_eq!(pixels[18..], [0, 0, 0, 0, 0, 0, 100, 200, 255]);
        assert_eq!(pixels.len(), 27);
    }

    #[test]
    fn grey_previews_are_means_of_the_colours_and_deep_ones_are_finer() {
        let head = head();
        let header = Header { colour: ColourModel::Grey, depth: BitDepth::Sixteen, ..test_header(2, 2) };
        let mut pixels = Vec::new();
        head.synthesis(&header).push_deep(vec![vec![1.5]], header.depth, &mut pixels).unwrap();
        for (found, mean) in pixels.iter().zip([2, 5, 8, 11]) {
            // Exactly 385.5 times the mean, but for the floats.
            assert!((f64::from(*found) - f64::from(mean) * 385.5).abs() < 1.0, "{found}");
        }
        assert_eq!(pixels.len(), 4);
    }
}
