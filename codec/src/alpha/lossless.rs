//! Alpha exactly: every tile one sample for all, or filtered rows under DEFLATE.
//!
//! A hostile stream can make the decoder do no more than fill one tile: DEFLATE is stopped at the tile's last byte, and streams that are much longer than what
//! they give are refused, as they may hold any number of blocks that give nothing.

use std::ops::Range;

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use rayon::prelude::*;

use super::filter::{FILTERS, filter_row, unfilter_row};
use crate::bands::{CPU_BAND, band};
use crate::error::{AlphaError, Error};
use crate::format::{BitDepth, Header, StoredTiles, TileRect};
use crate::samples::{Samples, peak};
use crate::view::Pixels;

/// Effort of DEFLATE: beyond it, files shrink by less than 1 % and time doubles.
const LEVEL: u8 = 6;

/// Payloads of tiles that lie in a plane [rows, width], whose first row is row `first` of the picture.
pub(crate) fn encode(tiles: &[TileRect], width: usize, first: usize, plane: &Samples) -> Vec<Vec<u8>> {
    let tiles = tiles.par_iter();
    match plane {
        Samples::Eight(plane) => tiles.map(|tile| encode_tile(tile, width, first, plane, |s| [s])).collect(),
        Samples::Deep(_, plane) => tiles.map(|tile| encode_tile(tile, width, first, plane, u16::to_be_bytes)).collect(),
    }
}

fn encode_tile<T: Copy + PartialEq, const BYTES: usize>(
    tile: &TileRect,
    line: usize,
    first: usize,
    plane: &[T],
    bytes: impl Fn(T) -> [u8; BYTES],
) -> Vec<u8> {
    let (x, width) = (usize::from(tile.x), usize::from(tile.width));
    let lines = plane.chunks_exact(line).skip(usize::from(tile.y) - first).take(tile.height.into());
    let rows: Vec<&[T]> = lines.filter_map(|line| line.get(x..x + width)).collect();
    if let Some(&first) = rows.first().and_then(|row| row.first())
        && rows.iter().all(|row| row.iter().all(|&sample| sample == first))
    {
        return bytes(first).to_vec();
    }
    let mut filtered = Vec::with_capacity(rows.len() * (1 + width * BYTES));
    let mut above = vec![0; width * BYTES];
    for row in rows {
        let row: Vec<u8> = row.iter().flat_map(|&sample| bytes(sample)).collect();
        filter_row::<BYTES>(&row, &above, &mut filtered);
        above = row;
    }
    compress_to_vec(&filtered, LEVEL)
}

/// The wanted samples of a row of tiles, whole rows of them.
pub(crate) fn decode_row(
    header: &Header,
    stored: &StoredTiles<'_>,
    tiles: &[TileRect],
    pixels: &Pixels,
) -> Result<Samples, Error> {
    match header.depth {
        BitDepth::Eight => decode_tiles(header, stored, tiles, pixels, |[sample]| sample).map(Samples::Eight),
        depth => decode_tiles(header, stored, tiles, pixels, u16::from_be_bytes).map(|row| Samples::Deep(depth, row)),
    }
}

