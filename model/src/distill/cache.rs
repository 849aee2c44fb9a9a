//! A teacher's outputs on fixed crops, on disk: records of half-precision numbers that are computed once.
//!
//! One file of records of equal size, each with a flag in front that is written last: a run killed at any moment leaves records that are there and
//! records that are not. Records are written in any order, when they are first needed; the file has holes until then.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use half::f16;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the teacher's stored outputs {}: {source}", path.display())]
pub struct CacheError {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub source: std::io::Error,
}

/// A file of records.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
    file: File,
    /// Numbers of a record.
    numbers: usize,
    /// Records that may be stored.
    capacity: u64,
}

/// In front of a record that is complete.
const PRESENT: u8 = 1;

impl Cache {
    /// Opens or makes the store at `path` for records of so many numbers; no more are stored than `bytes` hold.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path, numbers: usize, bytes: u64) -> Result<Self, CacheError> {
        let failed = |source| CacheError { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        let record = 1 + 2 * numbers as u64;
        Ok(Self { path: path.to_owned(), file, numbers, capacity: bytes / record })
    }

    fn failed(&self, source: std::io::Error) -> CacheError {
        CacheError { path: self.path.clone(), source }
    }

    fn seek(&mut self, number: u64) -> Result<(), CacheError> {
        let record = 1 + 2 * self.numbers as u64;
        self.file.seek(SeekFrom::Start(number * record)).map_err(|e| self.failed(e)).map(|_| ())
    }

    /// A record, if it has been stored.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn get(&mut self, number: u64) -> Result<Option<Vec<f32>>, CacheError> {
        if number >= self.capacity {
            return Ok(None);
        }
        self.seek(number)?;
        let mut bytes = vec![0; 1 + 2 * self.numbers];
        match self.file.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(e) => return Err(self.failed(e)),
        }
        match bytes.split_first() {
            Some((&PRESENT, data)) => {
                Ok(Some(data.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect()))
            }
            _ => Ok(None),
        }
    }

    /// Stores a record, if there is room for it; `values` beyond half precision's range are clipped. They become what [`Self::get`] would give back, so
    /// that whoever goes on with them does the same whether they were stored before or not.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put(&mut self, number: u64, values: &mut [f32]) -> Result<(), CacheError> {
        let limit = f16::MAX.to_f32();
        let mut bytes = vec![0];
        for value in values.iter_mut() {
            let half = f16::from_f32(value.clamp(-limit, limit));
            *value = half.to_f32();
            bytes.extend(half.to_le_bytes());
        }
        if number >= self.capacity || values.len() != self.numbers {
            return Ok(());
        }
        self.seek(number)?;
        self.file.write_all(&bytes).map_err(|e| self.failed(e))?;
        self.seek(number)?;
        self.file.write_all(&[PRESENT]).map_err(|e| self.failed(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_in_any_order_and_others_are_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("records");
        let mut cache = Cache::open(&path, 3, 1000).unwrap();
        assert_eq!(cache.get(5).unwrap(), None);
        let mut record = [0.5, -2.0, 1e9];
        cache.put(5, &mut record).unwrap();
        assert_eq!(record, [0.5, -2.0, 65504.0]);
        cache.put(2, &mut [1.0; 3]).unwrap();
        let mut again = Cache::open(&path, 3, 1000).unwrap();
        assert_eq!(again.get(5).unwrap().unwrap(), [0.5, -2.0, 65504.0]);
        assert_eq!(again.get(2).unwrap().unwrap(), [1.0; 3]);
        assert_eq!((again.get(3).unwrap(), again.get(6).unwrap()), (None, None));
    }

    #[test]
    fn a_record_cut_off_in_the_middle_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        let mut cache = Cache::open(&path, 3, 1000).unwrap();
        cache.put(0, &mut [1.0; 3]).unwrap();
        cache.put(1, &mut [2.0; 3]).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(10).unwrap();
        assert_eq!((cache.get(0).unwrap().is_some(), cache.get(1).unwrap()), (true, None));
    }

    #[test]
    fn no_more_is_stored_than_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = Cache::open(&folder.path().join("records"), 3, 14).unwrap();
        for number in 0..4 {
            cache.put(number, &mut [1.0; 3]).unwrap();
        }
        assert!(cache.get(1).unwrap().is_some() && cache.get(2).unwrap().is_none());
    }
}
