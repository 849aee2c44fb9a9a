//! `lic contact-sheet`.

use std::fs;

use image::{Rgb, RgbImage};

use crate::fixture::{folder, lic_with_model, save};

#[test]
fn a_sheet_shows_originals_beside_what_files_of_every_rate_decode_to() {
    let here = folder("contact-sheet");
    save(&here, "a.png", 96, 64);
    save(&here, "b.png", 50, 40);
    let run =
        lic_with_model(&here, "contact-sheet", &["a.png", "b.png", "-o", "sheet.png", "--bpp", "0.12,0.3"]).well();
    let text = String::from_utf8(run.stdout).expect("text");
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.starts_with("a.png: ") && text.contains("bpp for 0.3"), "{text}");

    let open = |name: &str| image::open(here.join(name)).expect("an image").into_rgb8();
    let sheet = open("sheet.png");
    assert_eq!(sheet.dimensions(), (3 * (96 + 8) + 8, 64 + 40 + 3 * 8));
    let part = |x, y, original: &RgbImage| {
        image::imageops::crop_imm(&sheet, x, y, original.width(), original.height()).to_image()
    };
    let (a, b) = (open("a.png"), open("b.png"));
    assert_eq!((part(8, 8, &a), part(8, 8 + 64 + 8, &b)), (a.clone(), b));
    lic_with_model(&here, "encode", &["a.png", "a.lic", "--target-bpp", "0.3"]).well();
    lic_with_model(&here, "decode", &["a.lic", "decoded.png"]).well();
    let decoded = open("decoded.png");
    assert!(decoded != a && part(8 + 2 * (96 + 8), 8, &a) == decoded);
    assert_eq!(*sheet.get_pixel(4, 4), Rgb([128; 3]));
}

#[test]
fn a_crop_is_the_middle_of_the_picture_and_too_much_for_a_sheet_is_refused() {
    let here = folder("contact-sheet-crop");
    save(&here, "a.png", 96, 64);
    lic_with_model(&here, "contact-sheet", &["a.png", "-o", "s.png", "--bpp=1", "--crop=32"]).well();
    let sheet = image::open(here.join("s.png")).expect("an image").into_rgb8();
    let original = image::open(here.join("a.png")).expect("an image").into_rgb8();
    assert_eq!(sheet.dimensions(), (2 * (32 + 8) + 8, 32 + 16));
    assert_eq!(sheet.get_pixel(8, 8), original.get_pixel(32, 16));

    let rates = vec!["1"; 60_000].join(",");
    let run = lic_with_model(&here, "contact-sheet", &["a.png", "-o", "large.png", "--bpp", &rates]);
    run.with(1, &["a.png", "--crop"]);
    assert!(!here.join("large.png").exists());
    lic_with_model(&here, "contact-sheet", &["a.png", "none.png", "-o", "none-sheet.png"]).with(1, &["none.png"]);
    assert!(!here.join("none-sheet.png").exists());
    fs::write(here.join("text.png"), b"no image").expect("written");
    let before = std::fs::read(here.join("a.png")).expect("there");
    lic_with_model(&here, "contact-sheet", &["a.png", "-o", "a.png"]).with(2, &["input and output at once"]);
    assert!(std::fs::read(here.join("a.png")).expect("still there") == before);
    lic_with_model(&here, "contact-sheet", &["a.png", "-o", "s.jpg"]).with(2, &[".png"]);
    lic_with_model(&here, "contact-sheet", &["text.png", "-o", "none-sheet.png"]).with(3, &["text.png"]);
    lic_with_model(&here, "contact-sheet", &["a.png", "-o", "s.png", "--bpp=0"]).with(2, &["--bpp"]);
}
