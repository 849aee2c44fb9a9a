//! What the search sees, against the integers that will charge and the pixels that decoders will show.

use lic_model::backprop::filters::Filters;
use lic_model::net::Precision;
use lic_model::refine::{Choice, Differentiable, Extent, Window};
use lic_model::weights::WeightFile;

use super::around::target;
use super::rates::Rates;
use super::shown::{Shown, patches_of};
use crate::effort::Effort;
use crate::format::header::test_header;
use crate::format::{BitDepth, ColourModel, Header, LicFile, SectionKind};
use crate::model::Model;
use crate::picture::Picture;
use crate::prior::{FastEngine, PriorEngine, QualityIndex, TileShape};
use crate::samples::Samples;
use crate::source::Source;
use crate::symbols::decode_symbols;
use crate::tiles::Area;
use crate::wiener::Sampler;
use crate::{Decoder, DeviceChoice, EncodeOptions, Encoder};

pub(super) const TINY: &[u8] = include_bytes!("../../../model/weights/tiny.safetensors");

/// Mean differences of means, in steps, and of scale indices, where both code the same latents.
fn differences(model: &Model, quality: QualityIndex) -> [f64; 2] {
    let [rows, columns] = [7, 5];
    let file = WeightFile::parse(model.bytes()).unwrap();
    let network = Differentiable::load(&file, Precision::F32).unwrap();
    let (y, z) = (network.config().y, network.config().z);
    let gains = model.prior().steps_per_unit(quality);
    let setting = network.at(quality.get(), &gains);
    let extent = Extent { window: [rows, columns], rows: 0..rows, columns: 0..columns };
    let patches = vec![0.0; rows * columns * 768];
    let window = Window::new(&setting, extent, vec![0.0; rows * columns * y], &patches, &patches);
    let rates = Rates::new(model.prior().scale_tables()).unwrap();

    let hyper: Vec<i16> = (0..2 * 2 * z).map(|i| (i * 7 % 5) as i16 - 2).collect();
    let mut engine = FastEngine::new(model.prior().clone());
    engine.begin(&[TileShape { height: rows, width: columns }], quality, &[&hyper]).unwrap();
    let (mut sums, mut count) = ([0.0; 2], 0.0);
    let plane: Vec<f32> = hyper.iter().map(|&z| z.into()).collect();
    window.step(&plane, |pass, means, log_scales| {
        let prediction = engine.predict().unwrap()[0].clone();
        let mut integers = prediction.mean64.iter().zip(&prediction.index);
        let mut symbols = Vec::new();
        let mut decoded = vec![0.0; means.len()];
        window.in_pass(pass, |places| {
            for place in places {
                let (&mean64, &index) = integers.next().unwrap();
                sums[0] += f64::from(means[place] - mean64 as f32 / 64.0).abs();
                sums[1] += (rates.index(log_scales[place]) as f64 - f64::from(index)).abs();
                count += 1.0;
                let symbol = if index > 20 { (place % 3) as i16 - 1 } else { 0 };
                decoded[place] = f32::from(symbol) + mean64 as f32 / 64.0;
                symbols.push(symbol);
            }
        });
        engine.accept(&[symbols]).unwrap();
        Choice { decoded, by_mean: vec![0.0; means.len()], by_log_scale: vec![0.0; means.len()] }
    });
    assert_eq!(count as usize, rows * columns * y);
    sums.map(|sum| sum / count)
}

#[test]
fn the_float_prior_predicts_what_the_integer_prior_does_at_knots_and_between_them() {
    let student = Model::embedded().unwrap();
    // Its file does not record the integer grid.
    let tiny = Model::from_bytes(TINY.to_vec()).unwrap();
    for (name, model) in [("student", &student), ("tiny", &tiny)] {
        for quality in [40, 126, 211] {
            let [mean, index] = differences(model, QualityIndex::new(quality).unwrap());
            assert!(mean < 0.05 && index < 0.5, "{name} at {quality}: {mean} steps, {index} scales");
        }
    }
}

/// Waves of colour.
fn waves(width: usize, height: usize) -> Picture {
    let value = |i: usize| {
        let (x, y, c) = (i / 3 % width, i / 3 / width, i % 3);
        (128.0 + ((x * (c + 2)) as f32 / 9.0).sin() * 60.0 + ((y * (3 - c)) as f32 / 2.0).cos() * 50.0) as u8
    };
    let pixels: Vec<u8> = (0..3 * width * height).map(value).collect();
    Picture::new(width as u32, height as u32, ColourModel::Rgb, pixels).unwrap()
}

/// Units of the whitened latent per quantisation step.
fn steps(model: &Model, quality: QualityIndex) -> Vec<f32> {
    model.steps(quality).into_iter().map(|step| 64.0 * step).collect()
}

