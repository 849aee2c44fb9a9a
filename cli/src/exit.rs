//! Exit codes, and how errors are said.

use std::path::PathBuf;

use image::ImageError;
use lic_benches::codecs::CodecError as AnyCodecError;
use lic_benches::metric::MetricError;
use lic_benches::run::Problem;
use lic_codec::{Error as CodecError, ErrorKind};
use lic_datasets::{DatasetError, PhotoError};
use lic_model::checkpoint::CheckpointError;
use lic_model::distill::DistillError;
use lic_model::quantise::{QuantiseError, RestoreError};
use lic_model::train::{DataError, TrainError};
use lic_model::weights::WeightsError;

/// At the end of `lic --help`. Man pages keep these lines, so they have 70 columns.
pub const HELP: &str = "\
Exit codes:
  0  done
  1  failed: files that cannot be read or written, a device that does
     not work, figures that cannot be computed
  2  wrong arguments
  3  the input is damaged, of a kind that is not supported, or larger
     than --max-pixels allows
  4  the file needs another model, or the model cannot be used
  5  encoded, but the target was missed; the message says why
With several inputs encode and decode try all, and the code is that of
the first that failed, or 5 if all are encoded and some missed the
target. A run that a signal ends, as Ctrl-C does, has no code of its
own: shells give 130.";

/// The arguments contradict each other or the files they name.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// The input cannot be treated as was asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unsupported(pub String);

/// An output that is there already, and must stay.
#[derive(Debug, thiserror::Error)]
#[error("{} exists and --no-clobber forbids to overwrite it", .0.display())]
pub struct Exists(pub PathBuf);

/// An image was encoded and written, but not as small or as good as asked for.
#[derive(Debug, thiserror::Error)]
#[error("the target was missed: {0}")]
pub struct TargetMissed(pub String);

/// Some of several inputs failed; each was reported when it did.
#[derive(Debug, thiserror::Error)]
#[error("{}", in_words(*failed, *missed, *all))]
pub struct SomeFailed {
    /// How many were not done.
    pub failed: usize,
    /// How many were encoded, but missed their target.
    pub missed: usize,
    /// Of how many.
    pub all: usize,
    /// Exit code of the first that was not done, else of a missed target.
    pub code: u8,
}

/// The code of a missed target.
pub const MISSED: u8 = 5;

fn in_words(failed: usize, missed: usize, all: usize) -> String {
    match (failed, missed) {
        (_, 0) => format!("{failed} of {all} images failed"),
        (0, _) => format!("{missed} of {all} images missed the target, and are encoded as near to it as they can be"),
        _ => format!("{failed} of {all} images failed, and {missed} missed the target"),
    }
}

/// The exit code for an error.
pub fn code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(code_of).unwrap_or(1)
}

fn code_of(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(some) = cause.downcast_ref::<SomeFailed>() {
        return Some(some.code);
    }
    if cause.is::<Usage>() {
        return Some(2);
    }
    if matches!(cause.downcast_ref(), Some(DatasetError::Unknown { .. })) {
        return Some(2);
    }
    if cause.is::<Unsupported>() {
        return Some(3);
    }
    if cause.is::<TargetMissed>() {
        return Some(MISSED);
    }
    if let Some(error) = cause.downcast_ref::<PhotoError>() {
        return Some(of_photo(error));
    }
    // These two show as the errors they hold, which then are not among the causes.
    let problem = cause.downcast_ref::<Problem>().or_else(|| cause.downcast_ref::<Box<Problem>>().map(Box::as_ref));
    if let Some(problem) = problem {
        return match problem {
            Problem::Photo(error) => Some(of_photo(error)),
            Problem::Codec(error) => of_any_codec(error),
            Problem::Metric(MetricError::TooSmall { .. }) => Some(2),
            _ => Some(1),
        };
    }
    if let Some(error) = cause.downcast_ref::<AnyCodecError>() {
        return of_any_codec(error);
    }
    if let Some(error) = cause.downcast_ref::<TrainError>() {
        return Some(of_training(error));
    }
    if let Some(error) = cause.downcast_ref::<DistillError>() {
        return Some(of_distillation(error));
    }
    if let Some(error) = cause.downcast_ref::<QuantiseError>() {
        return Some(of_quantising(error));
    }
    if let Some(error) = cause.downcast_ref::<DataError>() {
        return Some(of_training_photo(error));
    }
    if cause.is::<RestoreError>() || cause.is::<WeightsError>() {
        return Some(4);
    }
    cause.downcast_ref::<CodecError>().map(of_codec)
}

