//! Files that are wrong give errors: no panics, no pictures.

mod support;

use lic_codec::format::{LicFile, write_file};
use lic_codec::{Colour, Decoder, DeviceChoice, EncodeOptions, Encoder, Error};
use proptest::prelude::*;
use support::{block_model, picture, random_model};

fn small_file(tile: u32) -> (Decoder, Vec<u8>) {
    let model = block_model();
    let encoder = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
    let options = EncodeOptions { quality: 20.0, tile, ..EncodeOptions::default() };
    let file = encoder.encode(&picture(70, 20, Colour::Rgb), &options).unwrap().bytes;
    (Decoder::new(&model, DeviceChoice::Cpu).unwrap(), file)
}

#[test]
fn every_prefix_of_a_file_is_refused() {
    for tile in [64, 1024] {
        let (decoder, file) = small_file(tile);
        assert!(decoder.decode(&file).is_ok());
        for end in 0..file.len() {
            assert!(decoder.decode(&file[..end]).is_err(), "{end} of {}", file.len());
        }
    }
}

#[test]
fn every_single_flipped_bit_is_found() {
    for tile in [64, 1024] {
        let (decoder, file) = small_file(tile);
        for bit in 0..8 * file.len() {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decoder.decode(&damaged).is_err(), "bit {bit} of {}", 8 * file.len());
        }
    }
}

#[test]
fn foreign_and_absurd_files_are_named() {
    let (decoder, file) = small_file(1024);
    let error = decoder.decode(&[]).unwrap_err();
    assert!(matches!(error, Error::NotLic { looks_like: "an empty file" }), "{error}");
    let error = decoder.decode(b"\x89PNG\r\n\x1a\n0000").unwrap_err();
    assert!(matches!(error, Error::NotLic { looks_like: "a PNG image" }), "{error}");
    let parsed = LicFile::parse(&file).unwrap();
    let mut absurd = Vec::new();
    let header = lic_codec::format::Header { width: 65535, height: 65535, ..*parsed.header() };
    header.write(&mut absurd).unwrap();
    absurd.resize(40, 0);
    assert!(matches!(decoder.decode(&absurd), Err(Error::ImplausibleSize { .. })));
    let mut longer = file.clone();
    longer.push(0);
    assert!(matches!(decoder.decode(&longer), Err(Error::TrailingGarbage { extra: Some(1), .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A payload with the right checksums but made by nobody: an error or a picture, never a panic.
    #[test]
    fn payloads_made_up_of_random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 2..400), skip in 0u8..2) {
        let model = random_model(3);
        let encoder = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
        let options = EncodeOptions::default();
        let file = encoder.encode(&picture(40, 33, Colour::Grey), &options).unwrap().bytes;
        let header = *LicFile::parse(&file).unwrap().header();
        let mut payload = bytes;
        payload[0] = skip;
        let made_up = write_file(&header, &[], &[payload]).unwrap();
        let decoder = Decoder::new(&model, DeviceChoice::Cpu).unwrap();
        match decoder.decode(&made_up) {
            Ok(decoded) => prop_assert_eq!(decoded.picture.pixels.len(), 40 * 33),
            Err(error) => prop_assert!(matches!(error, Error::InvalidTile { tile: 0, .. }), "{}", error),
        }
    }
}
