//! One image of a [`Dataset`](crate::Dataset): a file, or one inside this crate.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::photo::{Photo, PhotoError};
use crate::samples::Sample;

/// An image file, read only when asked for.
#[derive(Debug, Clone)]
pub struct ImageFile {
    /// File name without folders.
    pub name: String,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    File(PathBuf),
    Embedded(&'static [u8]),
}

impl ImageFile {
    /// The file at a path.
    pub fn at(path: PathBuf) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Self { name, source: Source::File(path) }
    }

    /// An image inside this crate.
    pub(crate) fn embedded(sample: &Sample) -> Self {
        Self { name: sample.name.to_owned(), source: Source::Embedded(sample.bytes) }
    }

    /// The whole file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn bytes(&self) -> std::io::Result<Cow<'static, [u8]>> {
        match &self.source {
            Source::File(path) => std::fs::read(path).map(Cow::Owned),
            Source::Embedded(bytes) => Ok(Cow::Borrowed(bytes)),
        }
    }

    /// The image as a viewer turns it.
    ///
    /// # Errors
    /// Any [`PhotoError`].
    pub fn photo(&self) -> Result<Photo, PhotoError> {
        Ok(Photo::read(&self.bytes()?)?.upright())
    }

    /// Where it is, for messages: the path, or that it is a sample.
    pub fn describe(&self) -> String {
        match &self.source {
            Source::File(path) => path.display().to_string(),
            Source::Embedded(_) => format!("sample {}", self.name),
        }
    }
}
