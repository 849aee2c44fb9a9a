//! Writing files so that nobody ever sees half of one, printing to standard output without panics, and progress bars.

use std::io::{IsTerminal, Write};
use std::path::Path;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Writes a file in one step: a temporary file in the same folder takes its place when it is complete. A link is followed;
/// what is no regular file (a pipe, `/dev/null`) is written to directly.
pub fn write_atomically(path: &Path, bytes: &[u8], no_clobber: bool) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    if path.metadata().is_ok_and(|existing| !existing.is_file()) {
        return std::fs::write(path, bytes).with_context(failed);
    }
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".lic-");
    // Temporary files are private by default; this one becomes an ordinary file, as the user's umask has it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).with_context(failed)?;
    file.write_all(bytes).with_context(failed)?;
    let persisted = if no_clobber { file.persist_noclobber(&target) } else { file.persist(&target) };
    persisted.with_context(failed)?;
    Ok(())
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
