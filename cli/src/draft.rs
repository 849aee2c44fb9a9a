//! Writing files so that nobody ever sees half of one. What is left when a run is interrupted is `leftovers.rs`'s.

use std::cell::RefCell;
use std::io::{Error, ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, anyhow, bail};
use tempfile::{NamedTempFile, SpooledTempFile};

use crate::exit::Exists;
use crate::leftovers::Live;

/// A file that is being written: nobody sees it before [`Self::commit`], and without that nothing is left of it.
pub struct Draft {
    place: Place,
    /// The first error of writing. Writers may swallow it: the one of PNG does, for the last megabyte.
    failed: Option<Error>,
}

/// What is written to.
enum Place {
    /// A temporary file in the same folder, which takes the target's place.
    File {
        file: NamedTempFile,
        target: PathBuf,
        /// Ends after the file has moved away.
        live: Live,
    },
    /// What takes no place (a pipe, `/dev/null`, standard output): kept, in memory or on disk, until it is complete; no target is standard output.
    Stream { kept: SpooledTempFile, target: Option<PathBuf> },
}

/// Bytes for a pipe that are kept in memory; more go to a temporary file.
const KEPT: usize = 256 << 20;

impl Draft {
    /// Begins a file. A link is followed, and a file that exists keeps its permissions.
    pub fn of_file(path: &Path) -> anyhow::Result<Self> {
        let existing = match path.metadata() {
            Ok(existing) => Some(existing),
            Err(error) if error.kind() == ErrorKind::InvalidFilename => {
                return Err(error).with_context(|| format!("cannot write {}", path.display()));
            }
            Err(_) => None,
        };
        if existing.as_ref().is_some_and(|existing| !existing.is_file()) {
            return Ok(Self::new(Place::Stream {
                kept: tempfile::spooled_tempfile(KEPT),
                target: Some(path.to_owned()),
            }));
        }
        let target = followed(path);
        let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".lic-");
        // Temporary files are private by default; this one becomes an ordinary file, as the user's umask has it.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        // Without the temporary file's name, which says nothing to anybody.
        let file = builder.tempfile_in(folder).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                anyhow!("cannot write {}: there is no folder {}", path.display(), folder.display())
            }
            kind => anyhow!(Error::from(kind)).context(format!("cannot write {}", path.display())),
        })?;
        let live = Live::new(file.path());
        if let Some(existing) = existing {
            // A file of somebody else, or a disk without permissions, is no reason to fail.
            let _ = file.as_file().set_permissions(existing.permissions());
        }
        Ok(Self::new(Place::File { file, target, live }))
    }

    /// Begins standard output.
    pub fn of_standard_output() -> Self {
        Self::new(Place::Stream { kept: tempfile::spooled_tempfile(KEPT), target: None })
    }

    fn new(place: Place) -> Self {
        Self { place, failed: None }
    }

    /// Puts it where it belongs, complete.
    pub fn commit(mut self, no_clobber: bool) -> anyhow::Result<()> {
        let target = match &self.place {
            Place::File { target, .. } => target.display().to_string(),
            Place::Stream { target, .. } => {
                target.as_ref().map_or_else(|| "to standard output".to_owned(), |target| target.display().to_string())
            }
        };
        let failed = || format!("cannot write {target}");
        if let Some(error) = self.failed.take() {
            return Err(error).with_context(failed);
        }
        match self.place {
            Place::File { file, target, live } => {
                // Before the name: else a power failure may leave the name without the bytes.
                file.as_file().sync_all().with_context(failed)?;
                let persisted = if no_clobber { file.persist_noclobber(&target) } else { file.persist(&target) };
                match persisted {
                    Err(error) if no_clobber && error.error.kind() == ErrorKind::AlreadyExists => bail!(Exists(target)),
                    persisted => drop(persisted.with_context(failed)?),
                }
                drop(live);
            }
            Place::Stream { mut kept, target: Some(path) } => {
                kept.rewind().with_context(failed)?;
                let mut out = std::fs::OpenOptions::new().write(true).open(&path).with_context(failed)?;
                std::io::copy(&mut kept, &mut out).with_context(failed)?;
            }
            Place::Stream { mut kept, target: None } => {
                let mut out = std::io::stdout().lock();
                let copied = kept.rewind().and_then(|()| std::io::copy(&mut kept, &mut out));
                copied.and_then(|_| out.flush()).with_context(failed)?;
            }
        }
        Ok(())
    }

    /// What an attempt to write came to; its error is also kept for [`Self::commit`].
    fn kept<T>(&mut self, result: std::io::Result<T>) -> std::io::Result<T> {
        result.inspect_err(|error| {
            if error.kind() != ErrorKind::Interrupted && self.failed.is_none() {
                self.failed = Some(error.raw_os_error().map_or_else(|| error.kind().into(), Error::from_raw_os_error));
            }
        })
    }
}

/// Where a path leads, also where the last of its links leads to nothing yet.
fn followed(path: &Path) -> PathBuf {
    /// As many links as Linux follows; others lead in a circle.
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        if let Ok(real) = path.canonicalize() {
            return real;
        }
        let Ok(to) = path.read_link() else { break };
        path = path.parent().map_or_else(|| to.clone(), |folder| folder.join(&to));
    }
    path
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = match &mut self.place {
            Place::File { file, .. } => file.write(bytes),
            Place::Stream { kept, .. } => kept.write(bytes),
        };
        self.kept(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let flushed = match &mut self.place {
            Place::File { file, .. } => file.flush(),
            Place::Stream { kept, .. } => kept.flush(),
        };
        self.kept(flushed)
    }
}

/// A draft for writers that keep what they write to.
#[derive(Clone)]
pub struct SharedDraft(Rc<RefCell<Draft>>);

impl SharedDraft {
    /// Shares a draft.
    pub fn new(draft: Draft) -> Self {
        Self(Rc::new(RefCell::new(draft)))
    }

    /// Commits it, after all other owners are gone.
    pub fn commit(self, no_clobber: bool) -> anyhow::Result<()> {
        Rc::into_inner(self.0).context("the output is still being written")?.into_inner().commit(no_clobber)
    }
}

impl Write for SharedDraft {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

/// Writes a file in one step.
pub fn write_atomically(path: &Path, bytes: &[u8], no_clobber: bool) -> anyhow::Result<()> {
    let mut draft = Draft::of_file(path)?;
    draft.write_all(bytes).with_context(|| format!("cannot write {}", path.display()))?;
    draft.commit(no_clobber)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_a_writer_swallowed_is_found_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whole");
        let mut draft = Draft::of_file(&path).unwrap();
        draft.write_all(b"half").unwrap();
        let full: std::io::Result<()> = Err(ErrorKind::StorageFull.into());
        let _ = draft.kept(full);
        let error = draft.commit(false).unwrap_err();
        assert!(format!("{error:#}").contains("whole: no storage space"), "{error:#}");
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_written_again_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("private");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        write_atomically(&path, b"new", false).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn links_to_nothing_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("between", &link).unwrap();
        std::os::unix::fs::symlink("target", folder.path().join("between")).unwrap();
        write_atomically(&link, b"new", false).unwrap();
        assert!(link.is_symlink() && folder.path().join("between").is_symlink());
        assert_eq!(std::fs::read(folder.path().join("target")).unwrap(), b"new");
    }
}
