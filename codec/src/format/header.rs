//! The header: everything about the picture that is known before the first section.
//!
//! 23 bytes, or 24 when the tile size is not the default (FORMAT.md, chapter 2). It can be parsed
//! from the first [`MAX_HEADER_BYTES`] bytes of a file without the rest.

use super::cursor::Cursor;
use super::signature::{SIGNATURE, check_signature};
use crate::error::{Error, Part};

/// The format version this release reads and writes.
pub const VERSION: u8 = 1;
/// No header is shorter than this.
pub const MIN_HEADER_BYTES: usize = 23;
/// No header is longer than this.
pub const MAX_HEADER_BYTES: usize = 24;
/// Tile edge in pixels if the header does not say another.
pub const DEFAULT_TILE: u16 = 1024;
/// Tile edges are multiples of this many pixels: one hyper-latent position.
pub const TILE_UNIT: u16 = 64;
/// Largest tile edge in pixels.
pub const MAX_TILE: u16 = 4096;
/// Highest quality, in quarter steps of a knot.
pub const MAX_QUALITY: u8 = 252;

const COLOUR_MASK: u8 = 0b0000_0111;
const DEPTH_SHIFT: u32 = 3;
const DEPTH_MASK: u8 = 0b0000_0111;
const TILE_BIT: u8 = 0b0100_0000;
const SECTIONS_BIT: u8 = 0b1000_0000;

/// What the samples of a pixel mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ColourModel {
    /// Red, green, blue. sRGB if no section says otherwise.
    Rgb,
    /// One grey sample, coded as three equal planes.
    Grey,
}

/// Bits per sample of the picture that was encoded; decoders offer it at this depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum BitDepth {
    /// 8 bits.
    Eight,
    /// 10 bits.
    Ten,
    /// 12 bits.
    Twelve,
    /// 16 bits.
    Sixteen,
}

impl BitDepth {
    /// Bits per sample.
    pub fn bits(self) -> u32 {
        match self {
            BitDepth::Eight => 8,
            BitDepth::Ten => 10,
            BitDepth::Twelve => 12,
            BitDepth::Sixteen => 16,
        }
    }
}

/// A tile's place in the picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TileRect {
    /// Number of the tile, counted in rows from 0.
    pub index: u32,
    /// Left edge.
    pub x: u16,
    /// Upper edge.
    pub y: u16,
    /// Width; smaller than the tile size at the right edge.
    pub width: u16,
    /// Height; smaller than the tile size at the lower edge.
    pub height: u16,
}

impl TileRect {
    /// The least number of bytes of this tile's payload: one per started 64x64 pixels, so that a
    /// few bytes cannot ask for a picture of gigabytes. Shorter streams are filled with zeros.
    pub fn min_payload(&self) -> u64 {
        blocks(self.width) * blocks(self.height)
    }
}

/// The header of a `.lic` file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// Width in pixels, 1..=65535.
    pub width: u16,
    /// Height in pixels, 1..=65535.
    pub height: u16,
    /// What the samples mean.
    pub colour: ColourModel,
    /// Bits per sample.
    pub depth: BitDepth,
    /// Quality `t` in 0..=252: knot `t / 4` of the model's tables and quarter steps between.
    pub quality: u8,
    /// Edge of the square tiles in pixels: a multiple of 64, 64..=4096.
    pub tile_size: u16,
    /// First 32 bits of the hash of the tensors that parsing depends on.
    pub parse_id: u32,
    /// First 32 bits of the hash of the synthesis transform's tensors.
    pub synthesis_id: u32,
    /// Whether sections stand between header and tiles.
    pub has_sections: bool,
}

