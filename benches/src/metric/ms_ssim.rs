//! MS-SSIM of 8-bit samples, as the field reports it: the numbers of the PyTorch package `pytorch-msssim` 1.0.0,
//! `ms_ssim(x, y, data_range=255)`, on RGB.
//!
//! Z. Wang, E. P. Simoncelli, A. C. Bovik, "Multi-scale structural similarity for image quality assessment" (Asilomar 2003).
//! Like the package and unlike the paper: every channel by itself, then the mean over channels; scales are halved by
//! averaging 2x2 samples, odd sides with a row of zeros before the first; windows lie inside of the image only.

/// Taps of the Gaussian window, with a standard deviation of 1.5 samples.
const TAPS: usize = 11;

/// Exponents of the five scales, from the finest (paper, section 3.2).
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// (K1 L)^2 and (K2 L)^2 with K1 = 0.01, K2 = 0.03, L = 255 (paper, equations 1 to 3).
const C: [f32; 2] = [2.55 * 2.55, 7.65 * 7.65];

/// Sides must be longer than this: the window has to fit at the coarsest scale.
pub(super) const LONGEST_TOO_SHORT_SIDE: u32 = (TAPS as u32 - 1) << 4;

/// Samples [height, width] of one channel at one scale.
struct Plane {
    width: usize,
    samples: Vec<f32>,
}

/// MS-SSIM of two images [height, width, channels], at most 1, which rounding would exceed where pictures are flat. The sides must be longer than [`LONGEST_TOO_SHORT_SIDE`].
pub(super) fn ms_ssim(original: &[u8], decoded: &[u8], width: usize, channels: usize) -> f64 {
    let sum: f64 = (0..channels)
        .map(|channel| {
            let plane = |pixels: &[u8]| {
                let samples = pixels.iter().skip(channel).step_by(channels).map(|&sample| f32::from(sample));
                Plane { width, samples: samples.collect() }
            };
            of_channel(plane(original), plane(decoded))
        })
        .sum();
    (sum / channels as f64).min(1.0)
}

fn of_channel(mut x: Plane, mut y: Plane) -> f64 {
    let mut product = 1.0;
    for (scale, weight) in WEIGHTS.into_iter().enumerate() {
        let [ssim, contrast] = similarity(&x, &y);
        let last = scale == WEIGHTS.len() - 1;
        product *= (if last { ssim } else { contrast }).max(0.0).powf(weight);
        if !last {
            (x, y) = (x.halved(), y.halved());
        }
    }
    product
}

impl Plane {
    fn rows(&self) -> impl DoubleEndedIterator<Item = &[f32]> + ExactSizeIterator {
        self.samples.chunks_exact(self.width)
    }

    /// Means of 2x2 samples; before the first of an odd number of rows or columns stands one of zeros.
    fn halved(&self) -> Self {
        let height = self.rows().len();
        let (width, height_after) = (self.width.div_ceil(2), height.div_ceil(2));
        let zeros = vec![0.0; self.width];
        let mut rows = self.rows();
        let mut samples = Vec::with_capacity(width * height_after);
        let mut above = if height % 2 == 1 { Some(zeros.as_slice()) } else { rows.next() };
        while let (Some(a), Some(b)) = (above, rows.next()) {
            let mut sums = a.iter().zip(b).map(|(a, b)| a + b);
            if self.width % 2 == 1 {
                samples.push(0.25 * sums.next().unwrap_or_default());
            }
            while let (Some(left), Some(right)) = (sums.next(), sums.next()) {
                samples.push(0.25 * (left + right));
            }
            above = rows.next();
        }
        Self { width, samples }
    }
}

/// Five maps that the index needs under a Gaussian window: x, y, x^2, y^2, xy.
type Maps = [Vec<f32>; 5];

