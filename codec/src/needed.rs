//! [`Needed`]: how many pixels and bytes a view of a file takes, known before anything is decoded. [`crate::Limits`] are compared with it.

use std::ops::Range;

use crate::bands::CPU_BAND;
use crate::enhance;
use crate::error::Error;
use crate::format::front::Front;
use crate::format::{AlphaCoding, BitDepth, Header, LicFile};
use crate::metadata::Metadata;
use crate::neighbourhood::held;
use crate::picture::channels;
use crate::tiles::{Area, LATENT};
use crate::transform::rounded;
use crate::view::View;
use crate::wiener;
use crate::window::latents_of;

/// Bytes per latent position of a band that is decoded at once, beside file and samples: rounded up from what the student takes.
const BAND: u64 = 2560;
/// Bytes per tile that is decoded at once: what its symbols have taught of the student's 256 channels.
const TAUGHT: u64 = 256 * 16;
/// Bytes per latent position that waits for its row of tiles to be complete: 256 channels of the student.
const WAITING: u64 = 1024;
/// Bytes per latent position in the layers of the synthesis, through which rows stream in chunks of this many positions or one row.
const STREAMING: u64 = 8192;
const CHUNK: usize = 384;
/// Copies of its samples that a tile of lossless alpha takes until it lies in the plane: inflated, and unfiltered.
const INFLATED: u64 = 2;
/// Bytes for each tile of a plane: its place in the index, and in the list of those that are needed.
const INDEXED: u64 = 8 + 12;
/// What even the smallest picture takes.
const LEAST: u64 = 1 << 16;
/// Latents around a region that are decoded too with the model inside the program; rounded up.
const HALO: usize = 8;

/// Bytes that the filters of [`enhance`] and [`wiener`] hold of a window so wide, as if it had colours. Whether model and file have them is not known yet.
fn filtered(width: usize) -> u64 {
    held(width, enhance::REACH) + held(width, wiener::REACH) + enhance::weighed(3)
}

/// How far a model looks beyond the pixels that are wanted, and how much is decoded at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    halo: usize,
    anchor: usize,
    band: usize,
}

impl Default for Reach {
    /// That of the model inside the program, on the CPU.
    fn default() -> Self {
        Self { halo: HALO, anchor: 1, band: CPU_BAND }
    }
}

impl Reach {
    /// That of a model whose latents lie on a grid of `anchor` and are decoded up to `halo` around a region, where `band` positions are decoded at once.
    pub(crate) fn new(halo: usize, anchor: usize, band: usize) -> Self {
        Self { halo: halo.max(HALO), anchor, band }
    }
}

/// What decoding takes beside the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needed {
    pixels: u64,
    /// Bytes of the picture that comes out.
    picture: u64,
    /// Bytes of rows on their way into it.
    made: u64,
    /// Bytes of everything else but the next.
    work: u64,
    /// Bytes of small pieces, and of the index: most of them are taken when the file is open.
    opened: u64,
}

