//! The images that something is measured on: a known set, the samples of this crate, or any folder.
//!
//! A known set is never taken for what it is not: altered files are errors, and so are missing ones unless the user said
//! that a part will do. Then [`Dataset::completeness`] and [`Dataset::title`] say so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::folder::{FolderError, images_in};
use crate::image_file::ImageFile;
use crate::manifest::{Manifest, find, known};
use crate::samples::SAMPLES;
use crate::search::{DATA_DIR, Search};
use crate::verify::{Altered, Verification};

/// The name of the images inside this crate.
pub const SAMPLE: &str = "sample";

/// A set of images to measure on, found on this machine.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The name of a known set, `sample`, or the folder as it was given.
    pub name: String,
    /// The known set that this is, as a whole or in part.
    pub known: Option<&'static Manifest>,
    /// Whether all images of the set are there.
    pub completeness: Completeness,
    /// The images, sorted by name; at least one.
    pub images: Vec<ImageFile>,
    /// What the user should know about these images.
    pub notes: Vec<String>,
}

/// Whether all images of a set are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completeness {
    /// All of them.
    Complete,
    /// Only some.
    Partial {
        /// Number of images that are there.
        present: usize,
        /// Number of images of the set.
        of: usize,
        /// Names of those that are not there.
        missing: Vec<String>,
    },
    /// No known set, just a folder.
    Folder,
}

/// Why there is no such set of images.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// A known set is nowhere.
    #[error(
        "the set {name} is not on this machine (looked in {}): get it with `lic datasets fetch {name}`, or have it in a \
         folder {name} and name the folder around that with --data-dir{}",
        list(places),
        if *here { format!(" (for the folder {name} right here write ./{name})") } else { String::new() }
    )]
    NotFound {
        /// The set.
        name: &'static str,
        /// Where it was looked for.
        places: Vec<PathBuf>,
        /// Whether there is a folder of this name in the working folder.
        here: bool,
    },
    /// Images of a known set are missing.
    #[error(
        "{name} in {} is not complete: {} of {of} images are missing ({}): get them with `lic datasets fetch {name}`{}",
        folder.display(),
        missing.len(),
        some(missing),
        if missing.len() < *of { ", or go on with those that are there with --partial" } else { "" }
    )]
    Incomplete {
        /// The set.
        name: &'static str,
        /// Where it is.
        folder: PathBuf,
        /// Names of the images that are not there.
        missing: Vec<&'static str>,
        /// Number of images of the set.
        of: usize,
    },
    /// Images of a known set are not what they should be.
    #[error(
        "{} of {of} images of {name} in {} are altered: {}; get them anew with `lic datasets fetch {name}`, or measure on a \
         folder under other file names",
        altered.len(),
        folder.display(),
        some(altered)
    )]
    Altered {
        /// The set.
        name: &'static str,
        /// Where it is.
        folder: PathBuf,
        /// The images.
        altered: Vec<Altered>,
        /// Number of images of the set.
        of: usize,
    },
    /// Neither a known set nor a folder.
    #[error("{name} is neither a folder nor a known set ({})", names())]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// A folder without images, or that cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

impl Dataset {
    /// Finds the images of a known set (by its name), of this crate (`sample`), or of a folder.
    ///
    /// A folder that holds nothing but images of a known set is that set, and the same rules hold.
    ///
    /// # Errors
    /// Nothing of this name is there, a known set has altered images, or it misses some and `allow_partial` is not set.
    pub fn open(name_or_folder: &str, search: &Search, allow_partial: bool) -> Result<Self, DatasetError> {
        if name_or_folder == SAMPLE {
            return Ok(Self::samples());
        }
        let folder = Path::new(name_or_folder);
        if let Some(set) = find(name_or_folder) {
            let places = search.places(set.name);
            let Some(place) = places.iter().find(|place| place.is_dir()) else {
                return Err(DatasetError::NotFound { name: set.name, places, here: folder.is_dir() });
            };
            return Self::of_set(set, place, set.verify(place), allow_partial);
        }
        let is_name = name_or_folder.chars().all(|c| !std::path::is_separator(c)) && !folder.exists();
        if is_name {
            return Err(DatasetError::Unknown { name: name_or_folder.to_owned() });
        }
        let paths = images_in(folder)?;
        let names: BTreeSet<&str> = paths.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        if let Some(set) = Manifest::of_names(&names).filter(|_| names.len() == paths.len()) {
            let found = set.verify(folder);
            // Some names of a set with other content are images that only happen to have such names.
            if found.altered.is_empty() || names.len() == set.files.len() {
                return Self::of_set(set, folder, found, allow_partial);
            }
        }
        let notes = around(&names).into_iter().collect();
        let mut images: Vec<ImageFile> = paths.iter().cloned().map(ImageFile::at).collect();
        images.sort_by(|a, b| a.name.cmp(&b.name));
        let (name, completeness) = (name_or_folder.to_owned(), Completeness::Folder);
        Ok(Self { name, known: None, completeness, images, notes })
    }

