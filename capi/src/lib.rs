//! `lic.h`: the decoder for C, and for everything that can call C.
//!
//! `include/lic.h` is made from this crate by cbindgen and says how to use it; `README.md` says how to build and link. Four modules: `ffi` has
//! the functions that C sees and all of the crate's unsafe code, `image` what lies behind a handle, `pixels` the ways samples can lie in a
//! caller's buffer, `status` the error codes and messages, with the barrier that no panic passes.

#[allow(unsafe_code, reason = "C's pointers")]
mod ffi;
mod image;
mod pixels;
mod status;

pub use ffi::*;
pub use image::LicImage;
pub use status::LicStatus;
