//! Entropy coding of a tile: symbols to bytes and back, with integer probabilities only.
//!
//! [`tables`] checks the cumulative tables of a weight file and indexes them for fast decoding,
//! [`model`] shows them to constriction's range coder, [`encoder`] and [`decoder`] turn whole
//! slices of symbols into a tile's payload and back, [`adapt`] moves the scale tables by what a tile's
//! symbols teach, and [`cost`] says what symbols would cost without coding them. Which table a latent is
//! predicted to need is the business of the integer prior; `codec/FORMAT.md`, chapter 5, specifies the stream.

pub mod adapt;
pub mod cost;
pub mod decoder;
pub mod encoder;
pub mod model;
pub mod tables;

pub(crate) mod error;
mod flags;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

pub use adapt::{Adaptation, Adapter};
pub use cost::{CostTable, HyperCosts};
pub use decoder::TileDecoder;
pub use encoder::TileEncoder;
pub use model::Bit;
pub use tables::{CdfTables, HYPER_KNOTS, HyperTables, ScaleTables};

/// Greatest magnitude of a latent symbol.
pub const MAX_SYMBOL: i32 = lic_shaders::gain::SYMBOL_MAX as i32;
/// Greatest magnitude of a hyper-latent symbol.
pub const MAX_HYPER_SYMBOL: i32 = 4095;
