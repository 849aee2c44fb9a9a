//! Images to encode and to measure with.
//!
//! [`Photo`] reads one image of any usual format, [`folder`] lists those of a folder, [`Manifest`] says what belongs to
//! a known test set and checks it, [`samples`] are a few small free images inside this crate, and [`generate`] draws
//! images of any size for tests. This crate knows nothing of codecs or networks.

pub mod folder;
pub mod generate;
pub mod manifest;
pub mod photo;
pub mod samples;

pub use folder::{FolderError, images_in};
pub use manifest::{KODAK, Manifest, Verification};
pub use photo::{Channels, Photo, PhotoError};
pub use samples::{SAMPLES, Sample};