    fn samples() -> Self {
        let images = SAMPLES.iter().map(ImageFile::embedded).collect();
        let (name, completeness) = (SAMPLE.to_owned(), Completeness::Complete);
        Self { name, known: None, completeness, images, notes: Vec::new() }
    }

    fn of_set(
        set: &'static Manifest,
        folder: &Path,
        found: Verification,
        allow_partial: bool,
    ) -> Result<Self, DatasetError> {
        let (name, of, folder) = (set.name, set.files.len(), folder.to_owned());
        if !found.altered.is_empty() {
            return Err(DatasetError::Altered { name, folder, altered: found.altered, of });
        }
        if found.present() == 0 || !(found.missing.is_empty() || allow_partial) {
            return Err(DatasetError::Incomplete { name, folder, missing: found.missing, of });
        }
        let notes = notes(set, &folder, &found);
        let mut present: Vec<&str> = found.intact.iter().chain(&found.unverified).copied().collect();
        present.sort_unstable();
        let completeness = if found.missing.is_empty() {
            Completeness::Complete
        } else {
            let missing = found.missing.iter().map(ToString::to_string).collect();
            Completeness::Partial { present: present.len(), of, missing }
        };
        let images = present.iter().map(|name| ImageFile::at(folder.join(name))).collect();
        Ok(Self { name: name.to_owned(), known: Some(set), completeness, images, notes })
    }

    /// Whether this is a whole known set, so that published numbers hold for it.
    pub fn is_complete_known(&self) -> bool {
        self.known.is_some() && self.completeness == Completeness::Complete
    }

    /// Name, number of images, and whether some are missing.
    pub fn title(&self) -> String {
        let images = images(self.images.len());
        match &self.completeness {
            Completeness::Complete => format!("{}, {images}", self.name),
            Completeness::Partial { present, of, .. } => format!("{}, PARTIAL: {present} of {of} images", self.name),
            Completeness::Folder => format!("folder {}, {images}", self.name),
        }
    }
}

fn notes(set: &Manifest, folder: &Path, found: &Verification) -> Vec<String> {
    let mut notes = Vec::new();
    if !found.unverified.is_empty() {
        let files = found.unverified.len();
        notes
            .push(format!("content of {files} files could not be verified: no digest is known, only width and height"));
    }
    if !found.others.is_empty() {
        let (others, folder) = (images(found.others.len()), folder.display());
        notes.push(format!("{others} in {folder} not of {} and left out: {}", set.name, some(&found.others)));
    }
    notes
}

/// What to say of a folder that would be a known set, were it not for other images in it.
fn around(names: &BTreeSet<&str>) -> Option<String> {
    let set = known().into_iter().find(|set| set.files.iter().all(|entry| names.contains(entry.name)))?;
    let others: Vec<&str> = names.iter().copied().filter(|name| set.entry(name).is_none()).collect();
    (!others.is_empty())
        .then(|| format!("no known set: all images of {} are there, but also {}", set.name, some(&others)))
}

fn images(count: usize) -> String {
    if count == 1 { "1 image".to_owned() } else { format!("{count} images") }
}

/// The first few, for a message.
fn some(items: &[impl ToString]) -> String {
    const SHOWN: usize = 3;
    let mut words: Vec<String> = items.iter().take(SHOWN).map(ToString::to_string).collect();
    if items.len() > SHOWN {
        words.push(format!("and {} more", items.len() - SHOWN));
    }
    words.join(", ")
}

fn list(places: &[PathBuf]) -> String {
    if places.is_empty() {
        return format!("no place: neither --data-dir nor {DATA_DIR} is set, and this user has no cache folder");
    }
    places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// All names that [`Dataset::open`] knows.
fn names() -> String {
    known().iter().map(|set| set.name).chain([SAMPLE]).collect::<Vec<_>>().join(", ")
}
