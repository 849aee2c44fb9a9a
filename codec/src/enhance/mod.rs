//! What the synthesis leaves to be desired everywhere alike is mended pixel by pixel: a small filter for every kind of surroundings, chosen by how busy they are and which
//! way they run, and fitted to photos.
//!
//! Differs from [`crate::deblock`], which works before it, in changing all pixels and not those at boundaries of patches, and from [`crate::wiener`], which works behind it, in coming
//! with the model: it costs a file nothing. The synthesis makes every patch of 8x8 pixels from its own features, linearly at the end; what this adds
//! is what depends on the pixels as they came out.
//!
//! Filters by classes of activity and direction, of second differences, are those of VVC's adaptive loop filter, and so is that differences to neighbours count as well
//! clipped (Karczewicz et al., "VVC In-Loop Filters", IEEE TCSVT 2021; Taquet et al., "Non-Linear Adaptive Loop Filter", PCS 2019); filters that are learnt once and chosen by the gradient are those of RAISR
//! (Romano et al., arXiv 1606.01299). The classes, the opponent colours and the fit are ours. `codec/FORMAT.md`, chapter 9.2, is the specification.
//!
//! [`features`] says what a pixel is read for and its class, [`apply`] filters a picture that comes in rows, and [`fit`] collects what the weights are solved from
//! (`lic_model::quantise::with_enhancement`).
//!
//! PSNR gained on 20 photos of validation, fitted to 200 photos of training by a script, with the student of 265,945 steps at effort 0, in dB:
//!
//! | | quality 35 | 85 |
//! |---|---|---|
//! | linear, 7x7 diamond, 5 activities, 9 directions from 5x5 pixels | 0.068 | 0.113 |
//! | directions from 3x3 pixels | 0.067 | 0.124 |
//! | 13 directions, 8 activities, brightness clipped at 3 and 10, 5x5 diamond | 0.111 | 0.166 |
//! | and both other signals at 3 | 0.121 | 0.196 |
//! | clipped 7x7 diamond | 0.138 | 0.209 |
//! | brightness clipped at 4 alone, the others at 2: as here | 0.134 | 0.202 |
//! | that without classes | 0.07 | 0.11 |
//! | other classes within 2 pixels of a boundary of patches | 0.135 | |
//! | three classes of activity of the other signals | 0.132 | |
//! | 12 activities | 0.135 | |
//!
//! As it is, in Rust, fitted to 400 photos: 3.7 % fewer bits at effort 0, 2.8 % at effort 1 beside a picture's own filter; on Kodak 2.1 % and 1.6 %.
//!
//! A network of 3,200 multiplications per pixel (3x3 pixels, 16 channels, three layers) had 0.05 and 0.05 after 4,000 steps.
//!
//! Decoders mend what they show; no symbol depends on it. Arithmetic is f32 in one order without fused operations: the same on every machine, of the same samples. Classes have
//! borders, however: where a GPU's synthesis differs in its last digits, a pixel may be in another class, and then differ by more than a step. Samples have 16 bits until all filters have seen them, therefore
//! ([`crate::transform::rounded`]), and fits draw the classes of an activity together, which costs 0.03 points of BD-rate. On five pictures of Kodak at quality 60 (effort 1) samples of lavapipe's and the CPU's differ
//!
//! | | by one or more | by two or more | by three or more | at most by |
//! |---|---|---|---|---|
//! | 16 bits, classes drawn together | 1.2 % | one in 34,900 | one in 536,000 | 3 |
//! | 8 bits between synthesis and filters | 6.2 % | one in 3,430 | one in 45,000 | 6 |
//! | and classes not drawn together | | | one in 22,000 | 9 |
//!
//! with weights of 265,945 steps. With those of 287,010, whose classes are drawn together a third as much, it is 1.2 %, one in 32,000, one in 341,000 and 9 on all of Kodak.

mod apply;
mod features;
mod fit;
#[cfg(test)]
mod tests;

use lic_model::plain::ENHANCEMENT;

pub(crate) use apply::{behind, weighed};
pub use fit::EnhanceFit;
pub(crate) use lic_model::filters::mending::REACH;

const COLOURS: usize = ENHANCEMENT[3];
