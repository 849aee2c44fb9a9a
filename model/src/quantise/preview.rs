//! The preview's linear map, fitted by least squares with the codec frozen: latents as a decoder has them -> means of 8x8 pixels.
//!
//! Differs from training in being exact: the normal equations are summed over the pairs and solved once.

use lic_shaders::transform::Dense;
use nalgebra::DMatrix;

use crate::plain::PREVIEW;
use crate::weights::{Entry, WeightFile, WeightsError};

/// Added to the diagonal, as a part of its mean: latents of a channel that is always 0 would leave its weight undefined.
const RIDGE: f64 = 1e-6;

/// The normal equations of pairs seen so far.
#[derive(Debug)]
pub struct PreviewFit {
    inputs: usize,
    /// [inputs + 1, inputs + 1], the last row and column for the bias.
    products: DMatrix<f64>,
    /// [inputs + 1, 12].
    targets: DMatrix<f64>,
}

impl PreviewFit {
    /// For latents of so many channels.
    pub fn new(inputs: usize) -> Self {
        let size = inputs + 1;
        Self { inputs, products: DMatrix::zeros(size, size), targets: DMatrix::zeros(size, PREVIEW) }
    }

    /// Adds pairs: whitened latents [positions, inputs] and their samples [positions, 12] (2x2 positions, three colours), -0.5..=0.5.
    pub fn add(&mut self, latents: &[f32], samples: &[f32]) {
        let positions = (latents.len() / self.inputs).min(samples.len() / PREVIEW);
        let inputs = DMatrix::from_fn(positions, self.inputs + 1, |row, column| {
            if column < self.inputs { f64::from(latents[row * self.inputs + column]) } else { 1.0 }
        });
        let targets = DMatrix::from_fn(positions, PREVIEW, |row, column| f64::from(samples[row * PREVIEW + column]));
        self.products += inputs.tr_mul(&inputs);
        self.targets += inputs.tr_mul(&targets);
    }

    /// The map with the least squared error; `None` without pairs.
    pub fn solve(mut self) -> Option<Dense> {
        let ridge = RIDGE * self.products.trace() / self.products.nrows() as f64;
        for i in 0..self.inputs {
            self.products[(i, i)] += ridge;
        }
        let solution = self.products.cholesky()?.solve(&self.targets);
        let row = |row: usize| solution.row(row).iter().map(|&v| v as f32).collect::<Vec<f32>>();
        let weight = (0..self.inputs).flat_map(row).collect();
        Some(Dense { inputs: self.inputs, outputs: PREVIEW, weight, bias: row(self.inputs) })
    }
}

/// A weight file with this map for its preview, in place of one that it may have.
///
/// # Errors
/// The bytes are no weight file.
pub fn with_preview(bytes: &[u8], head: &Dense) -> Result<Vec<u8>, WeightsError> {
    WeightFile::parse(bytes)?.with(|entries| {
        entries.insert("preview.head.weight".to_owned(), Entry::f16(&[head.inputs, head.outputs], &head.weight));
        entries.insert("preview.head.bias".to_owned(), Entry::f16(&[head.outputs], &head.bias));
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain;
    use crate::weights::EMBEDDED;

    #[test]
    fn a_linear_relation_is_found() {
        let latents: Vec<f32> = (0..300).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
        let expected = |latent: &[f32], output: usize| 0.1 * latent[0] - 0.2 * latent[2] + 0.01 * output as f32;
        let samples: Vec<f32> =
            latents.chunks_exact(3).flat_map(|latent| (0..PREVIEW).map(|o| expected(latent, o))).collect();
        let mut fit = PreviewFit::new(3);
        fit.add(&latents[..150], &samples[..50 * PREVIEW]);
        fit.add(&latents[150..], &samples[50 * PREVIEW..]);
        let head = fit.solve().unwrap();
        for output in 0..PREVIEW {
            let column = [0, 1, 2].map(|input| head.weight[input * PREVIEW + output]);
            for (found, expected) in column.iter().zip([0.1, 0.0, -0.2]) {
                assert!((found - expected).abs() < 1e-4, "{column:?}");
            }
            assert!((head.bias[output] - 0.01 * output as f32).abs() < 1e-4);
        }
    }

    #[test]
    fn channels_that_are_always_0_get_no_weight() {
        let mut fit = PreviewFit::new(2);
        fit.add(&[1.0, 0.0, -1.0, 0.0], &[0.5; 2 * PREVIEW]);
        let head = fit.solve().unwrap();
        assert!(head.weight.iter().all(|weight| weight.abs() < 1e-4));
        assert!(PreviewFit::new(2).solve().is_none());
    }

    #[test]
    fn a_weight_file_keeps_its_identities_with_another_preview() {
        let before = WeightFile::parse(EMBEDDED).unwrap();
        let head = Dense { inputs: 256, outputs: PREVIEW, weight: vec![0.5; 256 * PREVIEW], bias: vec![-1.0; PREVIEW] };
        let bytes = with_preview(EMBEDDED, &head).unwrap();
        let after = WeightFile::parse(&bytes).unwrap();
        assert_eq!(plain::preview(&after).unwrap(), Some(head));
        assert_eq!((after.parse_id(), after.synthesis_id()), (before.parse_id(), before.synthesis_id()));
    }
}
