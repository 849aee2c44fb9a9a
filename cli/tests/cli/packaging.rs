//! The files in `packaging/` that make .lic a file type: what they say is true of .lic files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::fixture::{folder, lic, lic_with_model, model, save};

/// A file of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The golden files of the format.
fn golden() -> Vec<PathBuf> {
    let entries = fs::read_dir(project("codec/tests/golden")).expect("a folder").map(|entry| entry.expect("readable"));
    let files = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "lic"));
    let files: Vec<_> = files.collect();
    assert!(files.len() >= 3, "{files:?}");
    files
}

/// Runs a program that may not be installed here; `.ci/run` installs it.
fn run(program: &str, prepare: impl FnOnce(&mut Command) -> &mut Command) -> Option<Output> {
    match prepare(&mut Command::new(program)).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: {program} is not installed");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

#[test]
fn the_mime_type_has_name_glob_and_the_signature_of_real_files() {
    let text = fs::read_to_string(project("packaging/mime/lic.xml")).expect("there");
    let xml = roxmltree::Document::parse(&text).expect("well-formed");
    let find = |tag: &str| xml.descendants().find(|node| node.tag_name().name() == tag).expect("an element");
    let attribute = |tag: &str, name: &str| find(tag).attribute(name).expect("an attribute").to_owned();
    assert_eq!(find("mime-info").tag_name().namespace(), Some("http://www.freedesktop.org/standards/shared-mime-info"));
    assert_eq!(attribute("mime-type", "type"), "image/x-lic");
    assert_eq!(attribute("glob", "pattern"), "*.lic");
    assert_eq!(find("acronym").text(), Some("lic"));
    assert_eq!((attribute("match", "type"), attribute("match", "offset")), ("big32".to_owned(), "0".to_owned()));
    let value = attribute("match", "value");
    let value = u32::from_str_radix(value.trim_start_matches("0x"), 16).expect("a number");
    for path in golden() {
        let file = fs::read(&path).expect("readable");
        assert_eq!(file.first_chunk(), Some(&value.to_be_bytes()), "{}", path.display());
    }
}

#[test]
fn the_database_of_mime_types_takes_the_mime_type() {
    let data = folder("data");
    let here = data.join("mime");
    fs::create_dir_all(here.join("packages")).expect("writable");
    fs::copy(project("packaging/mime/lic.xml"), here.join("packages/lic.xml")).expect("copied");
    let Some(output) = run("update-mime-database", |command| command.arg(&here).env("XDG_DATA_HOME", &data)) else {
        return;
    };
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let globs = fs::read_to_string(here.join("globs2")).expect("written");
    assert!(globs.lines().any(|line| line == "50:image/x-lic:*.lic"), "{globs}");
    let magic = fs::read(here.join("magic")).expect("written");
    let entry = b"[50:image/x-lic]\n>0=\x00\x04\x8fLIC";
    assert!(magic.windows(entry.len()).any(|window| window == entry), "{}", String::from_utf8_lossy(&magic));
}

#[test]
fn file_names_the_type_and_prints_what_the_header_says() {
    let magic = project("packaging/magic/lic");
    let file = |options: &str, path: &Path| {
        let output = run("file", |command| command.args([options, "-m"]).arg(&magic).arg(path))?;
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        Some(String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned())
    };
    for path in golden() {
        let info = lic(&folder("file"), ["info".as_ref(), path.as_os_str(), "--json".as_ref()]).well().json();
        let (colour, bits) = (info["colour"].as_str().expect("a name"), &info["bits_per_sample"]);
        let expected = format!(
            "lic image data, version {}, {} x {}, {bits}-bit {colour}",
            info["version"], info["width"], info["height"]
        );
        let Some(says) = file("-b", &path) else { return };
        assert_eq!(says, expected, "{}", path.display());
        assert_eq!(file("-bi", &path).as_deref(), Some("image/x-lic; charset=binary"));
    }
}

#[test]
fn file_tells_every_depth_and_assumes_nothing_of_other_versions() {
    let here = folder("file-made");
    let magic = project("packaging/magic/lic");
    let says = |header: &[u8]| {
        fs::write(here.join("made.lic"), header).expect("writable");
        let output = run("file", |command| command.args(["-b", "-m"]).arg(&magic).arg(here.join("made.lic")))?;
        Some(String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned())
    };
    // Signature, version, flags (grey, depth, tile size and sections there), 65535 x 258 pixels, and the start of the rest.
    let header = |version: u8, depth: u8| {
        [&b"\x8fLIC"[..], &[version, 0xc1 | depth << 3, 0xff, 0xff, 1, 2, 0, 1, 2, 3, 4]].concat()
    };
    for (depth, bits) in [(0, 8), (1, 10), (2, 12), (3, 16)] {
        let Some(says) = says(&header(1, depth)) else { return };
        assert_eq!(says, format!("lic image data, version 1, 65535 x 258, {bits}-bit grey"));
    }
    assert_eq!(says(&header(2, 0)).as_deref(), Some("lic image data, version 2"));
    assert_eq!(says(b"LIC\x8f\x01\x00\x00\x01\x00\x01").as_deref(), Some("data"));
}

#[test]
fn the_thumbnailer_makes_a_png_under_a_name_without_extension() {
    let here = folder("thumbnailer");
    let entry = fs::read_to_string(project("packaging/thumbnailer/lic.thumbnailer")).expect("there");
    let value = |key: &str| entry.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).expect("a key");
    assert!(entry.lines().any(|line| line == "[Thumbnailer Entry]"));
    assert_eq!((value("TryExec"), value("MimeType")), ("lic", "image/x-lic;"));
    save(&here, "in.png", 600, 300);
    lic_with_model(&here, "encode", &["in.png", "in.lic"]).well();
    // File managers make the output before, empty and under a name of their own.
    fs::write(here.join(".thumbnail.QX3Y"), b"").expect("writable");
    let model = model();
    let mut words = value("Exec").split(' ').map(|word| match word {
        "%i" => here.join("in.lic").into_os_string(),
        "%o" => here.join(".thumbnail.QX3Y").into_os_string(),
        "%s" => "128".into(),
        word => word.into(),
    });
    assert_eq!(words.next().as_deref(), Some("lic".as_ref()));
    let ended = lic(Path::new("/"), words.chain(["--model".into(), model.into()])).well();
    assert_eq!(ended.stderr, "");
    let png = fs::read(here.join(".thumbnail.QX3Y")).expect("written");
    let thumbnail = image::load_from_memory_with_format(&png, image::ImageFormat::Png).expect("a PNG");
    assert_eq!((thumbnail.width(), thumbnail.height()), (150, 75));
}
