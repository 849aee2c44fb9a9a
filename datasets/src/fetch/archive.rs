//! Taking the images of a set out of a zip archive.
//!
//! Paths in an archive are not trusted: only the last part of a name counts, and only if the manifest has it. What comes out
//! is compared with the manifest before it gets its name; zip's own CRC-32 protects what has no known digest.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::error::FetchError;
use super::{Event, Misplaced, part_of, place};
use crate::manifest::Entry;
use crate::verify::Alteration;

/// What is wrong with an archive.
pub(super) enum Fault {
    Damaged(String),
    Wrong(&'static str, Alteration),
    Incomplete(Vec<&'static str>),
    Disk(FetchError),
}

impl Fault {
    /// The error, of an archive at this address or path.
    pub(super) fn of(self, url: &str) -> FetchError {
        let url = url.to_owned();
        match self {
            Self::Damaged(why) => FetchError::DamagedArchive { url, why },
            Self::Wrong(name, alteration) => FetchError::WrongContent { url, name, alteration },
            Self::Incomplete(missing) => FetchError::IncompleteArchive { url, missing },
            Self::Disk(error) => error,
        }
    }
}

impl From<ZipError> for Fault {
    fn from(error: ZipError) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// Unpacks the wanted files into a folder, and nothing else.
pub(super) fn unpack(
    archive: &Path,
    folder: &Path,
    wanted: &[Entry],
    watch: &mut dyn FnMut(Event),
) -> Result<(), Fault> {
    let file = File::open(archive).map_err(|error| Fault::Disk(FetchError::disk(archive)(error)))?;
    let mut zip = ZipArchive::new(BufReader::new(file))?;
    let mut missing: Vec<Entry> = wanted.to_vec();
    let mut wrong = None;
    for index in 0..zip.len() {
        let mut packed = zip.by_index(index)?;
        // A name that is no text is none of the set's.
        let path = packed.name().map(|path| path.into_owned()).unwrap_or_default();
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        let Some(position) = missing.iter().position(|entry| entry.name == name) else { continue };
        let entry = missing.swap_remove(position);
        let part = part_of(&folder.join(entry.name));
        write(&mut packed, &part, &entry)?;
        match place(&part, folder, &entry) {
            Ok(()) => watch(Event::Placed(entry.name)),
            // Another folder of the archive may have the right file of this name.
            Err(Misplaced::Altered(alteration)) => {
                wrong = Some((entry.name, alteration));
                missing.push(entry);
            }
            Err(Misplaced::Disk(error)) => return Err(Fault::Disk(error)),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    if let Some((name, alteration)) = wrong.filter(|(name, _)| missing.iter().any(|entry| entry.name == *name)) {
        return Err(Fault::Wrong(name, alteration));
    }
    let mut names: Vec<&'static str> = missing.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    Err(Fault::Incomplete(names))
}

/// Writes a packed file, but not more than an image of this size can have.
fn write(packed: &mut impl Read, part: &Path, entry: &Entry) -> Result<(), Fault> {
    let disk = |error| Fault::Disk(FetchError::disk(part)(error));
    // 16 bits and an alpha channel, incompressible, and a megabyte of metadata.
    let most = 8 * u64::from(entry.width) * u64::from(entry.height) + (1 << 20);
    let mut file = File::create(part).map_err(disk)?;
    let mut buffer = vec![0; 1 << 16];
    let mut written = 0;
    loop {
        let count = packed.read(&mut buffer).map_err(|error| Fault::Damaged(format!("{}: {error}", entry.name)))?;
        if count == 0 {
            break;
        }
        if written > most {
            return Err(Fault::Damaged(format!("{} is larger than an image of its size can be", entry.name)));
        }
        file.write_all(buffer.get(..count).unwrap_or(&buffer)).map_err(disk)?;
        written += count as u64;
    }
    Ok(())
}
