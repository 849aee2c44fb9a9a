//! Pixels to the networks' patches and back, as samples in rows of the whole picture.
//!
//! A patch is 8x8 pixels as 64 times the picture's channels in the order row, column, colour. The picture is continued by its edge pixels to
//! whole latents and not further (`codec/FORMAT.md`, chapters 2 and 5.1). Differs from `transform::windows`, which has patches of floats.

use std::ops::Range;

use rayon::prelude::*;

use crate::format::{ColourModel, Header};
use crate::picture::{Picture, channels};
use crate::samples::{Samples, eight_bits, peak};

/// Pixels per patch in each direction.
const PATCH: usize = 8;

/// Rows of patches `[across, 64 channels]` of a picture with 8 bits per sample, rounded if it has more; the edge is continued, and
/// `rows` are rows of patches.
pub(crate) fn sample_rows(picture: &Picture, rows: Range<usize>, across: usize) -> Vec<Vec<u8>> {
    let rows = rows.into_par_iter();
    match &picture.pixels {
        Samples::Eight(pixels) => rows.map(|row| read_row(picture, pixels, row, across)).collect(),
        Samples::Deep(depth, pixels) => rows
            .map(|row| read_row(picture, pixels, row, across).into_iter().map(|s| eight_bits(s, *depth)).collect())
            .collect(),
    }
}

/// The greatest of the [`deep_rows`].
pub(crate) const DEEP_MAX: i16 = 8191;

/// The same for a picture with more than 8 bits per sample: numbers from `-DEEP_MAX` for black to `DEEP_MAX` for white, which is about as
/// exact as 14 bits. None for 8 bits.
pub(crate) fn deep_rows(picture: &Picture, rows: Range<usize>, across: usize) -> Option<Vec<Vec<i16>>> {
    let Samples::Deep(depth, pixels) = &picture.pixels else { return None };
    let (peak, range) = (u32::from(peak(*depth)), 2 * u32::from(DEEP_MAX.unsigned_abs()));
    let number = |sample: u16| ((u32::from(sample) * range + peak / 2) / peak) as i16 - DEEP_MAX;
    let row = |row| read_row(picture, pixels, row, across).into_iter().map(number).collect();
    Some(rows.into_par_iter().map(row).collect())
}

/// A row of patches of a picture with these samples.
fn read_row<T: Copy + Default>(picture: &Picture, pixels: &[T], patch_row: usize, across: usize) -> Vec<T> {
    let size = [picture.width, picture.height].map(|side| side as usize);
    // Copies of constant length are single instructions.
    match picture.colour {
        ColourModel::Rgb => read::<T, 3, { 3 * PATCH }>(pixels, size, patch_row, across),
        ColourModel::Grey => read::<T, 1, PATCH>(pixels, size, patch_row, across),
    }
}

/// A row of patches; `RUN` samples of `CHANNELS` each are a patch's part of a line.
fn read<T: Copy + Default, const CHANNELS: usize, const RUN: usize>(
    pixels: &[T],
    [width, height]: [usize; 2],
    patch_row: usize,
    across: usize,
) -> Vec<T> {
    let stride = width * CHANNELS;
    let mut out = vec![T::default(); across * PATCH * RUN];
    for y in 0..PATCH {
        let line = &pixels[(patch_row * PATCH + y).min(height - 1) * stride..][..stride];
        let (whole, rest) = line.as_chunks::<RUN>();
        let mut places = out.as_chunks_mut::<RUN>().0.iter_mut().skip(y).step_by(PATCH);
        whole.iter().zip(places.by_ref()).for_each(|(from, to)| *to = *from);
        let last = line.last_chunk::<CHANNELS>().copied().unwrap_or([T::default(); CHANNELS]);
        let mut rest = rest.as_chunks::<CHANNELS>().0.iter();
        for to in places.flat_map(|place| place.as_chunks_mut::<CHANNELS>().0) {
            *to = rest.next().copied().unwrap_or(last);
        }
    }
    out
}

/// Appends rows of patches `[across, 64 channels]` to a picture that is complete down to where they begin; what lies outside of it is left out.
pub(crate) fn append_rows<T: Copy + Default + Send + Sync>(rows: &[Vec<T>], header: &Header, pixels: &mut Vec<T>) {
    let stride = usize::from(header.width) * channels(header.colour);
    let start = pixels.len();
    let end = (start + rows.len() * PATCH * stride).min(usize::from(header.height) * stride);
    pixels.resize(end.max(start), T::default());
    pixels[start..].par_chunks_mut(PATCH * stride).zip(rows).for_each(|(lines, row)| match header.colour {
        ColourModel::Rgb => write::<T, { 3 * PATCH }>(row, lines, stride),
        ColourModel::Grey => write::<T, PATCH>(row, lines, stride),
    });
}

/// Writes a row of patches to lines of the picture.
fn write<T: Copy, const RUN: usize>(row: &[T], lines: &mut [T], stride: usize) {
    let row = row.as_chunks::<RUN>().0;
    for (y, line) in lines.chunks_exact_mut(stride).enumerate() {
        let mut runs = row.iter().skip(y).step_by(PATCH);
        let (whole, rest) = line.as_chunks_mut::<RUN>();
        whole.iter_mut().zip(runs.by_ref()).for_each(|(to, from)| *to = *from);
        // The last run of a line may be cut.
        rest.iter_mut().zip(runs.next().into_iter().flatten()).for_each(|(to, from)| *to = *from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::header::test_header;

    #[test]
    fn rows_of_patches_hold_the_pixels_and_the_continued_edge() {
        for colour in [ColourModel::Rgb, ColourModel::Grey] {
            let (width, height) = (21, 35);
            let samples = width * height * channels(colour);
            let pixels: Vec<u8> = (0..samples).map(|i| (i * 7 % 256) as u8).collect();
            let picture = Picture::new(21, 35, colour, pixels.clone()).unwrap();
            let header = Header { colour, tile_size: 64, ..test_header(21, 35) };
            let rows = sample_rows(&picture, 0..6, 4);
            assert!(rows.iter().all(|row| row.len() == 4 * PATCH * PATCH * channels(colour)));
            let (mut back, mut whole) = (Vec::new(), Vec::new());
            rows.iter().for_each(|row| append_rows(std::slice::from_ref(row), &header, &mut back));
            assert_eq!(back, pixels);
            append_rows(&rows, &Header { width: 32, height: 48, ..header }, &mut whole);
            let last = &pixels[samples - channels(colour)..];
            assert_eq!(&whole[whole.len() - channels(colour)..], last);
        }
    }
}