impl Header {
    /// Parses the header at the start of `bytes`, which may go on or stop after it.
    /// [`MAX_HEADER_BYTES`] bytes always suffice. The length of the file is not looked at; see
    /// [`Header::check_plausible`].
    ///
    /// # Errors
    /// [`Error::NotLic`], [`Error::UnsupportedVersion`], [`Error::Truncated`],
    /// [`Error::Checksum`], [`Error::InvalidHeader`] or [`Error::UnsupportedFeature`], in this order.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        check_signature(bytes)?;
        let part = Part::Header;
        let mut cursor = Cursor::new(bytes, SIGNATURE.len().min(bytes.len()));
        let [version] = cursor.array(part)?;
        if version != VERSION {
            return Err(Error::UnsupportedVersion { found: version, supported: VERSION });
        }
        let [flags] = cursor.array(part)?;
        let width = u16::from_be_bytes(cursor.array(part)?);
        let height = u16::from_be_bytes(cursor.array(part)?);
        let [quality] = cursor.array(part)?;
        let parse_id = u32::from_be_bytes(cursor.array(part)?);
        let synthesis_id = u32::from_be_bytes(cursor.array(part)?);
        let tile_code = if flags & TILE_BIT != 0 { Some(cursor.array::<1>(part)?[0]) } else { None };
        cursor.check_crc(0, part)?;
        for (field, value) in [("width", width), ("height", height)] {
            if value == 0 {
                return Err(invalid(field, 0, "1..=65535"));
            }
        }
        if quality > MAX_QUALITY {
            return Err(invalid("quality", quality.into(), "0..=252"));
        }
        Ok(Self {
            width,
            height,
            colour: colour_from_code(flags & COLOUR_MASK)?,
            depth: depth_from_code(flags >> DEPTH_SHIFT & DEPTH_MASK)?,
            quality,
            tile_size: tile_from_code(tile_code)?,
            parse_id,
            synthesis_id,
            has_sections: flags & SECTIONS_BIT != 0,
        })
    }

    /// Writes the header with its CRC-32.
    ///
    /// # Errors
    /// [`Error::InvalidHeader`] if a field lies outside of what version 1 allows.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        for (field, value) in [("width", self.width), ("height", self.height)] {
            if value == 0 {
                return Err(invalid(field, 0, "1..=65535"));
            }
        }
        if self.quality > MAX_QUALITY {
            return Err(invalid("quality", self.quality.into(), "0..=252"));
        }
        checked_tile_size(self.tile_size.into())?;
        let own_tile = self.tile_size != DEFAULT_TILE;
        let mut flags = match self.colour {
            ColourModel::Rgb => 0,
            ColourModel::Grey => 1,
        };
        flags |= match self.depth {
            BitDepth::Eight => 0,
            BitDepth::Ten => 1,
            BitDepth::Twelve => 2,
            BitDepth::Sixteen => 3,
        } << DEPTH_SHIFT;
        flags |= if own_tile { TILE_BIT } else { 0 };
        flags |= if self.has_sections { SECTIONS_BIT } else { 0 };

        let start = out.len();
        out.extend_from_slice(&SIGNATURE);
        out.extend_from_slice(&[VERSION, flags]);
        out.extend_from_slice(&self.width.to_be_bytes());
        out.extend_from_slice(&self.height.to_be_bytes());
        out.push(self.quality);
        out.extend_from_slice(&self.parse_id.to_be_bytes());
        out.extend_from_slice(&self.synthesis_id.to_be_bytes());
        if own_tile {
            out.push((self.tile_size / TILE_UNIT) as u8);
        }
        let crc = crc32fast::hash(out.get(start..).unwrap_or(&[]));
        out.extend_from_slice(&crc.to_be_bytes());
        Ok(())
    }

    /// Length of the header in bytes, its CRC-32 included: 23 or 24.
    pub fn byte_len(&self) -> usize {
        MIN_HEADER_BYTES + usize::from(self.tile_size != DEFAULT_TILE)
    }

    /// Number of tile columns and rows, `[columns, rows]`.
    pub fn tile_grid(&self) -> [u32; 2] {
        let tile = u32::from(self.tile_size.max(1));
        [self.width, self.height].map(|edge| u32::from(edge).div_ceil(tile))
    }

    /// Number of tiles, 1..=1048576.
    pub fn tile_count(&self) -> u32 {
        let [columns, rows] = self.tile_grid();
        columns * rows
    }

    /// The tiles in the order of the file: rows from the top, in each from the left.
    pub fn tiles(&self) -> impl Iterator<Item = TileRect> + use<> {
        let header = *self;
        (0..self.tile_count()).filter_map(move |index| header.tile(index))
    }

    /// The tiles of a row of tiles, 0..; none below the last.
    pub fn tile_row(&self, row: u32) -> impl Iterator<Item = TileRect> + use<> {
        let header = *self;
        let [columns, rows] = self.tile_grid();
        let numbers = if row < rows { row * columns..(row + 1) * columns } else { 0..0 };
        numbers.filter_map(move |number| header.tile(number))
    }

    /// The place of tile `index`, or none if there are not so many.
    pub fn tile(&self, index: u32) -> Option<TileRect> {
        let [columns, rows] = self.tile_grid();
        if index >= columns * rows {
            return None;
        }
        let tile = u32::from(self.tile_size);
        let (x, y) = (index % columns * tile, index / columns * tile);
        Some(TileRect {
            index,
            x: x as u16,
            y: y as u16,
            width: tile.min(u32::from(self.width) - x) as u16,
            height: tile.min(u32::from(self.height) - y) as u16,
        })
    }

    /// The least number of bytes a whole file with this header has.
    pub fn min_file_bytes(&self) -> u64 {
        let tiles = u64::from(self.tile_count());
        let index_crc = if tiles > 1 { 4 } else { 0 };
        // Per tile one byte of length and four of CRC. Tile edges are multiples of 64, so the
        // tiles' least payloads add up to the picture's blocks of 64x64.
        self.byte_len() as u64 + index_crc + 5 * tiles + blocks(self.width) * blocks(self.height)
    }

    /// Checks that `file_bytes` bytes can hold such a picture at all, before anything is allocated
    /// for it.
    ///
    /// # Errors
    /// [`Error::ImplausibleSize`] if not.
    pub fn check_plausible(&self, file_bytes: u64) -> Result<(), Error> {
        let needed = self.min_file_bytes();
        if file_bytes >= needed {
            return Ok(());
        }
        Err(Error::ImplausibleSize {
            width: self.width,
            height: self.height,
            tiles: self.tile_count(),
            needed,
            present: file_bytes,
        })
    }
}

