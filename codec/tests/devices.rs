//! All engines read the same symbols; CPU and GPU make pixels that differ by a step or two.

mod support;

use std::path::PathBuf;

use lic_codec::prior::{FastEngine, PriorEngine, ScalarEngine};
use lic_codec::symbols::decode_symbols;
use lic_codec::{Colour, DeviceChoice, EncodeOptions, Encoder, Model};
use support::{block_model, picture, random_model};

/// Models made up for tests, the student that ships, and its teacher; with each its smallest tiles, and by how much pixels may differ. The filter behind
/// the last two's synthesis may make two steps of one.
fn models() -> [(Model, u32, u8); 4] {
    let teacher = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../model/weights/teacher.safetensors");
    let teacher = Model::open(&teacher).unwrap();
    [(random_model(7), 64, 1), (block_model(), 64, 1), (Model::embedded().unwrap(), 64, 2), (teacher, 128, 2)]
}

#[test]
fn the_scalar_engine_reads_what_the_fast_one_wrote() {
    for (model, least, _) in models() {
        let encoder = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
        for (quality, tile) in [(0.0, least), (47.0, 1024), (100.0, 128)] {
            let options = EncodeOptions { quality, tile, ..EncodeOptions::default() };
            let file = encoder.encode(&picture(150, 90, Colour::Rgb), &options).unwrap().bytes;
            let read = |engine: &mut dyn PriorEngine| decode_symbols(&model, engine, &file).unwrap();
            let scalar = read(&mut ScalarEngine::new(model.prior().clone()));
            assert_eq!(scalar, read(&mut FastEngine::new(model.prior().clone())));
            assert!(scalar.iter().any(|tile| tile.symbols.iter().any(|&s| s != 0)));
        }
    }
}

#[cfg(feature = "gpu")]
mod gpu {
    use lic_codec::Decoder;
    use lic_codec::prior::{AdapterPolicy, GpuEngine};

    use super::*;

    /// Whether the GPU is left out on purpose. A machine without any adapter, not even a software one, fails the tests:
    /// install mesa-vulkan-drivers there, or set `LIC_TEST_NO_GPU`.
    fn without_gpu() -> bool {
        std::env::var_os("LIC_TEST_NO_GPU").is_some()
    }

    #[test]
    fn the_self_test_finds_nothing_wrong_with_this_machines_adapter() {
        if without_gpu() {
            return;
        }
        let fault = lic_codec::device::self_test(&random_model(8), AdapterPolicy::Any).unwrap();
        assert_eq!(fault, None);
    }

    #[test]
    fn a_software_rasteriser_is_never_chosen_by_itself() {
        // On a machine with a GPU `auto` uses it; the file is the same in any case where analysis rounds alike.
        let model = block_model();
        let encoder = Encoder::new(&model, DeviceChoice::Auto).unwrap();
        let hardware = GpuEngine::new(model.prior().clone(), AdapterPolicy::Hardware).is_ok();
        if !hardware {
            assert_eq!(encoder.warning(), None);
            let cpu = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
            let original = picture(50, 50, Colour::Rgb);
            let file = |encoder: &Encoder| encoder.encode(&original, &EncodeOptions::default()).unwrap().bytes;
            assert_eq!(file(&encoder), file(&cpu));
        }
    }

    #[test]
    fn symbols_are_the_same_and_pixels_close_on_cpu_and_gpu() {
        if without_gpu() {
            return;
        }
        for (model, least, allowed) in models() {
            let on = |choice| (Encoder::new(&model, choice).unwrap(), Decoder::new(&model, choice).unwrap());
            let (cpu, gpu) = (on(DeviceChoice::Cpu), on(DeviceChoice::Gpu));
            for (quality, tile, colour) in [(30.0, least, Colour::Rgb), (80.0, 1024, Colour::Grey)] {
                let options = EncodeOptions { quality, tile, ..EncodeOptions::default() };
                let original = picture(100, 70, colour);
                for encoder in [&cpu.0, &gpu.0] {
                    let file = encoder.encode(&original, &options).unwrap().bytes;
                    let mut engine = GpuEngine::new(model.prior().clone(), AdapterPolicy::Any).unwrap();
                    let symbols = decode_symbols(&model, &mut engine, &file).unwrap();
                    let mut engine = ScalarEngine::new(model.prior().clone());
                    assert_eq!(symbols, decode_symbols(&model, &mut engine, &file).unwrap());
                    let a = cpu.1.decode(&file).unwrap().picture;
                    let b = gpu.1.decode(&file).unwrap().picture;
                    let most = a
                        .pixels
                        .to_eight()
                        .iter()
                        .zip(&*b.pixels.to_eight())
                        .map(|(a, b)| a.abs_diff(*b))
                        .max()
                        .unwrap();
                    assert!(most <= allowed, "{most}, parse id {:08x}", model.parse_id());
                    assert_eq!((a.width, a.height, a.colour), (b.width, b.height, b.colour));
                }
            }
        }
    }
}

#[cfg(not(feature = "gpu"))]
#[test]
fn a_gpu_asked_for_without_support_is_an_error() {
    let refused = Encoder::new(&block_model(), DeviceChoice::Gpu);
    assert!(matches!(refused, Err(lic_codec::Error::Device(_))));
}
