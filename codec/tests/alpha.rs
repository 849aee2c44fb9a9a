//! Alpha planes: exact by default, lossy where asked for, free where there is nothing to say.

mod support;

use lic_codec::format::{AlphaCoding, LicFile, Section, SectionKind, write_file};
use lic_codec::prior::random::Noise;
use lic_codec::{Alpha, Colour, Decoder, DeviceChoice, EncodeOptions, Encoder, Error, Picture, Target};
use support::{block_model, picture};

fn coders() -> (Encoder, Decoder) {
    let model = block_model();
    (Encoder::new(&model, DeviceChoice::Cpu).unwrap(), Decoder::new(&model, DeviceChoice::Cpu).unwrap())
}

fn options(tile: u32, alpha_quality: Option<f32>) -> EncodeOptions {
    EncodeOptions { quality: 40.0, tile, alpha_quality, ..EncodeOptions::default() }
}

/// A picture that fades out to the right.
fn fading(width: u32, height: u32, colour: Colour) -> Picture {
    let sample = |i: u32| 255 - (i % width * 255 / width) as u8;
    with_alpha(picture(width, height, colour), (0..width * height).map(sample).collect())
}

fn with_alpha(picture: Picture, samples: Vec<u8>) -> Picture {
    Picture { alpha: Some(Alpha { samples: samples.into(), premultiplied: false }), ..picture }
}

#[test]
fn alpha_comes_back_exactly_whatever_it_is() {
    let (encoder, decoder) = coders();
    let (width, height) = (150u32, 70u32);
    let count = (width * height) as usize;
    let mut noise = Noise(7);
    let planes: [Vec<u8>; 5] = [
        (0..count).map(|_| noise.symmetric(127) as u8).collect(),
        vec![0; count],
        (0..count).map(|i| if i == count - 1 { 254 } else { 255 }).collect(),
        (0..count).map(|i| ((i % 150) + (i / 150)) as u8).collect(),
        (0..count).map(|i| if (i / 150) < 35 { 255 } else { 0 }).collect(),
    ];
    for plane in planes {
        for (colour, tile) in [(Colour::Rgb, 1024), (Colour::Grey, 64)] {
            let original = with_alpha(picture(width, height, colour), plane.clone());
            let file = encoder.encode(&original, &options(tile, None)).unwrap().bytes;
            assert_eq!(decoder.decode(&file).unwrap().picture.alpha, original.alpha);
        }
    }
}

#[test]
fn an_opaque_plane_takes_no_byte_and_alpha_does_not_change_the_colours() {
    let (encoder, decoder) = coders();
    let plain = picture(90, 70, Colour::Rgb);
    let without = encoder.encode(&plain, &options(64, None)).unwrap().bytes;
    let opaque = with_alpha(plain.clone(), vec![255; 90 * 70]);
    assert_eq!(encoder.encode(&opaque, &options(64, None)).unwrap().bytes, without);
    let clear = with_alpha(plain, vec![0; 90 * 70]);
    let file = encoder.encode(&clear, &options(64, None)).unwrap().bytes;
    let pixels = |file| decoder.decode(file).unwrap().picture.pixels;
    assert_eq!(pixels(&file), pixels(&without));
    // A plane of one value: the section's tag, length, three bytes of its own and its CRC, and per tile length, value and CRC.
    assert_eq!(file.len() - without.len(), 1 + 1 + 2 + 4 + 4 * (1 + 1 + 4) + 4);
}

#[test]
fn lossy_alpha_is_near_and_its_quality_is_its_own() {
    let (encoder, decoder) = coders();
    let original = fading(200, 130, Colour::Rgb);
    let encode = |quality| encoder.encode(&original, &options(128, Some(quality))).unwrap().bytes;
    let mut before = (0, f64::INFINITY);
    for quality in [0.0, 50.0, 100.0] {
        let file = encode(quality);
        let coding = LicFile::parse(&file).unwrap().alpha().unwrap().unwrap().coding;
        assert_eq!(coding, AlphaCoding::Lossy { quality: (quality * 2.52) as u8 });
        let found = decoder.decode(&file).unwrap().picture.alpha.unwrap().samples;
        let wanted = &original.alpha.as_ref().unwrap().samples;
        let squares = wanted
            .to_eight()
            .iter()
            .zip(&*found.to_eight())
            .map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2))
            .sum::<f64>();
        let error = squares / found.len() as f64;
        assert!(file.len() > before.0 && error < before.1, "{before:?}, then {} {error}", file.len());
        before = (file.len(), error);
    }
    assert!(before.1 < 4.0, "{before:?}");
    let pixels = |file: &[u8]| decoder.decode(file).unwrap().picture.pixels;
    assert_eq!(pixels(&encode(0.0)), pixels(&encode(100.0)));
    let error = encoder.encode(&original, &options(128, Some(101.0))).unwrap_err();
    assert!(matches!(error, Error::InvalidOption { .. }), "{error}");
}

