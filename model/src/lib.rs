//! The networks of `lic`: presets, transforms, float prior, training, and the way to a weight file.
//!
//! # Feature flags
//!
//! - `burn` (default): the networks in burn, and everything that trains them. Without it there are [`weights`], with the [`preset`] they are of,
//!   and [`plain`] arrays for decoders with kernels of their own.
//! - `gpu`: burn on GPUs through wgpu.
//! - `libtorch`: burn on libtorch, for training on CPUs.

#[cfg(feature = "burn")]
pub mod backprop;
#[cfg(feature = "burn")]
pub mod checkpoint;
#[cfg(feature = "burn")]
pub mod complexity;
#[cfg(feature = "burn")]
pub mod distill;
pub mod filters;
#[cfg(feature = "burn")]
pub mod grow;
#[cfg(feature = "burn")]
pub mod inference;
#[cfg(feature = "burn")]
pub mod klt;
pub mod load;
#[cfg(feature = "burn")]
pub mod net;
#[cfg(feature = "burn")]
pub mod network;
#[cfg(feature = "burn")]
pub mod params;
pub mod plain;
pub mod preset;
#[cfg(feature = "burn")]
pub mod prior;
#[cfg(feature = "burn")]
pub mod quantise;
#[cfg(feature = "burn")]
pub mod rate;
#[cfg(feature = "burn")]
pub mod refine;
#[cfg(feature = "burn")]
pub mod train;
pub mod weights;

#[cfg(feature = "burn")]
pub use network::Network;
pub use preset::{ModelConfig, Preset};
