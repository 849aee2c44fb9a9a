//! Every kernel against `reference.rs`, over two tiles of different size so that edges and offsets matter.

use super::*;
use crate::gain::{feedback, latent64, mean64, scale_index};
use crate::layer::{Head, Linear, Partial3x3, Rows};
use crate::order::{GROUP, phase};
use crate::reference::{self, Clamp};
use crate::{Gains, Plane, QualityIndex};

const TILES: [Plane2d; 2] = [(9, 7), (5, 11)];

/// The device, or `None` where the environment says that this machine has none.
fn gpu() -> Option<Gpu> {
    if std::env::var_os("LIC_TEST_NO_GPU").is_some() {
        return None;
    }
    Some(Gpu::new(AdapterPolicy::Any).expect("an adapter (install mesa-vulkan-drivers, or set LIC_TEST_NO_GPU)"))
}

/// A small linear congruential generator: values in -range..=range.
struct Noise(u64);

impl Noise {
    fn next(&mut self, range: i32) -> i32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as i32 % (2 * range + 1) - range
    }

    fn rows(&mut self, inputs: usize, outputs: usize) -> Rows {
        Rows {
            weight: (0..inputs * outputs).map(|_| self.next(9000) as i16).collect(),
            bias: (0..outputs).map(|_| self.next(1 << 20)).collect(),
            shift1: (0..outputs).map(|o| 8 + (o % 4) as u8).collect(),
            mult: (0..outputs).map(|_| (20000 + self.next(12000)) as i16).collect(),
            shift2: (0..outputs).map(|o| 17 + (o % 2) as u8).collect(),
        }
    }

    fn planes(&mut self, tiles: &[Plane2d], channels: usize) -> Vec<Plane> {
        let mut plane = |&(h, w)| {
            let data = (0..h * w * channels).map(|_| self.next(4095) as i16).collect();
            Plane::from_data(h, w, channels, data).unwrap()
        };
        tiles.iter().map(&mut plane).collect()
    }
}

fn values(planes: &[Plane]) -> Vec<i32> {
    planes.iter().flat_map(|plane| plane.data()).map(|&v| v.into()).collect()
}

fn upload(gpu: &Gpu, planes: &[Plane]) -> Activations {
    let channels = planes[0].channels();
    let words = values(planes);
    let activations = Activations::zeros(gpu, words.len() / channels, channels);
    activations.write(gpu, &words);
    activations
}

#[test]
fn linear_kernels_agree_with_the_reference_for_every_input_and_store() {
    let Some(gpu) = gpu() else { return };
    let mut noise = Noise(1);
    let batch = Batch::new(&gpu, &TILES);
    let quality = QualityIndex::MAX;
    let layer = Linear::new(23, 70, noise.rows(23, 70)).unwrap();
    let (left, right) = (noise.planes(&TILES, 18), noise.planes(&TILES, 5));
    let (old, wide) = (noise.planes(&TILES, 70), noise.planes(&TILES, 23));
    let buffers = LayerBuffers::linear(&gpu, &layer, quality);
    let positions = batch.fine.positions();
    let outputs: [Activations; 2] = std::array::from_fn(|_| Activations::zeros(&gpu, positions, 70));
    let residual = upload(&gpu, &old);
    let (a, b, c) = (upload(&gpu, &left), upload(&gpu, &right), upload(&gpu, &wide));

    let mut recorder = Recorder::new(&gpu);
    recorder.linear(&buffers, &batch.fine, Input::Both(&a, &b), Store::Activation, &outputs[0]);
    recorder.linear(&buffers, &batch.fine, Input::Replacing(&b, &c), Store::Relu, &outputs[1]);
    recorder.linear(&buffers, &batch.fine, Input::One(&c), Store::Residual, &residual);
    for output in outputs.iter().chain([&residual]) {
        recorder.read(output);
    }
    let found = recorder.finish().unwrap();

    let all = |f: &dyn Fn(usize) -> Plane| values(&[f(0), f(1)]);
    let both = |i| reference::concat(&left[i], &right[i]);
    assert_eq!(found[0], all(&|i| reference::linear(&layer, quality, &both(i), Clamp::Activation)));
    let replaced = |i: usize| {
        let mut plane: Plane = wide[i].clone();
        for (to, from) in plane.data_mut().chunks_mut(23).zip(right[i].data().chunks(5)) {
            to[..5].copy_from_slice(from);
        }
        plane
    };
    assert_eq!(found[1], all(&|i| reference::linear(&layer, quality, &replaced(i), Clamp::Relu)));
    let added = |i: usize| {
        let mut sum = reference::linear(&layer, quality, &wide[i], Clamp::Wide);
        for (value, &old) in sum.data_mut().iter_mut().zip(old[i].data()) {
            *value = (*value + old).clamp(-4095, 4095);
        }
        sum
    };
    assert_eq!(found[2], all(&added));
}

