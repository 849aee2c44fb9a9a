//! Rate-distortion training of any preset (section 8 of the design).
//!
//! Loss per sample `(R + lambda * 255^2 * MSE) / sqrt(lambda)`, R in bits per pixel, every sample with its own quality knot.

mod adam;
mod data;
mod error;
mod options;
mod run;
mod schedule;
mod start;
mod step;
mod validate;

pub use adam::Adam;
pub use data::{Batch, Crops, DataError, load_image};
pub use error::TrainError;
pub use options::Options;
pub use run::{Event, train};
pub use schedule::{Budget, Schedule};
pub use step::{StepReport, step};
pub use validate::{Point, VALIDATION_KNOTS, load_folder, score, validate};
