//! Training crops from folders of photos.
//!
//! Every crop is a pure function of (seed, step, sample): a resumed run sees what an uninterrupted one would have. Images are decoded once and kept in
//! memory as bytes.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::preset::KNOTS;

/// Why a folder cannot be trained on.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A folder could not be listed.
    #[error("cannot read the folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// An image could not be read.
    #[error("cannot read the image {}: {source}", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: image::ImageError,
    },
    /// No image is large enough.
    #[error("no PNG or JPEG image of at least {min}x{min} pixels in {}", folder.display())]
    Empty {
        /// The folder.
        folder: PathBuf,
        /// Side of a crop.
        min: u32,
    },
}

/// Decodes one image to RGB.
///
/// # Errors
/// The file cannot be opened or decoded.
pub fn load_image(path: &Path) -> Result<RgbImage, DataError> {
    let decoded = image::ImageReader::open(path)
        .map_err(image::ImageError::IoError)
        .and_then(|reader| reader.with_guessed_format().map_err(image::ImageError::IoError))
        .and_then(image::ImageReader::decode);
    match decoded {
        Ok(image) => Ok(image.into_rgb8()),
        Err(source) => Err(DataError::Image { path: path.to_owned(), source }),
    }
}

/// PNG and JPEG files of a folder (not of its sub-folders, and no hidden ones), sorted by name.
///
/// # Errors
/// The folder cannot be listed.
pub(super) fn image_files(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |source| DataError::Folder { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        // Hidden ones are no photos: macOS leaves a `._photo.jpg` beside every photo on disks of others.
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        if ["png", "jpg", "jpeg"].contains(&extension.as_str()) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// One batch: patches and quality knots.
#[derive(Clone, Debug)]
pub struct Batch {
    /// [samples, side/8, side/8, 192] row-major, values -0.5..=0.5, patch values in the order (row, column, colour).
    pub patches: Vec<f32>,
    /// One knot per sample.
    pub knots: Vec<usize>,
    /// Side of the square crops, in pixels.
    pub side: usize,
    /// Which of a fixed set each crop is; empty for crops drawn anew.
    pub numbers: Vec<u64>,
}

/// How far crops are scaled down unless told otherwise.
pub(super) const SMALLEST_SCALE: f32 = 0.5;

/// Parts of the quality axis that the knots of a fixed set's crops come from in turn.
pub(crate) const FIXED_PARTS: u64 = 8;

/// Makes the crops of a fixed set others than those of a run with the same seed.
const FIXED: u64 = 0x5eed_f1ed_c0de_0001;

/// A set of photos to draw crops from.
#[derive(Debug)]
pub struct Crops {
    images: Vec<RgbImage>,
    side: u32,
    smallest_scale: f32,
    seed: u64,
    /// Of the images, once somebody has asked.
    digest: OnceLock<[u8; 32]>,
}

impl Crops {
    /// Decodes every image of `folder`; those smaller than a crop are left out, unreadable ones are reported.
    ///
    /// # Errors
    /// The folder or an image cannot be read, or no image is large enough.
    pub fn load(folder: &Path, side: u32, seed: u64) -> Result<Self, DataError> {
        let files = image_files(folder)?;
        let images = files.par_iter().map(|path| load_image(path)).collect::<Result<Vec<_>, _>>()?;
        let images: Vec<_> = images.into_iter().filter(|i| i.width() >= side && i.height() >= side).collect();
        if images.is_empty() {
            return Err(DataError::Empty { folder: folder.to_owned(), min: side });
        }
        Ok(Self { images, side, smallest_scale: SMALLEST_SCALE, seed, digest: OnceLock::new() })
    }

    /// Scales crops down by a random factor between `smallest_scale` (at most 1) and 1.
    pub fn scaled_from(self, smallest_scale: f32) -> Self {
        Self { smallest_scale, ..self }
    }

    /// Number of images in use.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Never true: an empty set cannot be made.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// SHA-256 of all that crops depend on: sizes and pixels of the images in use, in the order of the files' names; side, scale and seed. What is
    /// stored of crops belongs to these only.
    pub fn digest(&self) -> [u8; 32] {
        let of_image = |image: &RgbImage| -> [u8; 32] {
            let mut hash = Sha256::new();
            hash.update(image.width().to_le_bytes());
            hash.update(image.height().to_le_bytes());
            hash.update(image.as_raw());
            hash.finalize().into()
        };
        let images = self.digest.get_or_init(|| {
            let digests: Vec<[u8; 32]> = self.images.par_iter().map(of_image).collect();
            let mut hash = Sha256::new();
            digests.iter().for_each(|digest| hash.update(digest));
            hash.finalize().into()
        });
        let mut hash = Sha256::new_with_prefix(images);
        hash.update(self.side.to_le_bytes());
        hash.update(self.smallest_scale.to_le_bytes());
        hash.update(self.seed.to_le_bytes());
        hash.finalize().into()
    }

    /// The batch of a step: `samples` crops, their knots spread over the quality axis (one from each of `samples` equal parts).
    pub fn batch(&self, step: u64, samples: usize) -> Batch {
        let draws: Vec<(u64, usize)> =
            (0..samples).map(|sample| (mix(self.seed, step, sample as u64), sample)).collect();
        self.drawn(&draws, samples, Vec::new())
    }

    /// The batch of a step from a fixed set of `set` crops, at least [`FIXED_PARTS`]: each has its own knot, and a batch takes its crops from the parts of
    /// the quality axis in turn.
    pub fn fixed_batch(&self, step: u64, samples: usize, set: u64) -> Batch {
        let rows = (set / FIXED_PARTS).max(1);
        let pick = |sample: u64| {
            let part = (sample + step * samples as u64) % FIXED_PARTS;
            FIXED_PARTS * (mix(self.seed ^ FIXED, step, sample) % rows) + part
        };
        self.fixed(&(0..samples as u64).map(pick).collect::<Vec<_>>())
    }

    /// Crops of a fixed set by their numbers.
    pub fn fixed(&self, numbers: &[u64]) -> Batch {
        let draws: Vec<(u64, usize)> =
            numbers.iter().map(|&n| (mix(self.seed ^ FIXED, u64::MAX, n), (n % FIXED_PARTS) as usize)).collect();
        self.drawn(&draws, FIXED_PARTS as usize, numbers.to_vec())
    }

    /// One crop for each seed; its knot lies in the given one of `parts` equal parts of the quality axis.
    fn drawn(&self, draws: &[(u64, usize)], parts: usize, numbers: Vec<u64>) -> Batch {
        let crops: Vec<(Vec<f32>, usize)> = draws
            .par_iter()
            .map(|&(seed, part)| {
                let mut rng = SmallRng::seed_from_u64(seed);
                let knot = (part * KNOTS + rng.random_range(0..KNOTS)) / parts;
                (patches(&self.crop(&mut rng), self.side as usize, self.side as usize), knot)
            })
            .collect();
        Batch {
            knots: crops.iter().map(|c| c.1).collect(),
            patches: crops.into_iter().flat_map(|c| c.0).collect(),
            side: self.side as usize,
            numbers,
        }
    }

    /// A random crop, scaled down by `smallest_scale` to 1 (which also removes the noise of JPEG photos), turned and mirrored at random in all eight ways.
    fn crop(&self, rng: &mut SmallRng) -> Vec<u8> {
        let image = &self.images[rng.random_range(0..self.images.len())];
        let scale: f32 = rng.random_range(self.smallest_scale..=1.0);
        let smaller = image.width().min(image.height());
        let region = ((self.side as f32 / scale).round() as u32).clamp(self.side, smaller);
        let left = rng.random_range(0..=image.width() - region);
        let top = rng.random_range(0..=image.height() - region);
        let mut crop = resize(image, [left, top, region], self.side);
        let side = self.side as usize;
        if rng.random() {
            crop = rearrange(&crop, side, |row, column| (row, side - 1 - column));
        }
        if rng.random() {
            crop = rearrange(&crop, side, |row, column| (column, row));
        }
        if rng.random() {
            crop = rearrange(&crop, side, |row, column| (side - 1 - row, column));
        }
        crop
    }
}

/// The square region (left, top, size) scaled to `side`.
fn resize(image: &RgbImage, [left, top, size]: [u32; 3], side: u32) -> Vec<u8> {
    let mut target = Image::new(side, side, PixelType::U8x3);
    let options = ResizeOptions::new()
        .crop(f64::from(left), f64::from(top), f64::from(size), f64::from(size))
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    let source = ImageRef::new(image.width(), image.height(), image.as_raw(), PixelType::U8x3);
    if let Ok(source) = source {
        // The region was drawn inside the image, the formats are equal: resizing cannot fail.
        let resized = Resizer::new().resize(&source, &mut target, &options);
        debug_assert!(resized.is_ok());
    }
    target.into_vec()
}

fn rearrange(pixels: &[u8], side: usize, from: impl Fn(usize, usize) -> (usize, usize)) -> Vec<u8> {
    let mut result = Vec::with_capacity(pixels.len());
    for row in 0..side {
        for column in 0..side {
            let (r, c) = from(row, column);
            let at = 3 * (r * side + c);
            result.extend_from_slice(&pixels[at..at + 3]);
        }
    }
    result
}

/// Pixels [height, width, 3] -> patches [height/8, width/8, 192] in -0.5..=0.5; sides are multiples of 8.
pub(crate) fn patches(pixels: &[u8], width: usize, height: usize) -> Vec<f32> {
    let mut result = Vec::with_capacity(pixels.len());
    for (row, column) in (0..height / 8).flat_map(|r| (0..width / 8).map(move |c| (r, c))) {
        for y in 0..8 {
            let at = 3 * ((8 * row + y) * width + 8 * column);
            result.extend(pixels[at..at + 24].iter().map(|&v| f32::from(v) / 255.0 - 0.5));
        }
    }
    result
}

/// A well-mixed seed from three numbers (splitmix64 finaliser).
pub(crate) fn mix(seed: u64, step: u64, sample: u64) -> u64 {
    let mut x = seed ^ step.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ sample.wrapping_mul(0xd1b5_4a32_d192_ed03);
    for multiplier in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        x = (x ^ (x >> 30)).wrapping_mul(multiplier);
    }
    x ^ (x >> 31)
}
