//! Kernels of the integer prior and of the float transforms: the layers, what they compute, and WGSL shaders that compute the same.
//!
//! [`layer`] holds checked layers, [`reference`](mod@reference) computes them one number at a time and is the
//! definition that every faster implementation is compared with, and `gpu` (feature `gpu`) runs them through wgpu.
//! The arithmetic is specified in `codec/PRIOR.md`; how the layers form a network is known to `lic-codec` alone.

pub mod arithmetic;
mod error;
pub mod gain;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod knots;
pub mod layer;
pub mod order;
pub mod plane;
pub mod reference;
pub mod transform;

pub use error::LayerError;
pub use gain::Gains;
pub use knots::{KNOTS, QualityIndex};
pub use layer::{Block, Head, Linear, Partial3x3, Rows};
pub use plane::Plane;
