//! Comparing a folder with a known set.
//!
//! A file with a known digest is intact or altered. Where no digest is known, only the image's width and height are compared
//! (its header is read, not its pixels), and the file counts as unverified: nothing contradicts it, nothing proves it.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::Path;

use image::ImageReader;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::folder::images_in;
use crate::manifest::{Entry, Manifest, hex};

/// What a folder has of a test set; all lists are sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Files with the right content.
    pub intact: Vec<&'static str>,
    /// Files with the right width and height, whose digest is not known.
    pub unverified: Vec<&'static str>,
    /// Files with other content.
    pub altered: Vec<Altered>,
    /// Files that are not there.
    pub missing: Vec<&'static str>,
    /// Other images in the folder.
    pub others: Vec<String>,
}

/// A file with other content than the set's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Altered {
    /// File name.
    pub name: &'static str,
    /// What is wrong.
    pub alteration: Alteration,
}

/// How a file differs from that of the set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alteration {
    /// It is longer or shorter, in bytes.
    Size {
        /// Bytes of the file.
        found: u64,
        /// Bytes of the set's file.
        expected: u64,
    },
    /// Its SHA-256 is another.
    Digest,
    /// It is an image of another size, in pixels.
    Dimensions {
        /// Width and height of the file.
        found: (u32, u32),
        /// Width and height of the set's file.
        expected: (u32, u32),
    },
    /// It cannot be read, or is no image.
    Unreadable(String),
}

impl fmt::Display for Alteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { found, expected } => write!(f, "{found} bytes instead of {expected}"),
            Self::Digest => write!(f, "another SHA-256"),
            Self::Dimensions { found: (w, h), expected: (x, y) } => write!(f, "{w}x{h} pixels instead of {x}x{y}"),
            Self::Unreadable(why) => write!(f, "{why}"),
        }
    }
}

impl fmt::Display for Altered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.alteration)
    }
}

impl Verification {
    /// Whether the whole set is there, and nothing contradicts it.
    pub fn is_complete(&self) -> bool {
        self.altered.is_empty() && self.missing.is_empty()
    }

    /// Number of files that are there and not altered.
    pub fn present(&self) -> usize {
        self.intact.len() + self.unverified.len()
    }
}

/// What is known of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Intact,
    Unverified,
    Altered(Alteration),
    Missing,
}

impl Manifest {
    /// Compares a folder with the set, several files at a time and each in small pieces.
    pub fn verify(&self, folder: &Path) -> Verification {
        let states: Vec<State> = self.files.par_iter().map(|entry| entry.state(&folder.join(entry.name))).collect();
        let mut found = Verification::default();
        for (entry, state) in self.files.iter().zip(states) {
            match state {
                State::Intact => found.intact.push(entry.name),
                State::Unverified => found.unverified.push(entry.name),
                State::Altered(alteration) => found.altered.push(Altered { name: entry.name, alteration }),
                State::Missing => found.missing.push(entry.name),
            }
        }
        // A folder without images has no others either.
        let images = images_in(folder).unwrap_or_default();
        let names = images.iter().filter_map(|path| path.file_name()?.to_str());
        found.others = names.filter(|name| self.entry(name).is_none()).map(str::to_owned).collect();
        found
    }

    /// The set that exactly these names belong to: all of its names, or some of them and no other.
    pub fn of_names(names: &BTreeSet<&str>) -> Option<&'static Self> {
        let belongs = |set: &&Self| !names.is_empty() && names.iter().all(|name| set.entry(name).is_some());
        crate::manifest::known().into_iter().find(belongs)
    }
}

impl Entry {
    /// Compares a file with what is known of it.
    pub(crate) fn state(&self, path: &Path) -> State {
        match self.compare(path) {
            Ok(state) => state,
            Err(error) if error.kind() == ErrorKind::NotFound => State::Missing,
            Err(error) => State::Altered(Alteration::Unreadable(format!("cannot be read: {error}"))),
        }
    }

    fn compare(&self, path: &Path) -> std::io::Result<State> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        if let Some(expected) = self.size.filter(|&expected| expected != length) {
            return Ok(State::Altered(Alteration::Size { found: length, expected }));
        }
        if let Some(expected) = self.sha256 {
            let mut hash = Sha256::new();
            std::io::copy(&mut file, &mut hash)?;
            let same = hex(&hash.finalize()) == expected;
            return Ok(if same { State::Intact } else { State::Altered(Alteration::Digest) });
        }
        let reader = ImageReader::new(BufReader::new(file)).with_guessed_format()?;
        Ok(match reader.into_dimensions() {
            Ok(found) if found == (self.width, self.height) => State::Unverified,
            Ok(found) => State::Altered(Alteration::Dimensions { found, expected: (self.width, self.height) }),
            Err(_) => State::Altered(Alteration::Unreadable("no image that can be read".to_owned())),
        })
    }
}
