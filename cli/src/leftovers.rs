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
            // Where signals cannot be caught, things are as they would be without this. Where one of them is ignored (`nohup`, a script's background), it
            // has to stay so, and none is caught: SIGTERM is then, by itself.
            let caught = ctrlc::try_set_handler(|| {
                remove_all();
                interrupt::end();
            });
            #[cfg(unix)]
            if caught.is_err()
                && let Ok(mut signals) = signal_hook::iterator::Signals::new([signal_hook::consts::SIGTERM])
            {
                std::thread::spawn(move || {
                    if signals.forever().next().is_some() {
                        remove_all();
                        interrupt::end();
                    }
                });
            }
            #[cfg(not(unix))]
            drop(caught);
        });
        LIVE.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
        Self(path.to_owned())
    }
}

/// Removes the files that exist now. No other may begin, or take its place, after this.
fn remove_all() {
    let live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    live.iter().for_each(|path| drop(std::fs::remove_file(path)));
    // Never released again.
    std::mem::forget(live);
}

impl Drop for Live {
    fn drop(&mut self) {
        LIVE.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}
