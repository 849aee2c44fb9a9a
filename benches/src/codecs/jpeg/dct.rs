//! JPEG 4:2:0 with chroma resampled in the DCT domain, as the Independent JPEG Group's libjpeg 7 to 9 do it: 16x16 samples
//! become the 8x8 lowest of their 16x16 DCT coefficients, and come back from these. libjpeg-turbo and mozjpeg average four
//! samples and interpolate instead, which gives about 0.1 dB more on Kodak.
//!
//! CompressAI's published JPEG curve was made with Pillow 7.1.2, whose wheels hold libjpeg 9; its PSNR is that of this
//! method (found by computing both, `benches/RESULTS.md`). The samples go to and from mozjpeg as planes.

use mozjpeg::{CompInfoExt, Compress, Decompress};

/// Samples in a row of a block.
const SMALL: usize = 8;

/// Samples in a row of the block of twice the size.
const LARGE: usize = 16;

/// Samples [height, width] of one component.
struct Plane {
    width: usize,
    samples: Vec<u8>,
}

/// Maps 16 samples to the 8 whose DCT is the lower half of theirs [8, 16]; twice its transpose is the way back.
fn halving() -> [[f32; LARGE]; SMALL] {
    let cosine = |n: usize, k: usize, x: usize| {
        let scale = if k == 0 { (1.0 / n as f64).sqrt() } else { (2.0 / n as f64).sqrt() };
        scale * ((2 * x + 1) as f64 * k as f64 * std::f64::consts::PI / (2 * n) as f64).cos()
    };
    let entry = |small: usize, large: usize| {
        let sum: f64 = (0..SMALL).map(|k| cosine(SMALL, k, small) * cosine(LARGE, k, large)).sum();
        (sum * std::f64::consts::FRAC_1_SQRT_2) as f32
    };
    std::array::from_fn(|small| std::array::from_fn(|large| entry(small, large)))
}

/// `a x a^T` of a block: `N` samples a side become `M`.
fn both_ways<const M: usize, const N: usize>(a: &[[f32; N]; M], x: &[[f32; N]; N]) -> [[f32; M]; M] {
    let dot = |p: &[f32; N], q: &[f32; N]| p.iter().zip(q).map(|(p, q)| p * q).sum::<f32>();
    // Rows of x times rows of a: [N, M]; x enters by rows, the result by columns.
    let half: [[f32; N]; M] = std::array::from_fn(|m| std::array::from_fn(|n| dot(&x[n], &a[m])));
    std::array::from_fn(|row| std::array::from_fn(|column| dot(&half[column], &a[row])))
}

/// Resamples a plane block by block; the edge is repeated where blocks reach beyond it.
fn resample<const M: usize, const N: usize>(plane: &Plane, a: &[[f32; N]; M], blocks: [usize; 2]) -> Plane {
    let width = blocks[0] * M;
    let mut samples = vec![0; width * blocks[1] * M];
    let height = plane.samples.len() / plane.width.max(1);
    for block in 0..blocks[0] * blocks[1] {
        let (column, row) = (block % blocks[0], block / blocks[0]);
        let at = |y: usize, x: usize| {
            let (y, x) =
                ((row * N + y).min(height.saturating_sub(1)), (column * N + x).min(plane.width.saturating_sub(1)));
            plane.samples.get(y * plane.width + x).copied().unwrap_or(128)
        };
        let input: [[f32; N]; N] = std::array::from_fn(|y| std::array::from_fn(|x| f32::from(at(y, x)) - 128.0));
        let output = both_ways(a, &input);
        for (y, line) in output.iter().enumerate() {
            let start = (row * M + y) * width + column * M;
            for (sample, value) in samples.iter_mut().skip(start).zip(line) {
                *sample = (value + 128.0).round() as u8;
            }
        }
    }
    Plane { width, samples }
}

/// Y, Cb, Cr of RGB samples (JFIF 1.02), padded to whole blocks by repeating the edge.
fn components(rgb: &[u8], [width, height]: [usize; 2], padded: [usize; 2]) -> [Plane; 3] {
    let mut planes = [(); 3].map(|()| Plane { width: padded[0], samples: Vec::with_capacity(padded[0] * padded[1]) });
    for y in 0..padded[1] {
        let row = rgb.chunks_exact(3 * width).nth(y.min(height.saturating_sub(1))).unwrap_or_default();
        for x in 0..padded[0] {
            let pixel = row.chunks_exact(3).nth(x.min(width.saturating_sub(1))).unwrap_or(&[0; 3]);
            let [r, g, b] = [0, 1, 2].map(|c| f32::from(pixel.get(c).copied().unwrap_or_default()));
            let values = [
                0.299 * r + 0.587 * g + 0.114 * b,
                -0.168_736 * r - 0.331_264 * g + 0.5 * b + 128.0,
                0.5 * r - 0.418_688 * g - 0.081_312 * b + 128.0,
            ];
            for (plane, value) in planes.iter_mut().zip(values) {
                plane.samples.push(value.round() as u8);
            }
        }
    }
    planes
}

