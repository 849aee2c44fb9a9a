//! Details at equal rate: which images, which part of them, and at which quality of every codec.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use image::DynamicImage;
use lic_benches::codecs::{About, Codec, CodecError, Coded, Session};
use lic_benches::report::Report;
use lic_benches::report::crops::{Detail, Region, at_equal_rate};
use lic_benches::run::Subject;
use lic_codec::Picture;
use lic_datasets::{ImageFile, generate};
use tempfile::TempDir;

use crate::example;

/// A codec whose files are as long as it likes and whose pictures are darker by `shade`.
struct Dial {
    about: About,
    length: fn(f32) -> usize,
    shade: u8,
    encodings: &'static AtomicUsize,
}

struct AtWork<'a>(&'a Dial, &'a Picture);

impl Codec for Dial {
    fn about(&self) -> &About {
        &self.about
    }
    fn open<'a>(&'a self, picture: &'a Picture) -> Result<Box<dyn Session + 'a>, CodecError> {
        Ok(Box::new(AtWork(self, picture)))
    }
}

impl Session for AtWork<'_> {
    fn encode(&mut self, quality: f32) -> Result<Coded, CodecError> {
        self.0.encodings.fetch_add(1, Ordering::Relaxed);
        Ok(Coded { file: vec![0; (self.0.length)(quality)], time: Duration::ZERO })
    }
    fn decode(&mut self, _file: &[u8]) -> Result<(Picture, Duration), CodecError> {
        let pixels = self.1.pixels.to_eight();
        let pixels: Vec<u8> = pixels.iter().map(|value| value.saturating_sub(self.0.shade)).collect();
        Ok((Picture { pixels: pixels.into(), ..self.1.clone() }, Duration::ZERO))
    }
}

fn subject(label: &'static str, length: fn(f32) -> usize, shade: u8, encodings: &'static AtomicUsize) -> Subject {
    let [label, version, settings] = [label, "1", "none"].map(str::to_owned);
    let about = About { label, version, settings, qualities: vec![50.0], whole_qualities: true };
    Subject { codec: Box::new(Dial { about, length, shade, encodings }), qualities: vec![50.0] }
}

/// The images of the example's report: busy only in a square at (300, 100) of 600x400 pixels.
fn images(size: [u32; 2]) -> (TempDir, Vec<ImageFile>) {
    let folder = tempfile::tempdir().expect("a writable folder");
    let busy = generate::landscape(size[0], size[1], 3);
    let mut picture = DynamicImage::ImageRgb8(
        image::RgbImage::from_raw(size[0], size[1], busy.pixels.into_eight()).expect("as many samples as pixels"),
    )
    .into_rgb8();
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if !(300..556).contains(&x) || !(100..356).contains(&y) {
            *pixel = image::Rgb([90, 120, 150]);
        } else if (x + y) % 3 == 0 {
            *pixel = image::Rgb([40, 40, 40]);
        }
    }
    let file = |number: u32| {
        let path = folder.path().join(format!("kodim{number:02}.png"));
        picture.save(&path).expect("a writable folder");
        ImageFile::at(path)
    };
    let images = (1..=6).map(file).collect();
    (folder, images)
}

fn details(report: &Report, subjects: &[Subject]) -> Vec<Detail> {
    let (_folder, images) = images([600, 400]);
    at_equal_rate(report, subjects, &images).expect("all codecs work")
}

static MANY: AtomicUsize = AtomicUsize::new(0);

/// 60 is the example's middle quality.
fn first() -> Subject {
    subject("lic", |quality| 1000 + 100 * quality as usize, 0, &MANY)
}

