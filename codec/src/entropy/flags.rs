//! The flag byte at the start of every tile's payload.

use crate::error::EntropyError;

const SKIP_BIT: u8 = 0b0000_0001;

/// The flag byte of a tile that skips latents of scale index 0, or does not.
pub(super) fn flag_byte(skip: bool) -> u8 {
    if skip { SKIP_BIT } else { 0 }
}

/// Splits a payload into the skip flag and the range coder's bytes.
pub(super) fn split_flags(payload: &[u8]) -> Result<(bool, &[u8]), EntropyError> {
    match payload.split_first() {
        None => Err(EntropyError::Empty),
        Some((&flags, _)) if flags & !SKIP_BIT != 0 => Err(EntropyError::UnknownFlags { flags }),
        Some((&flags, stream)) => Ok((flags & SKIP_BIT != 0, stream)),
    }
}
