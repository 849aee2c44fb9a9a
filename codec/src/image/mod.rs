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

use std::io;
use std::sync::OnceLock;

use ::image::error::{
    DecodingError, EncodingError, ImageError, ImageFormatHint, LimitError, LimitErrorKind, ParameterError,
    ParameterErrorKind, UnsupportedError, UnsupportedErrorKind,
};
use ::image::hooks;

pub use self::decoder::LicDecoder;
pub use self::encoder::LicEncoder;
use crate::error::{Error, ErrorKind};
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

/// An error of ours as one of theirs, while decoding: theirs of decoding says that something is wrong with the file.
fn decoding(error: Error) -> ImageError {
    match error.kind() {
        ErrorKind::Limit => {
            let pixels = matches!(error, Error::LimitExceeded { limit: "max_pixels", .. });
            let kind = if pixels { LimitErrorKind::DimensionError } else { LimitErrorKind::InsufficientMemory };
            ImageError::Limits(LimitError::from_kind(kind))
        }
        ErrorKind::Memory => ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory)),
        ErrorKind::Unsupported | ErrorKind::OtherModel => unsupported(&error.to_string()),
        ErrorKind::Io | ErrorKind::Device | ErrorKind::Model => environment(error),
        _ => ImageError::Decoding(DecodingError::new(hint(), error)),
    }
}

/// A reader, a device or weights that failed: the file may be good.
fn environment(error: Error) -> ImageError {
    ImageError::IoError(match error {
        Error::Io(error) => error,
        error => io::Error::other(error),
    })
}

/// An error of ours as one of theirs, while encoding.
fn encoding(error: Error) -> ImageError {
    match error.kind() {
        ErrorKind::Memory => ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory)),
        ErrorKind::Io | ErrorKind::Device | ErrorKind::Model => environment(error),
        _ => ImageError::Encoding(EncodingError::new(hint(), error)),
    }
}

fn unsupported(what: &str) -> ImageError {
    ImageError::Unsupported(unsupported_error(what))
}

fn unsupported_error(what: &str) -> UnsupportedError {
    UnsupportedError::from_format_and_kind(hint(), UnsupportedErrorKind::GenericFeature(what.to_owned()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceError;
    use crate::error::Part;
    use crate::prior::PriorError;

    #[test]
    fn what_is_no_fault_of_the_file_does_not_look_like_damage_in_the_alpha_plane_either() {
        type Made = fn() -> Error;
        type Is = fn(&ImageError) -> bool;
        let limits: Is = |error| matches!(error, ImageError::Limits(_));
        let unsupported: Is = |error| matches!(error, ImageError::Unsupported(_));
        let environment: Is = |error| matches!(error, ImageError::IoError(_));
        let damage: Is = |error| matches!(error, ImageError::Decoding(_));
        let cases: [(Made, Is); 8] = [
            (|| Error::OutOfMemory { bytes: 9 }, limits),
            (|| Error::LimitExceeded { limit: "max_bytes", found: 2, allowed: 1 }, limits),
            (|| Error::WrongParseId { file: 1, model: 2 }, unsupported),
            (|| Error::TileCutsWindows { tile: 64, unit: 128 }, damage),
            (|| DeviceError::NotBuilt.into(), environment),
            (|| PriorError::NoTiles.into(), environment),
            (|| io::Error::from(io::ErrorKind::TimedOut).into(), environment),
            (|| Error::Checksum { part: Part::Tile(0), stored: 1, computed: 2 }, damage),
        ];
        for (error, is) in cases {
            let found = [decoding(error()), decoding(error().in_alpha())];
            assert!(found.iter().all(is), "{found:?}");
        }
    }

    #[test]
    fn a_device_that_failed_is_still_named() {
        let found = decoding(Error::from(DeviceError::NotBuilt).in_alpha()).to_string();
        assert_eq!(found, "the alpha plane: this build of lic has no GPU support (cargo feature gpu)");
    }
}
