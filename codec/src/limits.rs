//! [`Limits`]: the largest picture that an application lets a file make it decode. What a picture takes is `needed.rs`.

use crate::error::Error;
use crate::needed::Needed;

/// What a file may make a [`crate::Decoder`] do; checked before anything is allocated for the picture. [`Limits::default`] has none: the
/// format itself ties pixels to the file's size (at most 4096 for a byte), and a picture for which the system gives no memory is an error. An
/// application that takes files from strangers should set both.
///
/// Made from [`Limits::default`] by [`Self::with_pixels`] and [`Self::with_bytes`]; there may be more in later versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Limits {
    /// Most pixels that are decoded, whatever the scale: those of the picture, or those of all tiles that a region needs, because tiles are
    /// decoded whole. A region needs the tiles that lie within 128 pixels of it, and more with models that look further than the one inside the
    /// program: those with attention. The time to decode is bounded by them too; the pixels of pictures narrower than 64 take longer.
    pub max_pixels: Option<u64>,
    /// Most bytes of memory beside what the caller holds: the samples of the picture, unless only rows are asked for; the work beside them
    /// with the model inside the program (rounded up; smaller models take less, larger ones more; a GPU's own memory does not count, but bands of what it
    /// decodes at once are larger); and what is kept of the file.
    /// That is the metadata, the tile index, and of a file that is read ([`crate::Decoder::rows`]) the alpha section and the tiles that are
    /// decoded together, half as much again while they come. Sections that decoding does not need are passed over and do not count.
    pub max_bytes: Option<u64>,
}

impl Limits {
    /// The same with a limit of [`Self::max_pixels`].
    #[must_use]
    pub fn with_pixels(self, most: u64) -> Self {
        Self { max_pixels: Some(most), ..self }
    }

    /// The same with a limit of [`Self::max_bytes`].
    #[must_use]
    pub fn with_bytes(self, most: u64) -> Self {
        Self { max_bytes: Some(most), ..self }
    }

    /// Checks what is needed.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`].
    pub(crate) fn check(&self, needed: &Needed) -> Result<(), Error> {
        within("max_pixels", self.max_pixels, needed.pixels())?;
        within("max_bytes", self.max_bytes, needed.bytes())
    }
}

fn within(limit: &'static str, allowed: Option<u64>, found: u64) -> Result<(), Error> {
    match allowed {
        Some(allowed) if found > allowed => Err(Error::LimitExceeded { limit, found, allowed }),
        _ => Ok(()),
    }
}

/// What is left of [`Limits::max_bytes`] for the parts of a file that are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    allowed: Option<u64>,
    /// What decoding takes anyway.
    needed: u64,
    taken: u64,
}

impl Budget {
    /// What limits leave beside that which is needed.
    pub(crate) fn of(limits: Limits, needed: &Needed) -> Self {
        Self { allowed: limits.max_bytes, needed: needed.bytes(), taken: 0 }
    }

    /// So many bytes.
    #[cfg(feature = "image")]
    pub(crate) fn bytes(allowed: u64) -> Self {
        Self { allowed: Some(allowed), needed: 0, taken: 0 }
    }

    /// Takes bytes before anything is allocated for them.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`].
    pub(crate) fn take(&mut self, bytes: u64) -> Result<(), Error> {
        self.taken = self.taken.saturating_add(bytes);
        within("max_bytes", self.allowed, self.needed.saturating_add(self.taken))
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }
}
