//! Downloading, from a server on this machine that does not always do what it should.

#![allow(unreachable_pub, reason = "nothing is public in a test program")]

mod archives;
mod files;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lic_datasets::fetch::{Fetched, Options};
use lic_datasets::manifest::{Entry, Source, sha256_hex};
use lic_datasets::{FetchError, Manifest, fetch};

/// An empty folder of its own for each test, in cargo's folder for them.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fetch").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a writable target folder");
    path
}

/// A set of these files, of which size and digest are known.
fn set_of(source: Source, files: &[(&'static str, &[u8])]) -> Manifest {
    let entry = |(name, bytes): &(&'static str, &[u8])| Entry {
        name,
        width: 8,
        height: 8,
        size: Some(bytes.len() as u64),
        sha256: Some(sha256_hex(bytes).leak()),
    };
    Manifest {
        name: "test",
        about: "",
        origin: "http://example.org/page",
        licence: "",
        source,
        files: files.iter().map(entry).collect::<Vec<_>>().leak(),
    }
}

/// Bytes that are the same every time and differ from file to file.
fn bytes(seed: u8, count: usize) -> Vec<u8> {
    (0..count).map(|i| (i * 7 + i / 251) as u8 ^ seed).collect()
}

/// Downloads from an address without long pauses.
fn fetch_from(base: &str, set: &Manifest, folder: &Path) -> Result<Fetched, FetchError> {
    let options = Options { base: Some(base.to_owned()), pause: Duration::from_millis(1) };
    fetch(set, folder, &options, &mut |_| {})
}

/// The names in a folder, sorted.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
