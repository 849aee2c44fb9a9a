//! Validation: PSNR and estimated bits per pixel of whole images at five qualities.
//!
//! Estimated bits of the float prior with real rounding; the files that `lic encode` writes are within 1 % of it.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use image::RgbImage;
use serde::Serialize;

use super::data::{DataError, image_files, load_image, patches};
use crate::backprop::filters::Filter;
use crate::network::Network;
use crate::params;
use crate::preset::lambda;
use crate::prior::{Rounding, Taps};
use crate::rate;

/// The qualities at which a model is validated.
pub const VALIDATION_KNOTS: [usize; 5] = [0, 16, 32, 48, 63];

/// Largest width and height that is validated: a centre crop bounds time and memory.
const LARGEST: usize = 768;

/// Means over the images at one quality.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Quality knot.
    pub knot: usize,
    /// Mean of the images' estimated bits per pixel.
    pub bpp: f64,
    /// Mean of the images' PSNR on RGB after rounding to 8 bits, in dB.
    pub psnr: f64,
    /// Mean of the images' squared errors, pixels 0..=255.
    pub mse: f64,
}

/// One number for a whole validation, lower is better: the training loss averaged over the qualities.
pub fn score(points: &[Point]) -> f64 {
    let losses = points.iter().map(|p| (p.bpp + lambda(p.knot) * p.mse) / lambda(p.knot).sqrt());
    losses.sum::<f64>() / points.len().max(1) as f64
}

/// Centre crops of a folder's images, sides multiples of 64; images under 64 pixels are left out.
///
/// # Errors
/// The folder or an image cannot be read, or none is large enough.
pub fn load_folder(folder: &Path) -> Result<Vec<RgbImage>, DataError> {
    let mut images = Vec::new();
    for path in image_files(folder)? {
        let image = load_image(&path)?;
        let (width, height) =
            (image.width().min(LARGEST as u32) / 64 * 64, image.height().min(LARGEST as u32) / 64 * 64);
        if width > 0 && height > 0 {
            let (left, top) = ((image.width() - width) / 2, (image.height() - height) / 2);
            images.push(image::imageops::crop_imm(&image, left, top, width, height).to_image());
        }
    }
    if images.is_empty() {
        return Err(DataError::Empty { folder: folder.to_owned(), min: 64 });
    }
    Ok(images)
}

/// Evaluates `network` (on a device without autodiff) on images whose sides are multiples of 64, with what decoders do behind the synthesis if `filters` (of all knots) say it.
pub fn validate(
    network: &Network,
    images: &[RgbImage],
    device: &Device,
    taps: &mut Taps<'_>,
    filters: Option<&[Filter]>,
) -> Vec<Point> {
    let mut points: Vec<Point> =
        VALIDATION_KNOTS.iter().map(|&knot| Point { knot, bpp: 0.0, psnr: 0.0, mse: 0.0 }).collect();
    for image in images {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let pixels = (width * height) as f64;
        let original = patches(image.as_raw(), width, height);
        let input = Tensor::<4>::from_data(TensorData::new(original.clone(), [1, height / 8, width / 8, 192]), device);
        let y = network.analysis.forward(input);
        for point in &mut points {
            let coded = network.prior.forward(y.clone(), &[point.knot], Rounding::Hard, taps);
            let mut decoded = params::read(network.synthesis.forward(coded.y_hat, network.feature_gain(&[point.knot])));
            if let Some(filter) = filters.and_then(|filters| filters.get(point.knot)) {
                filter.apply(&mut decoded, [height / 8, width / 8], [height, width]);
            }
            let mse = decoded.iter().zip(&original).map(|(a, b)| (to_byte(*a) - to_byte(*b)).powi(2)).sum::<f64>()
                / decoded.len() as f64;
            let residual: Vec<f32> = params::read(coded.residual).into_iter().map(f32::round).collect();
            let bits = rate::rate(&residual, &params::read(coded.log_scale), None, 1, 1).bits[0]
                + f64::from(params::read(coded.z_bits)[0]);
            let share = 1.0 / images.len() as f64;
            point.bpp += share * bits / pixels;
            // Not `max`, which would make a number of what is none.
            point.psnr += share * 10.0 * (255.0 * 255.0 / mse.clamp(1e-9, f64::INFINITY)).log10();
            point.mse += share * mse;
        }
    }
    points
}

fn to_byte(value: f32) -> f64 {
    f64::from(((value + 0.5) * 255.0).round().clamp(0.0, 255.0))
}
