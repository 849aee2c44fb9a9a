//! Peak signal-to-noise ratio of 8-bit samples: the field's `psnr-rgb` when given RGB samples, one figure per image.

/// PSNR in dB over all samples of two images, in any order of samples as long as it is the same; infinite if they are equal.
/// `None` if the lengths differ or are 0.
pub fn psnr(original: &[u8], decoded: &[u8]) -> Option<f64> {
    if original.len() != decoded.len() || original.is_empty() {
        return None;
    }
    let squares: u64 = original.iter().zip(decoded).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum();
    let mse = squares as f64 / original.len() as f64;
    Some(10.0 * (255.0 * 255.0 / mse).log10())
}

#[cfg(test)]
mod tests {
    use super::psnr;

    #[test]
    fn equal_images_have_infinite_psnr() {
        assert_eq!(psnr(&[1, 2, 3], &[1, 2, 3]), Some(f64::INFINITY));
    }

    #[test]
    fn the_largest_error_is_zero_decibels() {
        assert_eq!(psnr(&[0, 255], &[255, 0]), Some(0.0));
    }

    #[test]
    fn an_error_of_one_everywhere_is_48_decibels() {
        // 20 log10(255)
        let found = psnr(&[10, 20, 30], &[11, 19, 31]).expect("same length");
        assert!((found - 48.130_803_608_679_1).abs() < 1e-12, "{found}");
    }

    #[test]
    fn images_of_different_size_have_none() {
        assert_eq!(psnr(&[1, 2], &[1]), None);
        assert_eq!(psnr(&[], &[]), None);
    }
}
