//! Golden files: small `.lic` files, made once with frozen weights, decode for ever. `tiny` has nothing that `lic quantize --fit` brings; `tiny-fitted`
//! has what there was before the filter for all pixels: tables that adapt, hyper-latents' tables by their neighbours, the filter between patches. It was made of `tiny` by
//! `lic quantize model/weights/tiny.safetensors --fit datasets/samples -o model/weights/tiny-fitted.safetensors`, and `tiny-enhanced`, which has all of it, of that one with
//! `--keep-parse-id`; the pixels of its files, which are no part of the format, are pinned as they are since filters see 16 bits.
//!
//! If one of these tests fails, either the change is wrong or the format's version must rise. The pictures are made by formula
//! (`support::picture`); `make_golden` below is how the files were made, and is only to be run again for a new version.

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use lic_codec::format::{LicFile, SectionKind};
use lic_codec::prior::{FastEngine, PriorEngine, PriorWeights, ScalarEngine};
use lic_codec::symbols::{TileSymbols, decode_symbols};
use lic_codec::{Colour, Decoder, DeviceChoice, Effort, EncodeOptions, Encoder, Model, Picture, Samples};
use sha2::{Digest, Sha256};
use support::picture;

/// A golden file and what it must decode to.
struct Golden {
    name: &'static str,
    /// Name of the weight file.
    weights: &'static str,
    effort: Effort,
    size: (u32, u32),
    colour: Colour,
    quality: f32,
    tile: u32,
    /// SHA-256 of the symbol planes: per tile hyper-latents, symbols (i16) and latents (i32), little-endian.
    symbols: &'static str,
    /// SHA-256 of the samples on the CPU.
    pixels: &'static str,
    /// PSNR against the original picture in hundredths of a dB, rounded.
    psnr: u32,
}

const GOLDEN: [Golden; 7] = [
    Golden {
        name: "rgb.lic",
        weights: "tiny",
        effort: Effort::Nearest,
        size: (100, 70),
        colour: Colour::Rgb,
        quality: 50.0,
        tile: 1024,
        symbols: "f3e057b0463d44315b6a3d28e5961234b8b52185652f847d39348d8583dcf5c3",
        pixels: "f5865d435bee0737486cb8103b1f63c864cd30eb444d1d6ccd8356f6eff7af2e",
        psnr: 3646,
    },
    Golden {
        name: "grey.lic",
        weights: "tiny",
        effort: Effort::Nearest,
        size: (61, 83),
        colour: Colour::Grey,
        quality: 85.5,
        tile: 1024,
        symbols: "6246cac8498f3776da54d845330f083c32d1487f251871b642585cc6a39562fe",
        pixels: "c1de2a7bc95570620ce9cdc987085dfbd3d47173ca9ba99d5add62f7431a301c",
        psnr: 3819,
    },
    Golden {
        name: "tiled.lic",
        weights: "tiny",
        effort: Effort::Nearest,
        size: (150, 139),
        colour: Colour::Rgb,
        quality: 20.0,
        tile: 64,
        symbols: "e4177135e6b9b00c7be2453c97a87a917380a3cd228aa345f6f2cbbea577b2e6",
        pixels: "c27efe853d7748685fe2bc5c1e6e53dc4b321ee99510e731dea392445901c495",
        psnr: 3511,
    },
    Golden {
        name: "fitted.lic",
        weights: "tiny-fitted",
        effort: Effort::Optimised,
        size: (300, 240),
        colour: Colour::Rgb,
        quality: 80.0,
        tile: 128,
        symbols: "5be5925f50f3d66ff1869c89a7f9de15e0a7736805e6262da21a9062494efc5d",
        pixels: "e1e4fe60591b80b2e18ef4154c4fb9f15b70159287c6b291e9c0aab2821741c4",
        psnr: 3863,
    },
    Golden {
        name: "fitted-grey.lic",
        weights: "tiny-fitted",
        effort: Effort::Nearest,
        size: (61, 83),
        colour: Colour::Grey,
        quality: 71.0,
        tile: 1024,
        symbols: "9f955ac8f4aca3863f4a0747fb0d3d33b4a6b1edb35283cf592bd376825063d5",
        pixels: "c75637903abc8acd2cdfdb90ae2083f46dbdf9dff89675422283e3a1665e4aac",
        psnr: 3827,
    },
    Golden {
        name: "enhanced.lic",
        weights: "tiny-enhanced",
        effort: Effort::Optimised,
        size: (300, 240),
        colour: Colour::Rgb,
        quality: 80.0,
        tile: 128,
        symbols: "5be5925f50f3d66ff1869c89a7f9de15e0a7736805e6262da21a9062494efc5d",
        pixels: "8f7af1bb96cb6b7b8b16c5e62728b1454a2c61e63e621c750982264f2d5126f4",
        psnr: 3928,
    },
    Golden {
        name: "enhanced-grey.lic",
        weights: "tiny-enhanced",
        effort: Effort::Nearest,
        size: (61, 83),
        colour: Colour::Grey,
        quality: 71.0,
        tile: 1024,
        symbols: "9f955ac8f4aca3863f4a0747fb0d3d33b4a6b1edb35283cf592bd376825063d5",
        pixels: "7c8bab5e29c04fa9f0db42a0a4ce8b55fa6221b4522a44404941592bd60bca23",
        psnr: 3921,
    },
];

