//! Alpha planes: which files get one, and what the payloads of an alpha section mean (FORMAT.md, chapter 6).
//!
//! The lossless coding is `lossless`, with PNG's filters in `filter`. The lossy one is that of a grey picture, so `encoder`
//! and `decoder` do it with the same code as the colours.

pub(crate) mod filter;
pub(crate) mod lossless;

use crate::error::Error;
use crate::format::Header;

/// How opaque the pixels of a picture are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alpha {
    /// Samples [height, width] of the picture's depth: 0 is transparent, the greatest value opaque.
    pub samples: Vec<u8>,
    /// Whether the picture's colour samples are multiplied by alpha (in their stored, non-linear values).
    pub premultiplied: bool,
}

impl Alpha {
    /// Whether it says nothing: every sample is opaque.
    pub fn is_opaque(&self) -> bool {
        self.samples.iter().all(|&sample| sample == u8::MAX)
    }
}

/// Colour samples [height, width, channels] that were multiplied by `alpha`, divided by it again: rounded, at most white, and
/// black where alpha is 0.
pub(crate) fn divide(colours: &mut [u8], alpha: &[u8], channels: usize) {
    for (pixel, &alpha) in colours.chunks_exact_mut(channels).zip(alpha) {
        let alpha = u32::from(alpha);
        for sample in pixel {
            let divided = (u32::from(*sample) * 255 + alpha / 2).checked_div(alpha);
            *sample = divided.map_or(0, |value| value.min(255) as u8);
        }
    }
}

/// An empty plane with room for all samples of a picture.
pub(crate) fn reserve_plane(header: &Header) -> Result<Vec<u8>, Error> {
    let bytes = u64::from(header.width) * u64::from(header.height);
    let mut plane = Vec::new();
    let reserved = usize::try_from(bytes).ok().and_then(|bytes| plane.try_reserve_exact(bytes).ok());
    reserved.ok_or(Error::OutOfMemory { bytes })?;
    Ok(plane)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dividing_undoes_multiplying_to_what_alpha_can_resolve() {
        for alpha in 0..=255u32 {
            for colour in 0..=255u32 {
                let mut sample = [((colour * alpha + 127) / 255) as u8];
                divide(&mut sample, &[alpha as u8], 1);
                let error = u32::from(sample[0]).abs_diff(colour);
                let most = 128u32.checked_div(alpha).map_or(colour, |steps| steps + 1);
                assert!(error <= most, "{colour} with alpha {alpha} became {}", sample[0]);
            }
        }
    }

    #[test]
    fn colours_brighter_than_their_alpha_become_white() {
        let mut colours = [200, 100, 50, 9, 9, 9];
        divide(&mut colours, &[100, 0], 3);
        assert_eq!(colours, [255, 255, 128, 0, 0, 0]);
    }
}