#[test]
fn the_partial_kernel_stops_at_the_edges_of_every_tile() {
    let Some(gpu) = gpu() else { return };
    let mut noise = Noise(2);
    let layer = Partial3x3::new(20, noise.rows(45, 5)).unwrap();
    let planes = noise.planes(&TILES, 20);
    let batch = Batch::new(&gpu, &TILES);
    let stream = upload(&gpu, &planes);
    let part = Activations::zeros(&gpu, batch.fine.positions(), 5);
    let mut recorder = Recorder::new(&gpu);
    recorder.partial(&LayerBuffers::linear(&gpu, layer.taps(), QualityIndex::MAX), &batch.fine, &stream, &part);
    recorder.read(&part);
    let found = recorder.finish().unwrap().remove(0);
    let expected: Vec<Plane> = planes.iter().map(|plane| reference::partial3x3(&layer, plane)).collect();
    let expected: Vec<i32> = values(&expected).chunks(20).flat_map(|c| c[..5].to_vec()).collect();
    assert_eq!(found, expected);
}

#[test]
fn up_sampling_crops_every_tile_to_its_size() {
    let Some(gpu) = gpu() else { return };
    let mut noise = Noise(3);
    let layers = [(6, 7), (7, 3)].map(|(i, c)| Linear::new(i, 4 * c, noise.rows(i, 4 * c)).unwrap());
    let batch = Batch::new(&gpu, &TILES);
    let planes = noise.planes(&[(3, 2), (2, 3)], 6);
    let input = upload(&gpu, &planes);
    let middle = Activations::zeros(&gpu, batch.middle.positions(), 7);
    let fine = Activations::zeros(&gpu, batch.fine.positions(), 3);
    let quality = QualityIndex::MAX;
    let mut recorder = Recorder::new(&gpu);
    recorder.up_coarse(&LayerBuffers::linear(&gpu, &layers[0], quality), &batch, &input, &middle);
    recorder.up_middle(&LayerBuffers::linear(&gpu, &layers[1], quality), &batch, &middle, &fine);
    recorder.read(&middle);
    recorder.read(&fine);
    let found = recorder.finish().unwrap();
    let doubled: Vec<Plane> = planes.iter().map(|plane| reference::up(&layers[0], quality, plane)).collect();
    assert_eq!(found[0], values(&doubled));
    let cropped = doubled.iter().zip(TILES).map(|(plane, (h, w))| reference::up(&layers[1], quality, plane).crop(h, w));
    assert_eq!(found[1], values(&cropped.collect::<Vec<_>>()));
}

#[test]
fn head_and_feedback_agree_with_the_reference_in_every_pass() {
    let Some(gpu) = gpu() else { return };
    let mut noise = Noise(4);
    let (width, latents) = (9, 12);
    let head = Head::new(width, latents / 2, noise.rows(width, 4 * latents / 2)).unwrap();
    let gains = Gains {
        mult: (0..64 * latents).map(|_| (16000 + noise.next(15000)) as u16).collect(),
        shift: (0..latents).map(|c| 8 + c as u8 % 5).collect(),
        inverse: (0..64 * latents).map(|_| (16000 + noise.next(15000)) as u16).collect(),
        shift_a: (0..latents).map(|c| c as u8 % 4).collect(),
        shift_b: (0..latents).map(|c| 12 + c as u8 % 5).collect(),
        offset: (0..64 * latents).map(|_| noise.next(600) as i16).collect(),
    };
    gains.check(latents).unwrap();
    let row = gains.at(QualityIndex::new(101).unwrap());
    let planes = noise.planes(&TILES, width);
    let batch = Batch::new(&gpu, &TILES);
    let stream = upload(&gpu, &planes);
    let (layer, tables) = (LayerBuffers::head(&gpu, &head), GainBuffers::new(&gpu, &row));
    for (pass, groups) in GROUP.iter().enumerate() {
        let positions = batch.fine.positions();
        let parameters = Activations::zeros(&gpu, positions, latents / 2);
        let back = Activations::zeros(&gpu, positions, latents);
        let symbols: Vec<i16> = (0..positions * latents / 4).map(|_| noise.next(16383) as i16).collect();
        let mut recorder = Recorder::new(&gpu);
        recorder.head(&layer, &tables, pass, &batch, &stream, &parameters);
        recorder.feedback(&tables, pass, &batch, &symbols, &parameters, &back);
        recorder.read(&parameters);
        recorder.read(&back);
        let found = recorder.finish().unwrap();

        let part = latents / 4;
        let (mut means, mut fed) = (Vec::new(), Vec::new());
        let mut symbols = symbols.iter();
        for plane in &planes {
            let outputs = reference::head(&head, pass, plane);
            for (y, x) in (0..plane.height()).flat_map(|y| (0..plane.width()).map(move |x| (y, x))) {
                let base = groups[phase(y, x)] * part;
                let (mean, log_scale) = outputs.at(y, x).split_at(part);
                let position: Vec<i32> =
                    (0..part).map(|j| mean64(mean[j], row.mult[base + j], row.shift[base + j])).collect();
                let mut latent = vec![0; latents];
                for (j, &mean) in position.iter().enumerate() {
                    let c = base + j;
                    let value = latent64(*symbols.next().unwrap(), mean);
                    latent[c] = feedback(value, row.inverse[c], row.shift_a[c], row.shift_b[c]).into();
                }
                fed.extend(latent);
                means.extend(position);
                means.extend((0..part).map(|j| scale_index(log_scale[j], row.offset[base + j])));
            }
        }
        assert_eq!(found[0], means, "pass {pass}");
        assert_eq!(found[1], fed, "pass {pass}");
    }
}