/// Blocks of 64 pixels that `edge` pixels touch.
fn blocks(edge: u16) -> u64 {
    u64::from(edge.div_ceil(TILE_UNIT))
}

fn invalid(field: &'static str, value: u32, allowed: &'static str) -> Error {
    Error::InvalidHeader { field, value, allowed }
}

fn colour_from_code(code: u8) -> Result<ColourModel, Error> {
    match code {
        0 => Ok(ColourModel::Rgb),
        1 => Ok(ColourModel::Grey),
        code => Err(Error::UnsupportedFeature { feature: "this colour model", value: code.into() }),
    }
}

fn depth_from_code(code: u8) -> Result<BitDepth, Error> {
    match code {
        0 => Ok(BitDepth::Eight),
        1 => Ok(BitDepth::Ten),
        2 => Ok(BitDepth::Twelve),
        3 => Ok(BitDepth::Sixteen),
        code => Err(Error::UnsupportedFeature { feature: "this code of a bit depth", value: code.into() }),
    }
}

fn tile_from_code(code: Option<u8>) -> Result<u16, Error> {
    let Some(code) = code else {
        return Ok(DEFAULT_TILE);
    };
    let size = u16::from(code) * TILE_UNIT;
    if size == DEFAULT_TILE {
        // One header, one way to write it: the default is never spelt out.
        return Err(invalid("tile size", size.into(), "another than the default"));
    }
    checked_tile_size(size.into())
}

/// The edges that tiles can have, in words.
pub(crate) const TILE_SIZES: &str = "multiples of 64 in 64..=4096";

/// Whether tiles can have edges of so many pixels: a multiple of 64 in 64..=4096.
pub fn is_tile_size(pixels: u32) -> bool {
    let [unit, most] = [TILE_UNIT, MAX_TILE].map(u32::from);
    pixels.is_multiple_of(unit) && (unit..=most).contains(&pixels)
}

/// The edge of tiles that somebody asks for, if tiles can have it.
///
/// # Errors
/// [`Error::InvalidHeader`].
pub(crate) fn checked_tile_size(pixels: u32) -> Result<u16, Error> {
    match u16::try_from(pixels) {
        Ok(size) if is_tile_size(pixels) => Ok(size),
        _ => Err(invalid("tile size", pixels, TILE_SIZES)),
    }
}

/// A colour picture of 8 bits in default tiles, for tests, a GPU's of itself among them.
#[cfg(any(test, feature = "gpu"))]
pub(crate) fn test_header(width: u16, height: u16) -> Header {
    Header {
        width,
        height,
        colour: ColourModel::Rgb,
        depth: BitDepth::Eight,
        quality: 128,
        tile_size: DEFAULT_TILE,
        parse_id: 0,
        synthesis_id: 0,
        has_sections: false,
    }
}
