//! Pictures that come in rows must become the files of pictures that are there as a whole.

mod support;

use lic_codec::format::BitDepth;
use lic_codec::prior::random::Noise;
use lic_codec::{
    Alpha, Colour, DeviceChoice, EncodeOptions, Encoder, Error, Frame, Metadata, Model, Picture, Samples, Target,
};
use lic_model::Preset;
use lic_model::preset::ModelConfig;
use support::{block_model, picture, random_model, random_model_of};

fn encoder(model: &Model) -> Encoder {
    Encoder::new(model, DeviceChoice::Cpu).unwrap()
}

fn options(tile: u32, alpha_quality: Option<f32>) -> EncodeOptions {
    EncodeOptions { quality: 40.0, tile, alpha_quality, ..EncodeOptions::default() }
}

fn frame(picture: &Picture) -> Frame {
    Frame {
        width: picture.width,
        height: picture.height,
        colour: picture.colour,
        depth: picture.pixels.depth(),
        alpha: picture.alpha.as_ref().map(|alpha| alpha.premultiplied),
        metadata: picture.metadata.clone(),
    }
}

fn part(samples: &Samples, line: usize, rows: std::ops::Range<usize>) -> Samples {
    let places = rows.start * line..rows.end * line;
    match samples {
        Samples::Eight(samples) => Samples::Eight(samples[places].to_vec()),
        Samples::Deep(depth, samples) => Samples::Deep(*depth, samples[places].to_vec()),
    }
}

/// The file from rows that come in pieces of changing heights.
fn in_rows(encoder: &Encoder, picture: &Picture, options: &EncodeOptions, most: u32) -> Vec<u8> {
    let mut noise = Noise(most.into());
    let mut rows = encoder.rows(&frame(picture), options).unwrap();
    let (mut from, height, width) = (0, picture.height as usize, picture.width as usize);
    while from < height {
        let to = (from + 1 + noise.symmetric(most as i32).unsigned_abs() as usize).min(height);
        let alpha = picture.alpha.as_ref().map(|alpha| part(&alpha.samples, width, from..to));
        rows.push(part(&picture.pixels, width * picture.channels(), from..to), alpha).unwrap();
        from = to;
    }
    assert_eq!(rows.progress(), 1.0);
    rows.finish().unwrap().bytes
}

fn assert_same(encoder: &Encoder, picture: &Picture, options: &EncodeOptions) {
    let whole = encoder.encode(picture, options).unwrap().bytes;
    for most in [1, 100, 5000] {
        let size = format!("{}x{} in rows of up to {most}", picture.width, picture.height);
        assert!(in_rows(encoder, picture, options, most) == whole, "{size}, {options:?}");
    }
}

fn with_alpha(picture: Picture, sample: impl Fn(u32) -> u8) -> Picture {
    let samples: Vec<u8> = (0..picture.width * picture.height).map(sample).collect();
    Picture { alpha: Some(Alpha { samples: samples.into(), premultiplied: false }), ..picture }
}

#[test]
fn the_file_is_that_of_the_whole_picture() {
    let model = random_model(1);
    let encoder = encoder(&model);
    assert_same(&encoder, &picture(70, 2500, Colour::Rgb), &options(64, None));
    assert_same(&encoder, &picture(90, 2049, Colour::Grey), &options(1024, None));
    assert_same(&encoder, &picture(40, 3000, Colour::Rgb), &options(2048, None));
    assert_same(&encoder, &picture(300, 100, Colour::Rgb), &options(64, None));
    assert_same(&encoder, &picture(1, 1, Colour::Grey), &options(64, None));
}

