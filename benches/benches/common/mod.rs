//! What several benches need: a weight file, and a picture of the size of Kodak's.

#![allow(dead_code, reason = "every bench uses its own part of this")]

use std::borrow::Cow;

use lic_codec::{Colour, Model, Picture};
use lic_datasets::generate;

/// Kodak's size.
pub const WIDTH: u32 = 768;
/// Kodak's size.
pub const HEIGHT: u32 = 512;

/// The bytes of the weight file `$LIC_MODEL`, or of the embedded one; says what to do if there is neither.
pub fn weights() -> Option<Cow<'static, [u8]>> {
    if let Some(path) = std::env::var_os("LIC_MODEL") {
        let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("LIC_MODEL={}: {e}", path.display()));
        return Some(bytes.into());
    }
    let embedded = lic_model::weights::embedded().map(Cow::Borrowed);
    if embedded.is_none() {
        eprintln!("skipped: this build has no embedded weights, set LIC_MODEL to a weight file");
    }
    embedded
}

/// The model of [`weights`].
pub fn model() -> Option<Model> {
    weights().map(|bytes| Model::from_bytes(bytes.into_owned()).expect("a usable weight file"))
}

/// A drawn landscape.
pub fn picture() -> Picture {
    let photo = generate::landscape(WIDTH, HEIGHT, 1);
    Picture::new(photo.width, photo.height, Colour::Rgb, photo.pixels).expect("the generator fills the picture")
}
