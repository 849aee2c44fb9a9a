//! What belongs to a known test set: file names, sizes, and SHA-256 of the files where it is known; and where the set comes
//! from. The lists are in `manifests/*.tsv`, whose first lines say where each was taken from.
//!
//! Numbers on a test set mean something only if the set is complete and unaltered: [`crate::verify`] compares a folder with
//! this, [`crate::fetch`](mod@crate::fetch) downloads it.

use std::fmt::Write as _;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// A known test set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manifest {
    /// Its short name, also that of its folder.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// The page that it comes from.
    pub origin: &'static str,
    /// Under which terms it may be used, as far as its authors say.
    pub licence: &'static str,
    /// How it can be downloaded.
    pub source: Source,
    /// Its files, sorted by name.
    pub files: &'static [Entry],
}

/// How a set can be downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Every file on its own, under its name after this address, which ends in a slash.
    Files(&'static str),
    /// A zip archive with all files, at any of these addresses, the best first.
    Archive(&'static [&'static str]),
}

/// A file of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// File name without folders.
    pub name: &'static str,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Size of the file in bytes, where known.
    pub size: Option<u64>,
    /// SHA-256 of the file in lower-case hexadecimal digits, where known.
    pub sha256: Option<&'static str>,
}

impl Manifest {
    /// The file of this name.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.files.binary_search_by(|entry| entry.name.cmp(name)).ok().and_then(|i| self.files.get(i))
    }

    /// Whether these are exactly the file names of the set, in any order.
    pub fn has_names<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> bool {
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_unstable();
        names.into_iter().eq(self.files.iter().map(|entry| entry.name))
    }
}

/// The known sets, in the order in which they are listed.
pub fn known() -> [&'static Manifest; 3] {
    [&KODAK, &TECNICK, &CLIC_PRO_VALID]
}

/// The known set of this name.
pub fn find(name: &str) -> Option<&'static Manifest> {
    known().into_iter().find(|set| set.name == name)
}

/// The Kodak lossless true colour image suite.
pub static KODAK: LazyLock<Manifest> = LazyLock::new(|| Manifest {
    name: "kodak",
    about: "Kodak lossless true colour image suite, 768x512 and 512x768",
    origin: "https://r0k.us/graphics/kodak/",
    licence: "released by Kodak for unrestricted usage, as far as the author of the page knows",
    source: Source::Files("https://r0k.us/graphics/kodak/kodak/"),
    files: entries(include_str!("../manifests/kodak.tsv")),
});

/// TESTIMAGES of Tecnick, the original images of the first SAMPLING archive.
///
/// The archive is what the papers of learned compression measure on (tensorflow/compression, `results/image_compression`,
/// gives its address); the archives that testimages.org has now hold 40 other images.
pub static TECNICK: LazyLock<Manifest> = LazyLock::new(|| Manifest {
    name: "tecnick",
    about: "TESTIMAGES of Tecnick, RGB_OR_1200x1200",
    origin: "https://sourceforge.net/projects/testimages/files/OLD/OLD_SAMPLING/",
    licence: "CC BY-NC-SA 3.0 (README.TXT of the archive)",
    source: Source::Archive(&[
        "https://downloads.sourceforge.net/project/testimages/OLD/OLD_SAMPLING/testimages.zip",
        "https://master.dl.sourceforge.net/project/testimages/OLD/OLD_SAMPLING/testimages.zip?viasf=1",
    ]),
    files: entries(include_str!("../manifests/tecnick.tsv")),
});

/// The professional validation set of the Challenge on Learned Image Compression 2020, used again in 2021.
///
/// The first address is what the challenge's archived page links to now, the second what it linked to at the time.
pub static CLIC_PRO_VALID: LazyLock<Manifest> = LazyLock::new(|| Manifest {
    name: "clic-pro-valid",
    about: "CLIC 2020/2021 professional validation set, up to 2048 pixels wide",
    origin: "https://archive.compression.cc/2021/tasks/index.html",
    licence: "photos from Unsplash; https://data.vision.ee.ethz.ch/cvl/clic/LICENSE_professional_2020.txt",
    source: Source::Archive(&[
        "https://storage.googleapis.com/clic_datasets/clic2020_professional_valid.zip",
        "https://data.vision.ee.ethz.ch/cvl/clic/professional_valid_2020.zip",
    ]),
    files: entries(include_str!("../manifests/clic-pro-valid.tsv")),
});

/// The lines of a manifest, read once. Lines that are none are left out: these texts are part of the crate, and its tests
/// count them.
fn entries(text: &'static str) -> &'static [Entry] {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(entry).collect::<Vec<_>>().leak()
}

fn entry(line: &'static str) -> Option<Entry> {
    let mut fields = line.split('\t');
    let mut next = || fields.next();
    let (name, width, height) = (next()?, next()?.parse().ok()?, next()?.parse().ok()?);
    let (size, sha256) = (next()?, next()?);
    let size = if size == "-" { None } else { Some(size.parse().ok()?) };
    let sha256 = (sha256 != "-").then_some(sha256);
    Some(Entry { name, width, height, size, sha256 })
}

/// SHA-256 in lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
