//! Pixels to the networks' patches and back, as 8-bit samples in rows of the whole picture.
//!
//! A patch is 8x8 pixels as 64 times the picture's channels in the order row, column, colour. The picture is continued by its edge pixels to
//! whole latents and not further (`codec/FORMAT.md`, chapters 2 and 5.1). Differs from `transform::windows`, which has patches of floats.

use std::ops::Range;

use rayon::prelude::*;

use crate::format::Header;
use crate::image::{Picture, channels};

/// Pixels per patch in each direction.
const PATCH: usize = 8;

/// Rows of patches `[across, 64 channels]` of a picture as they are, the edge continued; `rows` are rows of patches.
pub(crate) fn sample_rows(picture: &Picture, rows: Range<usize>, across: usize) -> Vec<Vec<u8>> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let channels = picture.channels();
    let run = PATCH * channels;
    let row = |patch_row: usize| {
        let mut out = vec![0; across * PATCH * run];
        let lines = (patch_row * PATCH..(patch_row + 1) * PATCH).map(|row| row.min(height - 1) * width * channels);
        for (y, start) in lines.enumerate() {
            let line = &picture.pixels[start..start + width * channels];
            let (whole, rest) = line.split_at(width / PATCH * run);
            let mut places = out.chunks_exact_mut(run).skip(y).step_by(PATCH);
            whole.chunks_exact(run).zip(places.by_ref()).for_each(|(from, to)| to.copy_from_slice(from));
            let last = &line[line.len() - channels..];
            let mut rest = rest.chunks_exact(channels);
            for to in places.flat_map(|place| place.chunks_exact_mut(channels)) {
                to.copy_from_slice(rest.next().unwrap_or(last));
            }
        }
        out
    };
    rows.into_par_iter().map(row).collect()
}

/// Appends rows of patches `[across, 64 channels]` to a picture that is complete down to where they begin; what lies outside of it is left out.
pub(crate) fn append_rows(rows: &[Vec<u8>], header: &Header, pixels: &mut Vec<u8>) {
    let channels = channels(header.colour);
    let (stride, run) = (usize::from(header.width) * channels, PATCH * channels);
    let start = pixels.len();
    let end = (start + rows.len() * PATCH * stride).min(usize::from(header.height) * stride);
    pixels.resize(end.max(start), 0);
    pixels[start..].par_chunks_mut(PATCH * stride).zip(rows).for_each(|(lines, row)| {
        for (y, line) in lines.chunks_exact_mut(stride).enumerate() {
            let runs = row.chunks_exact(run).skip(y).step_by(PATCH);
            // The last run of a line may be cut.
            line.chunks_mut(run).zip(runs).for_each(|(to, from)| to.copy_from_slice(&from[..to.len()]));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{BitDepth, ColourModel};

    #[test]
    fn rows_of_patches_hold_the_pixels_and_the_continued_edge() {
        for colour in [ColourModel::Rgb, ColourModel::Grey] {
            let (width, height) = (21, 35);
            let samples = width * height * channels(colour);
            let pixels: Vec<u8> = (0..samples).map(|i| (i * 7 % 256) as u8).collect();
            let picture = Picture::new(21, 35, colour, pixels.clone()).unwrap();
            let header = Header {
                width: 21,
                height: 35,
                colour,
                depth: BitDepth::Eight,
                quality: 0,
                tile_size: 64,
                parse_id: 0,
                synthesis_id: 0,
                has_sections: false,
            };
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
