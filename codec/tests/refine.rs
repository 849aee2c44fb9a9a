//! Efforts 2 and 3: files like any others, of pictures that cost less.
#![cfg(feature = "burn")]

mod support;

use std::ops::ControlFlow;

use lic_codec::prior::{FastEngine, ScalarEngine};
use lic_codec::symbols::decode_symbols;
use lic_codec::{
    Alpha, Colour, Decoder, DeviceChoice, Effort, EncodeOptions, Encoder, Error, Frame, Metadata, Model, Picture,
    Target, quality_index,
};
use lic_model::Preset;
use lic_model::preset::{ModelConfig, lambda};
use rayon::prelude::*;
use support::{picture, random_model_of};

const TINY: &[u8] = include_bytes!("../../model/weights/tiny.safetensors");

fn tiny() -> Model {
    Model::from_bytes(TINY.to_vec()).unwrap()
}

fn coders(model: &Model) -> (Encoder, Decoder) {
    (Encoder::new(model, DeviceChoice::Cpu).unwrap(), Decoder::new(model, DeviceChoice::Cpu).unwrap())
}

fn with(effort: Effort) -> EncodeOptions {
    EncodeOptions { quality: 60.0, effort, ..EncodeOptions::default() }
}

/// Bits of a file and of its error, at the slope that the search takes.
fn cost(decoder: &Decoder, file: &[u8], original: &Picture, quality: f32) -> f64 {
    let decoded = decoder.decode(file).unwrap().picture;
    let mse = 255.0 * 255.0 / 10f64.powf(decoded.psnr(original) / 10.0);
    let knot = usize::from(quality_index(quality).unwrap().get()) / 4;
    let pixels = f64::from(original.width * original.height);
    8.0 * file.len() as f64 + 1.25 * lambda(knot) * mse * pixels
}

#[test]
fn a_refined_file_costs_less_than_a_rounded_one_in_colour_and_grey() {
    let model = tiny();
    let (encoder, decoder) = coders(&model);
    // 7 x 5 latents: odd sides, and a part of the last ones lies outside of the picture.
    for colour in [Colour::Rgb, Colour::Grey] {
        let original = picture(107, 70, colour);
        let file = |effort| encoder.encode(&original, &with(effort)).unwrap().bytes;
        let cost = |file: &[u8]| cost(&decoder, file, &original, 60.0);
        let [nearest, refined] = [Effort::Nearest, Effort::Refined].map(|effort| cost(&file(effort)));
        assert!(refined < 0.995 * nearest, "{colour:?}: {refined} after {nearest}");
    }
}

#[test]
fn a_refined_file_is_the_same_every_time_and_parses_with_every_engine() {
    let model = tiny();
    let (encoder, decoder) = coders(&model);
    let original = picture(64, 48, Colour::Rgb);
    let file = encoder.encode(&original, &with(Effort::Refined)).unwrap().bytes;
    assert_eq!(encoder.encode(&original, &with(Effort::Refined)).unwrap().bytes, file);
    let fast = decode_symbols(&model, &mut FastEngine::new(model.prior().clone()), &file).unwrap();
    let scalar = decode_symbols(&model, &mut ScalarEngine::new(model.prior().clone()), &file).unwrap();
    assert!(fast.iter().zip(&scalar).all(|(a, b)| a.y64 == b.y64 && a.hyper == b.hyper));
    assert!(decoder.decode(&file).unwrap().warnings.is_empty());
}

#[test]
fn tiles_are_refined_one_by_one_and_the_picture_costs_less() {
    let model = tiny();
    let (encoder, decoder) = coders(&model);
    let original = picture(150, 100, Colour::Rgb);
    let file = |effort| {
        let options = EncodeOptions { tile: 64, ..with(effort) };
        encoder.encode(&original, &options).unwrap().bytes
    };
    let cost = |file: &[u8]| cost(&decoder, file, &original, 60.0);
    let [nearest, refined] = [Effort::Nearest, Effort::Refined].map(|effort| cost(&file(effort)));
    assert!(refined < 0.99 * nearest, "{refined} after {nearest}");
}

#[test]
fn no_picture_costs_more_after_a_search_that_finds_nothing() {
    // Random weights: gradients that mean little, and attention, whose windows lie on a grid.
    let config = ModelConfig { head_width: Some(16), ..Preset::Tiny.config() };
    let model = random_model_of(config, 3);
    let (encoder, decoder) = coders(&model);
    let original = picture(140, 60, Colour::Rgb);
    let file = |effort| encoder.encode(&original, &with(effort)).unwrap().bytes;
    let [nearest, refined] =
        [Effort::Nearest, Effort::Refined].map(|effort| cost(&decoder, &file(effort), &original, 60.0));
    // The codec compares before samples are rounded to 8 bits.
    assert!(refined <= 1.001 * nearest, "{refined} after {nearest}");
}