fn weights(name: &str) -> Model {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../model/weights");
    Model::open(&folder.join(format!("{name}.safetensors"))).unwrap()
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
    digits(hash)
}

fn hash_samples(picture: &Picture) -> String {
    let Samples::Eight(samples) = &picture.pixels else { panic!("golden files have 8 bits") };
    digits(Sha256::new_with_prefix(samples))
}

fn digits(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_symbols<E: PriorEngine>(engine: impl Fn(Arc<PriorWeights>) -> E) {
    for golden in &GOLDEN {
        let model = weights(golden.weights);
        let bytes = std::fs::read(path(golden)).unwrap();
        let tiles = decode_symbols(&model, &mut engine(model.prior().clone()), &bytes).unwrap();
        assert!(tiles.iter().any(|tile| tile.symbols.iter().any(|&s| s != 0)));
        assert_eq!(hash(&tiles), golden.symbols, "{}", golden.name);
    }
}

/// Decodes all on a device; `exactly` compares samples, which other devices may have a step apart.
fn check_pixels(device: DeviceChoice, exactly: bool) {
    for golden in &GOLDEN {
        let decoder = Decoder::new(&weights(golden.weights), device).unwrap();
        let decoded = decoder.decode(&std::fs::read(path(golden)).unwrap()).unwrap();
        assert!(decoded.warnings.is_empty(), "{:?}", decoded.warnings);
        let psnr = decoded.picture.psnr(&original(golden));
        // A step of 8 bits may put a pixel into another class of surroundings, and the smallest picture has 5,063.
        let within = if exactly { 0.02 } else { 0.05 };
        assert!((psnr - f64::from(golden.psnr) / 100.0).abs() < within, "{}: {psnr} dB", golden.name);
        if exactly {
            assert_eq!(hash_samples(&decoded.picture), golden.pixels, "{}", golden.name);
        }
    }
}

#[test]
fn the_frozen_weights_are_what_they_were() {
    for (name, ids) in
        [("tiny", "fe04819d 505c7deb"), ("tiny-fitted", "2b8e6dec 0fee2394"), ("tiny-enhanced", "2b8e6dec 829fc7ca")]
    {
        let model = weights(name);
        assert_eq!(format!("{:08x} {:08x}", model.parse_id(), model.synthesis_id()), ids, "{name}");
    }
}

#[test]
fn golden_files_have_their_symbols_with_the_scalar_engine() {
    check_symbols(ScalarEngine::new);
}

#[test]
fn golden_files_have_their_symbols_with_the_fast_engine() {
    check_symbols(FastEngine::new);
}

#[test]
fn golden_files_have_their_pixels_on_the_cpu() {
    check_pixels(DeviceChoice::Cpu, true);
}

#[test]
fn only_the_fitted_weights_have_what_is_fitted_and_their_files_have_a_filter() {
    for name in ["prior.adapt.score", "prior.z.context.cdf", "deblock.weight", "preview.head.weight", "enhance.weight"]
    {
        let has =
            |weights: &str| self::weights(weights).bytes().windows(name.len()).any(|part| part == name.as_bytes());
        assert!(has("tiny-enhanced") && !has("tiny"), "{name}");
        assert_eq!(has("tiny-fitted"), name != "enhance.weight", "{name}");
    }
    for name in ["fitted.lic", "enhanced.lic"] {
        let golden = GOLDEN.iter().find(|golden| golden.name == name).unwrap();
        let bytes = std::fs::read(path(golden)).unwrap();
        assert!(LicFile::parse(&bytes).unwrap().section(SectionKind::Filter).is_some(), "{name}");
    }
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
        check_symbols(|prior| GpuEngine::new(prior, AdapterPolicy::Any).unwrap());
        check_pixels(DeviceChoice::Gpu, false);
    }
}

/// Writes the files and prints what belongs in [`GOLDEN`].
#[test]
#[ignore = "makes the golden files anew: only for a new version of the format"]
fn make_golden() {
    for golden in &GOLDEN {
        let model = weights(golden.weights);
        let encoder = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
        let decoder = Decoder::new(&model, DeviceChoice::Cpu).unwrap();
        let options = EncodeOptions {
            quality: golden.quality,
            tile: golden.tile,
            effort: golden.effort,
            ..EncodeOptions::default()
        };
        let file = encoder.encode(&original(golden), &options).unwrap().bytes;
        std::fs::write(path(golden), &file).unwrap();
        let tiles = decode_symbols(&model, &mut ScalarEngine::new(model.prior().clone()), &file).unwrap();
        let decoded = decoder.decode(&file).unwrap().picture;
        let psnr = 100.0 * decoded.psnr(&original(golden));
        println!("{}: {} bytes, symbols {}", golden.name, file.len(), hash(&tiles));
        println!("pixels {}, psnr {psnr:.0}", hash_samples(&decoded));
    }
}