fn decode_tiles<T: Copy + Default + Into<u16> + Send + Sync, const BYTES: usize>(
    header: &Header,
    stored: &StoredTiles<'_>,
    tiles: &[TileRect],
    pixels: &Pixels,
    sample: impl Fn([u8; BYTES]) -> T + Sync,
) -> Result<Vec<T>, Error> {
    let part = |wanted: &Range<usize>, start: u16, length: u16| {
        let start = usize::from(start);
        wanted.start.max(start)..wanted.end.min(start + usize::from(length))
    };
    let Some(rows) = tiles.first().map(|tile| part(&pixels.rows, tile.y, tile.height)) else { return Ok(Vec::new()) };
    let line = pixels.columns.len();
    let mut plane = vec![T::default(); rows.len() * line];
    let most = peak(header.depth);
    // As many at once as there are threads, but no more than the networks decode at once: so memory beyond the plane does not grow with the
    // width, and is known on every machine ([`crate::needed`]).
    for tiles in tiles.chunks(rayon::current_num_threads().min(band(tiles, CPU_BAND))) {
        let decoded: Vec<Vec<T>> = tiles
            .par_iter()
            .map(|tile| {
                let of_tile = |source| Error::InvalidAlphaTile { tile: tile.index, source };
                let samples = decode_tile(stored.tile(tile.index)?, tile, &sample).map_err(of_tile)?;
                match samples.iter().map(|&sample| sample.into()).find(|&sample| sample > most) {
                    Some(found) => Err(of_tile(AlphaError::TooLarge { found, most })),
                    None => Ok(samples),
                }
            })
            .collect::<Result<_, Error>>()?;
        for (tile, samples) in tiles.iter().zip(&decoded) {
            let columns = part(&pixels.columns, tile.x, tile.width);
            let (from, to) = (columns.start - usize::from(tile.x), columns.start - pixels.columns.start);
            let places = plane.chunks_exact_mut(line).filter_map(|row| row.get_mut(to..to + columns.len()));
            let rows = samples.chunks_exact(tile.width.into()).skip(rows.start - usize::from(tile.y));
            let rows = rows.filter_map(|row| row.get(from..from + columns.len()));
            places.zip(rows).for_each(|(place, row)| place.copy_from_slice(row));
        }
    }
    Ok(plane)
}

/// The samples [height, width] of a tile.
fn decode_tile<T: Copy, const BYTES: usize>(
    payload: &[u8],
    tile: &TileRect,
    sample: impl Fn([u8; BYTES]) -> T,
) -> Result<Vec<T>, AlphaError> {
    let (width, height) = (usize::from(tile.width), usize::from(tile.height));
    if let Ok(bytes) = payload.try_into() {
        return Ok(vec![sample(bytes); width * height]);
    }
    let stride = 1 + width * BYTES;
    let mut rows = inflate(payload, stride * height)?;
    let mut samples = Vec::with_capacity(width * height);
    let mut above = vec![0; stride - 1];
    for row in rows.chunks_exact_mut(stride) {
        let Some((&mut filter, row)) = row.split_first_mut() else { break };
        if filter >= FILTERS {
            return Err(AlphaError::UnknownFilter { filter });
        }
        unfilter_row::<BYTES>(filter, row, &above);
        samples.extend(row.as_chunks::<BYTES>().0.iter().map(|&bytes| sample(bytes)));
        above.copy_from_slice(row);
    }
    Ok(samples)
}

