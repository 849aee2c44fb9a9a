//! Folders, manifests, and comparing one with the other.

use std::fs;
use std::path::{Path, PathBuf};

use lic_datasets::manifest::{Entry, Source, known, sha256_hex};
use lic_datasets::{Alteration, Altered, FolderError, KODAK, Manifest, images_in};

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
fn a_manifest_tells_intact_unverified_altered_and_missing_files_apart() {
    let digest: &'static str = sha256_hex(b"right").leak();
    let entry = |name, size, sha256| Entry { name, width: 5, height: 4, size, sha256 };
    let files = vec![
        entry("a.png", Some(5), Some(digest)),
        entry("b.png", Some(5), Some(digest)),
        entry("c.png", None, Some(digest)),
        entry("d.png", Some(5), None),
        entry("e.png", None, None),
        entry("f.png", None, None),
        entry("g.png", None, None),
    ]
    .leak();
    let source = Source::Files("http://example.org/");
    let manifest = Manifest { name: "test", about: "", origin: "", licence: "", source, files };
    let path = folder("manifest");
    fs::write(path.join("a.png"), b"right").expect("a writable folder");
    fs::write(path.join("b.png"), b"wrong").expect("a writable folder");
    fs::write(path.join("d.png"), b"longer").expect("a writable folder");
    image::GrayImage::new(5, 4).save(path.join("e.png")).expect("a writable folder");
    image::GrayImage::new(4, 5).save(path.join("f.png")).expect("a writable folder");
    fs::write(path.join("g.png"), b"no image").expect("a writable folder");
    fs::write(path.join("other.png"), b"").expect("a writable folder");
    let found = manifest.verify(&path);
    assert_eq!((found.intact.as_slice(), found.unverified.as_slice()), (&["a.png"][..], &["e.png"][..]));
    assert_eq!((found.missing.as_slice(), found.others.as_slice()), (&["c.png"][..], &["other.png".to_owned()][..]));
    let altered = |name, alteration| Altered { name, alteration };
    assert_eq!(
        found.altered[..3],
        [
            altered("b.png", Alteration::Digest),
            altered("d.png", Alteration::Size { found: 6, expected: 5 }),
            altered("f.png", Alteration::Dimensions { found: (4, 5), expected: (5, 4) }),
        ]
    );
    assert!(matches!(&found.altered[3], Altered { name: "g.png", alteration: Alteration::Unreadable(_) }));
    assert!(!found.is_complete());
}

#[test]
fn the_known_manifests_are_sorted_and_well_formed() {
    let texts = [
        include_str!("../manifests/kodak.tsv"),
        include_str!("../manifests/tecnick.tsv"),
        include_str!("../manifests/clic-pro-valid.tsv"),
    ];
    for ((set, text), count) in known().into_iter().zip(texts).zip([24, 100, 41]) {
        assert_eq!(set.files.len(), count, "{}", set.name);
        assert_eq!(
            text.lines().filter(|line| !line.starts_with('#')).count(),
            count,
            "{}: no line is left out",
            set.name
        );
        assert!(set.files.is_sorted_by(|a, b| a.name < b.name), "{}", set.name);
        for file in set.files {
            assert!(file.name.ends_with(".png") && !file.name.contains(['/', '\\']), "{}", file.name);
            assert!((1..=2048).contains(&file.width) && (1..=2048).contains(&file.height), "{}", file.name);
            assert_eq!(file.size.is_some(), file.sha256.is_some(), "{}", file.name);
            let is_digest = |text: &str| text.len() == 64 && text.bytes().all(|b| b"0123456789abcdef".contains(&b));
            assert!(file.sha256.is_none_or(is_digest), "{}", file.name);
            assert_eq!(set.entry(file.name), Some(file));
        }
    }
    assert!(KODAK.files.iter().all(|file| file.sha256.is_some()));
}

#[test]
fn pixels_of_the_sets_are_those_of_published_results() {
    let pixels = |set: &Manifest| set.files.iter().map(|f| u64::from(f.width) * u64::from(f.height)).sum::<u64>();
    let sums = known().map(pixels);
    // CLIC: 0.15 bits per pixel of the set may take 1 714 724 bytes, says the challenge (compression.cc/tasks, 2021).
    assert_eq!((sums[2] as f64 * 0.15 / 8.0).round(), 1_714_724.0);
    assert_eq!(sums[..2], [24 * 768 * 512, 100 * 1200 * 1200]);
}

#[test]
fn names_belong_to_a_set_only_as_a_whole() {
    assert!(KODAK.has_names(KODAK.files.iter().rev().map(|file| file.name)));
    assert!(!KODAK.has_names(KODAK.files.iter().skip(1).map(|file| file.name)));
}

#[test]
fn a_known_digest_is_computed() {
    // FIPS 180-2, appendix B.1.
    assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
