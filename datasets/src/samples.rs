//! Small images inside this crate, free of rights, so that everything can be tried without a download.
//!
//! `samples/README.md` says where each comes from.

use crate::photo::{Photo, PhotoError};

/// An image inside this crate.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// File name in `datasets/samples/`.
    pub name: &'static str,
    /// The PNG file.
    pub bytes: &'static [u8],
}

impl Sample {
    /// Decodes the image.
    ///
    /// # Errors
    /// None of [`PhotoError`] for the images shipped here.
    pub fn photo(&self) -> Result<Photo, PhotoError> {
        Photo::read(self.bytes)
    }
}

/// All samples, sorted by name.
pub const SAMPLES: [Sample; 4] = [
    Sample { name: "chelsea.png", bytes: include_bytes!("../samples/chelsea.png") },
    Sample { name: "coffee.png", bytes: include_bytes!("../samples/coffee.png") },
    Sample { name: "landscape.png", bytes: include_bytes!("../samples/landscape.png") },
    Sample { name: "page.png", bytes: include_bytes!("../samples/page.png") },
];
