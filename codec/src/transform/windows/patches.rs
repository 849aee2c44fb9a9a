//! Pixels to patches of floats and back, for windows of a picture.
//!
//! A patch is 8x8 pixels as 192 numbers in the order row, column, colour, `sample / peak - 0.5`; grey pictures are three equal
//! planes. The edge is continued as in `crate::patches`.

use crate::format::ColourModel;
use crate::picture::{Picture, channels};
use crate::samples::{Sample, Samples, peak};
use crate::tiles::{Area, LATENT};

/// Pixels per patch in each direction.
const PATCH: usize = 8;
/// Numbers per patch.
const PATCH_VALUES: usize = PATCH * PATCH * 3;

/// The patches [2 rows, 2 columns, 192] of an area of `picture`, whose shape has been checked.
pub(crate) fn from_picture(picture: &Picture, area: &Area) -> Vec<f32> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let channels = picture.channels();
    let peak = f32::from(peak(picture.pixels.depth()));
    let value = |place: usize| match &picture.pixels {
        Samples::Eight(pixels) => f32::from(pixels[place]) / 255.0 - 0.5,
        Samples::Deep(_, pixels) => f32::from(pixels[place]) / peak - 0.5,
    };
    let mut out = Vec::with_capacity(4 * area.positions() * PATCH_VALUES);
    for patch_row in 2 * area.rows.start..2 * area.rows.end {
        for patch_column in 2 * area.columns.start..2 * area.columns.end {
            for row in patch_row * PATCH..(patch_row + 1) * PATCH {
                let line = row.min(height - 1) * width * channels;
                for column in patch_column * PATCH..(patch_column + 1) * PATCH {
                    let pixel = line + column.min(width - 1) * channels;
                    match picture.colour {
                        ColourModel::Rgb => out.extend((pixel..pixel + 3).map(&value)),
                        ColourModel::Grey => out.extend([value(pixel); 3]),
                    }
                }
            }
        }
    }
    out
}

/// Samples [height, width, channels] up to `peak` of a tile from the patches of its `window`; `tile` lies inside of it.
pub(crate) fn to_samples<T: Sample>(
    patches: &[f32],
    window: &Area,
    tile: &Area,
    size: [usize; 2],
    colour: ColourModel,
    peak: u16,
) -> Vec<T> {
    let [width, height] = size;
    let patches_across = 2 * window.columns.len();
    let (top, left) =
        ((tile.rows.start - window.rows.start) * LATENT, (tile.columns.start - window.columns.start) * LATENT);
    let mut out = Vec::with_capacity(width * height * channels(colour));
    for row in top..top + height {
        for column in left..left + width {
            let patch = row / PATCH * patches_across + column / PATCH;
            let at = patch * PATCH_VALUES + (row % PATCH * PATCH + column % PATCH) * 3;
            let pixel = &patches[at..at + 3];
            match colour {
                ColourModel::Rgb => out.extend(pixel.iter().map(|&v| sample::<T>(v, peak))),
                ColourModel::Grey => out.push(sample::<T>(pixel.iter().sum::<f32>() / 3.0, peak)),
            }
        }
    }
    out
}

/// The sample, 0 to `peak`, of a number that is nominally in -0.5..=0.5.
fn sample<T: Sample>(value: f32, peak: u16) -> T {
    // The conversion saturates, and makes 0 of what is no number.
    T::of((((value + 0.5) * f32::from(peak) + 0.5) as u16).min(peak).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_hold_the_pixels_and_the_continued_edge() {
        for colour in [ColourModel::Rgb, ColourModel::Grey] {
            let (width, height) = (21usize, 35usize);
            let samples = width * height * channels(colour);
            let pixels: Vec<u8> = (0..samples).map(|i| (i * 7 % 256) as u8).collect();
            let picture = Picture::new(21, 35, colour, pixels.clone()).unwrap();
            let whole = Area { rows: 0..3, columns: 0..2 };
            let patches = from_picture(&picture, &whole);
            assert_eq!(patches.len(), 6 * 4 * PATCH_VALUES);
            let back: Vec<u8> = to_samples(&patches, &whole, &whole, [width, height], colour, 255);
            assert_eq!(back, pixels);
            let all: Vec<u8> = to_samples(&patches, &whole, &whole, [32, 48], colour, 255);
            let last = &pixels[samples - channels(colour)..];
            assert_eq!(&all[all.len() - channels(colour)..], last);
        }
    }

    #[test]
    fn a_tile_is_cut_out_of_its_window() {
        let pixels: Vec<u8> = (0..64 * 48).map(|i| (i % 251) as u8).collect();
        let picture = Picture::new(64, 48, ColourModel::Grey, pixels.clone()).unwrap();
        let window = Area { rows: 0..3, columns: 1..4 };
        let tile = Area { rows: 1..2, columns: 2..4 };
        let patches = from_picture(&picture, &window);
        let samples: Vec<u8> = to_samples(&patches, &window, &tile, [32, 16], ColourModel::Grey, 255);
        let expected: Vec<u8> = (16..32).flat_map(|row| pixels[row * 64 + 32..row * 64 + 64].to_vec()).collect();
        assert_eq!(samples, expected);
    }

    #[test]
    fn what_is_no_number_is_black() {
        assert_eq!([f32::NAN, -9.0, 9.0, 0.0].map(|v| sample::<u8>(v, 255)), [0, 0, 255, 128]);
        assert_eq!([f32::NAN, -9.0, 9.0, 0.0].map(|v| sample::<u16>(v, 1023)), [0, 0, 1023, 512]);
    }
}
