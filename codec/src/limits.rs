//! [`Limits`]: the largest picture that an application lets a file make it decode.

use crate::bands::CPU_BAND;
use crate::error::Error;
use crate::format::header::TILE_UNIT;
use crate::format::{BitDepth, Header, LicFile, SectionKind};
use crate::picture::channels;
use crate::tiles::{Area, LATENT};

/// Bytes per latent position of a band that is decoded at once, beside file and samples: rounded up from what the student takes.
const BAND: u64 = 2560;
/// Bytes per latent position that waits for the rest of its row of tiles: 256 channels of the student.
const WAITING: u64 = 1024;
/// Bytes per latent position in the layers of the synthesis, through which rows stream in chunks of this many positions or one row.
const STREAMING: u64 = 8192;
const CHUNK: usize = 384;
/// What even the smallest picture takes.
const LEAST: u64 = 1 << 16;

/// What a file may make a [`crate::Decoder`] do; checked before anything is allocated for the picture. [`Limits::default`] has none: the
/// format itself ties pixels to the file's size (at most 4096 for a byte), and a picture for which there is no memory is an error. An application that takes
/// files from strangers should set both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Most pixels, width times height. The time to decode is bounded by them too.
    pub max_pixels: Option<u64>,
    /// Most bytes of memory beside the file: the samples, alpha's included, and the work beside them on the CPU with the model inside
    /// the program (rounded up; smaller models take less, larger ones more).
    pub max_bytes: Option<u64>,
}

impl Limits {
    /// Checks a file by its header, and by its sections if they matter.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`]; what [`LicFile::open`] says about a damaged file.
    pub(crate) fn check(&self, file: &[u8]) -> Result<(), Error> {
        if *self == Self::default() {
            return Ok(());
        }
        let header = Header::parse(file)?;
        within("max_pixels", self.max_pixels, u64::from(header.width) * u64::from(header.height))?;
        if self.max_bytes.is_some() {
            within("max_bytes", self.max_bytes, memory(&header, false))?;
            let alpha = header.has_sections && LicFile::open(file)?.section(SectionKind::Alpha).is_some();
            within("max_bytes", self.max_bytes, memory(&header, alpha))?;
        }
        Ok(())
    }
}

fn within(limit: &'static str, allowed: Option<u64>, found: u64) -> Result<(), Error> {
    match allowed {
        Some(allowed) if found > allowed => Err(Error::LimitExceeded { limit, found, allowed }),
        _ => Ok(()),
    }
}

/// Bytes of memory that decoding takes beside the file.
pub(crate) fn memory(header: &Header, alpha: bool) -> u64 {
    let (width, height) = (u64::from(header.width), u64::from(header.height));
    let bytes = if header.depth == BitDepth::Eight { 1 } else { 2 };
    let samples = width * height * (channels(header.colour) as u64 + u64::from(alpha)) * bytes;
    let area = Area::of_picture(header);
    let row_of_tiles = area.columns.len() * usize::from(header.tile_size) / LATENT;
    let band = area.positions().min(CPU_BAND.max(tile_positions(header)));
    let chunk = area.positions().min(area.columns.len().max(CHUNK));
    let waiting = area.positions().min(row_of_tiles);
    samples + LEAST + BAND * band as u64 + WAITING * waiting as u64 + STREAMING * chunk as u64
}

/// Latent positions of the largest tile.
fn tile_positions(header: &Header) -> usize {
    let edge = usize::from(header.tile_size.max(TILE_UNIT)) / LATENT;
    edge * edge
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::ColourModel;

    #[test]
    fn memory_is_the_samples_and_what_waits_beside_them() {
        let header = Header {
            width: 64,
            height: 32,
            colour: ColourModel::Rgb,
            depth: BitDepth::Eight,
            quality: 0,
            tile_size: 1024,
            parse_id: 0,
            synthesis_id: 0,
            has_sections: false,
        };
        let work = 65536 + 8 * (2560 + 1024 + 8192);
        assert_eq!(memory(&header, false), 64 * 32 * 3 + work);
        assert_eq!(memory(&header, true), 64 * 32 * 4 + work);
        let deep = Header { colour: ColourModel::Grey, depth: BitDepth::Ten, ..header };
        assert_eq!(memory(&deep, true), 64 * 32 * 4 + work);
        let largest = Header { width: 65535, height: 65535, tile_size: 4096, ..header };
        let work = 65536 + 65536 * 2560 + 4096 * 256 * 1024 + 4096 * 8192;
        assert_eq!(memory(&largest, false), 65535 * 65535 * 3 + work);
    }
}
