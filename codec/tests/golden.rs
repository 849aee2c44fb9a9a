//! Golden files: three small `.lic` files, made once with the frozen `tiny` weights, decode for ever.
//!
//! If one of these tests fails, either the change is wrong or the format's version must rise. The pictures are made by formula
//! (`support::picture`); `make_golden` below is how the files were made, and is only to be run again for a new version.

mod support;

use std::path::PathBuf;

use lic_codec::prior::{FastEngine, PriorEngine, ScalarEngine};
use lic_codec::symbols::{TileSymbols, decode_symbols};
use lic_codec::{Colour, Decoder, DeviceChoice, Effort, EncodeOptions, Encoder, Model, Picture};
use sha2::{Digest, Sha256};
use support::picture;

/// A golden file and what it must decode to.
struct Golden {
    name: &'static str,
    size: (u32, u32),
    colour: Colour,
    quality: f32,
    tile: u32,
    /// SHA-256 of the symbol planes: per tile hyper-latents, symbols (i16) and latents (i32), little-endian.
    symbols: &'static str,
    /// PSNR against the original picture in hundredths of a dB, rounded.
    psnr: u32,
}

const GOLDEN: [Golden; 3] = [
    Golden {
        name: "rgb.lic",
        size: (100, 70),
        colour: Colour::Rgb,
        quality: 50.0,
        tile: 1024,
        symbols: "f3e057b0463d44315b6a3d28e5961234b8b52185652f847d39348d8583dcf5c3",
        psnr: 3646,
    },
    Golden {
        name: "grey.lic",
        size: (61, 83),
        colour: Colour::Grey,
        quality: 85.5,
        tile: 1024,
        symbols: "6246cac8498f3776da54d845330f083c32d1487f251871b642585cc6a39562fe",
        psnr: 3819,
    },
    Golden {
        name: "tiled.lic",
        size: (150, 139),
        colour: Colour::Rgb,
        quality: 20.0,
        tile: 64,
        symbols: "e4177135e6b9b00c7be2453c97a87a917380a3cd228aa345f6f2cbbea577b2e6",
        psnr: 3511,
    },
];

fn tiny() -> Model {
    Model::open(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../model/weights/tiny.safetensors")).unwrap()
}

fn path(golden: &Golden) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(golden.name)
}

fn original(golden: &Golden) -> Picture {
    picture(golden.size.0, golden.size.1, golden.colour)
}

fn hash(tiles: &[TileSymbols]) -> String {
    let mut hash = Sha256::new();
    for tile in tiles {
        for value in tile.hyper.iter().chain(&tile.symbols) {
            hash.update(value.to_le_bytes());
        }
        for value in &tile.y64 {
            hash.update(value.to_le_bytes());
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_symbols(engine: &mut dyn PriorEngine) {
    let model = tiny();
    for golden in &GOLDEN {
        let bytes = std::fs::read(path(golden)).unwrap();
        let tiles = decode_symbols(&model, engine, &bytes).unwrap();
        assert!(tiles.iter().any(|tile| tile.symbols.iter().any(|&s| s != 0)));
        assert_eq!(hash(&tiles), golden.symbols, "{}", golden.name);
    }
}

fn check_pixels(device: DeviceChoice) {
    let decoder = Decoder::new(&tiny(), device).unwrap();
    for golden in &GOLDEN {
        let decoded = decoder.decode(&std::fs::read(path(golden)).unwrap()).unwrap();
        assert!(decoded.warnings.is_empty(), "{:?}", decoded.warnings);
        let psnr = decoded.picture.psnr(&original(golden));
        assert!((psnr - f64::from(golden.psnr) / 100.0).abs() < 0.02, "{}: {psnr} dB", golden.name);
    }
}

#[test]
fn the_frozen_weights_are_what_they_were() {
    let model = tiny();
    assert_eq!(format!("{:08x} {:08x}", model.parse_id(), model.synthesis_id()), "fe04819d 505c7deb");
}

#[test]
fn golden_files_have_their_symbols_with_the_scalar_engine() {
    check_symbols(&mut ScalarEngine::new(tiny().prior().clone()));
}

#[test]
fn golden_files_have_their_symbols_with_the_fast_engine() {
    check_symbols(&mut FastEngine::new(tiny().prior().clone()));
}

#[test]
fn golden_files_have_their_pixels_on_the_cpu() {
    check_pixels(DeviceChoice::Cpu);
}

#[cfg(feature = "gpu")]
mod gpu {
    use lic_codec::prior::{AdapterPolicy, GpuEngine};

    use super::*;

    #[test]
    fn golden_files_have_their_symbols_and_pixels_on_the_gpu() {
        if std::env::var_os("LIC_TEST_NO_GPU").is_some() {
            return;
        }
        check_symbols(&mut GpuEngine::new(tiny().prior().clone(), AdapterPolicy::Any).unwrap());
        check_pixels(DeviceChoice::Gpu);
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
        let options = EncodeOptions {
            quality: golden.quality,
            tile: golden.tile,
            effort: Effort::Nearest,
            ..EncodeOptions::default()
        };
        let file = encoder.encode(&original(golden), &options).unwrap().bytes;
        std::fs::write(path(golden), &file).unwrap();
        let tiles = decode_symbols(&model, &mut ScalarEngine::new(model.prior().clone()), &file).unwrap();
        let psnr = decoder.decode(&file).unwrap().picture.psnr(&original(golden));
        println!("{}: {} bytes, symbols {}, psnr {:.0}", golden.name, file.len(), hash(&tiles), psnr * 100.0);
    }
}
