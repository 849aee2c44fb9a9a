//! A report as a run on part of a set makes it. Numbers follow from formulas, except those of the published curves.

use std::collections::BTreeMap;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use lic_benches::report::compare::Side;
use lic_benches::report::crops::{Detail, Region, View};
use lic_benches::report::{
    AVERAGING, Comparisons, ImagePoint, Images, Mean, Measured, OfImage, Published, Report, Score,
};
use lic_benches::{Interval, Method, Metric, anchors};
use lic_datasets::SAMPLES;

/// Three codecs, one of them with a long label, and published curves of which some lack metrics.
pub fn report() -> Report {
    let metrics = Metric::ALL.to_vec();
    let codecs = vec![
        codec("lic", 1.0, &[0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0, 100.0]),
        codec("jpeg", 2.3, &[10.0, 30.0, 50.0, 70.0, 80.0, 90.0, 95.0]),
        codec("webp:method=6", 1.5, &[5.0, 20.0, 40.0, 60.0, 80.0, 90.0, 100.0]),
        codec(
            "lic:model=experiments/2026-11-24/student-wide.safetensors:effort=2",
            0.97,
            &[10.0, 30.0, 50.0, 70.0, 90.0],
        ),
    ];
    let published =
        ["vtm", "jpeg", "elic"].map(|name| Published::of(&anchors::find("kodak", name).expect("it is there")));
    let published = Vec::from(published);
    let sides: Vec<Side<'_>> = codecs.iter().map(Side::Run).chain(published.iter().map(Side::Published)).collect();
    let (anchors, tests) = (vec![sides[1], sides[4]], &sides[..4]);
    let interval = (Interval::Common, "wherever both curves are known".to_owned());
    let comparisons = Comparisons::new(&anchors, tests, &metrics, Method::Pchip, interval);
    Report {
        program: "lic 0.1.0".to_owned(),
        command: "lic bd-rate --dataset kodak --limit 6 --codec lic --codec jpeg --codec webp:method=6 --html report"
            .to_owned(),
        dataset: Images {
            name: "kodak".to_owned(),
            title: "kodak, PARTIAL: 6 of 24 images".to_owned(),
            count: 6,
            complete: false,
            notes: vec!["Published curves are means over all 24 images.".to_owned()],
        },
        averaging: AVERAGING,
        jobs: 2,
        metrics,
        codecs,
        published,
        comparisons,
        warnings: vec!["published curves are of the whole set, this is a part of it".to_owned()],
    }
}

const IMAGES: usize = 6;

/// A codec that needs `factor` times the bits of `lic`.
fn codec(label: &str, factor: f64, qualities: &[f32]) -> Measured {
    let images: Vec<OfImage> = (0..IMAGES).map(|index| image(index, factor, qualities)).collect();
    let mean = |(index, &quality): (usize, &f32)| {
        let points: Vec<(&str, &ImagePoint)> =
            images.iter().map(|image| (image.name.as_str(), &image.points[index])).collect();
        let score = |metric: Metric| {
            let values = || points.iter().map(|(name, point)| (*name, point.scores[&metric]));
            let worst =
                values().reduce(|a, b| if metric.is_worse(b.1, a.1) { b } else { a }).expect("there are images");
            let mean = values().map(|(_, value)| value).sum::<f64>() / IMAGES as f64;
            (metric, Score { mean, worst: worst.1, worst_image: worst.0.to_owned() })
        };
        Mean {
            quality,
            bpp: points.iter().map(|(_, point)| point.bpp).sum::<f64>() / IMAGES as f64,
            scores: Metric::ALL.into_iter().map(score).collect(),
            encode_speed: 12.5 * factor,
            decode_speed: 31.25 * factor,
        }
    };
    Measured {
        label: label.to_owned(),
        version: format!("example {factor}"),
        settings: "4:2:0, optimised".to_owned(),
        means: qualities.iter().enumerate().map(mean).collect(),
        images,
    }
}

/// Every image is a bit harder than the one before.
fn image(index: usize, factor: f64, qualities: &[f32]) -> OfImage {
    let difficulty = 0.7 + 0.15 * index as f64;
    let point = |&quality: &f32| {
        let q = f64::from(quality) / 100.0;
        // At its highest quality, WebP is without loss here.
        let psnr = if factor == 1.5 && quality == 100.0 {
            f64::INFINITY
        } else {
            24.0 + 16.0 * q + 3.0 * q.powi(4) - difficulty
        };
        let bpp = (factor * difficulty * 0.07 * (3.6 * q).exp()).powf(1.0 + 0.03 * factor * difficulty);
        let similarity = 1.0 - 0.09 * (-5.0 * q).exp() * difficulty;
        let scores = [
            (Metric::Psnr, psnr),
            (Metric::MsSsim, similarity),
            (Metric::Ssimulacra2, 95.0 - 110.0 * (1.05 - q).powi(2) * difficulty),
            (Metric::Butteraugli, 0.4 + 6.0 * (1.02 - q).powi(2) * difficulty),
        ];
        let bytes = (bpp * 768.0 * 512.0 / 8.0).round() as u64;
        ImagePoint { quality, bytes, bpp: 8.0 * bytes as f64 / (768.0 * 512.0), scores: BTreeMap::from(scores) }
    };
    OfImage { name: format!("kodim{:02}.png", index + 1), points: qualities.iter().map(point).collect() }
}

/// Details of the sample images, coarser for every codec.
pub fn details() -> Vec<Detail> {
    let labels: Vec<String> = report().codecs.into_iter().map(|codec| codec.label).collect();
    let detail = |name: &str| {
        let sample = SAMPLES.iter().find(|sample| sample.name == name).expect("a sample").photo().expect("a photo");
        let (side, left) = (256_usize, 40_usize);
        let pixels = sample.pixels.into_eight();
        let rows = pixels.chunks_exact(3 * sample.width as usize).skip(20).take(side);
        let samples: Vec<u8> = rows.flat_map(|row| &row[3 * left..3 * (left + side)]).copied().collect();
        let view = |(index, label): (usize, &String)| {
            let step = 8 * (index as u8 + 1);
            let coarse: Vec<u8> = samples.iter().map(|value| value / step * step + step / 2).collect();
            let psnr = 36.5 - index as f64;
            View { codec: label.clone(), quality: 50.0 + index as f32, bpp: 0.51, psnr, png: png(&coarse, side as u32) }
        };
        Detail {
            image: name.to_owned(),
            reason: "one of several evenly spread over the set".to_owned(),
            region: Region { x: left as u32, y: 20, width: side as u32, height: side as u32 },
            original: png(&samples, side as u32),
            views: labels.iter().enumerate().map(view).collect(),
        }
    };
    ["coffee.png", "chelsea.png"].map(detail).into()
}

fn png(samples: &[u8], side: u32) -> Vec<u8> {
    let mut png = Vec::new();
    PngEncoder::new(&mut png).write_image(samples, side, side, ExtendedColorType::Rgb8).expect("a picture");
    png
}