#[test]
fn a_search_aims_at_the_picture_less_what_the_decoders_filters_add() {
    let model = Model::embedded().unwrap();
    let encoder = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
    // With 16 bits what decoders round between filters does not count.
    let pixels = waves(112, 96).pixels.to_sixteen().into_owned();
    let picture = Picture::new(112, 96, ColourModel::Rgb, Samples::Deep(BitDepth::Sixteen, pixels)).unwrap();
    // The fit of effort 1 is to all of so small a picture, as that of a search.
    let options = EncodeOptions { quality: 30.0, effort: Effort::Optimised, ..EncodeOptions::default() };
    let file = encoder.encode(&picture, &options).unwrap().bytes;
    let parsed = LicFile::parse(&file).unwrap();
    let header = *parsed.header();
    let (quality, whole) = (QualityIndex::new(header.quality).unwrap(), Area::of_picture(&header));
    let symbols = decode_symbols(&model, &mut FastEngine::new(model.prior().clone()), &file).unwrap();
    let latents: Vec<f32> = symbols[0].y64.iter().map(|&y| y as f32 / 64.0).collect();

    let source = Source { picture: &picture, top: 0 };
    let sampler = Sampler::new(&encoder.runtime, &header, quality, Effort::Refined);
    let shown = Shown {
        runtime: &encoder.runtime,
        source: &source,
        header: &header,
        sampler: sampler.as_ref(),
        tile: &whole,
        window: &whole,
        target: target(&source, &whole),
        around: &vec![0.0; latents.len()],
        steps: &steps(&model, quality),
    };
    let aim = shown.aim(&latents).unwrap();
    let filter = parsed.section(SectionKind::Filter).unwrap();
    assert_eq!(aim.bits, 8.0 * (filter.body.len() + 6) as f64);

    let rows = symbols[0].latents(&model, quality);
    let rows = rows.chunks_exact(rows.len() / whole.rows.len()).map(<[f32]>::to_vec).collect();
    let bare = patches_of(encoder.runtime.transforms.synthesis(&header), &header, rows).unwrap();
    let decoded = Decoder::new(&model, DeviceChoice::Cpu).unwrap().decode(&file).unwrap().picture;
    let patches = |picture| target(&Source { picture, top: 0 }, &whole);
    let [original, decoded] = [&picture, &decoded].map(patches);
    let mut largest = 0.0f32;
    for (i, aim) in aim.patches.iter().enumerate() {
        let (expected, added) = (decoded[i] - bare[i], original[i] - aim);
        assert!((added - expected).abs() < 0.02 / 255.0, "{i}: {added}, {expected}");
        largest = largest.max(added.abs());
    }
    assert!(largest > 4.0 / 255.0, "{largest}");
}

#[test]
fn the_filters_that_training_goes_through_are_those_of_decoders() {
    let model = Model::embedded().unwrap();
    let runtime = Encoder::new(&model, DeviceChoice::Cpu).unwrap().runtime;
    let filters = Filters::load(&WeightFile::parse(model.bytes()).unwrap()).unwrap().unwrap();
    let [height, width] = [106, 171];
    for quality in [0, 100, 252] {
        // 16 bits, so that rounding does not count; the last latents reach beyond the picture.
        let header = Header { quality, depth: BitDepth::Sixteen, ..test_header(width as u16, height as u16) };
        let area = Area::of_picture(&header);
        let (channels, columns) = (runtime.transforms.channels(), area.columns.len());
        let latents = (0..area.positions() * channels).map(|i| ((i * 31 % 23) as f32 - 11.0) / 16.0);
        let latents: Vec<f32> = latents.collect();
        let rows: Vec<Vec<f32>> = latents.chunks_exact(columns * channels).map(<[f32]>::to_vec).collect();
        let bare = patches_of(runtime.transforms.synthesis(&header), &header, rows.clone()).unwrap();
        let expected = patches_of(runtime.synthesis(&header, None), &header, rows).unwrap();
        let mut found = bare.clone();
        filters.at(quality).apply(&mut found, [2 * area.rows.len(), 2 * columns], [height, width]);
        let [mut wrong, mut changed] = [0; 2];
        for i in 0..found.len() {
            let (patch, pixel) = (i / 192, i % 192 / 3);
            let (row, column) = (patch / (2 * columns) * 8 + pixel / 8, patch % (2 * columns) * 8 + pixel % 8);
            if row < height && column < width {
                wrong += usize::from((found[i] - expected[i]).abs() > 0.05 / 255.0);
                changed += usize::from((found[i] - bare[i]).abs() > 0.05 / 255.0);
            }
        }
        // Where two classes are as likely, either may take the other.
        let all = 3 * height * width;
        assert!(2 * changed > all && 200 * wrong < all, "{quality}: {wrong} wrong, {changed} changed of {all}");
    }
}

#[test]
fn what_a_tile_aims_at_is_a_part_of_what_the_picture_does() {
    let model = Model::embedded().unwrap();
    let encoder = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
    // The last latents reach beyond the picture, and the source has the picture's last rows only.
    let picture = waves(107, 70);
    let source = Source { picture: &picture, top: 2 };
    let quality = QualityIndex::new(90).unwrap();
    let header = Header { quality: quality.get(), ..test_header(107, 102) };
    let (window, tile) = (Area { rows: 2..7, columns: 0..7 }, Area { rows: 4..7, columns: 3..5 });
    let (steps, channels) = (steps(&model, quality), encoder.runtime.transforms.channels());
    let latents: Vec<f32> = (0..window.positions() * channels).map(|i| (i * 31 % 7) as f32 - 3.0).collect();
    let whitened: Vec<f32> = latents.iter().zip(steps.iter().cycle()).map(|(y, step)| y * step).collect();
    let aim = |tile: &Area, around: &[f32], latents: &[f32]| {
        let (runtime, header) = (&encoder.runtime, &header);
        let (sampler, source, window, steps) = (None, &source, &window, &steps);
        let target = target(source, window);
        let shown = Shown { runtime, source, header, sampler, tile, window, target, around, steps };
        shown.aim(latents).unwrap().patches
    };
    let whole = aim(&window, &vec![0.0; latents.len()], &latents);
    let mut around = whitened;
    let own = window.crop(&latents, &tile, channels);
    // What is around a tile does not count inside of it.
    for row in tile.rows.clone() {
        let start = (row - 2) * 7 * channels;
        around[start + 3 * channels..start + 5 * channels].fill(f32::NAN);
    }
    assert!(aim(&tile, &around, &own) == whole);
    assert_ne!(whole, target(&source, &window));
}
