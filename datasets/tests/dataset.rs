//! Opening sets of images: what counts as a known set, and what is said when it does not.

use std::fs;
use std::path::{Path, PathBuf};

use image::GrayImage;
use lic_datasets::{CLIC_PRO_VALID, Completeness, Dataset, DatasetError, ImageFile, KODAK, Manifest, SAMPLES, Search};

/// An empty folder of its own for each test, in cargo's folder for them.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dataset").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a writable target folder");
    path
}

/// Grey images with names and sizes of the first files of the CLIC set, which has no digests.
fn clic(folder: &Path, count: usize) {
    for file in CLIC_PRO_VALID.files.iter().take(count) {
        GrayImage::new(file.width, file.height).save(folder.join(file.name)).expect("a writable folder");
    }
}

/// Opens what is in a folder as a part of the set.
fn part_of(set: &Manifest, data_dir: &Path) -> Result<Dataset, DatasetError> {
    Dataset::open(set.name, &Search { data_dir: Some(data_dir.to_owned()) }, true)
}

fn open(folder: &Path, allow_partial: bool) -> Result<Dataset, DatasetError> {
    Dataset::open(folder.to_str().expect("a path of plain letters"), &Search::default(), allow_partial)
}

fn names(dataset: &Dataset) -> Vec<&str> {
    dataset.images.iter().map(|image| image.name.as_str()).collect()
}

#[test]
fn the_samples_are_always_there() {
    let dataset = Dataset::open("sample", &Search::default(), false).expect("inside the crate");
    assert_eq!((dataset.title().as_str(), dataset.is_complete_known()), ("sample, 4 images", false));
    for (image, sample) in dataset.images.iter().zip(SAMPLES) {
        assert_eq!((image.name.as_str(), &*image.bytes().expect("in memory")), (sample.name, sample.bytes));
        assert_eq!(image.photo().expect("samples decode"), sample.photo().expect("samples decode"));
        assert!(image.describe().contains(sample.name));
    }
}

#[test]
fn a_complete_set_is_known_by_its_name_and_by_its_folder() {
    let data_dir = folder("complete");
    let place = data_dir.join("clic-pro-valid");
    fs::create_dir(&place).expect("a writable folder");
    clic(&place, 41);
    let named = Dataset::open("clic-pro-valid", &Search { data_dir: Some(data_dir) }, false).expect("complete");
    let by_folder = open(&place, false).expect("complete");
    for dataset in [named, by_folder] {
        assert_eq!(dataset.title(), "clic-pro-valid, 41 images");
        assert!(dataset.is_complete_known());
        assert_eq!(dataset.known.map(|set| set.name), Some("clic-pro-valid"));
        assert!(names(&dataset).is_sorted() && dataset.images.len() == 41);
        assert_eq!(dataset.notes.len(), 1, "{:?}", dataset.notes);
        assert!(dataset.notes[0].contains("41 files could not be verified"), "{:?}", dataset.notes);
    }
}

#[test]
fn missing_images_are_named_unless_a_part_will_do() {
    let here = folder("partial");
    clic(&here, 4);
    let error = open(&here, false).expect_err("37 images are missing");
    let text = error.to_string();
    let words = ["37 of 41", CLIC_PRO_VALID.files[4].name, "lic datasets fetch clic-pro-valid", "--partial"];
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    assert!(!text.contains(CLIC_PRO_VALID.files[20].name), "only the first few: {text}");
    let dataset = open(&here, true).expect("a part");
    assert_eq!(dataset.title(), "clic-pro-valid, PARTIAL: 4 of 41 images");
    assert!(!dataset.is_complete_known());
    let Completeness::Partial { present: 4, of: 41, missing } = &dataset.completeness else {
        panic!("{:?}", dataset.completeness)
    };
    assert_eq!(missing.len(), 37);
    assert_eq!(dataset.images.len(), 4);
}

#[test]
fn a_set_of_which_nothing_is_there_is_no_part() {
    let data_dir = folder("nothing");
    fs::create_dir(data_dir.join("kodak")).expect("a writable folder");
    let error = part_of(&KODAK, &data_dir).expect_err("no image at all");
    assert!(error.to_string().contains("24 of 24"), "{error}");
    assert!(!error.to_string().contains("--partial"), "{error}");
}

