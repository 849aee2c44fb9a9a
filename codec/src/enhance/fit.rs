//! What the weights are solved from: for every quality and class the normal equations of pictures as they are decoded without the filter, and their originals.
//!
//! Every picture counts as much as every other: by the squared errors that it has already. Else some with much noise would decide for all.

use std::collections::VecDeque;

use lic_model::filters::mending::{CLASSES, FEATURES, REACH};
use lic_model::filters::{KNOTS, QUALITIES_PER_KNOT};
use rayon::prelude::*;

use super::COLOURS;
use super::features::Pixels;
use crate::neighbourhood::{Around, LANES, Line};
use crate::picture::Picture;
use crate::simd::{Job, Level, Simd};

/// Numbers of a pixel: features, then errors.
const NUMBERS: usize = FEATURES + COLOURS;
/// Lines that are read together.
const LINES: usize = 32;
/// Pixels whose products are summed in 32 bits.
const PIECE: usize = 256;
/// What a step of 16 bits is in 1/255.
const UNIT: f32 = 255.0 / u16::MAX as f32;
/// The squared error of a pixel that rounding its colours to 8 bits makes: no picture is shown with less.
const ROUNDING: f64 = COLOURS as f64 / 12.0;

/// Sums of the products of each two features, and of features with errors, [features, features + colours].
type Sums = Vec<f64>;

/// Sums over pairs of pictures.
#[derive(Debug, Clone)]
pub struct EnhanceFit {
    /// By quality and class.
    sums: Vec<Sums>,
    pixels: u64,
}

impl Default for EnhanceFit {
    fn default() -> Self {
        Self { sums: vec![vec![0.0; FEATURES * NUMBERS]; KNOTS * CLASSES], pixels: 0 }
    }
}

impl EnhanceFit {
    /// Counts a picture and what was decoded of it without this filter at one of [`crate::deblock::DeblockFit::QUALITIES`], best with 16 bits, as decoders filter it. Pictures of
    /// other than three colours, or of different sizes, are passed over, and so are those whose fields do not fit each other, and those that are decoded exactly.
    pub fn add(&mut self, quality: u8, original: &Picture, decoded: &Picture) {
        let (width, height) = (decoded.width as usize, decoded.height as usize);
        // That all samples are there, too: the fields are public.
        let fits = matches!((original.size(), decoded.size()), (Ok(a), Ok(b)) if a == b);
        if !fits || [original, decoded].iter().any(|picture| picture.channels() != COLOURS) {
            return;
        }
        let (a, b) = (original.pixels.to_sixteen(), decoded.pixels.to_sixteen());
        let squared: f64 = a.iter().zip(b.iter()).map(|(&a, &b)| f64::from(error(a, b)).powi(2)).sum();
        if squared == 0.0 {
            return;
        }
        let (level, stride) = (Level::detect(), width * COLOURS);
        let lines = b.par_chunks_exact(stride).map(|line| Line::of::<u16, COLOURS>(level, line, UNIT, REACH));
        let lines: VecDeque<Line> = lines.collect::<Vec<_>>().into();
        let knot = usize::from(quality).div_ceil(QUALITIES_PER_KNOT).min(KNOTS - 1);
        let pixels = (width * height) as f64;
        let worth = pixels / (squared + pixels * ROUNDING);
        for first in (0..height).step_by(LINES) {
            let read = (first..(first + LINES).min(height)).into_par_iter().map(|line| {
                let part = line * stride..(line + 1) * stride;
                let mut classes = vec![Vec::new(); CLASSES];
                let around = Around::of_picture(&lines, line);
                level.run(ReadLine { around, original: &a[part.clone()], decoded: &b[part], classes: &mut classes });
                classes
            });
            let read: Vec<_> = read.collect();
            let sums = self.sums[knot * CLASSES..(knot + 1) * CLASSES].par_iter_mut();
            sums.enumerate().for_each(|(class, sums)| {
                let pixels: Vec<[f32; NUMBERS]> = read.iter().flat_map(|classes| &classes[class]).copied().collect();
                level.run(Count { pixels: &pixels, worth, sums });
            });
        }
        self.pixels += (width * height) as u64;
    }

    /// For every quality and class the products of features [features, features], of which the upper triangle counts, and of features with errors
    /// [features, colours]. `None` if nothing was counted.
    pub fn equations(&self) -> Option<impl Iterator<Item = (Vec<f64>, Vec<f64>)> + '_> {
        let part = |sums: &Sums, from: usize, to: usize| -> Vec<f64> {
            sums.chunks_exact(NUMBERS).flat_map(|row| &row[from..to]).copied().collect()
        };
        let equations = self.sums.iter().map(move |sums| (part(sums, 0, FEATURES), part(sums, FEATURES, NUMBERS)));
        (self.pixels > 0).then_some(equations)
    }
}

/// By how much an original's sample is greater, in 1/255.
#[inline(always)]
fn error(original: u16, decoded: u16) -> f32 {
    UNIT * (f32::from(original) - f32::from(decoded))
}

/// Reads a line of a decoded picture and of its original: of every class the numbers of its pixels.
struct ReadLine<'a> {
    around: Around<'a>,
    original: &'a [u16],
    decoded: &'a [u16],
    classes: &'a mut [Vec<[f32; NUMBERS]>],
}

impl Job for ReadLine<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let mut read = Pixels::NONE;
        let pairs = self.original.as_chunks::<COLOURS>().0.iter().zip(self.decoded.as_chunks::<COLOURS>().0);
        for (place, (original, decoded)) in pairs.enumerate() {
            let lane = place % LANES;
            if lane == 0 {
                read.read::<COLOURS>(&self.around, place);
            }
            let error = |c: usize| error(original[c], decoded[c]);
            let number = |i: usize| if i < FEATURES { read.features[i][lane] } else { error(i - FEATURES) };
            if let Some(class) = self.classes.get_mut(read.classes[lane] as usize) {
                class.push(std::array::from_fn(number));
            }
        }
    }
}

/// Adds the products of pixels to sums.
struct Count<'a> {
    pixels: &'a [[f32; NUMBERS]],
    worth: f64,
    sums: &'a mut [f64],
}

impl Job for Count<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let mut products = vec![[0f32; NUMBERS]; FEATURES];
        for pixels in self.pixels.chunks(PIECE) {
            products.fill([0.0; NUMBERS]);
            for pixel in pixels {
                for (products, feature) in products.iter_mut().zip(pixel) {
                    for i in 0..NUMBERS {
                        products[i] += feature * pixel[i];
                    }
                }
            }
            let sums = self.sums.iter_mut().zip(products.as_flattened());
            sums.for_each(|(sum, product)| *sum += self.worth * f64::from(*product));
        }
    }
}
