//! One run at a time in a folder: two would write over each other's checkpoints and mix their logs.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::TrainError;

/// The file whose lock keeps others out. It is empty, and stays.
const NAME: &str = "lock";

/// Keeps other processes from training in a folder for as long as the file is open.
///
/// # Errors
/// Another one does, or the file cannot be made.
pub(super) fn lock(folder: &Path) -> Result<File, TrainError> {
    let path = folder.join(NAME);
    let opened = File::options().create(true).truncate(false).write(true).open(&path);
    let file = opened.map_err(|source| TrainError::Io { path, source })?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(TrainError::Running(folder.to_owned())),
        // There are disks that know no locks.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_run_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock(folder.path()).unwrap();
        assert!(matches!(lock(folder.path()), Err(TrainError::Running(at)) if at == folder.path()));
        drop(first);
        lock(folder.path()).unwrap();
    }
}
