//! [`View`]: which part of a picture to decode, and at which size. How that becomes latents and samples is `window.rs`.

use std::ops::Range;

use crate::error::Error;
use crate::format::Header;

/// A rectangle of the stored picture in pixels; the orientation is not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region {
    /// Columns of pixels to the left of it.
    pub x: u32,
    /// Rows of pixels above it.
    pub y: u32,
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
}

/// How much smaller than the stored picture a decoded one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scale {
    /// One sample per pixel.
    #[default]
    Full,
    /// Means of 2x2 pixels. This and the next two decode the whole region; what they save is memory.
    Half,
    /// Means of 4x4 pixels.
    Quarter,
    /// Means of 8x8 pixels.
    Eighth,
    /// An eighth as well, but by a linear map of the latents instead of the synthesis transform: as sharp, 3 to 14 dB less
    /// exact, and several times as fast.
    /// Blocks start at multiples of 8 pixels of the picture: a region grows to them.
    /// With weights that have no such map it is the same as [`Self::Eighth`].
    Preview,
}

impl Scale {
    /// Pixels per sample in each direction.
    pub fn divisor(self) -> u32 {
        match self {
            Self::Full => 1,
            Self::Half => 2,
            Self::Quarter => 4,
            Self::Eighth | Self::Preview => 8,
        }
    }
}

/// What to decode of a picture; by default all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct View {
    /// The part; without it the whole picture.
    pub region: Option<Region>,
    /// The size: width and height are divided, and rounded up.
    pub scale: Scale,
}

impl View {
    /// Part of a picture at full size.
    pub fn of(region: Region) -> Self {
        Self { region: Some(region), scale: Scale::Full }
    }

    /// A whole picture at a smaller size.
    pub fn at(scale: Scale) -> Self {
        Self { region: None, scale }
    }

    /// The smallest whole picture whose longer side has at least `side` pixels, for thumbnails: an eighth by [`Scale::Preview`], a quarter,
    /// a half, or the picture as it is.
    pub fn at_least(side: u32, header: &Header) -> Self {
        let longer = u32::from(header.width.max(header.height));
        let scales = [Scale::Preview, Scale::Quarter, Scale::Half];
        Self::at(scales.into_iter().find(|scale| longer.div_ceil(scale.divisor()) >= side).unwrap_or_default())
    }

    /// Width and height of what a decoder makes of a picture with this header.
    ///
    /// # Errors
    /// [`Error::RegionOutside`] if the region is empty or reaches beyond the picture.
    pub fn size(&self, header: &Header) -> Result<[u32; 2], Error> {
        let pixels = self.pixels(header)?;
        Ok([&pixels.columns, &pixels.rows].map(|range| range.len() as u32).map(|n| n.div_ceil(self.scale.divisor())))
    }

    /// The pixels whose samples are wanted.
    pub(crate) fn pixels(&self, header: &Header) -> Result<Pixels, Error> {
        let [width, height] = [header.width, header.height].map(u32::from);
        let region = self.region.unwrap_or(Region { x: 0, y: 0, width, height });
        let unit = if self.scale == Scale::Preview { Scale::Preview.divisor() } else { 1 };
        let range = |start: u32, length: u32, limit: u32| {
            let end = start.checked_add(length).filter(|&end| length > 0 && end <= limit)?;
            Some((start / unit * unit) as usize..end.next_multiple_of(unit).min(limit) as usize)
        };
        match (range(region.x, region.width, width), range(region.y, region.height, height)) {
            (Some(columns), Some(rows)) => Ok(Pixels { columns, rows }),
            _ => Err(Error::RegionOutside { region, width, height }),
        }
    }
}

/// A rectangle of a picture, in pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pixels {
    pub(crate) columns: Range<usize>,
    pub(crate) rows: Range<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::header::test_header as header;

    #[test]
    fn regions_must_lie_in_the_picture() {
        let header = header(100, 50);
        let region = |x, y, width, height| View::of(Region { x, y, width, height }).size(&header);
        assert_eq!(region(0, 0, 100, 50).unwrap(), [100, 50]);
        assert_eq!(region(99, 49, 1, 1).unwrap(), [1, 1]);
        for (x, y, width, height) in [
            (0, 0, 101, 1),
            (0, 0, 1, 51),
            (100, 0, 1, 1),
            (0, 50, 1, 1),
            (3, 3, 0, 1),
            (3, 3, 1, 0),
            (1, 0, u32::MAX, 1),
        ] {
            assert!(matches!(region(x, y, width, height), Err(Error::RegionOutside { .. })));
        }
    }

    #[test]
    fn thumbnails_are_as_small_as_they_may_be() {
        let header = header(800, 2048);
        let scales = [1, 256, 257, 512, 513, 1024, 1025, 9999].map(|side| View::at_least(side, &header).scale);
        let [preview, quarter, half, full] = [Scale::Preview, Scale::Quarter, Scale::Half, Scale::Full];
        assert_eq!(scales, [preview, preview, quarter, quarter, half, half, full, full]);
    }

    #[test]
    fn sizes_are_rounded_up_and_previews_grow_to_their_grid() {
        let header = header(100, 50);
        let size = |region, scale| View { region, scale }.size(&header).unwrap();
        assert_eq!(size(None, Scale::Half), [50, 25]);
        assert_eq!(size(None, Scale::Eighth), [13, 7]);
        let region = Some(Region { x: 7, y: 15, width: 10, height: 2 });
        assert_eq!(size(region, Scale::Eighth), [2, 1]);
        assert_eq!(size(region, Scale::Preview), [3, 2]);
        assert_eq!(
            View { region, scale: Scale::Preview }.pixels(&header).unwrap(),
            Pixels { columns: 0..24, rows: 8..24 }
        );
    }
}