/// Means of SSIM and of its factor for contrast and structure over all windows.
fn similarity(x: &Plane, y: &Plane) -> [f64; 2] {
    let taps = window();
    let windows = x.width - (TAPS - 1);
    // The last TAPS rows, filtered across; row r lies at r modulo TAPS.
    let mut ring: Vec<Maps> = (0..TAPS).map(|_| std::array::from_fn(|_| vec![0.0; windows])).collect();
    let mut filtered: Maps = std::array::from_fn(|_| vec![0.0; windows]);
    let mut products: [Vec<f32>; 3] = std::array::from_fn(|_| vec![0.0; x.width]);
    let (mut sums, mut rows) = ([0.0, 0.0], 0);
    for (row, (x, y)) in x.rows().zip(y.rows()).enumerate() {
        let [xx, yy, xy] = &mut products;
        for ((((xx, yy), xy), &x), &y) in xx.iter_mut().zip(yy).zip(xy).zip(x).zip(y) {
            (*xx, *yy, *xy) = (x * x, y * y, x * y);
        }
        let [xx, yy, xy] = &products;
        for (target, source) in ring[row % TAPS].iter_mut().zip([x, y, xx, yy, xy]) {
            target.fill(0.0);
            for (offset, &tap) in taps.iter().enumerate() {
                accumulate(target, &source[offset..], tap);
            }
        }
        if row + 1 < TAPS {
            continue;
        }
        filtered.iter_mut().for_each(|map| map.fill(0.0));
        for (age, &tap) in taps.iter().enumerate() {
            // The window is symmetric: the order of rows does not matter.
            for (target, source) in filtered.iter_mut().zip(&ring[(row + TAPS - age) % TAPS]) {
                accumulate(target, source, tap);
            }
        }
        let of_row = row_sums(&filtered);
        sums = [sums[0] + of_row[0], sums[1] + of_row[1]];
        rows += 1;
    }
    sums.map(|sum| sum / (windows * rows) as f64)
}

/// `target += tap * source`, as far as the target goes.
fn accumulate(target: &mut [f32], source: &[f32], tap: f32) {
    target.iter_mut().zip(source).for_each(|(sum, sample)| *sum += tap * sample);
}

/// Sums of the index and its second factor over a row of windows.
fn row_sums([x, y, xx, yy, xy]: &Maps) -> [f64; 2] {
    let mut sums = [0.0, 0.0];
    for ((((&x, &y), &xx), &yy), &xy) in x.iter().zip(y).zip(xx).zip(yy).zip(xy) {
        let (variances, covariance) = ((xx - x * x) + (yy - y * y), xy - x * y);
        let contrast = (2.0 * covariance + C[1]) / (variances + C[1]);
        let luminance = (2.0 * x * y + C[0]) / (x * x + y * y + C[0]);
        sums[0] += f64::from(luminance * contrast);
        sums[1] += f64::from(contrast);
    }
    sums
}

fn window() -> [f32; TAPS] {
    let tap = |k: usize| (-(k as f64 - 5.0).powi(2) / (2.0 * 1.5 * 1.5)).exp();
    let sum: f64 = (0..TAPS).map(tap).sum();
    std::array::from_fn(|k| (tap(k) / sum) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_averages_and_puts_zeros_before_odd_sides() {
        let plane = |width, samples: &[f32]| Plane { width, samples: samples.to_vec() };
        assert_eq!(plane(2, &[1.0, 2.0, 3.0, 6.0]).halved().samples, [3.0]);
        let odd = plane(3, &[4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 28.0, 32.0, 36.0]).halved();
        assert_eq!((odd.width, odd.samples.as_slice()), (2, &[1.0, 5.0, 11.0, 28.0][..]));
    }

    #[test]
    fn flat_pictures_have_no_more_than_one() {
        let flat = |sample: u8| vec![sample; 176 * 176];
        for (a, b) in [(251, 250), (251, 251), (255, 254)] {
            let value = ms_ssim(&flat(a), &flat(b), 176, 1);
            assert!(value > 0.999 && value <= 1.0, "{value}");
        }
    }

    #[test]
    fn the_window_is_normalised_and_symmetric() {
        let window = window();
        assert!((window.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert_eq!(window[0], window[10]);
        assert!(window[5] > window[4]);
    }
}
