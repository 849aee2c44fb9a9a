//! The picture's own filter: files have it where it helps, parts and rows of a picture are filtered as the whole is, and who passes over it
//! still sees the picture.

mod support;

use lic_codec::format::{BitDepth, LicFile, Section, SectionKind, write_file};
use lic_codec::{
    Alpha, Colour, Decoder, DeviceChoice, Effort, EncodeOptions, Encoder, Frame, Metadata, Model, Picture, Region,
    Samples, Target, View,
};
use lic_model::plain::Enhancement;
use lic_model::preset::{LAMBDA_MAX, LAMBDA_MIN};
use lic_model::quantise::{with_deblocking, with_enhancement};
use support::picture;

const CPU: DeviceChoice = DeviceChoice::Cpu;

fn tiny() -> Model {
    Model::from_bytes(include_bytes!("../../model/weights/tiny.safetensors").to_vec()).unwrap()
}

fn options(tile: u32) -> EncodeOptions {
    EncodeOptions { quality: 80.0, tile, ..EncodeOptions::default() }
}

/// A picture with stripes, which the model for tests makes too faint.
fn coloured(width: u32, height: u32, colour: Colour, depth: BitDepth) -> Picture {
    let plain = picture(width, height, colour);
    let line = width as usize * plain.channels();
    let stripe = |i: usize| if i % line / plain.channels() % 8 < 4 { 50 } else { 0 };
    let pixels =
        plain.pixels.to_eight().iter().enumerate().map(|(i, &s)| (s / 4 * 3).saturating_add(stripe(i))).collect();
    let plain = Picture { pixels: Samples::Eight(pixels), ..plain };
    let pixels = match depth {
        BitDepth::Eight => plain.pixels,
        depth => Samples::Deep(depth, plain.pixels.to_sixteen().iter().map(|&s| s >> (16 - depth.bits())).collect()),
    };
    Picture { pixels, ..plain }
}

/// The file with other sections.
fn with_sections<'a>(file: &'a [u8], change: impl FnOnce(Vec<Section<'a>>) -> Vec<Section<'a>>) -> Vec<u8> {
    let parsed = LicFile::parse(file).unwrap();
    let payloads: Vec<Vec<u8>> = parsed.header().tiles().map(|t| parsed.tile(t.index).unwrap().to_vec()).collect();
    write_file(parsed.header(), &change(parsed.sections().to_vec()), &payloads).unwrap()
}

fn without_filter(file: &[u8]) -> Vec<u8> {
    with_sections(file, |mut sections| {
        sections.retain(|section| section.kind != SectionKind::Filter);
        sections
    })
}

fn filter_of(file: &[u8]) -> Option<Vec<u8>> {
    LicFile::parse(file).unwrap().section(SectionKind::Filter).map(|section| section.body.to_vec())
}

#[test]
fn a_picture_is_more_like_the_original_with_its_filter_and_is_shown_without() {
    let (encoder, decoder) = (Encoder::new(&tiny(), CPU).unwrap(), Decoder::new(&tiny(), CPU).unwrap());
    for (colour, depth) in [
        (Colour::Rgb, BitDepth::Eight),
        (Colour::Rgb, BitDepth::Ten),
        (Colour::Grey, BitDepth::Eight),
        (Colour::Grey, BitDepth::Sixteen),
    ] {
        let picture = coloured(300, 280, colour, depth);
        let file = encoder.encode(&picture, &options(1024)).unwrap().bytes;
        assert!(filter_of(&file).is_some_and(|body| body.len() < 200), "{colour:?}, {depth:?}");
        let decoded = decoder.decode(&file).unwrap();
        let plain = decoder.decode(&without_filter(&file)).unwrap();
        assert!(decoded.warnings.is_empty() && plain.warnings.is_empty());
        let [with, without] = [decoded.picture.psnr(&picture), plain.picture.psnr(&picture)];
        assert!(with > without, "{with} and {without} dB, {colour:?}, {depth:?}");
    }
}

#[test]
fn effort_0_fits_no_filter_and_a_picture_too_small_for_one_has_none() {
    let encoder = Encoder::new(&tiny(), CPU).unwrap();
    let large = coloured(300, 280, Colour::Rgb, BitDepth::Eight);
    let nearest = EncodeOptions { effort: Effort::Nearest, ..options(1024) };
    assert_eq!(filter_of(&encoder.encode(&large, &nearest).unwrap().bytes), None);
    let small = coloured(48, 48, Colour::Rgb, BitDepth::Eight);
    assert_eq!(filter_of(&encoder.encode(&small, &options(1024)).unwrap().bytes), None);
}

