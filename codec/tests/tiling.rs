//! Tiles do not show: with their halo they come out as the whole plane does.

mod support;

use lic_codec::format::{Header, LicFile, write_file};
use lic_codec::{Colour, Decoder, DeviceChoice, Effort, EncodeOptions, Encoder, Error, Model, Picture};
use lic_model::Preset;
use lic_model::preset::ModelConfig;
use support::{picture, random_model, random_model_of};

fn encode(model: &Model, original: &Picture, tile: u32) -> Result<Vec<u8>, Error> {
    let encoder = Encoder::new(model, DeviceChoice::Cpu).unwrap();
    // Without a filter of its own, which would be another one for every tiling.
    let options = EncodeOptions { quality: 50.0, tile, effort: Effort::Nearest, ..EncodeOptions::default() };
    encoder.encode(original, &options).map(|encoded| encoded.bytes)
}

fn decode(model: &Model, file: &[u8]) -> Picture {
    Decoder::new(model, DeviceChoice::Cpu).unwrap().decode(file).unwrap().picture
}

/// The weight file's transforms on the same latents, for the whole plane at once.
fn whole_plane(model: &Model, weights: &lic_model::inference::Transforms, file: &[u8]) -> Vec<u8> {
    let header = *LicFile::parse(file).unwrap().header();
    let mut engine = lic_codec::prior::FastEngine::new(model.prior().clone());
    let tiles = lic_codec::symbols::decode_symbols(model, &mut engine, file).unwrap();
    let quality = lic_codec::QualityIndex::new(header.quality).unwrap();
    let gains = model.prior().gains(quality).scale();
    let (rows, columns) = (usize::from(header.height).div_ceil(16), usize::from(header.width).div_ceil(16));
    let mut plane = vec![0.0f32; rows * columns * gains.len()];
    for (rect, tile) in header.tiles().zip(&tiles) {
        for (position, latents) in tile.y64.chunks(gains.len()).enumerate() {
            let row = usize::from(rect.y) / 16 + position / tile.shape.width;
            let column = usize::from(rect.x) / 16 + position % tile.shape.width;
            let to = &mut plane[(row * columns + column) * gains.len()..][..gains.len()];
            for ((to, &y), gain) in to.iter_mut().zip(latents).zip(&gains) {
                *to = (f64::from(y) / 64.0 / gain) as f32;
            }
        }
    }
    let patches = weights.synthesise(plane, rows, columns, header.quality);
    let mut pixels = Vec::new();
    for y in 0..usize::from(header.height) {
        for x in 0..usize::from(header.width) {
            let at = ((y / 8 * 2 * columns + x / 8) * 64 + y % 8 * 8 + x % 8) * 3;
            pixels.extend(patches[at..at + 3].iter().map(|v| ((v + 0.5) * 255.0).round() as u8));
        }
    }
    pixels
}

fn most_different(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

fn attention() -> ModelConfig {
    ModelConfig { head_width: Some(16), ..Preset::Tiny.config() }
}

#[test]
fn tiles_are_synthesised_like_the_whole_plane() {
    for (config, tile, size) in [
        (Preset::Tiny.config(), 64, (330, 200)),
        (Preset::Tiny.config(), 128, (257, 129)),
        (attention(), 128, (300, 280)),
    ] {
        let (model, weights) = support::random_model_and_transforms(config, 3);
        let original = picture(size.0, size.1, Colour::Rgb);
        let file = encode(&model, &original, tile).unwrap();
        let tiled = decode(&model, &file);
        let whole = whole_plane(&model, &weights, &file);
        let most = most_different(&tiled.pixels.to_eight(), &whole);
        assert!(most <= 1, "{config:?} tiles of {tile}: {most}");
        // The picture is not flat, so the comparison means something.
        let samples = tiled.pixels.to_eight();
        assert!(samples.iter().max().unwrap() - samples.iter().min().unwrap() > 100);
    }
}

#[test]
fn the_analysis_of_a_tile_is_that_of_the_whole_picture() {
    // Symbols depend on the tile's own prior, latents do not: one 128-pixel tile cut into four agrees where both round alike.
    let model = support::block_model();
    let original = picture(128, 128, Colour::Rgb);
    let (tiled, whole) = (encode(&model, &original, 64).unwrap(), encode(&model, &original, 128).unwrap());
    assert_eq!(decode(&model, &tiled), decode(&model, &whole));
}

#[test]
fn tiles_that_cut_attention_windows_are_refused() {
    let model = random_model_of(attention(), 3);
    let refused = encode(&model, &picture(130, 20, Colour::Rgb), 64);
    assert!(matches!(refused, Err(Error::InvalidOption { value: 64.0, .. })));
    assert!(encode(&model, &picture(60, 20, Colour::Rgb), 64).is_ok());
    // In a file too.
    let good = encode(&model, &picture(60, 20, Colour::Rgb), 64).unwrap();
    let parsed = LicFile::parse(&good).unwrap();
    let header = Header { width: 120, ..*parsed.header() };
    let payload = parsed.tile(0).unwrap();
    let bad = write_file(&header, &[], &[payload, payload]).unwrap();
    let refused = Decoder::new(&model, DeviceChoice::Cpu).unwrap().decode(&bad);
    assert!(matches!(refused, Err(Error::TileCutsWindows { tile: 64, unit: 128 })));
}

#[test]
fn a_tile_more_or_less_does_not_change_the_others() {
    let model = random_model(4);
    let wide = picture(64 * 5, 64, Colour::Grey);
    let file = encode(&model, &wide, 64).unwrap();
    let parsed = LicFile::parse(&file).unwrap();
    let mut payloads: Vec<&[u8]> = parsed.tiles().map(|tile| tile.unwrap().1).collect();
    payloads.pop();
    let header = Header { width: 64 * 4, ..*parsed.header() };
    let cut = decode(&model, &write_file(&header, &[], &payloads).unwrap());
    let whole = decode(&model, &file);
    // Beyond the halo of the missing tile (2 latents for `tiny`) nothing changes.
    for y in 0..64 {
        let (a, b) = (&cut.pixels.to_eight()[y * 256..][..192], &whole.pixels.to_eight()[y * 320..][..192]);
        assert!(most_different(a, b) <= 1);
    }
}