/// A DEFLATE stream that takes all of `payload` and gives exactly `length` bytes.
fn inflate(payload: &[u8], length: usize) -> Result<Vec<u8>, AlphaError> {
    let most = length + length / 64 + 64;
    if payload.len() > most {
        return Err(AlphaError::Padded { found: payload.len(), most });
    }
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

    fn decode_tile(payload: &[u8]) -> Result<Vec<u8>, AlphaError> {
        super::decode_tile(payload, &TILE, |[sample]| sample)
    }

    fn error(payload: &[u8]) -> AlphaError {
        decode_tile(payload).unwrap_err()
    }

    #[test]
    fn a_stream_gives_exactly_the_bytes_of_its_tile() {
        let rows = [[0, 1, 2, 3, 4, 5]; 3].concat();
        assert_eq!(decode_tile(&compress_to_vec(&rows, 6)), Ok([[1, 2, 3, 4, 5]; 3].concat()));
        assert_eq!(error(&compress_to_vec(&rows[..17], 6)), AlphaError::TooShort { found: 17, expected: 18 });
        let longer = [rows.as_slice(), &[0]].concat();
        assert_eq!(error(&compress_to_vec(&longer, 6)), AlphaError::TooLong { expected: 18 });
        // Bombs: zeros a thousand times as many as bytes, fewer than there may be and more.
        assert_eq!(error(&compress_to_vec(&vec![0; 1 << 16], 9)), AlphaError::TooLong { expected: 18 });
        assert_eq!(error(&compress_to_vec(&vec![0; 1 << 20], 9)), AlphaError::Padded { found: 1033, most: 82 });
        let padded = [compress_to_vec(&rows, 6), vec![0]].concat();
        assert_eq!(error(&padded), AlphaError::TrailingBytes);
        // Stored blocks of no bytes, as many as may be and one more.
        let empty = [0, 0, 0, 0xff, 0xff];
        let idle = [empty.repeat(12), compress_to_vec(&rows, 6)].concat();
        assert_eq!(decode_tile(&idle), Ok([[1, 2, 3, 4, 5]; 3].concat()));
        let idle = [empty.repeat(17), compress_to_vec(&rows, 6)].concat();
        assert_eq!(error(&idle), AlphaError::Padded { found: idle.len(), most: 18 + 64 });
        let whole = compress_to_vec(&rows, 6);
        (2..whole.len()).for_each(|end| assert_eq!(error(&whole[..end]), AlphaError::Deflate, "{end} bytes"));
    }

    #[test]
    fn what_cannot_be_compressed_has_room_in_a_stream() {
        let side = 1024u16;
        let tile = TileRect { width: side, height: side, ..TILE };
        let mut noise = 7;
        let plane: Vec<u8> =
            (0..usize::from(side).pow(2)).map(|_| crate::splitmix::splitmix64(&mut noise) as u8).collect();
        let payload = encode_tile(&tile, side.into(), 0, &plane, |sample| [sample]);
        assert!(payload.len() > plane.len(), "{} bytes", payload.len());
        assert_eq!(super::decode_tile(&payload, &tile, |[sample]| sample), Ok(plane));
    }

    /// Made by zlib from rows with the filters 0 to 4 in turn.
    #[test]
    fn streams_of_other_writers_are_read() {
        let stream = [
            0x63, 0x60, 0x30, 0xcd, 0x9a, 0x7f, 0x85, 0x51, 0xd6, 0x06, 0x08, 0x98, 0xc2, 0xe3, 0x52, 0x73, 0x8a, 0x99,
            0x4f, 0x7f, 0xfc, 0x5a, 0x51, 0xc3, 0x72, 0x3a, 0x50, 0x59, 0xeb, 0x39, 0x00,
        ];
        let row = |r: usize| (0..5).map(move |c| ((r * r * 29 + c * 53 + r * c * 7) % 256) as u8);
        let tile = TileRect { height: 5, ..TILE };
        let found = super::decode_tile(&stream, &tile, |[sample]| sample);
        assert_eq!(found, Ok((0..5).flat_map(row).collect::<Vec<u8>>()));

        let stream = [
            0x63, 0x60, 0x60, 0xb0, 0xd1, 0xfc, 0xb0, 0x84, 0x51, 0xee, 0xbd, 0x9d, 0xd6, 0xd6, 0x1a, 0xa6, 0xd8, 0xb3,
            0xb1, 0xe7, 0xe2, 0xcf, 0x33, 0xdf, 0xe4, 0x7c, 0xf7, 0x66, 0xf5, 0x34, 0x96, 0x1b, 0x9d, 0x8e, 0xba, 0xb7,
            0xba, 0x01,
        ];
        let row = |r: usize| (0..3).map(move |c| ((r * r * 7919 + c * c * 15401 + r * c * 257) % 65536) as u16);
        let tile = TileRect { width: 3, height: 5, ..TILE };
        let found = super::decode_tile(&stream, &tile, u16::from_be_bytes);
        assert_eq!(found, Ok((0..5).flat_map(row).collect::<Vec<u16>>()));
    }

    #[test]
    fn filters_that_png_does_not_have_are_refused() {
        let rows = [[0, 1, 2, 3, 4, 5], [5, 0, 0, 0, 0, 0], [0; 6]].concat();
        assert_eq!(error(&compress_to_vec(&rows, 6)), AlphaError::UnknownFilter { filter: 5 });
    }
}
