//! A linear filter of the picture's own behind the synthesis: an encoder fits it by least squares to what the decoder would show, and its
//! coefficients lie in an optional section of the file.
//!
//! Differs from [`crate::deblock`] and [`crate::enhance`], whose weights come with the model and serve all pictures, in knowing the one picture. Filters of a
//! picture's own, with few coefficients, symmetric, chosen by least squares, are what video codecs have behind their loop (Wiener
//! filters: Tsai et al., "Adaptive Loop Filtering for Video Coding", IEEE J-STSP 2013; AV1's loop restoration). This shape, the
//! opponent colours and the choice by bits are ours. `codec/FORMAT.md`, chapter 10, is the specification.
//!
//! [`coefficients`] says what they are in the file, [`apply`] filters a picture that comes in rows, [`sums`] collects what a fit needs to know,
//! [`fit`] chooses the coefficients, and [`sample`] says where an encoder looks.
//!
//! Bytes saved, in per cent of the file at equal cost, by a fit to the whole picture, on six photos of validation at quality 20 (a simulation, weights of 175,989 steps):
//!
//! | pairs | |
//! |---|---|
//! | 5x5 diamond | 2.37 |
//! | 7x7 diamond | 2.55 |
//! | the same, and distances 4 and 5 | 2.72 |
//! | and 8 | 2.78 |
//! | and 4 and 8, as here | 2.78 |
//! | and 4, 8 and 16 | 2.80 |
//!
//! Fitted and coded in red, green and blue, the 5x5 diamond gained a quarter to two fifths less on five images of Kodak. Filters of their own for calm and busy places
//! would bring a fifth more before their bytes.
//!
//! Decoders filter what they show; no symbol depends on it. Arithmetic is f32 in one order without fused operations: the same on every machine.

mod apply;
mod coefficients;
mod fit;
mod sample;
mod sums;
#[cfg(test)]
mod tests;

pub(crate) use coefficients::Coefficients;
#[cfg(feature = "burn")]
pub(crate) use fit::SECTION;
pub(crate) use sample::Sampler;

/// Pairs of opposite neighbours, (rows, columns) from the pixel to one of them: a 7x7 diamond, of which the first [`NEAR`] are the 5x5
/// diamond, and what is as far as half a patch of the synthesis and a whole one.
const PAIRS: [(isize, isize); 16] = [
    (0, 1),
    (1, 0),
    (1, 1),
    (1, -1),
    (0, 2),
    (2, 0),
    (1, 2),
    (2, 1),
    (-1, 2),
    (-2, 1),
    (0, 3),
    (3, 0),
    (0, 4),
    (4, 0),
    (0, 8),
    (8, 0),
];
/// Pairs that have statistics of their own in the file.
const NEAR: usize = 6;
/// Pixels that the filter sees in each direction.
pub(crate) const REACH: usize = 8;
/// What a sample of middle grey is, in 1/255.
const MIDDLE: f32 = 128.0;

/// What a signal is read for: a constant, all signals at the pixel, and of every signal the pairs around it.
const fn features(channels: usize) -> usize {
    1 + channels + channels * PAIRS.len()
}
