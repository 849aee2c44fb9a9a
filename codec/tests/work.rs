//! The work of decoding is bounded by the header's size, and that by the number of bytes there are: nothing in a payload can make it more.
//!
//! Counted, not timed. Per tile the networks work on positions of 16 x 16 pixels, the hyper-latents on those of 64 x 64, and every position has the
//! model's number of symbols, each at most 31 codings (`entropy/decoder.rs`). DEFLATE stops at a tile's last sample. The rest (checksums, index,
//! bytes behind the last symbol) is one look at each byte of the file.

mod support;

use lic_codec::format::{BitDepth, Header, TileRect, write_file};
use lic_codec::{Colour, Decoder, DeviceChoice, Error, Model};
use proptest::prelude::*;
use support::random_model;

fn header(width: u16, height: u16, tile_size: u16, model: &Model) -> Header {
    Header {
        width,
        height,
        colour: Colour::Grey,
        depth: BitDepth::Eight,
        quality: 100,
        tile_size,
        parse_id: model.parse_id(),
        synthesis_id: model.synthesis_id(),
        has_sections: false,
    }
}

/// Squares of `edge` pixels that the tiles touch.
fn positions(header: &Header, edge: u64) -> u64 {
    let side = |pixels: u16| u64::from(pixels).div_ceil(edge);
    header.tiles().map(|tile: TileRect| side(tile.width) * side(tile.height)).sum()
}

/// All symbols that a model has in a picture.
fn symbols(header: &Header, model: &Model) -> u64 {
    let sizes = model.prior().sizes();
    positions(header, 16) * sizes.latents as u64 + positions(header, 64) * sizes.hyper as u64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_byte_of_the_file_stands_for_at_most_sixteen_positions(width in 1u16.., height in 1u16.., tile in 1u16..=64, thin in 0..3) {
        let (width, height) = match thin {
            0 => (width, height),
            1 => (width, height % 4 + 1),
            _ => (width % 4 + 1, height),
        };
        let header = header(width, height, 64 * tile, &random_model(1));
        let least = header.min_file_bytes();
        prop_assert!(header.check_plausible(least).is_ok() && header.check_plausible(least - 1).is_err());
        prop_assert!(positions(&header, 64) < least);
        prop_assert!(positions(&header, 16) < 16 * least);
    }
}

#[test]
fn no_payload_makes_more_symbols_than_the_header_says() {
    let model = random_model(3);
    let decoder = Decoder::new(&model, DeviceChoice::Cpu).unwrap();
    let (mut decoded, mut refused, mut full) = (0, 0, 0);
    for (width, height, tile) in
        [(1, 1, 1024), (64, 64, 1024), (65, 64, 64), (1, 300, 64), (300, 1, 64), (129, 65, 128)]
    {
        let header = header(width, height, tile, &model);
        let most = symbols(&header, &model);
        for seed in 0..48u32 {
            // Runs of zeros, of ones, and noise, short and far longer than any stream of an encoder.
            let length = [1, 17, 300, 20_000][seed as usize % 4];
            let byte = |i: u32| match seed / 4 % 3 {
                0 => 0,
                1 => 255,
                _ => (i ^ seed).wrapping_mul(0x9e37_79b9).rotate_left(9) as u8,
            };
            let payload: Vec<u8> = (0..length).map(|i| if i == 0 { (seed / 12 % 2) as u8 } else { byte(i) }).collect();
            let payloads = vec![payload; header.tile_count() as usize];
            match decoder.decode(&write_file(&header, &[], &payloads).unwrap()) {
                Ok(found) => {
                    decoded += 1;
                    assert!(found.stats.symbols <= most, "{} symbols of {most}", found.stats.symbols);
                    full += u32::from(found.stats.symbols == most);
                    assert_eq!(found.stats.pixels, u64::from(width) * u64::from(height));
                }
                Err(Error::InvalidTile { .. }) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
    }
    // Of everything some: the bound is reached, and not by all.
    assert!(decoded > 20 && refused > 20 && full > 5, "{decoded} decoded, {refused} refused, {full} at the bound");
}