#[test]
fn alpha_depth_and_metadata_are_those_of_the_whole_picture() {
    let model = block_model();
    let encoder = encoder(&model);
    let fading = with_alpha(picture(80, 2300, Colour::Rgb), |i| (i % 80 * 3) as u8);
    assert_same(&encoder, &fading, &options(128, None));
    assert_same(&encoder, &fading, &options(128, Some(50.0)));
    let opaque = with_alpha(picture(80, 1200, Colour::Rgb), |_| 255);
    assert_same(&encoder, &opaque, &options(128, None));
    let late = with_alpha(picture(80, 1200, Colour::Rgb), |i| if i == 80 * 1200 - 1 { 0 } else { 255 });
    assert_same(&encoder, &late, &options(128, None));
    let deep = picture(80, 1500, Colour::Rgb);
    let samples = deep.pixels.to_eight().iter().map(|&s| u16::from(s) * 4 + 1).collect();
    let metadata = Metadata { orientation: 6, exif: Some(b"II*\0rest".to_vec()), ..Metadata::default() };
    assert_same(
        &encoder,
        &Picture { pixels: Samples::Deep(BitDepth::Ten, samples), metadata, ..deep },
        &options(256, None),
    );
}

#[test]
fn a_model_with_attention_decodes_what_came_in_rows() {
    let config = ModelConfig { head_width: Some(8), ..Preset::Tiny.config() };
    let model = random_model_of(config, 4);
    let encoder = encoder(&model);
    let original = picture(140, 2200, Colour::Rgb);
    let file = in_rows(&encoder, &original, &options(128, None), 300);
    let decoder = lic_codec::Decoder::new(&model, DeviceChoice::Cpu).unwrap();
    let whole = decoder.decode(&encoder.encode(&original, &options(128, None)).unwrap().bytes).unwrap().picture;
    // burn's sums may take another order in a window of another size, and a symbol may be rounded the other way.
    assert!(decoder.decode(&file).unwrap().picture.psnr(&whole) > 50.0);
}

#[test]
fn rows_that_do_not_fit_the_frame_are_refused() {
    let model = random_model(2);
    let encoder = encoder(&model);
    let frame = Frame { alpha: Some(false), ..frame(&picture(10, 20, Colour::Rgb)) };
    let begin = || encoder.rows(&frame, &options(64, None)).unwrap();
    let eight = |count: usize| Samples::Eight(vec![7; count]);
    for (pixels, alpha) in [
        (eight(0), Some(eight(0))),
        (eight(31), Some(eight(10))),
        (eight(30), Some(eight(9))),
        (eight(30), None),
        (eight(30 * 21), Some(eight(10 * 21))),
        (Samples::Deep(BitDepth::Ten, vec![7; 30]), Some(eight(10))),
        (eight(30), Some(Samples::Deep(BitDepth::Ten, vec![7; 10]))),
        (Samples::Deep(BitDepth::Eight, vec![7; 30]), Some(eight(10))),
        (eight(30), Some(Samples::Deep(BitDepth::Eight, vec![7; 10]))),
    ] {
        assert!(matches!(begin().push(pixels, alpha), Err(Error::InvalidInput { .. })));
    }
    let mut rows = begin();
    rows.push(eight(30 * 19), Some(eight(10 * 19))).unwrap();
    assert!(matches!(rows.finish(), Err(Error::InvalidInput { found: 19, expected: 20, .. })));
    assert!(matches!(begin().finish(), Err(Error::InvalidInput { found: 0, .. })));
}

#[test]
fn frames_and_options_that_make_no_sense_are_refused() {
    let model = random_model(3);
    let encoder = encoder(&model);
    let good = frame(&picture(10, 20, Colour::Rgb));
    let target = EncodeOptions { target: Some(Target::Bytes(1000)), ..options(64, None) };
    assert!(matches!(encoder.rows(&good, &target), Err(Error::InvalidOption { .. })));
    assert!(encoder.rows(&good, &options(63, None)).is_err());
    assert!(encoder.rows(&Frame { width: 0, ..good.clone() }, &options(64, None)).is_err());
    assert!(encoder.rows(&Frame { height: 65536, ..good }, &options(64, None)).is_err());
}
