//! The GPU's transforms against the CPU's, whole and cut into windows.

use lic_shaders::gpu::AdapterPolicy;

use super::*;
use crate::format::BitDepth;
use crate::format::header::test_header;
use crate::prior::random::Noise;
use crate::samples::Samples;
use crate::transform::cpu::CpuTransforms;

const TINY: &[u8] = include_bytes!("../../../../model/weights/tiny.safetensors");

/// The transforms, or `None` where the environment says that this machine has no GPU.
fn transforms(file: &WeightFile<'_>) -> Option<GpuTransforms> {
    if std::env::var_os("LIC_TEST_NO_GPU").is_some() {
        return None;
    }
    let gpu = Gpu::new(AdapterPolicy::Any).expect("an adapter (install mesa-vulkan-drivers, or set LIC_TEST_NO_GPU)");
    GpuTransforms::load(file, Arc::new(gpu), true).unwrap()
}

fn header(colour: ColourModel) -> Header {
    Header { colour, quality: 130, ..test_header(500, 333) }
}

/// A photo-like picture: a slope with noise.
fn picture(header: &Header) -> Picture {
    let count = usize::from(header.width) * usize::from(header.height) * crate::picture::channels(header.colour);
    let mut noise = Noise(3);
    let pixels: Vec<u8> = (0..count).map(|i| (i / 7 % 200) as u8 + (noise.symmetric(20) + 20) as u8).collect();
    Picture::new(header.width.into(), header.height.into(), header.colour, pixels).unwrap()
}

fn analyse(transforms: &dyn Transforms, picture: &Picture, header: &Header) -> Vec<f32> {
    let mut analysis = transforms.analysis(picture, header).unwrap();
    // Tiles ask for their rows in parts.
    [5, 9, 100].into_iter().flat_map(|count| analysis.rows(count).unwrap()).flatten().collect()
}

fn rows(transforms: &dyn Transforms, latents: &[f32], header: &Header) -> Vec<Vec<f32>> {
    let columns = Area::of_picture(header).columns.len();
    latents.chunks(columns * transforms.channels()).map(<[f32]>::to_vec).collect()
}

fn synthesise(transforms: &dyn Transforms, latents: &[f32], header: &Header) -> Vec<u8> {
    let rows = rows(transforms, latents, header);
    let mut synthesis = transforms.synthesis(header);
    let mut pixels = Vec::new();
    for rows in rows.chunks(8) {
        synthesis.push(rows.to_vec(), &mut pixels).unwrap();
    }
    pixels
}

#[test]
fn the_gpu_makes_what_the_cpu_makes() {
    let file = WeightFile::parse(TINY).unwrap();
    let Some(gpu) = transforms(&file) else { return };
    let cpu = CpuTransforms::load(&file, true).unwrap().unwrap();
    for colour in [ColourModel::Rgb, ColourModel::Grey] {
        let header = header(colour);
        let picture = picture(&header);
        let expected = analyse(&cpu, &picture, &header);
        close(&analyse(&gpu, &picture, &header), &expected);
        let pixels = synthesise(&cpu, &expected, &header);
        assert_eq!(pixels.len(), picture.pixels.len());
        let found = synthesise(&gpu, &expected, &header);
        assert!(found.iter().zip(&pixels).all(|(a, b)| a.abs_diff(*b) <= 1));
        let (rows, columns) = (21, 32);
        let hyper = |transforms: &dyn Transforms| transforms.hyper_analyse(&expected, rows, columns, 130).unwrap();
        close(&hyper(&gpu), &hyper(&cpu));
    }
}

#[test]
fn deep_pictures_are_as_exact_as_on_the_cpu() {
    let file = WeightFile::parse(TINY).unwrap();
    let Some(gpu) = transforms(&file) else { return };
    let cpu = CpuTransforms::load(&file, true).unwrap().unwrap();
    for colour in [ColourModel::Rgb, ColourModel::Grey] {
        let header = Header { depth: BitDepth::Twelve, ..header(colour) };
        let samples = picture(&header).pixels.to_eight().iter().map(|&s| 16 * u16::from(s) + 5).collect();
        let samples = Samples::Deep(BitDepth::Twelve, samples);
        let picture = Picture::new(header.width.into(), header.height.into(), colour, samples).unwrap();
        let expected = analyse(&cpu, &picture, &header);
        close(&analyse(&gpu, &picture, &header), &expected);
        let pixels = |transforms: &dyn Transforms| {
            let mut pixels = Vec::new();
            let rows = rows(transforms, &expected, &header);
            transforms.synthesis(&header).push_deep(rows, BitDepth::Twelve, &mut pixels).unwrap();
            pixels
        };
        let (found, expected) = (pixels(&gpu), pixels(&cpu));
        assert_eq!(found.len(), picture.pixels.len());
        let worst = found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
        // A step of 8 bits is 16 of these.
        assert!(worst <= Some(4), "the largest difference is {worst:?}");
        assert!(found.iter().any(|sample| sample % 16 != found[0] % 16), "the low bits say nothing");
    }
}

fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    // The CPU's products have 16-bit factors.
    assert!(worst < 0.02, "the largest difference is {worst}");
}

#[test]
fn windows_leave_no_seams() {
    let file = WeightFile::parse(TINY).unwrap();
    let Some(mut gpu) = transforms(&file) else { return };
    let header = header(ColourModel::Rgb);
    let picture = picture(&header);
    let latents = analyse(&gpu, &picture, &header);
    let pixels = synthesise(&gpu, &latents, &header);
    for most in [40, 150, 400] {
        gpu.most_latents = most;
        assert!(gpu.cut(Area::of_picture(&header)).height < 21, "the picture is not cut");
        assert_eq!(analyse(&gpu, &picture, &header), latents, "windows of {most}");
        assert_eq!(synthesise(&gpu, &latents, &header), pixels, "windows of {most}");
    }
}

#[test]
fn cuts_cover_the_picture_once_and_fit() {
    for (rows, columns, halo, most) in [(1, 1, 4, 1000), (21, 32, 2, 150), (300, 4096, 8, 1 << 16), (9, 4096, 8, 9000)]
    {
        let picture = Area { rows: 0..rows, columns: 0..columns };
        let cut = Cut::new(picture.clone(), halo, most);
        let (mut next, mut covered) = (0, 0);
        while let Some(band) = cut.band(next) {
            for (area, window) in cut.windows(&band) {
                covered += area.positions();
                assert!(window.positions() <= most, "{window:?} is too large");
            }
            next = band.end;
        }
        assert_eq!(covered, picture.positions());
    }
}
