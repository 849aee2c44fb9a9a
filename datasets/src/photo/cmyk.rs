//! JPEGs of inks (CMYK, YCCK) with a profile of the press: to sRGB through that profile.
//!
//! Without a profile nobody knows what the inks look like; then the JPEG decoder's plain conversion stands, in which inks
//! multiply. All programs that write such files store the inks inverted, as Adobe's do: 255 is bare paper.

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};
use rayon::prelude::*;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::Lost;

/// Pixels converted in one go.
const RUN: usize = 1 << 14;

/// The samples [height, width, 3] in sRGB of a JPEG of inks that has a profile; nothing for all other JPEGs. `has_icc` says
/// whether there is one, even one of which parts are missing.
pub(super) fn to_srgb(bytes: &[u8], has_icc: bool) -> Result<Option<Vec<u8>>, Lost> {
    let options = DecoderOptions::default().set_strict_mode(false).set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    // What cannot be read is the business of the reader that goes over the file next.
    if decoder.decode_headers().is_err() {
        return Ok(None);
    }
    let (Some(inks @ (ColorSpace::CMYK | ColorSpace::YCCK)), true) = (decoder.input_colorspace(), has_icc) else {
        return Ok(None);
    };
    let icc = decoder.icc_profile().ok_or(Lost::UnusableInks)?;
    let profile = ColorProfile::new_from_slice(&icc).map_err(|_| Lost::UnusableInks)?;
    if profile.color_space != DataColorSpace::Cmyk {
        return Err(Lost::UnusableInks);
    }
    let options = TransformOptions { rendering_intent: profile.rendering_intent, ..TransformOptions::default() };
    // moxcms has the four inks in the place of four colours.
    let transform = profile.create_transform_8bit(Layout::Rgba, &ColorProfile::new_srgb(), Layout::Rgb, options);
    let transform = transform.map_err(|_| Lost::UnusableInks)?;

    decoder.set_options(decoder.options().jpeg_set_out_colorspace(inks));
    let Ok(mut samples) = decoder.decode() else { return Ok(None) };
    let mut rgb = vec![0; samples.len() / 4 * 3];
    let runs = samples.par_chunks_mut(4 * RUN).zip(rgb.par_chunks_mut(3 * RUN));
    runs.try_for_each(|(samples, rgb)| {
        for pixel in samples.as_chunks_mut::<4>().0 {
            *pixel = if inks == ColorSpace::YCCK { inks_of_ycck(*pixel) } else { pixel.map(|inverted| 255 - inverted) };
        }
        transform.transform(samples, rgb).map_err(|_| Lost::UnusableInks)
    })?;
    Ok(Some(rgb))
}

/// Inks, 255 for a full layer, of a pixel as YCCK stores it: cyan, magenta and yellow were inverted twice, black once.
fn inks_of_ycck([y, cb, cr, black]: [u8; 4]) -> [u8; 4] {
    let [y, cb, cr] = [f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0];
    // The conversion of JFIF; casts of floats saturate.
    let sample = |value: f32| value.round() as u8;
    [sample(y + 1.402 * cr), sample(y - 0.344_136 * cb - 0.714_136 * cr), sample(y + 1.772 * cb), 255 - black]
}
