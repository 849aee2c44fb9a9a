//! Alpha planes: which files get one, and what the payloads of an alpha section mean (FORMAT.md, chapter 6).
//!
//! The lossless coding is `lossless`, with PNG's filters in `filter`. The lossy one is that of a grey picture, so `encoder`
//! and `decoder` do it with the same code as the colours.

mod error;
pub(crate) mod filter;
pub(crate) mod lossless;

pub use error::AlphaError;

use crate::samples::{Samples, peak};

/// How opaque the pixels of a picture are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alpha {
    /// Samples [height, width] of the picture's depth: 0 is transparent, the greatest value opaque.
    pub samples: Samples,
    /// Whether the picture's colour samples are multiplied by alpha (in their stored, non-linear values).
    pub premultiplied: bool,
}

impl Alpha {
    /// Whether it says nothing: every sample is opaque.
    pub fn is_opaque(&self) -> bool {
        self.samples.all_are_greatest()
    }
}

/// Colour samples [height, width, channels] that were multiplied by `alpha`, divided by it again: rounded, at most white, and
/// black where alpha is 0.
pub(crate) fn divide(colours: &mut Samples, alpha: &Samples, channels: usize) {
    /// `quotient` gives a colour from its product and alpha, both in steps.
    fn each<T: Copy + Into<u64>>(colours: &mut [T], alpha: &[T], channels: usize, quotient: impl Fn(u64, u64) -> T) {
        for (pixel, &alpha) in colours.chunks_exact_mut(channels).zip(alpha) {
            pixel.iter_mut().for_each(|sample| *sample = quotient((*sample).into(), alpha.into()));
        }
    }
    let quotient = |product: u64, alpha: u64, peak: u64| {
        (product * peak + alpha / 2).checked_div(alpha).map_or(0, |value| value.min(peak))
    };
    match (colours, alpha) {
        (Samples::Eight(colours), Samples::Eight(alpha)) => {
            each(colours, alpha, channels, |p, a| quotient(p, a, 255) as u8);
        }
        (Samples::Deep(depth, colours), Samples::Deep(_, alpha)) => {
            let peak = peak(*depth).into();
            each(colours, alpha, channels, |p, a| quotient(p, a, peak) as u16);
        }
        // Pictures that a codec has made or checked have one depth.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::BitDepth;

    #[test]
    fn dividing_undoes_multiplying_to_what_alpha_can_resolve() {
        for alpha in 0..=255u32 {
            for colour in 0..=255u32 {
                let mut sample = Samples::Eight(vec![((colour * alpha + 127) / 255) as u8]);
                divide(&mut sample, &vec![alpha as u8].into(), 1);
                let found = u32::from(sample.to_eight()[0]);
                let error = found.abs_diff(colour);
                let most = 128u32.checked_div(alpha).map_or(colour, |steps| steps + 1);
                assert!(error <= most, "{colour} with alpha {alpha} became {found}");
            }
        }
    }

    #[test]
    fn colours_brighter_than_their_alpha_become_white() {
        let mut colours = vec![200, 100, 50, 9, 9, 9].into();
        divide(&mut colours, &vec![100, 0].into(), 3);
        assert_eq!(colours, vec![255, 255, 128, 0, 0, 0].into());
        let mut colours = Samples::Deep(BitDepth::Ten, vec![512, 300, 9]);
        divide(&mut colours, &Samples::Deep(BitDepth::Ten, vec![512, 600, 0]), 1);
        assert_eq!(colours, Samples::Deep(BitDepth::Ten, vec![1023, 512, 0]));
    }
}
