//! The float prior: the trainable twin of the integer prior specified in `codec/PRIOR.md`.
//!
//! Same layers, same tensors, same order of passes; [`crate::quantise`] turns the weights into integers. During the last stage of training every
//! activation is put on the integer grid by a [`Taps`], so that the float network sees what the integers will do.
//!
//! Hyperprior: Balle et al., arXiv 1802.01436. Four-pass quadtree context: DCVC-DC, arXiv 2302.14402.

mod block;
mod context;
pub(crate) mod density;
mod hyper;
mod network;
mod passes;
mod taps;

pub use block::PriorBlock;
pub use context::{ContextPass, Head};
pub use density::ZDensity;
pub use hyper::{HyperAnalysis, HyperSynthesis};
pub use network::{Prior, PriorOutput, Rounding, uniform_noise};
pub use passes::{GROUP_OF_PHASE, ORDER, from_passes, to_passes};
pub use taps::{ACTIVATION_MAX, Ranges, Taps};

pub use crate::weights::Grid;
