//! The images of a folder, in the order of their names.
//!
//! Here the extension decides, other than in [`crate::photo`]: a folder also holds lists, notes and thumbnails' databases.

use std::path::{Path, PathBuf};

/// Extensions of images, in lower case.
pub const EXTENSIONS: &[&str] = &["png", "jpg", "jpeg", "jpe", "jfif", "webp", "ppm", "pgm", "pbm", "pnm", "pam"];

/// Why a folder gives no images.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The folder cannot be read.
    #[error("cannot read the folder {}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no image in it.
    #[error("no images ({}) in {}", EXTENSIONS.join(", "), path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
}

/// All images directly inside a folder, sorted by path; sub-folders and hidden files are left out.
///
/// # Errors
/// The folder cannot be read or holds no image.
pub fn images_in(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let failed = |source| FolderError::Io { path: folder.to_owned(), source };
    let mut images = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if is_image(&path) && path.is_file() {
            images.push(path);
        }
    }
    if images.is_empty() {
        return Err(FolderError::Empty { path: folder.to_owned() });
    }
    images.sort();
    Ok(images)
}

fn is_image(path: &Path) -> bool {
    let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    !hidden && extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str()))
}
