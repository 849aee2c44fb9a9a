//! Training of any preset.
//!
//! Rate-distortion loss per sample `(R + lambda * 255^2 * MSE) / sqrt(lambda)`, R in bits per pixel, every sample with its own quality knot. The loop knows
//! a loss as an `Objective`; those that look at a teacher are in [`crate::distill`].

mod adam;
mod alone;
mod behind;
#[cfg(test)]
mod breaking;
mod data;
mod error;
mod event;
mod log;
mod objective;
mod options;
mod run;
mod schedule;
mod settings;
mod soap;
mod start;
mod step;
mod validate;
mod whole;

pub use adam::Adam;
pub use behind::Behind;
pub use data::{Batch, Crops, DataError, load_image};
pub use error::TrainError;
pub use event::Event;
pub use objective::Place;
pub use options::{Kernels, Optimiser, Options};
pub use run::train;
pub use schedule::{Budget, Schedule};
pub use settings::{Guide, Settings};
pub use soap::Rotation;
pub use step::{StepReport, step};
pub use validate::{Point, VALIDATION_KNOTS, load_folder, score, validate};

pub(crate) use data::{FIXED_PARTS, mix, patches};
pub(crate) use log::has_score;
pub(crate) use objective::{Objective, RateDistortion, Weights};
pub(crate) use options::require;
pub(crate) use run::{CHECKPOINT, train_towards};
pub(crate) use soap::{restored as restored_rotations, stored_name as rotation_name};
pub(crate) use start::read as read_model;
pub(crate) use step::{LOSS_SCALE, latent_noise_seed, rate_distortion};
pub(crate) use whole::write_whole;
