//! Why a set could not be downloaded, and what to do.

use std::path::{Path, PathBuf};

use crate::verify::Alteration;

/// Why a set could not be downloaded. What has arrived is kept, unless its content is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No answer, broken connections, or a server that is out of order.
    #[error(
        "cannot get {url}: {why} (tried {tries} times): is this machine online? What has arrived is kept, the next run goes \
         on with it"
    )]
    Unreachable {
        /// The address.
        url: String,
        /// What went wrong last.
        why: String,
        /// How often it was tried without getting further.
        tries: u32,
    },
    /// The server does not have it.
    #[error("{url} does not exist (the server answers {status}): name another address with --from")]
    NotFound {
        /// The address.
        url: String,
        /// 404 or 410.
        status: u16,
    },
    /// The server does not give it away.
    #[error("the server answers {status} for {url}: name another address with --from")]
    Refused {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// No address that files can be had from.
    #[error("{url} is no address to download from: {why}")]
    BadAddress {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Another file than that of the set.
    #[error(
        "{url} is not {name} of the set: {alteration}; it was deleted. Try again, or name another address with --from"
    )]
    WrongContent {
        /// The address, or the archive.
        url: String,
        /// The file of the set.
        name: &'static str,
        /// How it differs.
        alteration: Alteration,
    },
    /// No zip archive, or one that is damaged.
    #[error("{url} is no zip archive that can be read: {why}; try again, or name another address with --from")]
    DamagedArchive {
        /// The address, or the file.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// An archive without some files of the set.
    #[error("{url} lacks {} images of the set, {} among them: name another address with --from", missing.len(), first(missing))]
    IncompleteArchive {
        /// The address, or the file.
        url: String,
        /// The files.
        missing: Vec<&'static str>,
    },
    /// An archive that was there before the download, and is no good.
    #[error("{} cannot be used: {why}\nDelete it, then run the same command again", path.display())]
    BadArchiveHere {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        why: Box<FetchError>,
    },
    /// None of the addresses of an archive works.
    #[error(
        "{why}\nTo do it by hand: download the archive from {page}, save it as {}, and run the same command again",
        target.display()
    )]
    ByHand {
        /// What went wrong with the best address.
        why: Box<FetchError>,
        /// A page with links.
        page: &'static str,
        /// Where to put the archive.
        target: PathBuf,
    },
    /// The folder or a file in it cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Disk {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl FetchError {
    pub(super) fn disk(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Disk { path, source }
    }

    /// Whether another address may work.
    pub(super) fn may_be_elsewhere(&self) -> bool {
        !matches!(self, Self::Disk { .. } | Self::BadAddress { .. })
    }
}

fn first(names: &[&'static str]) -> &'static str {
    names.first().copied().unwrap_or("none")
}