#[test]
fn a_region_has_the_samples_of_the_whole_filtered_picture() {
    let (encoder, decoder) = (Encoder::new(&tiny(), CPU).unwrap(), Decoder::new(&tiny(), CPU).unwrap());
    // One that has the filters that come with weights, too.
    let smoothing: Vec<f32> = [0.5, 0.3, 0.2, 0.1, -0.2, -0.1, -0.1, 0.0].repeat(10);
    let smoothing = with_deblocking(tiny().bytes(), &smoothing.try_into().unwrap()).unwrap();
    let mending = (0..Enhancement::COUNT).map(|i| ((i * 37 + i / 216 * 5) % 101) as f32 / 2000.0 - 0.02);
    let smoothing = with_enhancement(&smoothing, &Enhancement::new(mending.collect()).unwrap()).unwrap();
    let smoothing = Decoder::new(&Model::from_bytes(smoothing).unwrap(), CPU).unwrap();
    for (colour, tile, decoder) in [
        (Colour::Rgb, 128, &decoder),
        (Colour::Grey, 1024, &decoder),
        (Colour::Rgb, 1024, &smoothing),
        (Colour::Grey, 64, &smoothing),
    ] {
        let picture = coloured(333, 370, colour, BitDepth::Eight);
        let file = encoder.encode(&picture, &options(tile)).unwrap().bytes;
        assert!(filter_of(&file).is_some());
        let whole = decoder.decode(&file).unwrap().picture;
        let channels = whole.channels() as u32;
        for [x, y, width, height] in
            [[0, 0, 1, 1], [332, 369, 1, 1], [100, 90, 40, 50], [127, 127, 2, 2], [128, 128, 64, 64], [17, 3, 300, 20]]
        {
            let view = View::of(Region { x, y, width, height });
            let found = decoder.view(&file, &view).unwrap().picture;
            let expected: Vec<u8> = (y..y + height)
                .flat_map(|row| (row * 333 + x) * channels..(row * 333 + x + width) * channels)
                .map(|at| whole.pixels.as_eight().unwrap()[at as usize])
                .collect();
            assert!(found.pixels.as_eight().unwrap() == expected, "{x}, {y}, {width} x {height}");
        }
        let mut rows = decoder.rows(file.as_slice(), &View::default()).unwrap();
        assert!(rows.collect().unwrap().pixels == whole.pixels);
    }
}

#[test]
fn rows_that_come_one_after_the_other_are_fitted_the_filter_of_the_whole() {
    let encoder = Encoder::new(&tiny(), CPU).unwrap();
    for (tile, colour, depth, with_alpha) in [
        (64, Colour::Rgb, BitDepth::Eight, false),
        (256, Colour::Grey, BitDepth::Twelve, true),
        (1024, Colour::Rgb, BitDepth::Eight, true),
    ] {
        let plain = coloured(200, 1500, colour, depth);
        let alpha =
            Alpha { samples: samples(depth, (0..200 * 1500u32).map(|i| (i % 251) as u16)), premultiplied: false };
        let picture = Picture { alpha: with_alpha.then_some(alpha), ..plain };
        let whole = encoder.encode(&picture, &options(tile)).unwrap().bytes;
        assert!(filter_of(&whole).is_some());
        let parsed = LicFile::parse(&whole).unwrap();
        let last = parsed.sections().last().unwrap().kind;
        assert_eq!(last == SectionKind::Alpha, with_alpha, "readers of the rest count on it");
        let Picture { width, height, colour, .. } = picture;
        let frame =
            Frame { width, height, colour, depth, alpha: with_alpha.then_some(false), metadata: Metadata::default() };
        let mut rows = encoder.rows(&frame, &options(tile)).unwrap();
        for first in (0..1500).step_by(70) {
            let count = 70.min(1500 - first);
            let part = |all: &Samples, line: usize| {
                let all = if depth == BitDepth::Eight {
                    all.to_eight().iter().map(|&s| s.into()).collect()
                } else {
                    deep(all)
                };
                samples(depth, all[first * line..(first + count) * line].iter().copied())
            };
            let alpha = picture.alpha.as_ref().map(|alpha| part(&alpha.samples, 200));
            rows.push(part(&picture.pixels, 200 * picture.channels()), alpha).unwrap();
        }
        assert!(rows.finish().unwrap().bytes == whole, "tiles of {tile}");
    }
}

fn samples(depth: BitDepth, numbers: impl Iterator<Item = u16>) -> Samples {
    match depth {
        BitDepth::Eight => Samples::Eight(numbers.map(|number| number as u8).collect()),
        depth => Samples::Deep(depth, numbers.collect()),
    }
}

fn deep(samples: &Samples) -> Vec<u16> {
    match samples {
        Samples::Deep(_, samples) => samples.clone(),
        Samples::Eight(_) => panic!("deep samples"),
    }
}

