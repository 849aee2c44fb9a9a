//! No temporary file of an output is left where a run is interrupted: the signals that end a program (Ctrl-C, SIGTERM, a terminal that is gone) remove them
//! first. (Those of `lic bd-rate`, in the folder for temporary files and in that of kept results, are left.)

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

use crate::interrupt;

/// Temporary files that exist now.
static LIVE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A temporary file, until this is dropped.
pub struct Live(PathBuf);

impl Live {
    /// From now on the file at `path` is removed when the program is interrupted.
    pub fn new(path: &Path) -> Self {
        static LISTENING: Once = Once::new();
        LISTENING.call_once(|| {
            interrupt::on_signal(|| {
                // Not released again: no file may begin, or take its place, after this.
                let live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
                live.iter().for_each(|path| drop(std::fs::remove_file(path)));
                interrupt::end();
            });
        });
        LIVE.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        LIVE.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}
