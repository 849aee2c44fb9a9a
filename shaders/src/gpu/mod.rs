//! The kernels on a wgpu device: an own device and pipelines, apart from the ones burn uses for the float networks.
//!
//! [`Gpu`] holds the device, [`LayerBuffers`] a layer on it, [`Batch`] the geometry of the tiles that are computed
//! together and [`Recorder`] the dispatches. Results equal those of [`reference`](mod@crate::reference) bit by bit.
//! [`transform`] has the kernels of the float transforms.

mod adapter;
mod batch;
mod layers;
mod recorder;
pub mod transform;

pub use adapter::{AdapterPolicy, Gpu, GpuError};
pub use batch::{Batch, Level, Plane2d};
pub use layers::{GainBuffers, LayerBuffers};
pub use recorder::{Activations, Input, Recorder, Store};

#[cfg(test)]
mod tests;
