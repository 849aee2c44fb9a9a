//! The networks of `lic` in burn: presets, transforms, float prior, training, and the way to a weight file.

pub mod checkpoint;
pub mod complexity;
pub mod inference;
pub mod klt;
pub mod load;
pub mod net;
pub mod network;
pub mod params;
pub mod plain;
pub mod preset;
pub mod prior;
pub mod quantise;
pub mod rate;
pub mod train;
pub mod weights;

pub use network::Network;
pub use preset::{ModelConfig, Preset};
