//! Measuring codecs on a set of images: encode for real, decode for real, count the bytes of the file, compare samples of
//! 8 bits.
//!
//! `jobs` threads take one image and codec after the other, so at most that many pictures are in memory at a time. What the
//! [`Cache`] has is not measured again.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use lic_codec::format::BitDepth;
use lic_codec::{Alpha, Colour, Picture};
use lic_datasets::manifest::sha256_hex;
use lic_datasets::{Channels, ImageFile, Photo, PhotoError, PhotoSamples};

use crate::cache::{Cache, CacheError, Key, Sample};
use crate::codecs::{Codec, CodecError};
use crate::metric::{Metric, MetricError};

/// A codec and the qualities to measure it at.
pub struct Subject {
    /// The codec.
    pub codec: Box<dyn Codec>,
    /// The qualities, rising.
    pub qualities: Vec<f32>,
}

/// What to measure.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// The images.
    pub images: &'a [ImageFile],
    /// The codecs.
    pub subjects: &'a [Subject],
    /// The metrics.
    pub metrics: &'a [Metric],
    /// Images worked on at a time.
    pub jobs: NonZeroUsize,
    /// Where results are kept.
    pub cache: &'a Cache,
}

/// Samples of a set of images: for every codec, image and quality, in the order of the plan.
pub type Samples = Vec<Vec<Vec<Sample>>>;

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
#[error("{image}{}: {problem}", codec.as_deref().map(|c| format!(" with {c}")).unwrap_or_default())]
pub struct RunError {
    /// The image.
    pub image: String,
    /// The codec, if it had to do with it.
    pub codec: Option<String>,
    /// What failed.
    #[source]
    pub problem: Box<Problem>,
}

/// What can fail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The image cannot be read.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// The codec failed.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The decoded picture cannot be compared with the original.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// A result cannot be kept.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

impl Plan<'_> {
    /// How many points there are: images times qualities, of all codecs.
    pub fn points(&self) -> usize {
        self.images.len() * self.subjects.iter().map(|subject| subject.qualities.len()).sum::<usize>()
    }

    /// Measures everything; `done` hears of every point, in any order.
    ///
    /// # Errors
    /// The first failure; what was measured before it is in the cache.
    pub fn run(&self, done: &(dyn Fn() + Sync)) -> Result<Samples, RunError> {
        let items = self.images.len() * self.subjects.len();
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let finished = Mutex::new(BTreeMap::new());
        let worker = || {
            while !stop.load(Ordering::Relaxed) {
                let item = next.fetch_add(1, Ordering::Relaxed);
                // All codecs of an image follow each other: an interrupted run has whole images.
                let image = self.images.get(item / self.subjects.len().max(1));
                let subject = self.subjects.get(item % self.subjects.len().max(1));
                let (Some(image), Some(subject)) = (image, subject) else { break };
                let result = self.item(image, subject, done);
                stop.fetch_or(result.is_err(), Ordering::Relaxed);
                // Nothing can panic while it is locked.
                if let Ok(mut finished) = finished.lock() {
                    finished.insert(item, result);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.get().min(items) {
                scope.spawn(worker);
            }
        });
        let mut samples = vec![Vec::new(); self.subjects.len()];
        for (item, result) in finished.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            if let Some(of_codec) = samples.get_mut(item % self.subjects.len().max(1)) {
                of_codec.push(result?);
            }
        }
        Ok(samples)
    }

    /// One image with one codec at all qualities.
    fn item(&self, image: &ImageFile, subject: &Subject, done: &(dyn Fn() + Sync)) -> Result<Vec<Sample>, RunError> {
        let unreadable = |problem| RunError { image: image.describe(), codec: None, problem: Box::new(problem) };
        let bytes = image.bytes().map_err(|source| unreadable(PhotoError::Io(source).into()))?;
        let digest = sha256_hex(&bytes);
        let identity = subject.codec.identity();
        let keys: Vec<Key> = subject.qualities.iter().map(|&q| Key::new(&identity, q, &digest)).collect();
        let mut known: Vec<Option<Sample>> = keys.iter().map(|key| self.cache.get(key)).collect();
        let complete = |sample: &Option<Sample>| sample.as_ref().is_some_and(|sample| sample.has_all(self.metrics));
        if !known.iter().all(complete) {
            // Metrics compare opaque pictures of 8 bits.
            let photo = Photo::read(&bytes).and_then(Photo::plain).map_err(|source| unreadable(source.into()))?;
            drop(bytes);
            let picture = picture_of(photo.upright()).map_err(|source| unreadable(CodecError::from(source).into()))?;
            let codec = subject.codec.about().label.clone();
            self.measure(&picture, subject, &keys, &mut known, done).map_err(|problem| RunError {
                image: image.describe(),
                codec: Some(codec),
                problem: Box::new(problem),
            })?;
        } else {
            known.iter().for_each(|_| done());
        }
        Ok(known.into_iter().flatten().collect())
    }

    /// Measures what is not complete yet.
    fn measure(
        &self,
        picture: &Picture,
        subject: &Subject,
        keys: &[Key],
        known: &mut [Option<Sample>],
        done: &(dyn Fn() + Sync),
    ) -> Result<(), Problem> {
        let mut session = subject.codec.open(picture)?;
        for ((&quality, key), slot) in subject.qualities.iter().zip(keys).zip(known) {
            if !slot.as_ref().is_some_and(|sample| sample.has_all(self.metrics)) {
                let coded = session.encode(quality)?;
                let (decoded, decode_time) = session.decode(&coded.file)?;
                let mut sample = Sample {
                    bytes: coded.file.len() as u64,
                    pixels: u64::from(picture.width) * u64::from(picture.height),
                    encode_seconds: coded.time.as_secs_f64(),
                    decode_seconds: decode_time.as_secs_f64(),
                    // Of a file of another length they would be of another picture.
                    scores: slot
                        .take()
                        .filter(|old| old.bytes == coded.file.len() as u64)
                        .map(|old| old.scores)
                        .unwrap_or_default(),
                };
                for &metric in self.metrics {
                    if let Entry::Vacant(place) = sample.scores.entry(metric) {
                        place.insert(metric.measure(picture, &decoded)?);
                    }
                }
                self.cache.put(key, &sample)?;
                *slot = Some(sample);
            }
            done();
        }
        Ok(())
    }
}

/// The codec's picture of a photo, without its metadata.
///
/// # Errors
/// None for photos that were read with [`Photo::read`].
pub fn picture_of(photo: Photo) -> Result<Picture, lic_codec::Error> {
    let colour = match photo.channels {
        Channels::Grey => Colour::Grey,
        Channels::Rgb => Colour::Rgb,
    };
    let mut picture = Picture::new(photo.width, photo.height, colour, samples_of(photo.pixels))?;
    picture.alpha = photo.alpha.map(|samples| Alpha { samples: samples_of(samples), premultiplied: false });
    Ok(picture)
}

fn samples_of(samples: PhotoSamples) -> lic_codec::Samples {
    match samples {
        PhotoSamples::Eight(samples) => samples.into(),
        PhotoSamples::Sixteen(samples) => lic_codec::Samples::Deep(BitDepth::Sixteen, samples),
    }
}
