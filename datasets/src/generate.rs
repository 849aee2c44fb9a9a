//! Drawn images of any size, the same on every machine.
//!
//! Value noise in octaves (Perlin's idea, with lattice values from a hash instead of gradients). Only additions,
//! multiplications and comparisons of f64 are used, which IEEE 754 defines exactly: no sine, no power, whose last digit
//! differs between systems.

use crate::photo::{Channels, Photo};

/// Hills under a cloudy sky: smooth areas, edges and textures, as photos have them. Edges of 0 are drawn as 1.
pub fn landscape(width: u32, height: u32, seed: u64) -> Photo {
    // Distances are measured in picture heights, so that another size shows the same place.
    let unit = 1.0 / f64::from(height.max(1));
    let ridges: Vec<Ridge> =
        RIDGES.iter().enumerate().map(|(i, ridge)| Ridge { seed: seed + 7 + i as u64, ..*ridge }).collect();
    draw(width, height, Channels::Rgb, |x, y| {
        let (u, v) = (f64::from(x) * unit, f64::from(y) * unit);
        // The nearest ridge whose crest lies above the point hides all others.
        let colour = match ridges.iter().rev().find(|ridge| v > ridge.crest(u)) {
            Some(ridge) => ridge.colour(u, v),
            None => sky(u, v, seed),
        };
        colour.map(to_byte)
    })
}

/// A page of text-like strokes in dark grey on white: sharp edges and large empty areas. Edges of 0 are drawn as 1.
pub fn page(width: u32, height: u32, seed: u64) -> Photo {
    draw(width, height, Channels::Grey, |x, y| {
        let (line, row) = (u64::from(y / LINE), y % LINE);
        let (letter, column) = (u64::from(x / LETTER), x % LETTER);
        let hash = mix(seed, letter, line);
        let blank = hash.is_multiple_of(6) || row >= LINE - 4 || column >= LETTER - 2;
        // Every letter is a pattern of 3x4 cells of 2 pixels by 2.
        let cell = (row / 2) * 3 + column / 2;
        let ink = !blank && hash >> (8 + cell % 40) & 1 == 1;
        [if ink { 40 } else { 250 }; 3]
    })
}

/// Height of a line and width of a letter of [`page`], in pixels.
const LINE: u32 = 12;
const LETTER: u32 = 8;

/// A line of hills.
#[derive(Debug, Clone, Copy)]
struct Ridge {
    seed: u64,
    /// Mean distance of the crest from the upper edge, and how far it goes up and down, in picture heights.
    base: f64,
    amplitude: f64,
    /// Hills per picture height.
    frequency: f64,
    /// Mean colour, 0..=1.
    colour: [f64; 3],
    /// Strength of the texture, and its coarsest details per picture height.
    texture: f64,
    grain: f64,
}

/// From the farthest, pale and smooth, to the nearest.
const RIDGES: [Ridge; 3] = [
    Ridge {
        seed: 0,
        base: 0.42,
        amplitude: 0.18,
        frequency: 2.0,
        colour: [0.50, 0.58, 0.68],
        texture: 0.06,
        grain: 8.0,
    },
    Ridge {
        seed: 0,
        base: 0.58,
        amplitude: 0.14,
        frequency: 3.0,
        colour: [0.30, 0.42, 0.34],
        texture: 0.22,
        grain: 20.0,
    },
    Ridge {
        seed: 0,
        base: 0.78,
        amplitude: 0.10,
        frequency: 1.5,
        colour: [0.36, 0.40, 0.16],
        texture: 0.40,
        grain: 30.0,
    },
];

impl Ridge {
    fn crest(&self, u: f64) -> f64 {
        self.base + self.amplitude * (octaves(u * self.frequency, 0.5, self.seed, 5) - 0.5)
    }

    fn colour(&self, u: f64, v: f64) -> [f64; 3] {
        let light = 1.0 + self.texture * 2.0 * (octaves(u * self.grain, v * self.grain, self.seed + 100, 4) - 0.5);
        let warmth = 0.15 * (octaves(u * 3.0, v * 3.0, self.seed + 200, 2) - 0.5);
        let [red, green, blue] = self.colour;
        [(red + warmth) * light, green * light, (blue - warmth) * light]
    }
}

fn sky(u: f64, v: f64, seed: u64) -> [f64; 3] {
    let cloud = (octaves(u * 2.5, v * 5.0, seed + 1, 5) - 0.45).max(0.0) * 1.8;
    let haze = v * 1.2;
    [0.35 + 0.35 * haze + cloud, 0.55 + 0.25 * haze + 0.8 * cloud, 0.85 + 0.05 * haze + 0.3 * cloud]
}

/// Value noise of several octaves, each twice as fine and half as strong, 0..=1.
fn octaves(mut x: f64, mut y: f64, seed: u64, count: u64) -> f64 {
    let (mut sum, mut strength, mut total) = (0.0, 1.0, 0.0);
    for octave in 0..count {
        sum += strength * value_noise(x, y, seed * 31 + octave);
        total += strength;
        strength *= 0.5;
        (x, y) = (x * 2.0, y * 2.0);
    }
    sum / total
}

/// Random values on the integer lattice, smoothly interpolated, 0..=1. Arguments are not negative.
fn value_noise(x: f64, y: f64, seed: u64) -> f64 {
    let (column, row) = (x.floor(), y.floor());
    let smooth = |t: f64| t * t * (3.0 - 2.0 * t);
    let (s, t) = (smooth(x - column), smooth(y - row));
    let at = |i: u64, j: u64| mix(seed, column as u64 + i, row as u64 + j) as u32 as f64 / f64::from(u32::MAX);
    let upper = at(0, 0) + (at(1, 0) - at(0, 0)) * s;
    let lower = at(0, 1) + (at(1, 1) - at(0, 1)) * s;
    upper + (lower - upper) * t
}

/// A well mixed hash of a lattice point (the finaliser of splitmix64).
fn mix(seed: u64, x: u64, y: u64) -> u64 {
    let mut h = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ x.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
        ^ y.wrapping_mul(0x1656_67b1_9e37_79f9);
    h = (h ^ (h >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    h = (h ^ (h >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    h ^ (h >> 31)
}

fn to_byte(value: f64) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

fn draw(width: u32, height: u32, channels: Channels, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Photo {
    let (width, height) = (width.max(1), height.max(1));
    let mut pixels = Vec::with_capacity(width as usize * height as usize * channels.count());
    for y in 0..height {
        for x in 0..width {
            pixels.extend(pixel(x, y).into_iter().take(channels.count()));
        }
    }
    Photo::new(width, height, channels, pixels)
}

/// The generated images among the samples, by file name. For the example that writes them and the test that compares.
#[doc(hidden)]
pub fn committed() -> [(&'static str, Photo); 2] {
    [("landscape.png", landscape(384, 256, 3)), ("page.png", page(320, 240, 5))]
}
