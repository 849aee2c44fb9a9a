//! Why a weight file or a running prior was refused.

use lic_shaders::LayerError;

use crate::error::TableError;

/// A weight file whose `prior.*` tensors break `codec/PRIOR.md`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// A tensor is not there.
    #[error("the weight file has no tensor {name}")]
    Missing {
        /// Name of the tensor.
        name: String,
    },
    /// A tensor that this version knows nothing of.
    #[error("the weight file has a tensor {name}, which this version does not know: a newer one is needed")]
    Unknown {
        /// Name of the tensor.
        name: String,
    },
    /// A tensor has another element type.
    #[error("tensor {name} holds {found}, expected {expected}")]
    Type {
        /// Name of the tensor.
        name: String,
        /// Type found.
        found: String,
        /// Type needed.
        expected: &'static str,
    },
    /// A tensor has another shape.
    #[error("tensor {name} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// Name of the tensor.
        name: String,
        /// Shape found.
        found: Vec<usize>,
        /// Shape needed.
        expected: Vec<usize>,
    },
    /// Sizes that cannot belong to a prior.
    #[error(
        "{latents} latent, {hyper} hyper-latent and {hidden} hidden channels: expected 1..=4096, latent and hidden multiples of 4"
    )]
    Sizes {
        /// Latent channels.
        latents: usize,
        /// Hyper-latent channels.
        hyper: usize,
        /// Hidden width.
        hidden: usize,
    },
    /// A layer or gain table is out of range or could overflow.
    #[error("{name}: {source}")]
    Layer {
        /// Name of the layer.
        name: String,
        /// What is wrong with it.
        source: LayerError,
    },
    /// The probability tables of latents or hyper-latents are unusable.
    #[error("{names}: {source}")]
    Tables {
        /// The tensors they are made of.
        names: &'static str,
        /// What is wrong with them.
        source: TableError,
    },
    /// A value of a table is out of range.
    #[error("element {index} of {name} is {value}: {rule}")]
    Table {
        /// Name of the tensor.
        name: &'static str,
        /// Which element.
        index: usize,
        /// Its value.
        value: i64,
        /// The rule it breaks.
        rule: &'static str,
    },
}

/// Input that a running prior refuses, or a device that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PriorError {
    /// `begin` without tiles.
    #[error("no tiles to work on")]
    NoTiles,
    /// A tile without positions, or too large to be counted.
    #[error("tile {tile} has a latent plane of {height} x {width} positions")]
    Shape {
        /// Number of the tile.
        tile: usize,
        /// Its rows.
        height: usize,
        /// Its columns.
        width: usize,
    },
    /// Values for another number of tiles than `begin` was told.
    #[error("{what} of {found} tiles, expected {expected}")]
    Tiles {
        /// Which values.
        what: &'static str,
        /// Tiles given.
        found: usize,
        /// Tiles expected.
        expected: usize,
    },
    /// Another number of values than the tile has.
    #[error("tile {tile}: {found} {what}, expected {expected}")]
    Count {
        /// Which values.
        what: &'static str,
        /// Number of the tile.
        tile: usize,
        /// Values given.
        found: usize,
        /// Values expected.
        expected: usize,
    },
    /// A value out of range.
    #[error("tile {tile}: one of the {what} is {value}, beyond +-{limit}")]
    Range {
        /// Which values.
        what: &'static str,
        /// Number of the tile.
        tile: usize,
        /// The offending value.
        value: i16,
        /// Largest magnitude.
        limit: i16,
    },
    /// A call out of order.
    #[error("prior called out of order: {0}")]
    Sequence(&'static str),
    /// The GPU failed.
    #[cfg(feature = "gpu")]
    #[error(transparent)]
    Gpu(#[from] lic_shaders::gpu::GpuError),
}
