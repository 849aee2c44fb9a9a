//! What must hold on all 24 Kodak images with the shipped weights. Minutes of work and images that are not ours to ship, so these run on request:
//!
//! ```text
//! LIC_KODAK=path/to/kodak cargo test --release --workspace --test kodak -- --ignored --nocapture
//! ```

use std::path::PathBuf;

use lic_codec::prior::{FastEngine, ScalarEngine};
use lic_codec::symbols::decode_symbols;
use lic_codec::{Colour, Decoder, DeviceChoice, EncodeOptions, Encoder, Model, Picture, QualityIndex, quality_index};

fn images() -> Vec<(String, Picture)> {
    let folder = PathBuf::from(std::env::var_os("LIC_KODAK").expect("LIC_KODAK names the folder of the Kodak images"));
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "png"));
    files.sort();
    assert_eq!(files.len(), 24, "Kodak has 24 images");
    files.into_iter().map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), load(&path))).collect()
}

fn load(path: &std::path::Path) -> Picture {
    let image = image::open(path).unwrap().into_rgb8();
    Picture::new(image.width(), image.height(), Colour::Rgb, image.into_raw()).unwrap()
}

fn cpu() -> (Model, Encoder, Decoder) {
    let model = Model::embedded().unwrap();
    let encoder = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
    let decoder = Decoder::new(&model, DeviceChoice::Cpu).unwrap();
    (model, encoder, decoder)
}

#[test]
#[ignore = "needs the Kodak images: set LIC_KODAK"]
fn bytes_and_psnr_rise_strictly_with_quality_on_every_image() {
    let (_, encoder, decoder) = cpu();
    let (mut first, mut last) = (0.0, 0.0);
    for (name, picture) in images() {
        let analysed = encoder.analyse(&picture, &EncodeOptions::default()).unwrap();
        let mut before = (0usize, 0.0f64);
        for step in 0..=20u8 {
            let file = analysed.encode(quality_index(f32::from(step) * 5.0).unwrap()).unwrap().bytes;
            let psnr = decoder.decode(&file).unwrap().picture.psnr(&picture);
            assert!(
                file.len() > before.0 && psnr > before.1,
                "{name} at {}: {} bytes {psnr} dB after {before:?}",
                step * 5,
                file.len()
            );
            before = (file.len(), psnr);
            let bpp = 8.0 * file.len() as f64 / f64::from(picture.width * picture.height) / 24.0;
            first += if step == 0 { bpp } else { 0.0 };
            last += if step == 20 { bpp } else { 0.0 };
        }
    }
    println!("mean bpp from {first:.4} to {last:.4}");
    assert!(first < 0.15 && last > 1.2, "the qualities do not span 0.15 to 1.2 bpp");
}

#[test]
#[ignore = "needs the Kodak images: set LIC_KODAK"]
fn tiles_of_256_cost_little_on_kodak() {
    let (_, encoder, decoder) = cpu();
    for quality in [20.0, 50.0, 80.0] {
        let mut sums = [(0usize, 0.0f64); 2];
        for (_, picture) in images() {
            for (sum, tile) in sums.iter_mut().zip([1024, 256]) {
                let options = EncodeOptions { quality, tile, ..EncodeOptions::default() };
                let file = encoder.encode(&picture, &options).unwrap().bytes;
                sum.0 += file.len();
                sum.1 += decoder.decode(&file).unwrap().picture.psnr(&picture) / 24.0;
            }
        }
        let [whole, tiled] = sums;
        let bytes = 100.0 * (tiled.0 as f64 / whole.0 as f64 - 1.0);
        println!("quality {quality}: {bytes:+.2} % bytes, {:+.3} dB", tiled.1 - whole.1);
        assert!(bytes <= 3.0 && (tiled.1 - whole.1).abs() <= 0.05);
    }
}

#[test]
#[ignore = "needs the Kodak images: set LIC_KODAK"]
fn all_engines_read_the_same_symbols_on_every_image() {
    let (model, encoder, _) = cpu();
    #[cfg(feature = "gpu")]
    let mut gpu =
        lic_codec::prior::GpuEngine::new(model.prior().clone(), lic_codec::prior::AdapterPolicy::Any).unwrap();
    for (name, picture) in images() {
        let analysed = encoder.analyse(&picture, &EncodeOptions::default()).unwrap();
        for t in [0u8, 126, 252] {
            let file = analysed.encode(QualityIndex::new(t).unwrap()).unwrap().bytes;
            let fast = decode_symbols(&model, &mut FastEngine::new(model.prior().clone()), &file).unwrap();
            let scalar = decode_symbols(&model, &mut ScalarEngine::new(model.prior().clone()), &file).unwrap();
            assert!(scalar == fast, "{name} at t = {t}: scalar and fast differ");
            #[cfg(feature = "gpu")]
            assert!(decode_symbols(&model, &mut gpu, &file).unwrap() == fast, "{name} at t = {t}: GPU differs");
        }
    }
}

#[test]
#[cfg(feature = "gpu")]
#[ignore = "needs the Kodak images: set LIC_KODAK"]
fn pixels_on_cpu_and_gpu_differ_by_at_most_one() {
    let (model, encoder, decoder) = cpu();
    let gpu = Decoder::new(&model, DeviceChoice::Gpu).unwrap();
    for (name, picture) in images().into_iter().take(4) {
        for quality in [10.0, 50.0, 90.0] {
            let file = encoder.encode(&picture, &EncodeOptions { quality, ..EncodeOptions::default() }).unwrap().bytes;
            let (a, b) = (decoder.decode(&file).unwrap().picture, gpu.decode(&file).unwrap().picture);
            let most =
                a.pixels.to_eight().iter().zip(&*b.pixels.to_eight()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(most <= 1, "{name} at {quality}: {most}");
        }
    }
}

#[test]
#[ignore = "needs the Kodak images: set LIC_KODAK"]
fn the_cpus_kernels_make_the_references_pixels_to_one_step() {
    let (model, encoder, decoder) = cpu();
    let reference = Decoder::new(&model, DeviceChoice::Reference).unwrap();
    let (mut samples, mut different) = (0, 0);
    let mut worst = 0.0f64;
    for (name, picture) in images() {
        let analysed = encoder.analyse(&picture, &EncodeOptions::default()).unwrap();
        for quality in [0.0, 50.0, 100.0] {
            let file = analysed.encode(quality_index(quality).unwrap()).unwrap().bytes;
            let (a, b) = (decoder.decode(&file).unwrap().picture, reference.decode(&file).unwrap().picture);
            let [left, right] = [&a, &b].map(|picture| picture.pixels.to_eight());
            let pairs = || left.iter().zip(&*right);
            assert!(pairs().all(|(a, b)| a.abs_diff(*b) <= 1), "{name} at {quality}");
            samples += a.pixels.len();
            different += pairs().filter(|(a, b)| a != b).count();
            worst = worst.max(b.psnr(&picture) - a.psnr(&picture));
        }
    }
    let share = 100.0 * different as f64 / samples as f64;
    println!("{share:.3} % of the samples differ, by one; at most {worst:.5} dB are lost");
    assert!(share < 2.0 && worst < 0.005);
}