#[test]
fn lossy_alpha_is_refined_too() {
    let (encoder, decoder) = coders(&tiny());
    let mut original = picture(80, 64, Colour::Rgb);
    let plane = picture(80, 64, Colour::Grey).pixels;
    original.alpha = Some(Alpha { samples: plane.clone(), premultiplied: false });
    let file = |effort| {
        let options = EncodeOptions { alpha_quality: Some(60.0), ..with(effort) };
        encoder.encode(&original, &options).unwrap().bytes
    };
    let decoded = decoder.decode(&file(Effort::Refined)).unwrap().picture;
    let alpha = |picture: &Picture| {
        let samples = picture.alpha.clone().unwrap().samples;
        Picture::new(80, 64, Colour::Grey, samples).unwrap()
    };
    assert!(alpha(&decoded).psnr(&alpha(&original)) > 25.0);
    assert_ne!(file(Effort::Refined), file(Effort::Optimised));
}

#[test]
fn targets_are_met_at_a_better_quality() {
    let (encoder, decoder) = coders(&tiny());
    let original = picture(96, 80, Colour::Rgb);
    let encode =
        |target, effort| encoder.encode(&original, &EncodeOptions { target: Some(target), ..with(effort) }).unwrap();
    let refined = encode(Target::Bytes(250), Effort::Refined);
    // Of so small a file a step of quality is more than 3 %.
    assert!((225..=250).contains(&refined.bytes.len()), "{:?}", refined.target);
    let psnr = |bytes: &[u8]| decoder.decode(bytes).unwrap().picture.psnr(&original);
    let rounded = encode(Target::Bytes(250), Effort::Optimised);
    assert!(psnr(&refined.bytes) > psnr(&rounded.bytes));

    let target = Target::Psnr(psnr(&refined.bytes) - 1.0);
    let [refined, rounded] = [Effort::Refined, Effort::Optimised].map(|effort| encode(target, effort));
    assert!(refined.target.unwrap().miss.is_none());
    assert!(refined.bytes.len() <= rounded.bytes.len());
}

#[test]
fn a_search_is_watched_and_ended() {
    let (encoder, _) = coders(&tiny());
    let mut original = picture(150, 60, Colour::Grey);
    original.alpha = Some(Alpha { samples: original.pixels.clone(), premultiplied: false });
    let target = Some(Target::Bytes(250));
    let tiled = EncodeOptions { tile: 64, ..with(Effort::Refined) };
    let searched = EncodeOptions { target, alpha_quality: Some(50.0), ..with(Effort::Refined) };
    for options in [tiled, searched] {
        let run = |most: f64| {
            let mut seen = Vec::new();
            let result = encoder.encode_watched(&original, &options, &mut |done| {
                seen.push(done);
                if done > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            (seen, result)
        };
        let (seen, result) = run(2.0);
        result.unwrap();
        assert!(seen.len() > 40 && seen.is_sorted() && seen.last() == Some(&1.0), "{seen:?}");
        let (seen, result) = run(0.4);
        assert!(matches!(result, Err(Error::Cancelled)));
        assert!(seen.last() < Some(&0.7), "{seen:?}");
    }
}

#[test]
fn rows_and_analysed_pictures_are_refined_like_whole_ones() {
    let (encoder, decoder) = coders(&tiny());
    let original = picture(100, 90, Colour::Rgb);
    let options = with(Effort::Refined);
    let file = encoder.encode(&original, &options).unwrap().bytes;
    let quality = quality_index(options.quality).unwrap();
    assert_eq!(encoder.analyse(&original, &options).unwrap().encode(quality).unwrap().bytes, file);

    let frame = Frame {
        width: 100,
        height: 90,
        colour: Colour::Rgb,
        depth: original.pixels.depth(),
        alpha: None,
        metadata: Metadata::default(),
    };
    let mut rows = encoder.rows(&frame, &options).unwrap();
    rows.push(original.pixels.clone(), None).unwrap();
    assert_eq!(rows.finish().unwrap().bytes, file);

    // Several strips: what lies above and below a strip is there too.
    let tall = picture(40, 2100, Colour::Grey);
    let frame = Frame { width: 40, height: 2100, colour: Colour::Grey, ..frame };
    let mut rows = encoder.rows(&frame, &options).unwrap();
    rows.push(tall.pixels.clone(), None).unwrap();
    let costs = [rows.finish().unwrap().bytes, encoder.encode(&tall, &with(Effort::Nearest)).unwrap().bytes]
        .map(|file| cost(&decoder, &file, &tall, 60.0));
    assert!(costs[0] < costs[1], "{costs:?}");
}

/// Threads of the pool that wait take up other pictures, in the middle of a search and of loading what it needs.
#[test]
fn the_threads_of_the_pool_may_all_search_with_a_new_encoder() {
    let model = tiny();
    let (encoder, _) = coders(&model);
    let original = picture(60, 50, Colour::Rgb);
    let file = encoder.encode(&original, &with(Effort::Refined)).unwrap().bytes;
    let (encoder, _) = coders(&model);
    let work = |_| encoder.encode(&original, &with(Effort::Refined)).unwrap().bytes == file;
    assert!((0..8).into_par_iter().with_max_len(1).all(work));
}