/// Whether a training ended because it was told to.
pub fn is_stop(error: &anyhow::Error) -> bool {
    let stopped = |error: &TrainError| matches!(error, TrainError::Stopped(_));
    error.chain().any(|cause| {
        cause.downcast_ref().is_some_and(stopped)
            || matches!(cause.downcast_ref(), Some(DistillError::Train(error)) if stopped(error))
    })
}

fn of_training(error: &TrainError) -> u8 {
    match error {
        TrainError::Exists(_)
        | TrainError::Running(_)
        | TrainError::Preset { .. }
        | TrainError::Optimiser { .. }
        | TrainError::Changed { .. }
        | TrainError::Phase
        | TrainError::Revive
        | TrainError::Additions
        | TrainError::FiltersWithBurn
        | TrainError::Setting { .. }
        | TrainError::Side(_)
        | TrainError::Scale(_) => 2,
        TrainError::Data(error) => of_training_photo(error),
        TrainError::Checkpoint(CheckpointError::Invalid { .. })
        | TrainError::Params(_)
        | TrainError::Restore { .. }
        | TrainError::Filters { .. }
        | TrainError::NoFilters(_)
        | TrainError::Grow { .. }
        | TrainError::OtherAdditions { .. } => 4,
        _ => 1,
    }
}

fn of_distillation(error: &DistillError) -> u8 {
    match error {
        DistillError::Train(error) => of_training(error),
        DistillError::Data(error) => of_training_photo(error),
        DistillError::Crops(_) => 2,
        DistillError::Params(_) | DistillError::NoBits => 4,
        DistillError::Cache(_) | DistillError::Io { .. } => 1,
    }
}

fn of_quantising(error: &QuantiseError) -> u8 {
    match error {
        QuantiseError::NoGrid => 2,
        QuantiseError::Data(error) => of_training_photo(error),
        QuantiseError::Checkpoint(CheckpointError::Io { .. }) => 1,
        _ => 4,
    }
}

fn of_training_photo(error: &DataError) -> u8 {
    match error {
        DataError::Image { source: ImageError::IoError(_), .. }
        | DataError::Folder { .. }
        | DataError::Empty { .. } => 1,
        DataError::Image { .. } => 3,
    }
}

fn of_photo(error: &PhotoError) -> u8 {
    if matches!(error, PhotoError::Io(_) | PhotoError::OutOfMemory { .. }) { 1 } else { 3 }
}

fn of_any_codec(error: &AnyCodecError) -> Option<u8> {
    match error {
        AnyCodecError::Lic(error) => Some(of_codec(error)),
        AnyCodecError::Spec(_) => Some(2),
        _ => Some(1),
    }
}

fn of_codec(error: &CodecError) -> u8 {
    match error.kind() {
        // Metadata come from the input, not from arguments.
        _ if matches!(error, CodecError::InvalidMetadata { .. }) => 3,
        ErrorKind::NotLic | ErrorKind::Damaged | ErrorKind::Unsupported | ErrorKind::Limit => 3,
        ErrorKind::OtherModel | ErrorKind::Model => 4,
        ErrorKind::Caller => 2,
        _ => 1,
    }
}

/// An error with its causes in one line; a cause that is part of the text before it is not repeated.
pub fn explain(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| {
        if text.is_empty() {
            cause
        } else if text.contains(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}
