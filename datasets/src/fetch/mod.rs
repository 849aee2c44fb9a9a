//! Downloading a known set from its authors.
//!
//! `http` gets one file, going on where an earlier run stopped; `archive` unpacks what came as a zip. Here is which files
//! are wanted, and that nothing gets its name before it was compared with the manifest: until then it is called `NAME.part`.

mod archive;
mod error;
mod http;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::manifest::{Entry, Manifest, Source};
use crate::verify::State;

pub use error::FetchError;
use http::Client;

/// How to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Another address to get the files or the archive from (a mirror); file names are put after it.
    pub base: Option<String>,
    /// The pause before a further try.
    pub pause: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { base: None, pause: Duration::from_secs(2) }
    }
}

/// What happens meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A file arrives. Comes again if the file starts anew or goes on after a failure.
    Started {
        /// File name.
        name: &'a str,
        /// Bytes that are there already.
        done: u64,
        /// Bytes in all, if the server says so.
        total: Option<u64>,
    },
    /// So many more bytes of it have arrived.
    Arrived(u64),
    /// A try failed; after a pause there is another.
    Failed {
        /// The address.
        url: &'a str,
        /// Why.
        why: &'a str,
    },
    /// A file of the set is in place.
    Placed(&'a str),
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Files that were there already.
    pub kept: usize,
    /// Files that are new.
    pub new: usize,
    /// Files that were there with other content, and have been replaced.
    pub replaced: Vec<&'static str>,
}

/// Downloads the files of a set that a folder does not have, and replaces those that are altered.
///
/// # Errors
/// Any [`FetchError`]. Files that are complete stay, and the next run goes on with the rest.
pub fn fetch(
    set: &Manifest,
    folder: &Path,
    options: &Options,
    watch: &mut dyn FnMut(Event),
) -> Result<Fetched, FetchError> {
    std::fs::create_dir_all(folder).map_err(FetchError::disk(folder))?;
    let found = set.verify(folder);
    let replaced: Vec<&'static str> = found.altered.iter().map(|altered| altered.name).collect();
    let is_wanted = |entry: &&Entry| found.missing.contains(&entry.name) || replaced.contains(&entry.name);
    let wanted: Vec<Entry> = set.files.iter().filter(is_wanted).copied().collect();
    if !wanted.is_empty() {
        let client = Client::new(options.pause);
        match set.source {
            Source::Files(address) => {
                let base = options.base.as_deref().unwrap_or(address);
                for entry in &wanted {
                    one_file(&client, &join(base, entry.name), folder, entry, watch)?;
                }
            }
            Source::Archive(addresses) => {
                let addresses: Vec<String> = match &options.base {
                    None => addresses.iter().map(ToString::to_string).collect(),
                    Some(base) => addresses.iter().take(1).map(|address| join(base, file_name(address))).collect(),
                };
                one_archive(&client, set, &addresses, folder, &wanted, watch)?;
            }
        }
    }
    Ok(Fetched { kept: found.present(), new: wanted.len() - replaced.len(), replaced })
}

fn one_file(
    client: &Client,
    url: &str,
    folder: &Path,
    entry: &Entry,
    watch: &mut dyn FnMut(Event),
) -> Result<(), FetchError> {
    let part = part_of(&folder.join(entry.name));
    client.download(url, entry.name, &part, watch)?;
    place(&part, folder, entry).map_err(|wrong| match wrong {
        Misplaced::Altered(alteration) => {
            FetchError::WrongContent { url: url.to_owned(), name: entry.name, alteration }
        }
        Misplaced::Disk(error) => error,
    })?;
    watch(Event::Placed(entry.name));
    Ok(())
}

fn one_archive(
    client: &Client,
    set: &Manifest,
    addresses: &[String],
    folder: &Path,
    wanted: &[Entry],
    watch: &mut dyn FnMut(Event),
) -> Result<(), FetchError> {
    // An archive that is there was put there by the user, or is left from a run that was interrupted while unpacking.
    let present = addresses.iter().map(|url| (url, folder.join(file_name(url)))).find(|(_, path)| path.is_file());
    if let Some((_, path)) = present {
        let unpacked = archive::unpack(&path, folder, wanted, watch).map_err(|fault| fault.of("the archive"));
        return unpacked.map_err(|error| match error {
            FetchError::Disk { .. } => error,
            why => FetchError::BadArchiveHere { path, why: Box::new(why) },
        });
    }
    let mut failed = None;
    for url in addresses {
        let path = folder.join(file_name(url));
        let part = part_of(&path);
        match client.download(url, file_name(url), &part, watch) {
            Ok(()) => {}
            Err(error) if error.may_be_elsewhere() => {
                failed.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        }
        std::fs::rename(&part, &path).map_err(FetchError::disk(&path))?;
        let unpacked = archive::unpack(&path, folder, wanted, watch).map_err(|fault| fault.of(url));
        // With a full disk, say, it stays for the next run.
        if !matches!(unpacked, Err(FetchError::Disk { .. })) {
            std::fs::remove_file(&path).map_err(FetchError::disk(&path))?;
        }
        match unpacked {
            // What a server sends instead of an archive (a page that asks for a login, say) is no reason to give up.
            Err(error) if error.may_be_elsewhere() => failed.get_or_insert(error),
            done => return done,
        };
    }
    let archive = addresses.first().map_or("the archive", |url| file_name(url));
    let why = failed.unwrap_or(FetchError::BadAddress { url: String::new(), why: "there is no address".to_owned() });
    Err(FetchError::ByHand { why: Box::new(why), page: set.origin, target: folder.join(archive) })
}

/// Why a downloaded file does not get its name.
enum Misplaced {
    Altered(crate::verify::Alteration),
    Disk(FetchError),
}

/// Gives a complete file its name, or deletes it if it is not what the manifest says.
fn place(part: &Path, folder: &Path, entry: &Entry) -> Result<(), Misplaced> {
    let target = folder.join(entry.name);
    if let State::Altered(alteration) = entry.state(part) {
        std::fs::remove_file(part).map_err(|error| Misplaced::Disk(FetchError::disk(part)(error)))?;
        return Err(Misplaced::Altered(alteration));
    }
    std::fs::rename(part, &target).map_err(|error| Misplaced::Disk(FetchError::disk(&target)(error)))
}

/// The name of a file that is not complete yet.
fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn join(base: &str, name: &str) -> String {
    format!("{}/{name}", base.trim_end_matches('/'))
}

/// What an address calls the file: its last part, without a query.
fn file_name(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_may_end_in_a_slash_or_not() {
        assert_eq!(join("http://a/b", "c.png"), "http://a/b/c.png");
        assert_eq!(join("http://a/b/", "c.png"), "http://a/b/c.png");
    }

    #[test]
    fn a_query_is_no_part_of_a_file_name() {
        assert_eq!(file_name("https://a.org/x/testimages.zip?viasf=1"), "testimages.zip");
    }
}