impl Needed {
    /// What a view of a file with this header takes, with alpha that is coded in some way or without, where a model looks so far.
    ///
    /// # Errors
    /// [`Error::RegionOutside`].
    pub(crate) fn of(header: &Header, alpha: Option<AlphaCoding>, view: &View, reach: Reach) -> Result<Self, Error> {
        let wanted = view.pixels(header)?;
        let [width, height] = view.size(header)?.map(u64::from);
        let sample = if header.depth == BitDepth::Eight { 1 } else { 2 };
        let pixel = (channels(header.colour) as u64 + u64::from(alpha.is_some())) * sample;

        let window = latents_of(header, &wanted, reach.halo, reach.anchor);
        let columns = window.columns.len();
        // Tiles are decoded whole.
        let side = (usize::from(header.tile_size) / LATENT).max(1);
        let whole = |range: &Range<usize>| range.start / side * side..range.end.next_multiple_of(side);
        let tiles =
            Area { rows: whole(&window.rows), columns: whole(&window.columns) }.within(&Area::of_picture(header));
        let pixels = tiles.pixels(header).map(|side| side as u64).iter().product::<u64>();

        let most = reach.band.max(side * side);
        let band = tiles.positions().min(most);
        // A band is written before complete rows are taken away, and the last row of tiles may be incomplete.
        let waiting = window.positions().min(columns * side + band);
        let chunk = window.positions().min(columns.max(CHUNK));
        // Rows that are complete at the same time, on their way into the picture.
        let rows = window.rows.len().min(side + reach.band.div_ceil(columns.max(1)));
        let made = (rows * LATENT * columns * LATENT) as u64 * pixel;
        // Networks with attention synthesise whole tiles, and GPUs whatever is there. What a synthesis has kept back comes with the last piece, when the latents are gone that
        // waited with it, and take as much.
        let piece = rounded::piece(columns);
        let together = if reach.band > CPU_BAND {
            rows
        } else if reach.anchor > 1 {
            piece.max(side)
        } else {
            piece
        };
        let deep = |channels| match header.depth {
            BitDepth::Sixteen => 0,
            _ => rounded::held(together.min(window.rows.len()), columns, channels),
        };
        let of_alpha = match alpha {
            None => 0,
            Some(AlphaCoding::Lossless) => {
                let row = (tiles.rows.len().min(side) * tiles.columns.len()).min(most) as u64;
                // Each row of a tile has a filter's number.
                row * (INFLATED * sample * (LATENT * LATENT) as u64 + LATENT as u64)
            }
            // A synthesis of its own, and rows that wait beside those of the colours.
            Some(AlphaCoding::Lossy { .. }) => {
                let waiting = WAITING * window.positions().min(columns * side) as u64;
                waiting
                    + deep(1)
                    + STREAMING * chunk as u64
                    + held(columns * LATENT, enhance::REACH)
                    + enhance::weighed(1)
            }
        };
        let [down, across] = [&tiles.rows, &tiles.columns].map(|range| range.len().div_ceil(side));
        // Those at the right and the lower edge may be as small as can be.
        let whole = band / (side.min(tiles.rows.len()) * side.min(tiles.columns.len())).max(1);
        let taught = TAUGHT * (whole + down + across).min(down * across) as u64;
        let filtered = filtered(columns * LATENT);
        let deep = deep(channels(header.colour));
        let work = filtered + deep + taught + BAND * band as u64 + WAITING * waiting as u64 + STREAMING * chunk as u64;
        let opened = LEAST + INDEXED * u64::from(header.tile_count()) * (1 + u64::from(alpha.is_some()));
        Ok(Self { pixels, picture: width * height * pixel, made, work: work + of_alpha, opened })
    }

    /// What a view of a file in memory takes, beside that file.
    ///
    /// # Errors
    /// [`Error::RegionOutside`], and what is wrong with the first bytes of the alpha section.
    pub(crate) fn of_front(front: &Front<'_>, view: &View, reach: Reach) -> Result<Self, Error> {
        Ok(Self::of(&front.header, front.alpha_coding()?, view, reach)?.keeping(Metadata::bytes_of(front)))
    }

    /// The same for a caller that takes rows and keeps none.
    pub(crate) fn rows(&self) -> Self {
        Self { picture: 0, ..*self }
    }

    /// The same for a caller that takes rows and makes another copy of them.
    #[cfg(feature = "image")]
    pub(crate) fn copied(&self) -> Self {
        Self { made: self.made.saturating_mul(2), ..*self }
    }

    /// The same with so many bytes of the file kept beside the work.
    pub(crate) fn keeping(&self, bytes: u64) -> Self {
        Self { work: self.work.saturating_add(bytes), ..*self }
    }

    /// Pixels of all tiles that are decoded.
    pub(crate) fn pixels(&self) -> u64 {
        self.pixels
    }

    /// Bytes in all.
    pub(crate) fn bytes(&self) -> u64 {
        self.taken().saturating_add(self.opened)
    }

    /// Bytes that are taken after a file is open.
    fn taken(&self) -> u64 {
        self.picture.saturating_add(self.made).saturating_add(self.work)
    }

