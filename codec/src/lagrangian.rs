//! What an error is worth in bits at a quality: what searches and fits of an encoder weigh with.

use lic_model::preset::{LAMBDA_MAX, LAMBDA_MIN};

use crate::prior::QualityIndex;

/// How many times the Lagrangian of a quality the slope of the real curve of bits over error is there: 1.21 to 1.28, measured between neighbouring
/// qualities at five places of the scale, on validation. A search that takes the curve's own slope moves along it and loses nothing.
pub(crate) const SLOPE: f64 = 1.25;

/// Bits that a squared error of one sample, white being 1, is worth: the mean over three samples of a pixel counts in the Lagrangian.
pub(crate) fn square(quality: QualityIndex) -> f64 {
    let position = f64::from(quality.get()) / f64::from(QualityIndex::MAX.get());
    let lambda = LAMBDA_MIN * (LAMBDA_MAX / LAMBDA_MIN).powf(position);
    SLOPE * lambda * 255.0 * 255.0 / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_of_error_is_worth_the_lagrangian_of_its_quality() {
        for knot in [0u8, 20, 63] {
            let quality = QualityIndex::new(4 * knot).unwrap();
            let pixel = 3.0 * square(quality) / (255.0 * 255.0);
            assert!((pixel / (SLOPE * lic_model::preset::lambda(knot.into())) - 1.0).abs() < 1e-9);
        }
    }
}
