//! `--to-srgb`: samples of any colour space to sRGB. Colour management itself is the crate `moxcms`.

use lic_codec::format::{BitDepth, Cicp};
use lic_codec::{Colour, Picture, Samples};
use lic_datasets::photo::exif_to_srgb;
use moxcms::{
    CicpColorPrimaries, CicpProfile, CmsError, ColorProfile, DataColorSpace, Layout, MatrixCoefficients,
    TransferCharacteristics, TransformExecutor, TransformOptions,
};
use rayon::prelude::*;

use crate::exit::Unsupported;

/// Transfer characteristics of H.273 that can be brighter than any sRGB white.
const HIGH_DYNAMIC_RANGE: [u8; 2] = [16, 18];
/// Pixels converted in one go.
const RUN: usize = 1 << 14;

/// Converts a picture to sRGB and takes away its code points and profile, and what EXIF says of Adobe RGB. The code points go before the profile,
/// as in PNG; a picture with neither is sRGB already.
pub fn to_srgb(picture: &mut Picture) -> Result<(), Unsupported> {
    let profile = match (picture.metadata.cicp.take(), picture.metadata.icc.take()) {
        (Some(cicp), _) => of_code_points(cicp)?,
        (None, Some(icc)) => ColorProfile::new_from_slice(&icc).map_err(unusable)?,
        (None, None) => return Ok(()),
    };
    if let Some(exif) = &mut picture.metadata.exif {
        exif_to_srgb(exif);
    }
    let channels = if picture.colour == Colour::Grey { 1 } else { 3 };
    let layout = match profile.color_space {
        DataColorSpace::Gray if channels == 1 => Layout::Gray,
        // Code points are of RGB, even those of a grey picture.
        DataColorSpace::Rgb => Layout::Rgb,
        other => return Err(Unsupported(format!("--to-srgb cannot use an ICC profile for {other:?} samples here"))),
    };
    let options = TransformOptions { rendering_intent: profile.rendering_intent, ..TransformOptions::default() };
    let srgb = ColorProfile::new_srgb();
    let width = [channels, if layout == Layout::Gray { 1 } else { 3 }];
    match &mut picture.pixels {
        Samples::Eight(samples) => {
            let transform = profile.create_transform_8bit(layout, &srgb, Layout::Rgb, options).map_err(unusable)?;
            convert(samples, width, &*transform)
        }
        Samples::Deep(depth, samples) => {
            let transform = match depth {
                BitDepth::Ten => profile.create_transform_10bit(layout, &srgb, Layout::Rgb, options),
                BitDepth::Twelve => profile.create_transform_12bit(layout, &srgb, Layout::Rgb, options),
                _ => profile.create_transform_16bit(layout, &srgb, Layout::Rgb, options),
            };
            convert(samples, width, &*transform.map_err(unusable)?)
        }
    }
}

/// Converts samples of so many channels, of which the transform takes as many or, for grey, three equal ones, in place.
fn convert<T: Copy + Default + Send + Sync>(
    samples: &mut [T],
    [channels, taken]: [usize; 2],
    transform: &(dyn TransformExecutor<T> + Send + Sync),
) -> Result<(), Unsupported> {
    samples.par_chunks_mut(RUN * channels).try_for_each(|samples| {
        let mut rgb = vec![T::default(); samples.len() / channels * 3];
        if taken > channels {
            let tripled: Vec<T> = samples.iter().flat_map(|&grey| [grey; 3]).collect();
            transform.transform(&tripled, &mut rgb).map_err(unusable)?;
        } else {
            transform.transform(samples, &mut rgb).map_err(unusable)?;
        }
        // Neutral colours stay neutral: of three equal samples the first is the grey.
        samples.iter_mut().zip(rgb.iter().step_by(3 / channels)).for_each(|(to, &from)| *to = from);
        Ok(())
    })
}

fn unusable(error: CmsError) -> Unsupported {
    Unsupported(format!("--to-srgb cannot use the ICC profile: {error}"))
}

/// The profile of code points, for those that can be converted without deciding how bright white is.
fn of_code_points(cicp: Cicp) -> Result<ColorProfile, Unsupported> {
    let Cicp { primaries, transfer, .. } = cicp;
    if HIGH_DYNAMIC_RANGE.contains(&transfer) {
        return Err(Unsupported(format!(
            "--to-srgb does not convert high dynamic range (CICP transfer {transfer}): without it the colours are kept"
        )));
    }
    let unknown = || Unsupported(format!("--to-srgb does not know the CICP code points {primaries}, {transfer}"));
    let profile = ColorProfile::new_from_cicp(CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).map_err(|_| unknown())?,
        transfer_characteristics: TransferCharacteristics::try_from(transfer).map_err(|_| unknown())?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    // Reserved and unspecified code points leave the profile without curves.
    if profile.red_trc.is_none() { Err(unknown()) } else { Ok(profile) }
}
