//! What is overwritten, and what may be the only copy of something and is not.

use std::fs;

use lic_codec::format::SIGNATURE;

use crate::fixture::{folder, lic_with_model, save};

#[test]
fn a_photo_is_never_overwritten_by_a_lic_file() {
    let here = folder("two-photos");
    save(&here, "a.png", 30, 20);
    save(&here, "b.png", 30, 20);
    let before = fs::read(here.join("b.png")).expect("saved");
    // What a shell makes of `lic encode *.png`.
    lic_with_model(&here, "encode", &["a.png", "b.png"]).with(2, &["b.png", "is no .lic file", "--out-dir"]);
    assert_eq!(fs::read(here.join("b.png")).expect("there"), before);
    lic_with_model(&here, "encode", &["a.png", "b.png", "--overwrite"]).well();
    assert!(fs::read(here.join("b.png")).expect("there").starts_with(&SIGNATURE));
    // A .lic file is replaced, and so is an empty one.
    fs::write(here.join("c.lic"), b"").expect("written");
    for _ in 0..2 {
        lic_with_model(&here, "encode", &["a.png", "c.lic"]).well();
    }
}

#[test]
fn decoding_into_a_folder_spares_what_may_be_the_original() {
    let here = folder("original");
    save(&here, "a.png", 30, 20);
    let original = fs::read(here.join("a.png")).expect("saved");
    lic_with_model(&here, "encode", &["a.png", "--out-dir", "."]).well();
    lic_with_model(&here, "decode", &["a.lic", "--out-dir", "."]).with(2, &["a.png may be what a.lic was made of"]);
    assert_eq!(fs::read(here.join("a.png")).expect("there"), original);
    // The same where the files lie apart.
    fs::create_dir(here.join("apart")).expect("a folder");
    fs::rename(here.join("a.lic"), here.join("apart/a.lic")).expect("moved");
    lic_with_model(&here, "decode", &["apart", "--out-dir", "."])
        .with(2, &["a.png may be what apart/a.lic was made of"]);
    assert_eq!(fs::read(here.join("a.png")).expect("there"), original);
    fs::rename(here.join("apart/a.lic"), here.join("a.lic")).expect("moved");
    // And also if the picture has been worked on since, as nothing can give it back.
    save(&here, "a.png", 31, 20);
    lic_with_model(&here, "decode", &["a.lic", "--out-dir", "."]).with(2, &["a.png may be what a.lic was made of"]);
    fs::write(here.join("a.png"), &original).expect("written");
    // What a shell makes of `lic decode a.*`.
    lic_with_model(&here, "decode", &["a.lic", "a.png"]).with(2, &["a.png may be what a.lic was made of"]);
    assert_eq!(fs::read(here.join("a.png")).expect("there"), original);
    // What was decoded may be decoded again, also if it is older, and so may what has another name, and everything if asked for.
    for _ in 0..2 {
        lic_with_model(&here, "decode", &["a.lic", "--out-dir", "back"]).well();
        lic_with_model(&here, "encode", &["a.png", "a.lic"]).well();
    }
    save(&here, "b.png", 30, 20);
    lic_with_model(&here, "decode", &["a.lic", "b.png"]).well();
    for _ in 0..2 {
        lic_with_model(&here, "decode", &["a.lic", "a.png", "--overwrite"]).well();
        lic_with_model(&here, "decode", &["a.lic", "a.png"]).well();
    }
    assert_ne!(fs::read(here.join("a.png")).expect("there"), original);
    // Formats that bear no mark go by their times.
    save(&here, "w.webp", 30, 20);
    lic_with_model(&here, "encode", &["w.webp", "w.lic"]).well();
    for decode in [&["w.lic", "--out-dir", ".", "--format", "webp"][..], &["w.lic", "w.webp"]] {
        lic_with_model(&here, "decode", decode).with(2, &["w.webp may be what w.lic was made of"]);
    }
    // However the names are written.
    save(&here, "p.png", 30, 20);
    lic_with_model(&here, "encode", &["p.png", "p.lic"]).well();
    lic_with_model(&here, "decode", &["p.lic", "./p.png"]).with(2, &["p.png may be what p.lic was made of"]);
}

#[test]
fn what_is_made_beside_pictures_spares_protected_files_and_other_kinds_too() {
    let here = folder("protected-reports");
    save(&here, "a.png", 96, 64);
    save(&here, "photo.png", 30, 20);
    let protect = |name: &str| {
        let mut permissions = here.join(name).metadata().expect("there").permissions();
        permissions.set_readonly(true);
        fs::set_permissions(here.join(name), permissions).expect("a mode");
    };
    let before = fs::read(here.join("photo.png")).expect("saved");
    let sheet = |name: &str| lic_with_model(&here, "contact-sheet", &["a.png", "--bpp=0.5", "-o", name]);
    sheet("photo.png").with(2, &["photo.png exists and was not written by lic"]);
    for _ in 0..2 {
        sheet("sheet.png").well();
    }
    protect("sheet.png");
    sheet("sheet.png").with(2, &["sheet.png is write-protected"]);
    let bd_rate = |plot: &str| {
        let arguments = ["--dataset=sample", "--codec=jpeg", "--no-cache", "--plot", plot];
        lic_with_model(&here, "bd-rate", &arguments)
    };
    bd_rate("photo.png").with(2, &["--plot", "photo.png should be named", ".svg"]);
    fs::write(here.join("kept.svg"), b"<svg/>").expect("written");
    protect("kept.svg");
    bd_rate("kept.svg").with(2, &["--plot", "kept.svg is write-protected"]);
    assert_eq!(fs::read(here.join("photo.png")).expect("there"), before);
}

#[test]
fn a_lic_file_is_never_overwritten_by_a_picture() {
    let here = folder("two-lics");
    save(&here, "a.png", 30, 20);
    lic_with_model(&here, "encode", &["a.png", "a.lic"]).well();
    fs::copy(here.join("a.lic"), here.join("b.lic")).expect("copied");
    // What a shell makes of `lic decode *.lic --format png`.
    let files = ["a.lic", "b.lic", "--format=png"];
    lic_with_model(&here, "decode", &files).with(2, &["b.lic is a .lic file", "--out-dir", "--overwrite"]);
    assert!(fs::read(here.join("b.lic")).expect("there").starts_with(&SIGNATURE));
    lic_with_model(&here, "decode", &["a.lic", "b.lic", "--format=png", "--overwrite"]).well();
    assert!(fs::read(here.join("b.lic")).expect("there").starts_with(b"\x89PNG"));
}

#[test]
fn a_write_protected_file_stays() {
    let here = folder("protected");
    save(&here, "a.png", 30, 20);
    lic_with_model(&here, "encode", &["a.png", "a.lic"]).well();
    let path = here.join("a.lic");
    let before = fs::read(&path).expect("written");
    let mut permissions = path.metadata().expect("there").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).expect("set");
    let again = ["a.png", "a.lic", "--quality=90"];
    lic_with_model(&here, "encode", &again).with(2, &["a.lic is write-protected", "--overwrite"]);
    assert_eq!(fs::read(&path).expect("there"), before);
    lic_with_model(&here, "encode", &["a.png", "a.lic", "--quality=90", "--overwrite"]).well();
    assert_ne!(fs::read(&path).expect("there"), before);
}
