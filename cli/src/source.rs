//! Where bytes come from and go to: a file, or `-` for standard input and output.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::draft::Draft;
use crate::exit::{Exists, Usage};

/// A file or a standard stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Standard input or output.
    Standard,
    /// A file.
    File(PathBuf),
}

/// An input that was opened.
pub enum Input {
    /// A regular file, in which one can seek.
    File(BufReader<File>),
    /// Standard input, or a pipe.
    Stream(Box<dyn Read + Send>),
}

impl From<&PathBuf> for Place {
    fn from(path: &PathBuf) -> Self {
        // By the device's name a file that standard output was sent to would be replaced, and lose what it was appended to.
        match path.to_str() {
            Some("-" | "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => Self::Standard,
            _ => Self::File(path.clone()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard => f.write_str("-"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl Place {
    /// The file's path, if it is a file.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Standard => None,
            Self::File(path) => Some(path),
        }
    }

    /// All bytes of the file, or of standard input.
    pub fn read(&self) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::File(path) => std::fs::read(path).with_context(|| format!("cannot read {}", path.display())),
            Self::Standard => {
                let mut bytes = Vec::new();
                std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
                Ok(bytes)
            }
        }
    }

    /// Refuses what is a folder, or named like one.
    pub fn check_is_file(&self) -> Result<(), Usage> {
        match self {
            Self::File(path) if path.is_dir() => {
                Err(Usage(format!("{} is a folder: name a file, or use --out-dir", path.display())))
            }
            Self::File(path) if path.as_os_str().as_encoded_bytes().ends_with(b"/") => {
                Err(Usage(format!("there is no folder {}: make it, or name a file", path.display())))
            }
            _ => Ok(()),
        }
    }

    /// Fails early if [`Self::write`] would have to refuse: before a long computation, not after it.
    pub fn check_writable(&self, no_clobber: bool) -> anyhow::Result<()> {
        match self {
            Self::Standard if std::io::stdout().is_terminal() => {
                bail!(Usage(
                    "will not write an image to a terminal: redirect standard output, or name a file".to_owned()
                ))
            }
            Self::Standard => Ok(()),
            Self::File(path) => {
                self.check_is_file()?;
                if no_clobber && path.exists() {
                    bail!(Exists(path.clone()));
                }
                // Whoever finds only after a minute's work that nothing can be written here has lost the minute.
                Draft::of_file(path).map(drop)
            }
        }
    }

    /// The file or standard input, to read from its beginning.
    pub fn open(&self) -> anyhow::Result<Input> {
        match self {
            Self::File(path) => {
                let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
                // Pipes have names, too.
                let seekable = file.metadata().is_ok_and(|metadata| metadata.is_file());
                let file = BufReader::new(file);
                Ok(if seekable { Input::File(file) } else { Input::Stream(Box::new(file)) })
            }
            Self::Standard => Ok(Input::Stream(Box::new(std::io::stdin()))),
        }
    }

    /// Begins the file, or standard output.
    pub fn create(&self) -> anyhow::Result<Draft> {
        match self {
            Self::File(path) => Draft::of_file(path),
            Self::Standard => Ok(Draft::of_standard_output()),
        }
    }

    /// Writes the file whole or not at all, or to standard output.
    pub fn write(&self, bytes: &[u8], no_clobber: bool) -> anyhow::Result<()> {
        let mut draft = self.create()?;
        draft.write_all(bytes).with_context(|| format!("cannot write {self}"))?;
        draft.commit(no_clobber)
    }
}
