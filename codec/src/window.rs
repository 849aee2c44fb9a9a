//! [`Window`]: the latents that a view needs, the picture that synthesis makes of them, and the part of it that is wanted.
//!
//! A synthesis looks `halo` latents beyond what it makes, so a window has that much around the wanted pixels, inside of the picture: there, as
//! at its true borders, the transform's zero padding applies, and the wanted samples come out as they do in the whole picture.

use std::ops::Range;

use crate::format::{Header, TileRect};
use crate::samples::Samples;
use crate::tiles::{Area, LATENT};
use crate::view::Pixels;

/// The latents that some pixels of a picture need: those they lie on, and `halo` around them. `anchor`: they start at multiples of so many.
pub(crate) fn latents_of(header: &Header, pixels: &Pixels, halo: usize, anchor: usize) -> Area {
    let latents = |range: &Range<usize>| range.start / LATENT..range.end.div_ceil(LATENT);
    let wanted = Area { rows: latents(&pixels.rows), columns: latents(&pixels.columns) };
    let mut area = wanted.window(halo, &Area::of_picture(header));
    area.rows.start -= area.rows.start % anchor;
    area.columns.start -= area.columns.start % anchor;
    area
}

/// Part of a plane of latents and what is made of it.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    /// The latents.
    pub(crate) area: Area,
    /// A header for the picture that the window is on its own; its sides count samples.
    pub(crate) header: Header,
    /// The wanted samples of that picture.
    columns: Range<usize>,
    rows: Range<usize>,
}

impl Window {
    /// The window for some pixels of a picture. `anchor`: windows start at multiples of so many latents. `unit`: pixels per sample that the
    /// synthesis makes, 1 or, for previews, 8, of which `pixels` are whole multiples.
    pub(crate) fn new(header: &Header, pixels: &Pixels, halo: usize, anchor: usize, unit: usize) -> Self {
        let area = latents_of(header, pixels, halo, anchor);
        let side = |range: &Range<usize>, whole: u16| {
            let whole = usize::from(whole).div_ceil(unit);
            ((range.end * LATENT / unit).min(whole) - range.start * LATENT / unit) as u16
        };
        let inner = |range: &Range<usize>, pixels: &Range<usize>| {
            let start = range.start * LATENT / unit;
            pixels.start / unit - start..pixels.end.div_ceil(unit) - start
        };
        Self {
            header: Header {
                width: side(&area.columns, header.width),
                height: side(&area.rows, header.height),
                ..*header
            },
            columns: inner(&area.columns, &pixels.columns),
            rows: inner(&area.rows, &pixels.rows),
            area,
        }
    }

    /// The tiles of the picture of `header` that the window touches, in their order.
    pub(crate) fn tiles(&self, header: &Header) -> Vec<TileRect> {
        tiles_of(header, &self.area.rows, &self.area.columns)
    }

    /// The part of a tile that lies in the window, in the window's own coordinates, and that part of the tile's latents [rows, columns, `channels`].
    pub(crate) fn cut<'a>(
        &self,
        tile: &TileRect,
        latents: &'a [i32],
        channels: usize,
    ) -> (Area, impl Iterator<Item = &'a [i32]> + use<'a>) {
        let tile = Area::of_tile(tile);
        let part = tile.within(&self.area);
        let own = |range: &Range<usize>, origin: usize| range.start - origin..range.end - origin;
        let columns = own(&part.columns, tile.columns.start);
        let rows = latents.chunks_exact(tile.columns.len() * channels).skip(part.rows.start - tile.rows.start);
        let rows = rows.take(part.rows.len()).map(move |row| &row[columns.start * channels..columns.end * channels]);
        let area =
            Area { rows: own(&part.rows, self.area.rows.start), columns: own(&part.columns, self.area.columns.start) };
        (area, rows)
    }

    /// The wanted part of whole rows of the window's picture, the first of which is row `first`; all of it is moved, not copied.
    pub(crate) fn crop(&self, samples: Samples, first: usize, channels: usize) -> Samples {
        let line = usize::from(self.header.width);
        let count = samples.len() / (line * channels).max(1);
        let rows = self.rows.start.saturating_sub(first).min(count)..self.rows.end.saturating_sub(first).min(count);
        if rows == (0..count) && self.columns == (0..line) {
            return samples;
        }
        samples.crop(line * channels, rows, self.columns.start * channels..self.columns.end * channels)
    }
}

/// The tiles that hold some of these rows and columns of latents, in the order of the file.
pub(crate) fn tiles_of(header: &Header, rows: &Range<usize>, columns: &Range<usize>) -> Vec<TileRect> {
    let side = (usize::from(header.tile_size) / LATENT).max(1);
    let [across, _] = header.tile_grid();
    let covers = |range: &Range<usize>| (range.start / side) as u32..range.end.div_ceil(side) as u32;
    let (rows, columns) = (covers(rows), covers(columns));
    rows.flat_map(|row| columns.clone().filter_map(move |column| header.tile(row * across + column))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::header::test_header as header;

    fn pixels(columns: Range<usize>, rows: Range<usize>) -> Pixels {
        Pixels { columns, rows }
    }

    #[test]
    fn a_window_has_a_halo_inside_of_the_picture() {
        let header = Header { tile_size: 64, ..header(1000, 300) };
        let window = Window::new(&header, &pixels(500..510, 0..20), 5, 1, 1);
        assert_eq!(window.area, Area { rows: 0..7, columns: 26..37 });
        assert_eq!((window.header.width, window.header.height), (176, 112));
        assert_eq!((window.columns.clone(), window.rows.clone()), (84..94, 0..20));
        let numbers: Vec<u32> = window.tiles(&header).iter().map(|tile| tile.index).collect();
        assert_eq!(numbers, [6, 7, 8, 9, 22, 23, 24, 25]);

        let window = Window::new(&header, &pixels(990..1000, 299..300), 5, 8, 1);
        assert_eq!(window.area, Area { rows: 8..19, columns: 56..63 });
        assert_eq!((window.header.width, window.header.height), (104, 172));
        assert_eq!((window.columns.clone(), window.rows.clone()), (94..104, 171..172));
    }

    #[test]
    fn the_window_of_a_preview_counts_samples_of_8_pixels() {
        let header = header(1000, 300);
        let window = Window::new(&header, &pixels(8..1000, 296..300), 0, 1, 8);
        assert_eq!(window.area, Area { rows: 18..19, columns: 0..63 });
        assert_eq!((window.header.width, window.header.height), (125, 2));
        assert_eq!((window.columns.clone(), window.rows.clone()), (1..125, 1..2));
    }

    #[test]
    fn tiles_are_cut_and_rows_are_cropped() {
        let header = Header { tile_size: 64, ..header(128, 64) };
        let window = Window::new(&header, &pixels(32..96, 16..32), 0, 1, 1);
        let latents: Vec<i32> = (0..16).collect();
        let tile = header.tile(1).unwrap();
        let (area, rows) = window.cut(&tile, &latents, 1);
        assert_eq!(area, Area { rows: 0..1, columns: 2..4 });
        assert_eq!(rows.collect::<Vec<_>>(), [[4, 5]]);

        let window = Window::new(&header, &pixels(33..35, 17..19), 0, 1, 1);
        let lines: Vec<u8> = (0..16 * 3).collect();
        assert_eq!(window.crop(lines.clone().into(), 0, 1), vec![17, 18, 33, 34].into());
        assert_eq!(window.crop(lines.clone().into(), 2, 1), vec![1, 2].into());
        assert_eq!(window.crop(lines.into(), 5, 1), vec![].into());
    }
}
