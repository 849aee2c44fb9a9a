//! Folders and manifests.

use std::fs;
use std::path::{Path, PathBuf};

use lic_datasets::manifest::sha256_hex;
use lic_datasets::{FolderError, KODAK, Manifest, images_in};

/// An empty folder of its own for each test, in cargo's folder for them.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a writable target folder");
    path
}

#[test]
fn a_folder_lists_its_images_by_name_and_nothing_else() {
    let path = folder("listing");
    for name in ["b.PNG", "a.jpg", "notes.txt", ".hidden.png", "c.webp"] {
        fs::write(path.join(name), b"").expect("a writable folder");
    }
    fs::create_dir(path.join("d.png")).expect("a writable folder");
    let names: Vec<_> =
        images_in(&path).expect("images").iter().map(|p| p.strip_prefix(&path).expect("inside").to_owned()).collect();
    assert_eq!(names, ["a.jpg", "b.PNG", "c.webp"].map(PathBuf::from));
}

#[test]
fn missing_and_empty_folders_are_named() {
    let path = folder("empty");
    assert!(matches!(images_in(&path), Err(FolderError::Empty { .. })));
    let error = images_in(&path.join("nowhere")).expect_err("no such folder");
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[test]
fn a_manifest_tells_intact_altered_and_missing_files_apart() {
    let digest: &'static str = sha256_hex(b"right").leak();
    let files: &'static [(&str, &str)] = vec![("a.png", digest), ("b.png", digest), ("c.png", digest)].leak();
    let manifest = Manifest { name: "test", origin: "", files };
    let path = folder("manifest");
    fs::write(path.join("a.png"), b"right").expect("a writable folder");
    fs::write(path.join("b.png"), b"wrong").expect("a writable folder");
    let found = manifest.verify(&path);
    assert_eq!(
        (found.intact.as_slice(), found.altered.as_slice(), found.missing.as_slice()),
        (&["a.png"][..], &["b.png"][..], &["c.png"][..])
    );
    assert!(!found.is_complete());
}

#[test]
fn the_kodak_manifest_is_sorted_and_well_formed() {
    assert_eq!(KODAK.files.len(), 24);
    assert!(KODAK.files.is_sorted_by(|a, b| a.0 < b.0));
    assert!(KODAK.files.iter().all(|(_, digest)| digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit())));
    assert!(KODAK.has_names(KODAK.files.iter().rev().map(|(name, _)| *name)));
    assert!(!KODAK.has_names(KODAK.files.iter().skip(1).map(|(name, _)| *name)));
}

#[test]
fn a_known_digest_is_computed() {
    // FIPS 180-2, appendix B.1.
    assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
