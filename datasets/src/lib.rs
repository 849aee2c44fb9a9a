//! Images to encode and to measure with.
//!
//! [`Dataset::open`] finds the images that something is measured on: a known test set (`kodak`, `tecnick`,
//! `clic-pro-valid`), the [`samples`] inside this crate (`sample`), or any [`folder`]. A known set counts as such only if it is
//! what its [`Manifest`] says, which [`verify`] compares; [`fn@fetch`] downloads it; [`Search`] says where it is looked for.
//! [`Photo`] reads one image of any usual format, and [`generate`] draws images of any size for tests.
//!
//! This crate knows nothing of codecs or networks.
//!
//! ```
//! use lic_datasets::{Dataset, Search};
//!
//! let dataset = Dataset::open("sample", &Search::default(), false)?;
//! assert_eq!(dataset.title(), "sample, 4 images");
//! for image in &dataset.images {
//!     let photo = image.photo()?;
//!     println!("{}: {}x{}", image.name, photo.width, photo.height);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod dataset;
pub mod fetch;
pub mod folder;
pub mod generate;
pub mod image_file;
pub mod manifest;
pub mod photo;
pub mod samples;
pub mod search;
pub mod verify;

pub use dataset::{Completeness, Dataset, DatasetError};
pub use fetch::{FetchError, fetch};
pub use folder::{FolderError, images_in};
pub use image_file::ImageFile;
pub use manifest::{CLIC_PRO_VALID, KODAK, Manifest, TECNICK};
pub use photo::{Channels, Lost, Photo, PhotoBand, PhotoError, PhotoMetadata, PhotoRows, PhotoSamples};
pub use samples::{SAMPLES, Sample};
pub use search::Search;
pub use verify::{Alteration, Altered, Verification};
