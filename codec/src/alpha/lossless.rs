//! Alpha exactly: every tile one sample for all, or filtered rows under DEFLATE.
//!
//! A hostile stream can make the decoder do no more than fill one tile: DEFLATE is stopped at the tile's last byte.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use rayon::prelude::*;

use super::filter::{FILTERS, filter_row, unfilter_row};
use super::reserve_plane;
use crate::error::{AlphaError, Error};
use crate::format::{Header, StoredTiles, TileRect};

/// Effort of DEFLATE: beyond it, files shrink by less than 1 % and time doubles.
const LEVEL: u8 = 6;

/// Payloads of all tiles of a plane [height, width].
pub(crate) fn encode(header: &Header, plane: &[u8]) -> Vec<Vec<u8>> {
    let tiles: Vec<TileRect> = header.tiles().collect();
    tiles.par_iter().map(|tile| encode_tile(tile, header, plane)).collect()
}

fn encode_tile(tile: &TileRect, header: &Header, plane: &[u8]) -> Vec<u8> {
    let (x, width) = (usize::from(tile.x), usize::from(tile.width));
    let lines = plane.chunks_exact(usize::from(header.width)).skip(tile.y.into()).take(tile.height.into());
    let rows: Vec<&[u8]> = lines.filter_map(|line| line.get(x..x + width)).collect();
    let first = rows.first().and_then(|row| row.first()).copied().unwrap_or(u8::MAX);
    if rows.iter().all(|row| row.iter().all(|&sample| sample == first)) {
        return vec![first];
    }
    let mut filtered = Vec::with_capacity(rows.len() * (1 + width));
    let nothing = vec![0; width];
    let above = std::iter::once(nothing.as_slice()).chain(rows.iter().copied());
    rows.iter().zip(above).for_each(|(row, above)| filter_row(row, above, &mut filtered));
    compress_to_vec(&filtered, LEVEL)
}

/// The plane [height, width] of a section's tiles.
pub(crate) fn decode(header: &Header, stored: &StoredTiles<'_>) -> Result<Vec<u8>, Error> {
    let mut plane = reserve_plane(header)?;
    let line = usize::from(header.width);
    plane.resize(line * usize::from(header.height), 0);
    let tiles: Vec<TileRect> = header.tiles().collect();
    // As many at once as there are threads, so that memory beyond the plane does not grow with it.
    for tiles in tiles.chunks(rayon::current_num_threads()) {
        let decoded: Vec<Content> = tiles
            .par_iter()
            .map(|tile| {
                let of_tile = |source| Error::InvalidAlphaTile { tile: tile.index, source };
                decode_tile(stored.tile(tile.index)?, tile).map_err(of_tile)
            })
            .collect::<Result<_, Error>>()?;
        for (tile, content) in tiles.iter().zip(&decoded) {
            let (x, width) = (usize::from(tile.x), usize::from(tile.width));
            let lines = plane.chunks_exact_mut(line).skip(tile.y.into()).take(tile.height.into());
            let places = lines.filter_map(|line| line.get_mut(x..x + width));
            match content {
                Content::Flat(sample) => places.for_each(|place| place.fill(*sample)),
                // The first byte of a row was its filter.
                Content::Rows(rows) => places
                    .zip(rows.chunks_exact(1 + width))
                    .for_each(|(place, row)| place.copy_from_slice(row.get(1..).unwrap_or(&[]))),
            }
        }
    }
    Ok(plane)
}

/// What a payload holds.
enum Content {
    /// The same sample everywhere.
    Flat(u8),
    /// Rows of one byte without meaning and the samples.
    Rows(Vec<u8>),
}

fn decode_tile(payload: &[u8], tile: &TileRect) -> Result<Content, AlphaError> {
    if let &[sample] = payload {
        return Ok(Content::Flat(sample));
    }
    let stride = 1 + usize::from(tile.width);
    let mut rows = inflate(payload, stride * usize::from(tile.height))?;
    let mut above = vec![0; stride];
    for row in rows.chunks_exact_mut(stride) {
        if let Some((&mut filter, samples)) = row.split_first_mut() {
            if filter >= FILTERS {
                return Err(AlphaError::UnknownFilter { filter });
            }
            unfilter_row(filter, samples, above.get(1..).unwrap_or(&[]));
        }
        above.copy_from_slice(row);
    }
    Ok(Content::Rows(rows))
}

/// A DEFLATE stream that takes all of `payload` and gives exactly `length` bytes.
fn inflate(payload: &[u8], length: usize) -> Result<Vec<u8>, AlphaError> {
    let mut out = vec![0; length];
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, read, written) = decompress(&mut DecompressorOxide::new(), payload, &mut out, 0, flags);
    match status {
        TINFLStatus::Done if written == length && read == payload.len() => Ok(out),
        TINFLStatus::Done if written == length => Err(AlphaError::TrailingBytes),
        TINFLStatus::Done => Err(AlphaError::TooShort { found: written, expected: length }),
        TINFLStatus::HasMoreOutput => Err(AlphaError::TooLong { expected: length }),
        _ => Err(AlphaError::Deflate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TILE: TileRect = TileRect { index: 0, x: 0, y: 0, width: 5, height: 3 };

    fn error(payload: &[u8]) -> AlphaError {
        match decode_tile(payload, &TILE) {
            Ok(_) => panic!("{payload:?} was decoded"),
            Err(error) => error,
        }
    }

    #[test]
    fn a_stream_gives_exactly_the_bytes_of_its_tile() {
        let rows = [[0, 1, 2, 3, 4, 5]; 3].concat();
        assert!(matches!(decode_tile(&compress_to_vec(&rows, 6), &TILE), Ok(Content::Rows(found)) if found == rows));
        assert_eq!(error(&compress_to_vec(&rows[..17], 6)), AlphaError::TooShort { found: 17, expected: 18 });
        let longer = [rows.as_slice(), &[0]].concat();
        assert_eq!(error(&compress_to_vec(&longer, 6)), AlphaError::TooLong { expected: 18 });
        // A bomb: a megabyte of zeros in a thousand bytes.
        assert_eq!(error(&compress_to_vec(&vec![0; 1 << 20], 9)), AlphaError::TooLong { expected: 18 });
        let padded = [compress_to_vec(&rows, 6), vec![0]].concat();
        assert_eq!(error(&padded), AlphaError::TrailingBytes);
        let whole = compress_to_vec(&rows, 6);
        (2..whole.len()).for_each(|end| assert_eq!(error(&whole[..end]), AlphaError::Deflate, "{end} bytes"));
    }

    #[test]
    fn filters_that_png_does_not_have_are_refused() {
        let rows = [[0, 1, 2, 3, 4, 5], [5, 0, 0, 0, 0, 0], [0; 6]].concat();
        assert_eq!(error(&compress_to_vec(&rows, 6)), AlphaError::UnknownFilter { filter: 5 });
    }
}