#[test]
fn altered_images_of_a_named_set_are_errors_even_for_a_part() {
    let data_dir = folder("altered");
    let place = data_dir.join("clic-pro-valid");
    fs::create_dir(&place).expect("a writable folder");
    clic(&place, 3);
    let name = CLIC_PRO_VALID.files[1].name;
    GrayImage::new(8, 8).save(place.join(name)).expect("a writable folder");
    let error = part_of(&CLIC_PRO_VALID, &data_dir).expect_err("another size");
    assert!(matches!(&error, DatasetError::Altered { .. }), "{error}");
    assert!([name, "1 of 41", "8x8 pixels"].iter().all(|word| error.to_string().contains(word)), "{error}");
}

#[test]
fn other_images_beside_a_named_set_are_left_out_and_said() {
    let data_dir = folder("others");
    let place = data_dir.join("clic-pro-valid");
    fs::create_dir(&place).expect("a writable folder");
    clic(&place, 2);
    GrayImage::new(8, 8).save(place.join("holiday.png")).expect("a writable folder");
    let dataset = part_of(&CLIC_PRO_VALID, &data_dir).expect("a part");
    assert_eq!(dataset.images.len(), 2);
    assert!(dataset.notes.iter().any(|note| note.contains("holiday.png")), "{:?}", dataset.notes);
}

#[test]
fn a_folder_with_one_more_image_is_a_plain_folder() {
    let here = folder("one-more");
    clic(&here, 41);
    assert!(open(&here, false).expect("complete").is_complete_known());
    GrayImage::new(8, 8).save(here.join("holiday.png")).expect("a writable folder");
    let dataset = open(&here, false).expect("42 images");
    assert_eq!((dataset.images.len(), &dataset.completeness), (42, &Completeness::Folder));
    assert_eq!(dataset.title(), format!("folder {}, 42 images", here.display()));
    assert!(dataset.notes[0].contains("clic-pro-valid") && dataset.notes[0].contains("holiday.png"));
}

#[test]
fn a_folder_with_all_names_of_a_set_must_be_that_set() {
    let here = folder("all-names");
    for file in KODAK.files {
        GrayImage::new(8, 8).save(here.join(file.name)).expect("a writable folder");
    }
    let error = open(&here, false).expect_err("other content");
    assert!(["24 of 24", "kodak", "kodim01.png"].iter().all(|word| error.to_string().contains(word)), "{error}");
}

#[test]
fn some_names_of_a_set_with_other_content_are_a_plain_folder() {
    let here = folder("some-names");
    GrayImage::new(8, 8).save(here.join("kodim05.png")).expect("a writable folder");
    let dataset = open(&here, false).expect("an image");
    assert_eq!((dataset.known, &dataset.completeness), (None, &Completeness::Folder));
    assert_eq!(dataset.title(), format!("folder {}, 1 image", here.display()));
}

#[test]
fn any_folder_will_do() {
    let here = folder("photos");
    for name in ["b.png", "a.png"] {
        GrayImage::new(3, 2).save(here.join(name)).expect("a writable folder");
    }
    fs::write(here.join("notes.txt"), b"").expect("a writable folder");
    let dataset = open(&here, false).expect("two images");
    assert_eq!(names(&dataset), ["a.png", "b.png"]);
    let image: &ImageFile = &dataset.images[0];
    assert_eq!(image.describe(), here.join("a.png").display().to_string());
    assert_eq!(image.photo().expect("an image").width, 3);
}

#[test]
fn what_is_no_folder_is_told_the_known_names() {
    for name in ["kodka", "KODAK", ""] {
        let error = Dataset::open(name, &Search::default(), false).expect_err("a typing error");
        assert!(matches!(error, DatasetError::Unknown { .. }), "{error}");
        let words = ["kodak", "tecnick", "clic-pro-valid", "sample"];
        assert!(words.iter().all(|word| error.to_string().contains(word)), "{error}");
    }
    let error = open(&folder("gone").join("x"), false).expect_err("no such folder");
    assert!(matches!(error, DatasetError::Folder(_)), "{error}");
}

#[test]
fn an_image_that_is_gone_is_an_error_when_it_is_read() {
    let image = ImageFile::at(folder("read").join("gone.png"));
    assert_eq!(image.name, "gone.png");
    assert!(image.bytes().is_err() && image.photo().is_err());
}
