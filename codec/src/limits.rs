//! [`Limits`]: the largest picture that an application lets a file make it decode.

use std::ops::Range;

use crate::bands::CPU_BAND;
use crate::error::Error;
use crate::format::{BitDepth, Header};
use crate::picture::channels;
use crate::tiles::{Area, LATENT};
use crate::view::View;

/// Bytes per latent position of a band that is decoded at once, beside file and samples: rounded up from what the student takes.
const BAND: u64 = 2560;
/// Bytes per latent position that waits for its row of tiles to be complete: 256 channels of the student.
const WAITING: u64 = 1024;
/// Bytes per latent position in the layers of the synthesis, through which rows stream in chunks of this many positions or one row.
const STREAMING: u64 = 8192;
const CHUNK: usize = 384;
/// What even the smallest picture takes.
const LEAST: u64 = 1 << 16;
/// Latents around a region that are decoded too; rounded up.
const HALO: usize = 8;

/// What a file may make a [`crate::Decoder`] do; checked before anything is allocated for the picture. [`Limits::default`] has none: the
/// format itself ties pixels to the file's size (at most 4096 for a byte), and a picture for which there is no memory is an error. An
/// application that takes files from strangers should set both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Most pixels, width times height, of the picture or of the region that is asked for, whatever the scale. The time to decode is bounded
    /// by them too; the pixels of pictures narrower than 64 take longer.
    pub max_pixels: Option<u64>,
    /// Most bytes of memory beside the file: the samples of the picture, unless only rows are asked for, and the work beside them on the
    /// CPU with the model inside the program (rounded up; smaller models take less, larger ones more).
    pub max_bytes: Option<u64>,
}

impl Limits {
    /// Checks what is needed.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`].
    pub(crate) fn check(&self, needed: &Needed) -> Result<(), Error> {
        within("max_pixels", self.max_pixels, needed.pixels)?;
        within("max_bytes", self.max_bytes, needed.bytes())
    }
}

fn within(limit: &'static str, allowed: Option<u64>, found: u64) -> Result<(), Error> {
    match allowed {
        Some(allowed) if found > allowed => Err(Error::LimitExceeded { limit, found, allowed }),
        _ => Ok(()),
    }
}

/// What decoding takes beside the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needed {
    pixels: u64,
    /// Bytes of the picture that comes out.
    picture: u64,
    /// Bytes of everything else.
    work: u64,
}

impl Needed {
    /// What a view of a file with this header takes, with alpha or without.
    ///
    /// # Errors
    /// [`Error::RegionOutside`].
    pub(crate) fn of(header: &Header, alpha: bool, view: &View) -> Result<Self, Error> {
        let wanted = view.pixels(header)?;
        let [width, height] = view.size(header)?.map(u64::from);
        let bytes = if header.depth == BitDepth::Eight { 1 } else { 2 };
        let pixel = (channels(header.colour) as u64 + u64::from(alpha)) * bytes;

        let latents = |range: &Range<usize>| range.start / LATENT..range.end.div_ceil(LATENT);
        let picture = Area::of_picture(header);
        let window = Area { rows: latents(&wanted.rows), columns: latents(&wanted.columns) }.window(HALO, &picture);
        let columns = window.columns.len();
        // Tiles are decoded whole.
        let side = (usize::from(header.tile_size) / LATENT).max(1);
        let whole = |range: &Range<usize>| range.start / side * side..range.end.next_multiple_of(side);
        let tiles = Area { rows: whole(&window.rows), columns: whole(&window.columns) }.within(&picture);
        let band = tiles.positions().min(CPU_BAND.max(side * side));
        // A band is written before complete rows are taken away, and the last row of tiles may be incomplete.
        let waiting = window.positions().min(columns * side + band);
        let chunk = window.positions().min(columns.max(CHUNK));
        // Rows that are complete at the same time, on their way into the picture.
        let rows = window.rows.len().min(side + CPU_BAND.div_ceil(columns.max(1)));
        let made = (rows * LATENT * columns * LATENT) as u64 * pixel;

        let work = LEAST + BAND * band as u64 + WAITING * waiting as u64 + STREAMING * chunk as u64;
        let pixels = wanted.columns.len() as u64 * wanted.rows.len() as u64;
        Ok(Self { pixels, picture: width * height * pixel, work: work + made })
    }

    /// The same for a caller that takes rows and keeps none.
    pub(crate) fn rows(&self) -> Self {
        Self { picture: 0, ..*self }
    }

    /// Bytes in all.
    pub(crate) fn bytes(&self) -> u64 {
        self.picture + self.work
    }
}

impl Header {
    /// Bytes that decoding the whole picture takes on the CPU with the model inside the program, beside the file's own. `alpha` says whether
    /// the file has an alpha plane.
    pub fn decoding_memory(&self, alpha: bool) -> u64 {
        // The whole picture is never outside of itself.
        Needed::of(self, alpha, &View::default()).map_or(u64::MAX, |needed| needed.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::ColourModel;
    use crate::format::header::test_header;
    use crate::view::{Region, Scale};

    #[test]
    fn memory_is_the_samples_twice_and_what_waits_beside_them() {
        let header = test_header(64, 32);
        let whole = View::default();
        let of = |header: &Header, alpha, view: &View| Needed::of(header, alpha, view).unwrap().bytes();
        let work = LEAST + 8 * (BAND + WAITING + STREAMING);
        assert_eq!(of(&header, false, &whole), 2 * 64 * 32 * 3 + work);
        assert_eq!(of(&header, true, &whole), 2 * 64 * 32 * 4 + work);
        let deep = Header { colour: ColourModel::Grey, depth: BitDepth::Ten, ..header };
        assert_eq!(of(&deep, true, &whole), 2 * 64 * 32 * 4 + work);
        assert_eq!(of(&header, false, &View::at(Scale::Eighth)), 64 * 32 * 3 + 8 * 4 * 3 + work);
    }

    #[test]
    fn a_region_takes_its_own_size_and_whole_tiles() {
        let header = Header { tile_size: 64, ..test_header(65535, 65535) };
        let region = View::of(Region { x: 32_000, y: 32_000, width: 16, height: 16 });
        let window = 17 * 17;
        let tiles = 20 * 20;
        let work = LEAST + BAND * tiles + (WAITING + STREAMING) * window;
        assert_eq!(Needed::of(&header, false, &region).unwrap().bytes(), 16 * 16 * 3 + 272 * 272 * 3 + work);
        assert!(matches!(
            Needed::of(&header, false, &View::of(Region { x: 65_535, y: 0, width: 1, height: 1 })),
            Err(Error::RegionOutside { .. })
        ));
    }
}
