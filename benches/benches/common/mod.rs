//! What several benches need: a weight file, and a picture of the size of Kodak's.

#![allow(dead_code, reason = "every bench uses its own part of this")]

use std::borrow::Cow;

use lic_codec::{Colour, Model, Picture};
use lic_datasets::generate;

/// Kodak's size.
pub(crate) const WIDTH: u32 = 768;
/// Kodak's size.
pub(crate) const HEIGHT: u32 = 512;

/// The bytes of the weight file `$LIC_MODEL`, or of the embedded one.
pub(crate) fn weights() -> Cow<'static, [u8]> {
    match std::env::var_os("LIC_MODEL") {
        Some(path) => std::fs::read(&path).unwrap_or_else(|e| panic!("LIC_MODEL={}: {e}", path.display())).into(),
        None => Cow::Borrowed(lic_model::weights::EMBEDDED),
    }
}

/// The model of [`weights`].
pub(crate) fn model() -> Model {
    Model::from_bytes(weights().into_owned()).expect("a usable weight file")
}

/// A drawn landscape.
pub(crate) fn picture_of(width: u32, height: u32) -> Picture {
    let photo = generate::landscape(width, height, 1);
    Picture::new(photo.width, photo.height, Colour::Rgb, photo.pixels.into_eight())
        .expect("the generator fills the picture")
}
