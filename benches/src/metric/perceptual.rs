//! SSIMULACRA2 and Butteraugli, by the crates fast-ssim2 and butteraugli, ports of the C++ of Cloudinary and libjxl; how near
//! they come to other implementations is in `benches/tests/metrics.rs`. Both take sRGB; grey is shown as equal red, green
//! and blue.

use butteraugli::{ButteraugliParams, Img, RGB8, butteraugli};
use fast_ssim2::{PixelDescriptor, PixelSlice, compute_ssimulacra2};
use lic_codec::Picture;

/// Sides must be at least this long.
pub(super) const SHORTEST_SIDE: u32 = 8;

/// SSIMULACRA2: 100 is equal, 90 visually lossless, 70 high, 50 medium, 30 low quality; may be negative.
pub(super) fn ssimulacra2(original: &Picture, decoded: &Picture) -> Result<f64, String> {
    let (original_rgb, decoded_rgb) = (rgb(original), rgb(decoded));
    let &Picture { width, height, .. } = original;
    let slice = |samples| {
        PixelSlice::new(samples, width, height, 3 * width as usize, PixelDescriptor::RGB8_SRGB)
            .map_err(|error| error.to_string())
    };
    let (original, decoded) = (slice(&original_rgb)?, slice(&decoded_rgb)?);
    compute_ssimulacra2(&original, &decoded).map_err(|error| error.to_string())
}

/// Butteraugli's distance, 3-norm, at 80 nits (the default of the crate and of libjxl's `butteraugli_main`): 0 is equal, 1 is
/// about the limit of what is seen.
pub(super) fn butteraugli_distance(original: &Picture, decoded: &Picture) -> Result<f64, String> {
    let image = |picture: &Picture| {
        let pixels: Vec<RGB8> = rgb(picture).chunks_exact(3).map(|c| RGB8::new(c[0], c[1], c[2])).collect();
        Img::new(pixels, picture.width as usize, picture.height as usize)
    };
    let (original, decoded) = (image(original), image(decoded));
    let result = butteraugli(original.as_ref(), decoded.as_ref(), &ButteraugliParams::default());
    result.map(|result| result.pnorm_3).map_err(|error| error.to_string())
}

fn rgb(picture: &Picture) -> std::borrow::Cow<'_, [u8]> {
    crate::codecs::rgb_samples(picture)
}