/// Writes RGB samples with a compressor that is set up for 4:2:0 otherwise.
pub(super) fn compress(mut compress: Compress, rgb: &[u8], size: [usize; 2]) -> std::io::Result<Vec<u8>> {
    compress.set_raw_data_in(true);
    let mut started = compress.start_compress(Vec::new())?;
    let blocks = size.map(|side| side.div_ceil(LARGE));
    let [mut luma, cb, cr] = components(rgb, size, blocks.map(|side| side * LARGE));
    // The library wants luma in whole blocks of 8 across, chroma of 8 each standing for 16.
    let stride = size[0].div_ceil(SMALL) * SMALL;
    luma.samples = luma.samples.chunks_exact(luma.width).flat_map(|row| row.iter().take(stride)).copied().collect();
    let halving = halving();
    let [cb, cr] = [cb, cr].map(|plane| resample(&plane, &halving, blocks).samples);
    if !started.write_raw_data(&[&luma.samples, &cb, &cr]) {
        return Err(std::io::Error::other("the library refused the samples"));
    }
    started.finish()
}

/// Reads a 4:2:0 file to RGB samples.
pub(super) fn decompress(file: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut image = Decompress::new_mem(file)?.raw()?;
    let size = [image.width(), image.height()];
    let strides: Vec<usize> = image.components().iter().map(|component| component.row_stride()).collect();
    let mut planes = [Vec::new(), Vec::new(), Vec::new()];
    let [luma, cb, cr] = &mut planes;
    image.read_raw_data(&mut [luma, cb, cr]);
    image.finish()?;
    let [luma_stride, cb_stride, cr_stride] = strides[..] else {
        return Err(std::io::Error::other("not a file of three components"));
    };
    let halving = halving();
    let doubling: [[f32; SMALL]; LARGE] = std::array::from_fn(|l| std::array::from_fn(|s| 2.0 * halving[s][l]));
    let blocks = size.map(|side| side.div_ceil(LARGE));
    let [luma, cb, cr] = planes;
    let double = |samples, width| resample(&Plane { width, samples }, &doubling, blocks);
    let (cb, cr) = (double(cb, cb_stride), double(cr, cr_stride));
    let mut rgb = Vec::with_capacity(3 * size[0] * size[1]);
    let rows =
        luma.chunks_exact(luma_stride).zip(cb.samples.chunks_exact(cb.width)).zip(cr.samples.chunks_exact(cr.width));
    for ((luma, cb), cr) in rows.take(size[1]) {
        for ((&luma, &cb), &cr) in luma.iter().zip(cb).zip(cr).take(size[0]) {
            let (y, cb, cr) = (f32::from(luma), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
            let colour = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
            // Casts saturate: values outside of 0..=255 end there, as in libjpeg.
            rgb.extend(colour.map(|value| value.round() as u8));
        }
    }
    Ok(rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_keeps_slow_waves_and_doubling_brings_them_back() {
        let halving = halving();
        let doubling: [[f32; SMALL]; LARGE] = std::array::from_fn(|l| std::array::from_fn(|s| 2.0 * halving[s][l]));
        let wave =
            |x: usize| (60.0 * ((2 * x + 1) as f32 * 3.0 * std::f32::consts::PI / 32.0).cos() + 128.0).round() as u8;
        let plane = Plane { width: 32, samples: (0..32 * 16).map(|i| wave(i % 16)).collect() };
        let half = resample(&plane, &halving, [2, 1]);
        assert_eq!((half.width, half.samples.len()), (16, 128));
        let back = resample(&half, &doubling, [2, 1]);
        assert!(back.samples.iter().zip(&plane.samples).all(|(a, b)| a.abs_diff(*b) <= 1));
        // A change from sample to sample is gone.
        let fast = Plane { width: 16, samples: (0..256).map(|i| if i % 2 == 0 { 100 } else { 156 }).collect() };
        let gone = resample(&fast, &halving, [1, 1]);
        assert!(gone.samples.iter().all(|&sample| sample.abs_diff(128) < 20), "{:?}", gone.samples);
    }
}
