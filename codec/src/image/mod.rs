//! The `image` crate's traits for `.lic` files: [`LicDecoder`], [`LicEncoder`], and [`register`], after which `image::open` reads them.
//!
//! ```no_run
//! lic_codec::image::register(); // once
//! let photo = image::open("holiday.lic")?;
//! # Ok::<(), image::ImageError>(())
//! ```
//!
//! Differs from [`crate::Decoder`] and [`crate::Encoder`], which have more to say (warnings, times, targets) and a model and device of the
//! caller's choice, in the types that every program with `image` has already. Without another choice the model inside the program is used, loaded
//! when a picture is first decoded or encoded and then shared by all threads, on a GPU if the feature `gpu` is on and a good one is there.

mod decoder;
mod encoder;
mod front;

use std::sync::OnceLock;

use ::image::error::{
    DecodingError, EncodingError, ImageError, ImageFormatHint, LimitError, LimitErrorKind, ParameterError,
    ParameterErrorKind, UnsupportedError, UnsupportedErrorKind,
};
use ::image::hooks;

pub use self::decoder::LicDecoder;
pub use self::encoder::LicEncoder;
use crate::error::Error;
use crate::format::SIGNATURE;

/// The extension of `.lic` files, and the name by which `image` knows the format.
const NAME: &str = "lic";

/// Has `image` decode `.lic` files, recognised by content or extension. Only the first call does something; any thread may call it any number of
/// times. Returns whether `.lic` files are this crate's: `false` if somebody else had registered the extension before.
pub fn register() -> bool {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    *REGISTERED.get_or_init(|| {
        let ours = hooks::register_decoding_hook(
            NAME.into(),
            Box::new(|reader| Ok(Box::new(LicDecoder::new(reader)?) as Box<dyn ::image::ImageDecoder>)),
        );
        if ours {
            hooks::register_format_detection_hook(NAME.into(), &SIGNATURE, None);
        }
        ours
    })
}

fn hint() -> ImageFormatHint {
    ImageFormatHint::Name(NAME.to_owned())
}

/// An error of ours as one of theirs, while decoding.
fn decoding(error: Error) -> ImageError {
    match error {
        Error::Io(error) => ImageError::IoError(error),
        Error::LimitExceeded { limit: "max_pixels", .. } => {
            ImageError::Limits(LimitError::from_kind(LimitErrorKind::DimensionError))
        }
        Error::LimitExceeded { .. } | Error::OutOfMemory { .. } => {
            ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory))
        }
        Error::UnsupportedVersion { .. }
        | Error::UnsupportedFeature { .. }
        | Error::UnknownCriticalSection { .. }
        | Error::WrongParseId { .. } => unsupported(&error.to_string()),
        error => ImageError::Decoding(DecodingError::new(hint(), error)),
    }
}

/// An error of ours as one of theirs, while encoding.
fn encoding(error: Error) -> ImageError {
    match error {
        Error::Io(error) => ImageError::IoError(error),
        error => ImageError::Encoding(EncodingError::new(hint(), error)),
    }
}

fn unsupported(what: &str) -> ImageError {
    let kind = UnsupportedErrorKind::GenericFeature(what.to_owned());
    ImageError::Unsupported(UnsupportedError::from_format_and_kind(hint(), kind))
}

/// A buffer that does not hold what it should.
fn wrong_length() -> ImageError {
    ImageError::Parameter(ParameterError::from_kind(ParameterErrorKind::DimensionMismatch))
}

/// A rectangle that is empty or reaches beyond the picture.
fn wrong_rectangle() -> ImageError {
    let kind = ParameterErrorKind::Generic("the rectangle does not lie in the picture".to_owned());
    ImageError::Parameter(ParameterError::from_kind(kind))
}