    /// Asks the system for all that an open file still takes, and gives it back: later it is taken in pieces, most of which end the process
    /// where there is no memory.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn probe(&self) -> Result<(), Error> {
        let bytes = self.taken();
        let mut room = Vec::<u8>::new();
        let reserved = usize::try_from(bytes).ok().and_then(|bytes| room.try_reserve_exact(bytes).ok());
        // Without this a compiler may see that nobody uses the room, and not ask for it.
        std::hint::black_box(&mut room);
        reserved.ok_or(Error::OutOfMemory { bytes })
    }
}

impl Header {
    /// Bytes that decoding the whole picture takes on the CPU with the model inside the program, beside the file's own and its metadata.
    /// `alpha` says whether the file has an alpha plane; how that is coded the header does not know, so the larger counts.
    pub fn decoding_memory(&self, alpha: bool) -> u64 {
        let codings: &[Option<AlphaCoding>] = match alpha {
            false => &[None],
            true => &[Some(AlphaCoding::Lossless), Some(AlphaCoding::Lossy { quality: 0 })],
        };
        let (whole, reach) = (View::default(), Reach::default());
        // The whole picture is never outside of itself.
        let bytes = |&coding| Needed::of(self, coding, &whole, reach).map_or(u64::MAX, |needed| needed.bytes());
        codings.iter().map(bytes).max().unwrap_or(u64::MAX)
    }
}

