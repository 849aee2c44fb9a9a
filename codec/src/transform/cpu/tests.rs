use lic_model::weights::WeightFile;
use lic_shaders::transform::reference::{self, Activations};

use super::*;
use crate::format::ColourModel;
use crate::format::header::test_header;
use crate::prior::random::Noise;
use crate::transform::windows::patches;

const TINY: &[u8] = include_bytes!("../../../../model/weights/tiny.safetensors");

fn header(width: u16, height: u16, colour: ColourModel) -> Header {
    Header { colour, quality: 130, ..test_header(width, height) }
}

/// A photo-like picture: a slope with noise.
fn picture(header: &Header) -> Picture {
    let channels = crate::picture::channels(header.colour);
    let (width, height) = (usize::from(header.width), usize::from(header.height));
    let mut noise = Noise(3);
    let pixels: Vec<u8> =
        (0..width * height * channels).map(|i| (i / 7 % 200) as u8 + (noise.symmetric(20) + 20) as u8).collect();
    Picture::new(header.width.into(), header.height.into(), header.colour, pixels).unwrap()
}

fn latents(rows: usize, columns: usize, channels: usize) -> Vec<Vec<f32>> {
    let mut noise = Noise(5);
    (0..rows).map(|_| (0..columns * channels).map(|_| noise.symmetric(1700) as f32 / 500.0).collect()).collect()
}

const SHAPES: [(u16, u16); 6] = [(1, 1), (16, 48), (67, 35), (250, 33), (31, 500), (900, 20)];

#[test]
fn all_instruction_sets_give_the_same_numbers() {
    let file = WeightFile::parse(TINY).unwrap();
    for colour in [ColourModel::Rgb, ColourModel::Grey] {
        let header = header(333, 100, colour);
        let picture = picture(&header);
        let mut results = Vec::new();
        for level in Level::all() {
            let transforms = CpuTransforms::with_level(&file, true, level).unwrap().unwrap();
            let rows = transforms.analysis(&picture, &header).unwrap().rows(7).unwrap();
            let hyper = transforms.hyper_analyse(&rows.concat(), 7, 21, 99).unwrap();
            let mut pixels = Vec::new();
            transforms.synthesis(&header).push(rows.clone(), &mut pixels).unwrap();
            assert_eq!(pixels.len(), picture.pixels.len());
            results.push((rows, hyper, pixels));
        }
        assert!(results.iter().all(|result| *result == results[0]));
    }
}

#[test]
fn synthesis_agrees_with_the_reference_within_one_step() {
    let file = WeightFile::parse(TINY).unwrap();
    let transforms = CpuTransforms::load(&file, false).unwrap().unwrap();
    let net = plain::synthesis(&file).unwrap().unwrap();
    for (width, height) in SHAPES {
        let header = header(width, height, ColourModel::Rgb);
        let area = Area::of_picture(&header);
        let (rows, columns) = (area.rows.len(), area.columns.len());
        let latents = latents(rows, columns, transforms.channels);
        let plane = Activations { rows, columns, values: latents.concat() };
        let patches = reference::synthesise(&net, &plane, header.quality);
        let size = [width, height].map(usize::from);
        let expected: Vec<u8> = patches::to_samples(&patches.values, &area, &area, size, header.colour, 255);
        let mut pixels = Vec::new();
        transforms.synthesis(&header).push(latents, &mut pixels).unwrap();
        assert_eq!(pixels.len(), expected.len());
        assert!(pixels.iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 1), "{width}x{height}");
        let same = pixels.iter().zip(&expected).filter(|(a, b)| a == b).count();
        assert!(same * 50 >= pixels.len() * 49, "{width}x{height}: {same} of {} equal", pixels.len());
    }
}

#[test]
fn analysis_agrees_with_the_reference() {
    let file = WeightFile::parse(TINY).unwrap();
    let transforms = CpuTransforms::load(&file, true).unwrap().unwrap();
    let net = plain::analysis(&file).unwrap().unwrap();
    let hyper = plain::hyper_analysis(&file).unwrap();
    for (width, height) in SHAPES {
        for colour in [ColourModel::Rgb, ColourModel::Grey] {
            let header = header(width, height, colour);
            let picture = picture(&header);
            let area = Area::of_picture(&header);
            let (rows, columns) = (area.rows.len(), area.columns.len());
            let values = patches::from_picture(&picture, &area);
            let expected = reference::analyse(&net, &Activations { rows: 2 * rows, columns: 2 * columns, values });
            let found = transforms.analysis(&picture, &header).unwrap().rows(rows).unwrap().concat();
            assert_close(&found, &expected.values);
            if rows % 4 == 0 && columns % 4 == 0 {
                let expected = reference::hyper_analyse(&hyper, &expected, 77);
                assert_close(&transforms.hyper_analyse(&found, rows, columns, 77).unwrap(), &expected.values);
            }
        }
    }
}

fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0, |most: f32, v| most.max(v.abs()));
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 2e-3 * largest, "{a}, not {b}; the largest is {largest}");
    }
}

#[test]
fn rows_may_come_one_by_one_or_all_at_once() {
    let file = WeightFile::parse(TINY).unwrap();
    let transforms = CpuTransforms::load(&file, true).unwrap().unwrap();
    let header = header(200, 300, ColourModel::Rgb);
    let picture = picture(&header);
    let whole = transforms.analysis(&picture, &header).unwrap().rows(100).unwrap();
    let mut analysis = transforms.analysis(&picture, &header).unwrap();
    let single: Vec<Vec<f32>> = (0..19).flat_map(|_| analysis.rows(1).unwrap()).collect();
    assert_eq!(single, whole);
    assert!(analysis.rows(1).unwrap().is_empty());

    let mut expected = Vec::new();
    transforms.synthesis(&header).push(whole.clone(), &mut expected).unwrap();
    let (mut synthesis, mut pixels) = (transforms.synthesis(&header), Vec::new());
    for row in whole {
        synthesis.push(vec![row], &mut pixels).unwrap();
    }
    assert!(pixels == expected);
}