#[test]
fn a_target_size_counts_alpha() {
    let (encoder, decoder) = coders();
    let original = fading(150, 131, Colour::Rgb);
    let middle = encoder.encode(&original, &options(1024, None)).unwrap().bytes.len() as u64;
    let target = Some(Target::Bytes(middle));
    let file = encoder.encode(&original, &EncodeOptions { target, ..options(1024, None) }).unwrap().bytes;
    assert!(file.len() as u64 <= middle && file.len() as u64 > middle * 9 / 10, "{} of {middle}", file.len());
    assert_eq!(decoder.decode(&file).unwrap().picture.alpha, original.alpha);
}

#[test]
fn premultiplied_pictures_say_so_and_can_be_made_independent_of_alpha() {
    let (encoder, decoder) = coders();
    let grey = Picture::new(64, 64, Colour::Grey, vec![100; 64 * 64]).unwrap();
    let mut original = with_alpha(grey, vec![200; 64 * 64]);
    original.alpha.as_mut().unwrap().premultiplied = true;
    let file = encoder.encode(&original, &EncodeOptions { quality: 100.0, ..options(64, None) }).unwrap().bytes;
    let mut decoded = decoder.decode(&file).unwrap().picture;
    assert!(decoded.alpha.as_ref().unwrap().premultiplied);
    let stored = decoded.pixels.clone();
    decoded.unpremultiply();
    assert!(!decoded.alpha.as_ref().unwrap().premultiplied);
    let expected: Vec<u8> =
        stored.to_eight().iter().map(|&v| (f64::from(v) * 255.0 / 200.0).round().min(255.0) as u8).collect();
    assert_eq!(decoded.pixels, expected.into());
    let before = decoded.clone();
    decoded.unpremultiply();
    assert_eq!(decoded, before, "what is independent stays");
}

#[test]
fn every_flipped_bit_and_every_cut_of_a_file_with_alpha_is_found() {
    let (encoder, decoder) = coders();
    for alpha_quality in [None, Some(20.0)] {
        let file = encoder.encode(&fading(70, 20, Colour::Grey), &options(64, alpha_quality)).unwrap().bytes;
        assert!(decoder.decode(&file).is_ok());
        for bit in 0..8 * file.len() {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decoder.decode(&damaged).is_err(), "bit {bit} of {}", 8 * file.len());
        }
        for end in 0..file.len() {
            assert!(decoder.decode(&file[..end]).is_err(), "{end} of {}", file.len());
        }
    }
}

/// A section's tile index and tile for a picture of one tile, with the right checksum.
fn tile(payload: &[u8]) -> Vec<u8> {
    let length = [payload.len() as u8 & 0x7f | 0x80, (payload.len() >> 7) as u8];
    let length = if payload.len() < 128 { &[payload.len() as u8][..] } else { &length };
    let crc = crc32fast::hash(&[length, payload].concat()).to_be_bytes();
    [length, payload, &crc].concat()
}

#[test]
fn payloads_that_no_encoder_writes_are_refused_though_their_checksums_are_right() {
    let (encoder, decoder) = coders();
    let file = encoder.encode(&picture(40, 33, Colour::Grey), &options(64, None)).unwrap().bytes;
    let parsed = LicFile::parse(&file).unwrap();
    let decode = |body: &[u8]| {
        let section = Section::new(SectionKind::Alpha, body);
        decoder.decode(&write_file(parsed.header(), &[section], &[parsed.tile(0).unwrap()]).unwrap())
    };
    let lossless = |payload: &[u8]| decode(&[&[0, 0][..], &tile(payload)].concat());
    let alpha = lossless(&[77]).unwrap().picture.alpha.unwrap().samples;
    assert_eq!(alpha, vec![77; 40 * 33].into());
    let mut noise = Noise(3);
    for length in 2..200 {
        let payload: Vec<u8> = (0..length).map(|_| noise.symmetric(127) as u8).collect();
        let error = lossless(&payload).unwrap_err();
        assert!(matches!(&error, Error::Alpha(e) if matches!(**e, Error::InvalidAlphaTile { tile: 0, .. })), "{error}");
        let mut coded = payload;
        coded[0] = 2;
        let error = decode(&[&[1, 0, 9][..], &tile(&coded)].concat()).unwrap_err();
        assert!(matches!(&error, Error::Alpha(e) if matches!(**e, Error::InvalidTile { tile: 0, .. })), "{error}");
    }
}

#[test]
fn a_plane_of_another_size_than_the_picture_is_refused() {
    let (encoder, _) = coders();
    let wrong = with_alpha(picture(8, 8, Colour::Rgb), vec![0; 63]);
    let error = encoder.encode(&wrong, &options(64, None)).unwrap_err();
    assert!(matches!(error, Error::InvalidInput { found: 63, expected: 64, .. }), "{error}");
}