impl LicFile<'_> {
    /// Bytes that [`crate::Decoder::decode`] takes for this file on the CPU with the model inside the program, beside the file's own: what it
    /// compares with [`crate::Limits::max_bytes`].
    pub fn decoding_memory(&self) -> u64 {
        // Opening the file has checked what could be wrong here.
        let needed = Needed::of_front(self.front(), &View::default(), Reach::default());
        needed.map_or(u64::MAX, |needed| needed.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::ColourModel;
    use crate::format::header::test_header;
    use crate::view::{Region, Scale};

    const LOSSLESS: Option<AlphaCoding> = Some(AlphaCoding::Lossless);
    const LOSSY: Option<AlphaCoding> = Some(AlphaCoding::Lossy { quality: 9 });

    fn bytes(header: &Header, alpha: Option<AlphaCoding>, view: &View) -> u64 {
        Needed::of(header, alpha, view, Reach::default()).unwrap().bytes()
    }

    #[test]
    fn memory_is_the_samples_twice_and_what_waits_beside_them() {
        let header = test_header(64, 32);
        let whole = View::default();
        let deep = |channels: u64| 8 * 16 * 16 * channels * 2;
        let plain = filtered(64) + LEAST + INDEXED + TAUGHT + 8 * (BAND + WAITING + STREAMING);
        let work = plain + deep(3);
        assert_eq!(bytes(&header, None, &whole), 2 * 64 * 32 * 3 + work);
        let lossless = 8 * (256 * 2 + 16) + INDEXED;
        assert_eq!(bytes(&header, LOSSLESS, &whole), 2 * 64 * 32 * 4 + work + lossless);
        let lossy = deep(1) + 8 * (WAITING + STREAMING) + INDEXED + held(64, enhance::REACH) + enhance::weighed(1);
        assert_eq!(bytes(&header, LOSSY, &whole), 2 * 64 * 32 * 4 + work + lossy);
        let grey = Header { colour: ColourModel::Grey, depth: BitDepth::Ten, ..header };
        let lossless = 8 * (256 * 2 * 2 + 16) + INDEXED;
        assert_eq!(bytes(&grey, LOSSLESS, &whole), 2 * 64 * 32 * 4 + plain + deep(1) + lossless);
        let sixteen = Header { depth: BitDepth::Sixteen, ..header };
        assert_eq!(bytes(&sixteen, None, &whole), 2 * 64 * 32 * 3 * 2 + plain);
        // Of 4096 columns a row is synthesised alone, a tile of 64 with attention, and on a GPU all that a band completes.
        let wide = Header { tile_size: 1024, ..test_header(65535, 65535) };
        let of = |anchor, band| {
            let both = [BitDepth::Eight, BitDepth::Sixteen].map(|depth| {
                let needed = Needed::of(&Header { depth, ..wide }, None, &whole, Reach::new(8, anchor, band)).unwrap();
                needed.work
            });
            (both[0] - both[1]) / (4096 * 16 * 16 * 3 * 2)
        };
        assert_eq!([of(1, CPU_BAND), of(8, CPU_BAND), of(1, 8 * CPU_BAND)], [1, 64, 64 + 64]);
        assert_eq!(bytes(&header, None, &View::at(Scale::Eighth)), 64 * 32 * 3 + 8 * 4 * 3 + work);
        assert_eq!(header.decoding_memory(true), bytes(&header, LOSSY, &whole));
    }

    #[test]
    fn a_region_takes_its_own_size_and_whole_tiles() {
        let header = Header { tile_size: 64, ..test_header(65535, 65535) };
        let region = View::of(Region { x: 32_000, y: 32_000, width: 16, height: 16 });
        let window = 17 * 17;
        let tiles = 20 * 20;
        let work = filtered(17 * 16)
            + LEAST
            + INDEXED * 1024 * 1024
            + BAND * tiles
            + TAUGHT * 5 * 5
            + window * 16 * 16 * 3 * 2
            + (WAITING + STREAMING) * window;
        assert_eq!(bytes(&header, None, &region), 16 * 16 * 3 + 272 * 272 * 3 + work);
        let outside = View::of(Region { x: 65_535, y: 0, width: 1, height: 1 });
        let refused = Needed::of(&header, None, &outside, Reach::default());
        assert!(matches!(refused, Err(Error::RegionOutside { .. })));
    }

    #[test]
    fn lossless_alpha_inflates_whole_tiles_for_the_smallest_region() {
        let header = Header { depth: BitDepth::Sixteen, tile_size: 4096, ..test_header(65535, 5000) };
        let more = |width, alpha| {
            let region = View::of(Region { x: 1000, y: 1000, width, height: 1 });
            bytes(&header, alpha, &region) - bytes(&header, None, &region)
        };
        let tile = 4096 * 4096 * 2;
        let inflated = more(1, LOSSLESS);
        assert!((2 * tile..3 * tile).contains(&inflated), "{inflated}");
        // However many there are in a row, no more than one of this size is inflated at a time.
        let many = more(60_000, LOSSLESS);
        assert!((2 * tile..3 * tile + 70_000 * 17 * 16 * 2).contains(&many), "{many}");
    }

    #[test]
    fn pixels_are_those_of_all_tiles_that_a_region_needs() {
        let header = Header { tile_size: 256, ..test_header(1000, 700) };
        let reaching = |reach, x, y, width, height| {
            Needed::of(&header, None, &View::of(Region { x, y, width, height }), reach).unwrap().pixels()
        };
        let pixels = |x, y, width, height| reaching(Reach::default(), x, y, width, height);
        assert_eq!(pixels(0, 0, 1, 1), 256 * 256);
        assert_eq!(pixels(0, 0, 128, 1), 256 * 256);
        assert_eq!(pixels(0, 0, 129, 1), 512 * 256);
        assert_eq!(pixels(999, 699, 1, 1), (1000 - 768) * (700 - 512));
        assert_eq!(pixels(0, 0, 1000, 700), 1000 * 700);
        let preview = Needed::of(&header, None, &View::at(Scale::Preview), Reach::default()).unwrap();
        assert_eq!(preview.pixels(), 1000 * 700);
        // Models that look 16, 17 and 25 latents far, which is into the tile beside a region's and beyond it.
        assert_eq!(reaching(Reach::new(16, 8, CPU_BAND), 512, 0, 1, 1), (1000 - 256) * 512);
        assert_eq!(reaching(Reach::new(17, 8, CPU_BAND), 512, 0, 1, 1), 1000 * 512);
        assert_eq!(reaching(Reach::new(25, 8, CPU_BAND), 0, 0, 1, 1), 512 * 512);
    }

    #[test]
    fn what_no_system_has_is_an_error() {
        let needed = Needed::of(&test_header(64, 32), None, &View::default(), Reach::default()).unwrap();
        assert!(needed.probe().is_ok());
        let error = needed.keeping(1 << 60).probe().unwrap_err();
        assert!(matches!(error, Error::OutOfMemory { bytes } if bytes > 1 << 60), "{error}");
    }
}
