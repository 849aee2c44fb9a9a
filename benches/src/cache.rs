//! Results that were measured before, one small file each, so that an interrupted run goes on where it stopped and a repeated
//! one is instant.
//!
//! A result is found by the SHA-256 of everything it depends on: the codec's [identity](crate::codecs::Codec::identity)
//! (version and settings; for `lic` also the program itself), the quality, and the digest of the image file. Whoever changes
//! a metric (or the version of the crate that computes it) so that its numbers change raises `FORMAT`, and so does whoever changes what samples
//! are read from an image file, or a codec of our own that has no version (`jpeg:chroma=420dct`).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use lic_datasets::manifest::sha256_hex;
use serde::{Deserialize, Deserializer, Serialize};

use crate::metric::Metric;

/// Number of the way results are measured and kept.
const FORMAT: u32 = 3;

/// What was measured of one picture at one quality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Size of the whole file in bytes.
    pub bytes: u64,
    /// Pixels of the picture.
    pub pixels: u64,
    /// Seconds it took to encode.
    pub encode_seconds: f64,
    /// Seconds it took to decode.
    pub decode_seconds: f64,
    /// Metrics of the decoded picture against the original; those that were asked for.
    #[serde(deserialize_with = "null_is_infinite")]
    pub scores: BTreeMap<Metric, f64>,
}

/// JSON has no infinity, which is the PSNR of equal pictures; it is written as null.
fn null_is_infinite<'de, D: Deserializer<'de>>(source: D) -> Result<BTreeMap<Metric, f64>, D::Error> {
    let scores = BTreeMap::<Metric, Option<f64>>::deserialize(source)?;
    Ok(scores.into_iter().map(|(metric, score)| (metric, score.unwrap_or(f64::INFINITY))).collect())
}

impl Sample {
    /// Whether all of these metrics were measured.
    pub fn has_all(&self, metrics: &[Metric]) -> bool {
        metrics.iter().all(|metric| self.scores.contains_key(metric))
    }

    /// Bits per pixel of the whole file.
    pub fn bpp(&self) -> f64 {
        8.0 * self.bytes as f64 / self.pixels as f64
    }
}

/// A folder of results, or none.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    folder: Option<PathBuf>,
}

/// A result cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep results in {}: {source} (--cache-dir names another folder, --no-cache goes without)", folder.display())]
pub struct CacheError {
    /// The folder.
    folder: PathBuf,
    /// Why.
    source: std::io::Error,
}

/// Names a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key of an image (by the SHA-256 of its file) coded at a quality.
    pub fn new(codec_identity: &str, quality: f32, image_digest: &str) -> Self {
        Self(sha256_hex(format!("{FORMAT}\n{codec_identity}\n{quality}\n{image_digest}").as_bytes()))
    }
}

impl Cache {
    /// Keeps results in a folder, which need not exist yet.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder: Some(folder) }
    }

    /// Keeps nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// A result from before. What cannot be read is as if it was not there: it is measured again.
    pub fn get(&self, key: &Key) -> Option<Sample> {
        let text = std::fs::read(path(self.folder.as_deref()?, key)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Keeps a result.
    ///
    /// # Errors
    /// The folder cannot be made or written to.
    pub fn put(&self, key: &Key, sample: &Sample) -> Result<(), CacheError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        // It would come back as infinity.
        if sample.scores.values().any(|score| score.is_nan()) {
            return Ok(());
        }
        let write = || -> std::io::Result<()> {
            let path = path(folder, key);
            let parent = path.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent)?;
            let mut file = tempfile::NamedTempFile::new_in(parent)?;
            file.write_all(&serde_json::to_vec(sample)?)?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|source| CacheError { folder: folder.clone(), source })
    }
}

/// Results lie in folders of the first two digits: there can be many.
fn path(folder: &Path, Key(digest): &Key) -> PathBuf {
    let (first, rest) = digest.split_at_checked(2).unwrap_or((digest, ""));
    folder.join(first).join(rest).with_extension("json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(psnr: f64) -> Sample {
        let scores = BTreeMap::from([(Metric::Psnr, psnr)]);
        Sample { bytes: 1000, pixels: 4000, encode_seconds: 0.5, decode_seconds: 0.25, scores }
    }

    #[test]
    fn a_result_comes_back_for_the_same_key_only() {
        let folder = tempfile::tempdir().expect("a writable folder");
        let cache = Cache::at(folder.path().join("new"));
        let key = Key::new("codec 1", 50.0, "ab");
        assert_eq!(cache.get(&key), None);
        cache.put(&key, &sample(30.5)).expect("a writable folder");
        assert_eq!(cache.get(&key), Some(sample(30.5)));
        for other in [Key::new("codec 2", 50.0, "ab"), Key::new("codec 1", 51.0, "ab"), Key::new("codec 1", 50.0, "ac")]
        {
            assert_eq!(cache.get(&other), None);
        }
    }

    #[test]
    fn infinite_psnr_survives_json() {
        let folder = tempfile::tempdir().expect("a writable folder");
        let cache = Cache::at(folder.path().to_owned());
        let key = Key::new("codec", 100.0, "ab");
        cache.put(&key, &sample(f64::INFINITY)).expect("a writable folder");
        assert_eq!(cache.get(&key), Some(sample(f64::INFINITY)));
    }

    #[test]
    fn a_damaged_result_is_as_none_and_a_bad_folder_is_named() {
        let folder = tempfile::tempdir().expect("a writable folder");
        let cache = Cache::at(folder.path().to_owned());
        let key = Key::new("codec", 1.0, "ab");
        cache.put(&key, &sample(30.0)).expect("a writable folder");
        std::fs::write(path(folder.path(), &key), b"{").expect("a writable folder");
        assert_eq!(cache.get(&key), None);
        let file = folder.path().join("file");
        std::fs::write(&file, b"").expect("a writable folder");
        let error = Cache::at(file).put(&key, &sample(30.0)).expect_err("a file is no folder");
        assert!(error.to_string().contains("--no-cache"), "{error}");
    }

    #[test]
    fn a_byte_for_four_pixels_is_two_bits() {
        assert_eq!(sample(30.0).bpp(), 2.0);
    }
}
