//! Latents of several tiles to payloads and back, driving an engine of the prior and a range coder per tile.
//!
//! [`encode`] and [`decode`] mirror each other pass by pass. Everything here is integer arithmetic except for the encoder's
//! choice of symbols, which a decoder does not repeat.

mod choose;
mod decode;
mod encode;
mod skip;

#[cfg(feature = "burn")]
pub(crate) use choose::STEPS2_PER_BIT;
pub(crate) use choose::{nearest_hyper, optimised_hyper};
pub(crate) use decode::{CodedTile, DecodedTile, decode};
pub(crate) use encode::{Coded, LatentTile, encode};