#[test]
fn the_nearest_quality_is_found_in_seven_steps() {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let curved: fn(f32) -> usize = |quality| 500 + (1.7 * quality * quality) as usize;
    let in_steps: fn(f32) -> usize = |quality| 2000 + 3000 * (quality as usize / 10);
    for length in [curved, in_steps] {
        let subjects = [first(), subject("other", length, 1, &COUNT)];
        COUNT.store(0, Ordering::Relaxed);
        let details = details(&example::report(), &subjects);
        assert!(COUNT.load(Ordering::Relaxed) <= 7 * details.len(), "{COUNT:?}");
        let target = 1000 + 100 * 60;
        let least = (0..=100_u8).map(|quality| length(quality.into()).abs_diff(target)).min().expect("101 of them");
        for detail in &details {
            assert_eq!(detail.views[0].quality, 60.0);
            let found = &detail.views[1];
            assert_eq!(length(found.quality).abs_diff(target), least, "quality {}", found.quality);
            assert_eq!(found.bpp, 8.0 * length(found.quality) as f64 / (600.0 * 400.0));
        }
    }
}

#[test]
fn a_codec_that_cannot_reach_the_rate_goes_to_the_end_of_its_dial() {
    let small: fn(f32) -> usize = |quality| 10 + quality as usize;
    let large: fn(f32) -> usize = |quality| 100_000 + quality as usize;
    let subjects = [first(), subject("small", small, 1, &MANY), subject("large", large, 1, &MANY)];
    for detail in details(&example::report(), &subjects) {
        assert_eq!((detail.views[1].quality, detail.views[2].quality), (100.0, 0.0));
    }
}

#[test]
fn all_show_the_same_place_where_most_detail_is() {
    let subjects = [first(), subject("darker", |quality| 1000 + 90 * quality as usize, 7, &MANY)];
    let details = details(&example::report(), &subjects);
    let decode = |png: &[u8]| image::load_from_memory(png).expect("a PNG").into_rgb8();
    for detail in &details {
        // At steps of 128 pixels and at the far ends, this is nearest to (300, 100).
        assert_eq!(detail.region, Region { x: 256, y: 128, width: 256, height: 256 });
        let original = decode(&detail.original);
        assert_eq!(original.dimensions(), (256, 256));
        assert_eq!(original.get_pixel(0, 0).0, [90, 120, 150]);
        assert_eq!(decode(&detail.views[0].png), original);
        let darker = decode(&detail.views[1].png);
        let shaded = |(a, b): (&u8, &u8)| a.saturating_sub(7) == *b;
        assert!(original.as_raw().iter().zip(darker.as_raw()).all(shaded));
        assert!(detail.views[0].psnr.is_infinite() && (30.0..33.0).contains(&detail.views[1].psnr));
    }
}

#[test]
fn a_small_image_is_shown_whole() {
    let (_folder, images) = images([100, 80]);
    let details = at_equal_rate(&example::report(), &[first()], &images).expect("the codec works");
    assert_eq!(details[0].region, Region { x: 0, y: 0, width: 100, height: 80 });
}

#[test]
fn the_worst_image_comes_first_then_others_spread_over_the_set() {
    let names = |report: &Report| -> Vec<(String, String)> {
        details(report, &[first()]).into_iter().map(|detail| (detail.image, detail.reason)).collect()
    };
    let mut report = example::report();
    let found = names(&report);
    assert_eq!([&found[0].0, &found[1].0, &found[2].0], ["kodim01.png", "kodim03.png", "kodim05.png"]);
    assert!(found[0].1.contains("highest BD-rate of lic against jpeg by PSNR-RGB: -57.1 %"), "{found:?}");
    assert_eq!(found, names(&report), "the same every time");

    report.comparisons.list.clear();
    let found = names(&report);
    assert_eq!([&found[0].0, &found[1].0, &found[2].0], ["kodim06.png", "kodim02.png", "kodim04.png"]);
    assert!(found[0].1.contains("the lowest quality of lic by PSNR-RGB"), "{found:?}");
}

#[test]
fn an_image_that_is_gone_is_named() {
    let images = [ImageFile::at("nowhere/kodim01.png".into())];
    let error = at_equal_rate(&example::report(), &[first()], &images).expect_err("there is no such file").to_string();
    assert!(error.contains("nowhere/kodim01.png"), "{error}");
}
