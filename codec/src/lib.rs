//! The `.lic` still-image format: a learned codec whose files parse the same on every machine.
//!
//! In order of use:
//!
//! 1. A [`Model`] is a checked weight file: [`Model::embedded`] for the one inside the binary, [`Model::open`] for another.
//! 2. A [`Picture`] is the samples of an image with its [`Alpha`] and [`Metadata`]. [`Encoder::encode`] makes a file of it, at a quality or for a [`Target`]
//!    (a size, bits per pixel, a PSNR); [`Encoder::analyse`] is its first half, for several qualities of one picture.
//! 3. [`Decoder::decode`] turns a file into a [`Picture`], with [`Warning`]s.
//!    [`Decoder::view`] decodes a region or a smaller picture, [`Decoder::rows`] decodes from a reader, some rows at a time.
//! 4. [`format::Header::parse`] and [`format::LicFile`] look into a file without decoding it; no model is needed.
//!
//! ```no_run
//! use lic_codec::{Colour, Decoder, DeviceChoice, EncodeOptions, Encoder, Model, Picture};
//!
//! # fn main() -> Result<(), lic_codec::Error> {
//! let model = Model::embedded()?;
//! let picture = Picture::new(2, 1, Colour::Rgb, vec![255, 0, 0, 0, 0, 255])?;
//! let encoder = Encoder::new(&model, DeviceChoice::Auto)?;
//! let encoded = encoder.encode(&picture, &EncodeOptions { quality: 60.0, ..EncodeOptions::default() })?;
//! let decoded = Decoder::new(&model, DeviceChoice::Auto)?.decode(&encoded.bytes)?;
//! assert_eq!(decoded.picture.width, 2);
//! # Ok(())
//! # }
//! ```
//!
//! # Threads
//!
//! [`Encoder`] and [`Decoder`] are `Send + Sync`: make one, and share it. Loading a model and every call run on rayon's pool (the global one, unless the caller is
//! on a thread of another: `ThreadPool::install`), and a thread of a pool that waits takes up whatever else the pool has to do. Therefore,
//! in a program that uses rayon itself:
//!
//! - make coders outside of the pool, or with `OnceLock::get` and `set`. A `LazyLock` that is forced from within `par_iter` may be asked for itself by the
//!   thread that is making it, and waits for ever;
//! - hold no lock across a call that another piece of work in the pool takes, for the same reason;
//! - a small picture may have to wait for a large one that the pool is at work on. Who shows thumbnails beside long work gives either a pool of its own.
//!
//! # Parts
//!
//! What coders are made of, each usable alone:
//!
//! 5. [`mod@format`]: the container, as `codec/FORMAT.md` specifies it;
//! 6. [`entropy`]: symbols to bytes and back;
//! 7. [`prior`]: the integer network that gives the probabilities (`codec/PRIOR.md`), with three engines of the same results;
//! 8. [`transform`]: the networks between pixels and latents, behind one small trait;
//! 9. [`symbols`]: what a file holds before any float arithmetic, for tests that compare machines.
//!
//! # Feature flags
//!
//! - `cpu` (default): own kernels for the transforms of models without attention. With it alone (`default-features = false, features = ["cpu"]`)
//!   the crate is small and builds in half a minute.
//! - `burn` (default): burn's networks, for [`DeviceChoice::Reference`], for models with attention, and for encoding with [`Effort::Refined`]
//!   and [`Effort::Thorough`].
//! - `gpu`: transforms and prior on GPUs through wgpu as well, with `burn`; without it [`DeviceChoice::Gpu`] is an error.
//! - `image`: `image::open` for `.lic` files, see [`mod@image`].
//! - `libtorch`: builds the training library with its backend of that name, for programs that have both; this crate does not use it.

#[cfg(not(any(feature = "burn", feature = "cpu")))]
compile_error!("lic-codec needs a way to compute the transforms: enable the cargo feature `cpu`, `burn` or `gpu`");

mod alpha;
mod analysed;
mod bands;
mod coding;
pub mod deblock;
mod decoder;
pub mod device;
mod effort;
mod encoder;
pub mod enhance;
pub mod entropy;
pub mod error;
pub mod format;
#[cfg(feature = "image")]
pub mod image;
mod lagrangian;
mod limits;
mod metadata;
pub mod model;
mod needed;
mod neighbourhood;
mod opened;
mod options;
mod patches;
mod picture;
mod plane;
mod planes;
mod pool;
mod preview;
pub mod prior;
#[cfg(feature = "burn")]
mod refine;
mod row_encoder;
mod rows;
mod runtime;
mod samples;
mod scale;
#[allow(unsafe_code, reason = "the crate's only module with intrinsics")]
mod simd;
mod source;
mod splitmix;
mod stats;
pub mod symbols;
mod target;
mod tiles;
pub mod transform;
mod view;
mod warning;
mod watch;
mod wiener;
mod window;

pub use alpha::Alpha;
pub use analysed::Analysed;
pub use decoder::{Decoded, Decoder};
pub use device::DeviceChoice;
pub use effort::Effort;
pub use encoder::{Encoded, Encoder};
pub use error::{Error, ErrorKind, Warning};
pub use format::ColourModel as Colour;
pub use limits::Limits;
pub use metadata::Metadata;
pub use model::Model;
pub use options::{EncodeOptions, quality_index};
pub use picture::Picture;
pub use prior::QualityIndex;
pub use row_encoder::{Frame, RowEncoder};
pub use rows::{RowBand, RowReader};
pub use samples::Samples;
pub use stats::Stats;
pub use target::{Miss, Target, TargetOutcome};
pub use view::{Region, Scale, View};
pub use watch::Watch;
