//! Writing files so that nobody ever sees half of one, printing to standard output without panics, and progress bars.

use std::cell::RefCell;
use std::io::{IsTerminal, Seek, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// A file that is being written: nobody sees it before [`Self::commit`], and without that nothing is left of it.
pub enum Draft {
    /// A temporary file in the same folder, which takes the target's place.
    File {
        /// The temporary file.
        file: tempfile::NamedTempFile,
        /// The target.
        target: PathBuf,
    },
    /// What takes no place (a pipe, `/dev/null`, standard output): kept, in memory or on disk, until it is complete.
    Stream {
        /// What was written.
        kept: tempfile::SpooledTempFile,
        /// The target; none is standard output.
        target: Option<PathBuf>,
    },
}

/// Bytes for a pipe that are kept in memory; more go to a temporary file.
const KEPT: usize = 256 << 20;

impl Draft {
    /// Begins a file. A link is followed.
    pub fn of_file(path: &Path) -> anyhow::Result<Self> {
        if path.metadata().is_ok_and(|existing| !existing.is_file()) {
            return Ok(Self::Stream { kept: tempfile::spooled_tempfile(KEPT), target: Some(path.to_owned()) });
        }
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".lic-");
        // Temporary files are private by default; this one becomes an ordinary file, as the user's umask has it.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self::File { file, target })
    }

    /// Begins standard output.
    pub fn of_standard_output() -> Self {
        Self::Stream { kept: tempfile::spooled_tempfile(KEPT), target: None }
    }

    /// Puts it where it belongs, complete.
    pub fn commit(self, no_clobber: bool) -> anyhow::Result<()> {
        match self {
            Self::File { file, target } => {
                let failed = || format!("cannot write {}", target.display());
                let persisted = if no_clobber { file.persist_noclobber(&target) } else { file.persist(&target) };
                persisted.with_context(failed)?;
            }
            Self::Stream { mut kept, target: Some(path) } => {
                let failed = || format!("cannot write {}", path.display());
                kept.rewind().with_context(failed)?;
                let mut out = std::fs::OpenOptions::new().write(true).open(&path).with_context(failed)?;
                std::io::copy(&mut kept, &mut out).with_context(failed)?;
            }
            Self::Stream { mut kept, target: None } => {
                let mut out = std::io::stdout().lock();
                let copied = kept.rewind().and_then(|()| std::io::copy(&mut kept, &mut out));
                copied.and_then(|_| out.flush()).context("cannot write to standard output")?;
            }
        }
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::File { file, .. } => file.write(bytes),
            Self::Stream { kept, .. } => kept.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::File { file, .. } => file.flush(),
            Self::Stream { kept, .. } => kept.flush(),
        }
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

/// A progress bar on standard error in indicatif's template language; hidden if nobody would see it, or wants to.
pub fn progress(length: u64, template: &str, hidden: bool) -> ProgressBar {
    if hidden || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Prints a line to standard output.
pub fn print_line(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}").context("cannot write to standard output")
}

/// Prints a value as one line of JSON to standard output.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print_line(&serde_json::to_string(value)?)
}
