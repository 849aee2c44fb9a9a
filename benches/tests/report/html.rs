//! The page: complete, self-contained, and safe whatever files are called.

use lic_benches::report::html::{page, write};

use crate::example;

#[test]
fn nothing_is_loaded_from_outside() {
    let text = page(&example::report(), &example::details());
    let mut found = 0;
    for attribute in [" src=\"", " href=\"", " srcset=\"", " action=\"", " data=\"", " poster=\"", "url(", "@import"] {
        for after in text.split(attribute).skip(1) {
            assert!(after.starts_with("data:"), "{attribute}{}", after.chars().take(60).collect::<String>());
            found += 1;
        }
    }
    // The icon, and the original and four codecs of two images.
    assert_eq!(found, 11);
    for word in ["fetch(", "XMLHttpRequest", "import(", "sendBeacon", "WebSocket"] {
        assert!(!text.contains(word), "{word}");
    }
    assert!(text.contains("default-src 'none'"));
}

#[test]
fn everything_needed_to_judge_or_repeat_it_is_there() {
    let report = example::report();
    let text = page(&report, &example::details());
    let codec = &report.codecs[1];
    let curve = &report.published[0];
    let worst = report.codecs[0].means[0].scores.values().next().expect("a metric").worst_image.as_str();
    for needed in [
        &report.command,
        &report.program,
        &report.comparisons.interval,
        &report.warnings[0],
        &report.dataset.notes[0],
        &codec.version,
        &codec.settings,
        &curve.source,
        &curve.description,
        "pchip",
        report.averaging,
        worst,
        "<mark>PARTIAL</mark>",
        "cannot be compared with published ones",
        "data-value=\"Infinity\"",
        "such a figure says little",
        "VTM",
        "kodim04.png",
        "256x256 pixels at 40, 20",
        "36.50\u{a0}dB PSNR",
    ] {
        assert!(text.contains(needed), "{needed}");
    }
}

#[test]
fn a_complete_set_is_not_warned_of() {
    let mut report = example::report();
    report.dataset.title = "kodak, all 24 images".to_owned();
    report.dataset.complete = true;
    report.warnings.clear();
    let text = page(&report, &[]);
    for absent in ["PARTIAL", "class=\"warning\"", "class=\"compare\""] {
        assert!(!text.contains(absent), "{absent}");
    }
}

#[test]
fn markup_in_names_is_text() {
    let evil = "</script><img src=x onerror=alert(1)>\"'&";
    let mut report = example::report();
    let mut details = example::details();
    let (codec, detail) = (&mut report.codecs[0], &mut details[0]);
    for place in [&mut codec.label, &mut codec.version, &mut codec.images[0].name, &mut detail.image] {
        evil.clone_into(place);
    }
    for place in [&mut report.dataset.title, &mut report.dataset.notes[0], &mut report.command, &mut report.warnings[0]]
    {
        evil.clone_into(place);
    }
    evil.clone_into(&mut report.published[0].name);
    evil.clone_into(&mut report.comparisons.list[0].test);
    evil.clone_into(&mut detail.views[0].codec);
    let text = page(&report, &details);
    assert!(!text.contains("<img src=x") && !text.contains(evil));
    assert!(text.matches("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;'&amp;").count() >= 11);
    assert_eq!(text.matches("</script>").count(), 1);
}

#[test]
fn the_page_is_written_into_a_new_folder_and_replaced_there() {
    let place = tempfile::tempdir().expect("a writable folder");
    let folder = place.path().join("new").join("report");
    for text in ["first", "second"] {
        let path = write(&folder, text).expect("a writable folder");
        assert_eq!(std::fs::read_to_string(path).expect("it is there"), text);
    }
    assert_eq!(std::fs::read_dir(&folder).expect("it is there").count(), 1);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let place = tempfile::tempdir().expect("a writable folder");
    let file = place.path().join("file");
    std::fs::write(&file, b"").expect("a writable folder");
    let error = write(&file, "").expect_err("a file is no folder").to_string();
    assert!(error.contains("index.html") && error.contains(&file.display().to_string()), "{error}");
}
