//! Golden files with everything beside 8-bit colours: depth, alpha in both codings, every kind of metadata. They decode for ever.
//!
//! Differs from `golden.rs`, which pins the symbols of plain files for every engine, in pinning the samples, which are the same on every CPU.
//! `make_golden` is how the files were made, and is only to be run again for a new version of the format.

mod support;

use std::path::PathBuf;

use lic_codec::format::{BitDepth, Cicp, LicFile};
use lic_codec::{
    Alpha, Colour, Decoder, DeviceChoice, Effort, EncodeOptions, Encoder, Metadata, Model, Picture, Samples,
};
use sha2::{Digest, Sha256};
use support::picture;

/// A golden file and the SHA-256 of its colour samples and of its alpha samples (u16, little-endian).
struct Golden {
    name: &'static str,
    alpha_quality: Option<f32>,
    original: fn() -> Picture,
    hashes: [&'static str; 2],
}

const GOLDEN: [Golden; 2] = [
    Golden {
        name: "everything.lic",
        alpha_quality: None,
        original: everything,
        hashes: [
            "064b314097707bef5d45f5e9f20a5dedd7e4f9f84e07195dee069522c3d03fe2",
            "1b657d94b1f8725fae97bf028224fcd5c00e4c9e306ddc01ed07e6686d2d6da7",
        ],
    },
    Golden {
        name: "lossy-alpha.lic",
        alpha_quality: Some(70.0),
        original: premultiplied,
        hashes: [
            "f4d059c5a4e5044c40ca61073d8de207cf56d878bdf855726d3e2ae677ee4eda",
            "1dea914e6a63750bf7850287c9978050f13d9b42aae5ef7176325a4aecb139b1",
        ],
    },
];

/// RGB of 10 bits with alpha and all metadata.
fn everything() -> Picture {
    let plain = picture(90, 75, Colour::Rgb);
    let colours = plain.pixels.to_eight().iter().enumerate().map(|(i, &s)| u16::from(s) * 4 + (i % 4) as u16).collect();
    let alpha = (0..90 * 75u32).map(|i| (i % 90 * 11 + i / 90) as u16 % 1024).collect();
    let metadata = Metadata {
        icc: Some(b"not a profile, but kept".to_vec()),
        cicp: Some(Cicp { primaries: 12, transfer: 13, matrix: 0, full_range: 1 }),
        exif: Some(b"II*\0\x08\0\0\0\0\0".to_vec()),
        xmp: Some("<x:xmpmeta xmlns:x='adobe:ns:meta/'>ä</x:xmpmeta>".into()),
        orientation: 6,
    };
    let alpha = Alpha { samples: Samples::Deep(BitDepth::Ten, alpha), premultiplied: false };
    Picture { pixels: Samples::Deep(BitDepth::Ten, colours), alpha: Some(alpha), metadata, ..plain }
}

/// Grey of 8 bits in four tiles, multiplied by alpha.
fn premultiplied() -> Picture {
    let plain = picture(100, 80, Colour::Grey);
    let alpha: Vec<u8> = (0..100 * 80u32).map(|i| (i % 100 * 5 / 2) as u8).collect();
    let product = |(&s, &a): (&u8, &u8)| ((u32::from(s) * u32::from(a) + 127) / 255) as u8;
    let colours: Vec<u8> = plain.pixels.to_eight().iter().zip(&alpha).map(product).collect();
    let alpha = Alpha { samples: alpha.into(), premultiplied: true };
    Picture { pixels: colours.into(), alpha: Some(alpha), ..plain }
}

fn tiny() -> Model {
    Model::open(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../model/weights/tiny.safetensors")).unwrap()
}

fn path(golden: &Golden) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(golden.name)
}

fn hash(samples: &Samples) -> String {
    let mut hash = Sha256::new();
    match samples {
        Samples::Eight(samples) => samples.iter().for_each(|&s| hash.update(u16::from(s).to_le_bytes())),
        Samples::Deep(_, samples) => samples.iter().for_each(|s| hash.update(s.to_le_bytes())),
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hashes(picture: &Picture) -> [String; 2] {
    [hash(&picture.pixels), hash(&picture.alpha.as_ref().unwrap().samples)]
}

#[test]
fn golden_files_with_sections_have_their_samples_and_metadata() {
    let decoder = Decoder::new(&tiny(), DeviceChoice::Cpu).unwrap();
    for golden in &GOLDEN {
        let file = std::fs::read(path(golden)).unwrap();
        let decoded = decoder.decode(&file).unwrap();
        assert!(decoded.warnings.is_empty(), "{:?}", decoded.warnings);
        let (found, original) = (decoded.picture, (golden.original)());
        assert_eq!(hashes(&found), golden.hashes, "{}", golden.name);
        assert_eq!(found.metadata, original.metadata);
        let (alpha, wanted) = (found.alpha.unwrap(), original.alpha.unwrap());
        assert_eq!(alpha.premultiplied, wanted.premultiplied);
        assert_eq!(alpha == wanted, golden.alpha_quality.is_none(), "only lossless alpha is exact");
        assert_eq!(LicFile::parse(&file).unwrap().orientation(), original.metadata.orientation);
    }
}

/// Writes the files and prints what belongs in [`GOLDEN`].
#[test]
#[ignore = "makes the golden files anew: only for a new version of the format"]
fn make_golden() {
    let model = tiny();
    let encoder = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
    let decoder = Decoder::new(&model, DeviceChoice::Cpu).unwrap();
    for golden in &GOLDEN {
        let alpha_quality = golden.alpha_quality;
        let options = EncodeOptions {
            tile: 64,
            quality: 60.0,
            effort: Effort::Nearest,
            alpha_quality,
            ..EncodeOptions::default()
        };
        let file = encoder.encode(&(golden.original)(), &options).unwrap().bytes;
        std::fs::write(path(golden), &file).unwrap();
        println!("{}: {} bytes, {:?}", golden.name, file.len(), hashes(&decoder.decode(&file).unwrap().picture));
    }
}
