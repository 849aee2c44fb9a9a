//! Sets that come as a zip archive.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use lic_datasets::FetchError;
use lic_datasets::manifest::Source;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::server::{Manner, Server};
use crate::{bytes, fetch_from, folder, names_in, set_of};

const PACKED: Source = Source::Archive(&["http://example.org/set.zip?mirror=1"]);

fn zipped(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files {
        zip.start_file(*path, SimpleFileOptions::default().compression_method(method)).expect("a valid name");
        zip.write_all(bytes).expect("writing to memory");
    }
    zip.finish().expect("writing to memory").into_inner()
}

/// Downloads the set of `a.png` and `b.png` in this archive.
fn fetch_archive(archive: &[u8], here: &Path) -> Result<Server, FetchError> {
    let (a, b) = (bytes(1, 900), bytes(2, 100));
    let set = set_of(PACKED, &[("a.png", &a), ("b.png", &b)]);
    let server = Server::start(Manner::Good, &[("set.zip", archive)]);
    fetch_from(&server.address, &set, here).map(|_| server)
}

/// The error under the advice to do it by hand.
fn reason(error: FetchError) -> FetchError {
    match error {
        FetchError::ByHand { why, .. } => *why,
        other => other,
    }
}

#[test]
fn only_files_of_the_set_are_taken_whatever_their_folder() {
    let top = folder("unpack");
    let here = top.join("set");
    let (a, b) = (bytes(1, 900), bytes(2, 100));
    let files: [(&str, &[u8]); 6] = [
        ("valid/", b""),
        ("small/a.png", b"a thumbnail"),
        ("valid/a.png", &a),
        ("../b.png", &b),
        ("../../evil.png", b"evil"),
        ("__MACOSX/valid/._a.png", b"a resource fork"),
    ];
    fetch_archive(&zipped(&files, CompressionMethod::Deflated), &here).expect("a good archive");
    assert_eq!(names_in(&here), ["a.png", "b.png"]);
    assert_eq!(fs::read(here.join("a.png")).expect("there"), a);
    assert_eq!(names_in(&top), ["set"]);
}

#[test]
fn an_archive_that_is_there_is_used_and_stays() {
    let here = folder("by-hand");
    let (a, b) = (bytes(1, 900), bytes(2, 100));
    let archive = zipped(&[("a.png", &a), ("b.png", &b)], CompressionMethod::Stored);
    fs::write(here.join("set.zip"), archive).expect("a writable folder");
    let server = fetch_archive(b"", &here).expect("no download");
    assert!(server.requests().is_empty());
    assert_eq!(names_in(&here), ["a.png", "b.png", "set.zip"]);
}

#[test]
fn a_bad_archive_that_is_there_is_to_be_deleted() {
    let here = folder("bad-archive-here");
    fs::write(here.join("set.zip"), b"half an archive").expect("a writable folder");
    let error = fetch_archive(b"", &here).err().expect("no archive").to_string();
    for word in ["set.zip cannot be used", "no zip archive", "Delete it"] {
        assert!(error.contains(word), "no {word:?} in: {error}");
    }
    assert!(here.join("set.zip").exists(), "what the user put there is the user's to delete");
}

#[test]
fn wrong_and_missing_images_of_an_archive_are_named() {
    let here = folder("wrong-archive");
    let (a, wrong) = (bytes(1, 900), bytes(3, 100));
    let archive = zipped(&[("a.png", &a), ("b.png", &wrong)], CompressionMethod::Deflated);
    let error = reason(fetch_archive(&archive, &here).err().expect("another b.png"));
    assert!(matches!(error, FetchError::WrongContent { name: "b.png", .. }), "{error}");
    assert_eq!(names_in(&here), ["a.png"]);
    let archive = zipped(&[("a.png", &a)], CompressionMethod::Deflated);
    let error = reason(fetch_archive(&archive, &here).err().expect("no b.png"));
    assert!(matches!(&error, FetchError::IncompleteArchive { missing, .. } if missing == &["b.png"]), "{error}");
    assert_eq!(names_in(&here), ["a.png"]);
}

#[test]
fn a_page_instead_of_an_archive_leads_to_doing_it_by_hand() {
    let here = folder("page");
    let error = fetch_archive(b"<!DOCTYPE html><title>Please log in</title>", &here).err().expect("no archive");
    let text = error.to_string();
    for word in ["set.zip is no zip archive", "by hand", "http://example.org/page", "page/set.zip", "again"] {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
    assert!(names_in(&here).is_empty());
}

#[test]
fn damage_inside_an_archive_is_noticed() {
    let here = folder("damaged");
    let (a, b) = (bytes(1, 900), bytes(2, 100));
    let mut archive = zipped(&[("a.png", &a), ("b.png", &b)], CompressionMethod::Stored);
    archive[500] ^= 1;
    let error = reason(fetch_archive(&archive, &here).err().expect("a wrong checksum"));
    assert!(matches!(&error, FetchError::DamagedArchive { why, .. } if why.contains("a.png")), "{error}");
    assert!(!here.join("a.png").exists());
}

#[test]
fn the_next_address_is_tried_if_the_first_does_not_work() {
    let here = folder("second-address");
    let (a, b) = (bytes(1, 900), bytes(2, 100));
    let archive = zipped(&[("a.png", &a), ("b.png", &b)], CompressionMethod::Deflated);
    let (gone, good) = (Server::start(Manner::Good, &[]), Server::start(Manner::Good, &[("other.zip", &archive)]));
    let addresses = [format!("{}/set.zip", gone.address), format!("{}/other.zip", good.address)];
    let addresses: &'static [&'static str] = addresses.map(|address| &*address.leak()).to_vec().leak();
    let set = set_of(Source::Archive(addresses), &[("a.png", &a), ("b.png", &b)]);
    let options = lic_datasets::fetch::Options::default();
    lic_datasets::fetch(&set, &here, &options, &mut |_| {}).expect("the second address");
    assert_eq!((gone.requests().len(), good.requests().len()), (1, 1));
    assert_eq!(names_in(&here), ["a.png", "b.png"]);
}
