//! Measuring `lic`: encode for real, decode for real, count the bytes of the file, compare 8-bit samples.

use lic_codec::{Decoder, EncodeOptions, Encoder, Error, Picture, Stats, quality_index};
use serde::Serialize;

use crate::curve::{Curve, CurveError, Point};
use crate::psnr::psnr;

/// One picture at one quality.
#[derive(Debug, Clone, Copy)]
pub struct Measurement {
    /// The quality asked for, 0..=100.
    pub quality: f32,
    /// Size of the whole file in bytes.
    pub bytes: u64,
    /// Bits per pixel of the whole file, and PSNR of the decoded picture.
    pub point: Point,
    /// Where the encoder's time went.
    pub encode: Stats,
    /// Where the decoder's time went.
    pub decode: Stats,
}

/// Encodes and decodes a picture at every one of some qualities, with tiles and effort of `options`. The analysis, which does
/// not depend on the quality, runs once and is counted in full at each.
///
/// # Errors
/// Those of encoder and decoder.
pub fn measure(
    encoder: &Encoder,
    decoder: &Decoder,
    picture: &Picture,
    options: &EncodeOptions,
    qualities: &[f32],
) -> Result<Vec<Measurement>, Error> {
    let pixels = f64::from(picture.width) * f64::from(picture.height);
    let analysed = encoder.analyse(picture, options)?;
    let one = |&quality: &f32| {
        let mut encoded = analysed.encode(quality_index(quality)?)?;
        encoded.stats.analysis += analysed.stats().analysis;
        let decoded = decoder.decode(&encoded.bytes)?;
        let bytes = encoded.bytes.len() as u64;
        // Pictures of different shapes cannot come out of a decoder that works; NaN then makes every mean unusable.
        let psnr = psnr(&picture.pixels, &decoded.picture.pixels).unwrap_or(f64::NAN);
        let point = Point { bpp: 8.0 * bytes as f64 / pixels, psnr };
        Ok(Measurement { quality, bytes, point, encode: encoded.stats, decode: decoded.stats })
    };
    qualities.iter().map(one).collect()
}

/// Means over the images of a set at one quality.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mean {
    /// The quality asked for, 0..=100.
    pub quality: f32,
    /// Arithmetic means of bits per pixel and of PSNR, as the field reports them.
    #[serde(flatten)]
    pub point: Point,
    /// Lowest PSNR of an image, in dB.
    pub worst_psnr: f64,
}

/// Means over images; every image must have been measured at the same qualities, and only what all have is used.
pub fn means(images: &[Vec<Measurement>]) -> Vec<Mean> {
    let qualities = images.iter().map(Vec::len).min().unwrap_or(0);
    (0..qualities)
        .filter_map(|i| {
            let column: Vec<&Measurement> = images.iter().filter_map(|image| image.get(i)).collect();
            let mean =
                |value: fn(&Measurement) -> f64| column.iter().map(|m| value(m)).sum::<f64>() / column.len() as f64;
            let worst_psnr = column.iter().map(|m| m.point.psnr).fold(f64::INFINITY, f64::min);
            let point = Point { bpp: mean(|m| m.point.bpp), psnr: mean(|m| m.point.psnr) };
            Some(Mean { quality: column.first()?.quality, point, worst_psnr })
        })
        .collect()
}

/// The curve of means.
///
/// # Errors
/// Fewer than two qualities, two that come out the same, or lossless images, whose PSNR is infinite.
pub fn mean_curve(means: &[Mean]) -> Result<Curve, CurveError> {
    Curve::new(means.iter().map(|mean| mean.point))
}

/// The pairs of qualities between which an image's bytes or PSNR do not rise.
pub fn not_rising(image: &[Measurement]) -> Vec<(f32, f32)> {
    image
        .windows(2)
        .filter(|pair| pair[0].bytes >= pair[1].bytes || pair[0].point.psnr >= pair[1].point.psnr)
        .map(|pair| (pair[0].quality, pair[1].quality))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(quality: f32, bytes: u64, psnr: f64) -> Measurement {
        let point = Point { bpp: bytes as f64 / 100.0, psnr };
        Measurement { quality, bytes, point, encode: Stats::default(), decode: Stats::default() }
    }

    #[test]
    fn means_are_arithmetic_over_images() {
        let images = [vec![at(10.0, 100, 30.0), at(50.0, 200, 35.0)], vec![at(10.0, 300, 32.0), at(50.0, 500, 33.0)]];
        let means = means(&images);
        assert_eq!(means[0], Mean { quality: 10.0, point: Point { bpp: 2.0, psnr: 31.0 }, worst_psnr: 30.0 });
        assert_eq!(means[1], Mean { quality: 50.0, point: Point { bpp: 3.5, psnr: 34.0 }, worst_psnr: 33.0 });
        assert!(super::means(&[]).is_empty());
    }

    #[test]
    fn steps_that_do_not_rise_are_found() {
        let image = [at(0.0, 10, 30.0), at(25.0, 20, 31.0), at(50.0, 20, 32.0), at(75.0, 30, 31.5)];
        assert_eq!(not_rising(&image), [(25.0, 50.0), (50.0, 75.0)]);
    }
}