/// Bits, and what the error is worth in bits at this quality.
fn cost(decoder: &Decoder, file: &[u8], original: &Picture, quality: f64) -> f64 {
    let decoded = decoder.decode(file).unwrap().picture;
    let pairs = decoded.pixels.to_eight().into_owned().into_iter().zip(original.pixels.to_eight().into_owned());
    let error: f64 = pairs.map(|(a, b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    let lambda = LAMBDA_MIN * (LAMBDA_MAX / LAMBDA_MIN).powf(quality / 100.0);
    8.0 * file.len() as f64 + 1.25 * lambda / original.channels() as f64 * error
}

#[test]
fn a_black_line_at_an_edge_and_detail_in_one_corner_do_not_make_a_filter_that_spoils_the_rest() {
    let model = Model::embedded().unwrap();
    let (encoder, decoder) = (Encoder::new(&model, CPU).unwrap(), Decoder::new(&model, CPU).unwrap());
    let framed = |colour: Colour| {
        let plain = picture(176, 192, colour);
        let (line, channels) = (176 * plain.channels(), plain.channels());
        let mut pixels = plain.pixels.to_eight().into_owned();
        pixels[191 * line..].fill(0);
        // Calm but for a corner of noise.
        let place = |i: usize| (i / channels % 176, i / line);
        for (i, pixel) in pixels.iter_mut().enumerate().take(191 * line) {
            let (x, y) = place(i);
            let noise = if x > 130 && y > 130 { (i as u32).wrapping_mul(2_654_435_761) >> 25 } else { 0 };
            *pixel = (*pixel / 4 + 60).saturating_add(noise as u8);
        }
        Picture { pixels: Samples::Eight(pixels), ..plain }
    };
    for colour in [Colour::Rgb, Colour::Grey] {
        let picture = framed(colour);
        for quality in [30.0, 80.0, 100.0] {
            let costs = [Effort::Nearest, Effort::Optimised].map(|effort| {
                let options = EncodeOptions { quality, effort, ..EncodeOptions::default() };
                let file = encoder.encode(&picture, &options).unwrap().bytes;
                let filtered = cost(&decoder, &file, &picture, quality.into());
                let without = cost(&decoder, &without_filter(&file), &picture, quality.into());
                // What the fit counts on and what comes of it differ by the second rounding and by what clipping does.
                assert!(filtered < 1.005 * without, "{colour:?}, {quality}, {effort:?}: {filtered}, {without}");
                filtered
            });
            assert!(costs[1] < 1.005 * costs[0], "{colour:?}, {quality}: {costs:?}");
        }
    }
}

#[test]
fn a_target_counts_what_the_filter_takes_and_brings() {
    let (encoder, decoder) = (Encoder::new(&tiny(), CPU).unwrap(), Decoder::new(&tiny(), CPU).unwrap());
    let picture = coloured(300, 280, Colour::Rgb, BitDepth::Eight);
    let bytes = encoder.encode(&picture, &EncodeOptions { quality: 40.0, ..options(1024) }).unwrap().bytes.len() as u64;
    let target = EncodeOptions { target: Some(Target::Bytes(bytes)), ..options(1024) };
    let encoded = encoder.encode(&picture, &target).unwrap();
    assert!(filter_of(&encoded.bytes).is_some() && encoded.bytes.len() as u64 <= bytes);
    let psnr = decoder.decode(&encoded.bytes).unwrap().picture.psnr(&picture);
    let target = EncodeOptions { target: Some(Target::Psnr(psnr)), ..options(1024) };
    let again = encoder.encode(&picture, &target).unwrap();
    assert!(
        (again.target.unwrap().reached - decoder.decode(&again.bytes).unwrap().picture.psnr(&picture)).abs() < 1e-9
    );
}

#[test]
fn alpha_is_not_filtered() {
    let (encoder, decoder) = (Encoder::new(&tiny(), CPU).unwrap(), Decoder::new(&tiny(), CPU).unwrap());
    let plain = coloured(300, 280, Colour::Rgb, BitDepth::Eight);
    let samples = (0..300 * 280u32).map(|i| (i % 300 * 255 / 299) as u8).collect();
    let picture = Picture { alpha: Some(Alpha { samples: Samples::Eight(samples), premultiplied: false }), ..plain };
    let options = EncodeOptions { alpha_quality: Some(50.0), ..options(1024) };
    let file = encoder.encode(&picture, &options).unwrap().bytes;
    let [with, without] = [&file, &without_filter(&file)].map(|file| decoder.decode(file).unwrap().picture);
    assert!(with.pixels != without.pixels);
    assert_eq!(with.alpha, without.alpha);
}

#[test]
fn a_damaged_filter_is_an_error_that_names_the_section() {
    let encoder = Encoder::new(&tiny(), CPU).unwrap();
    let file = encoder.encode(&coloured(300, 280, Colour::Rgb, BitDepth::Eight), &options(1024)).unwrap().bytes;
    let decoder = Decoder::new(&tiny(), CPU).unwrap();
    for body in [&[][..], &[77, 1, 2], &[9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]] {
        let other = Section { kind: SectionKind::Filter, critical: false, body };
        let file = with_sections(&file, |sections| {
            sections.into_iter().filter(|section| section.kind != SectionKind::Filter).chain([other]).collect()
        });
        for error in [
            decoder.decode(&file).unwrap_err(),
            decoder.rows(file.as_slice(), &View::default()).map(|_| ()).unwrap_err(),
        ] {
            assert!(error.to_string().contains("section 8"), "{error}");
        }
    }
}
