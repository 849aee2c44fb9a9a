//! `lic info`: what a file says about itself. Needs no weights: nothing is decoded.

use std::fmt::Write as _;
use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use lic_codec::format::header::MAX_HEADER_BYTES;
use lic_codec::format::{AlphaCoding, Header, LicFile, SectionKind};
use serde::Serialize;

use crate::output::{print_json, print_line, tell};
use crate::picture::colour_name;
use crate::source::{Input, Place};
use crate::units::bits_per_pixel;

/// Arguments of `lic info`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .lic file; - is standard input.
    #[arg(value_name = "IN")]
    file: PathBuf,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What there is to say.
#[derive(Debug, Serialize)]
struct Info {
    input: String,
    version: u8,
    width: u16,
    height: u16,
    colour: &'static str,
    bits_per_sample: u32,
    /// 0..=252, as the file has it.
    quality_index: u8,
    /// 0..=100, as on the command line.
    quality: f64,
    tile_size: u16,
    tiles: u32,
    orientation: u8,
    parse_id: String,
    synthesis_id: String,
    bytes: u64,
    bpp: f64,
    /// Every part of the file with its size; together they are the file.
    parts: Vec<PartSize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct PartSize {
    part: String,
    bytes: u64,
    bpp: f64,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let place = Place::from(&args.file);
    let bytes = read(&place)?;
    let file = LicFile::parse(&bytes).with_context(|| place.to_string())?;
    let info = Info::new(&place, &file, bytes.len() as u64)?;
    for warning in &info.warnings {
        tell(format_args!("{place}: warning: {warning}"));
    }
    if args.json { print_json(&info) } else { print_line(&info.text()) }
}

/// A whole file, of which nothing is read behind a header that is none: it may be a disk, or never end.
fn read(place: &Place) -> anyhow::Result<Vec<u8>> {
    let mut reader: Box<dyn Read> = match place.open()? {
        Input::File(file) => Box::new(file),
        Input::Stream(stream) => stream,
    };
    let failed = || format!("cannot read {place}");
    let mut bytes = Vec::new();
    reader.by_ref().take(MAX_HEADER_BYTES as u64).read_to_end(&mut bytes).with_context(failed)?;
    Header::parse(&bytes).with_context(|| place.to_string())?;
    reader.read_to_end(&mut bytes).with_context(failed)?;
    Ok(bytes)
}

impl Info {
    fn new(place: &Place, file: &LicFile<'_>, bytes: u64) -> Result<Self, lic_codec::Error> {
        let header = file.header();
        let pixels = u64::from(header.width) * u64::from(header.height);
        let index = file.index();
        let part = |part: String, bytes| PartSize { part, bytes, bpp: bits_per_pixel(bytes, pixels) };
        let mut parts = vec![part("header".to_owned(), header.byte_len() as u64)];
        let alpha = file.alpha()?.map(|alpha| alpha.coding);
        parts.extend(file.sections().iter().map(|section| part(section_name(section.kind, alpha), section.byte_len())));
        parts.push(part("tile index".to_owned(), index.index_bytes()));
        let tiles = header.tiles().filter_map(|tile| index.stored(tile.index)).map(|(_, length)| length).sum();
        parts.push(part("tiles".to_owned(), tiles));
        Ok(Self {
            input: place.to_string(),
            version: lic_codec::format::VERSION,
            width: header.width,
            height: header.height,
            colour: colour_name(header.colour),
            bits_per_sample: header.depth.bits(),
            quality_index: header.quality,
            quality: f64::from(header.quality) / 2.52,
            tile_size: header.tile_size,
            tiles: header.tile_count(),
            orientation: file.orientation(),
            parse_id: format!("{:08x}", header.parse_id),
            synthesis_id: format!("{:08x}", header.synthesis_id),
            bytes,
            bpp: bits_per_pixel(bytes, pixels),
            parts,
            warnings: file.warnings().iter().map(ToString::to_string).collect(),
        })
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{}: .lic version {}, {}x{} {}, {} bits, quality {:.1}, {} bytes, {:.3} bpp\n\
             tiles: {} of {} pixels; orientation: {}; model: parse id {}, synthesis id {}",
            self.input,
            self.version,
            self.width,
            self.height,
            self.colour,
            self.bits_per_sample,
            self.quality,
            self.bytes,
            self.bpp,
            self.tiles,
            self.tile_size,
            self.orientation,
            self.parse_id,
            self.synthesis_id
        );
        for part in &self.parts {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{:>12} bytes {:>9.4} bpp  {}", part.bytes, part.bpp, part.part);
        }
        text
    }
}

fn section_name(kind: SectionKind, alpha: Option<AlphaCoding>) -> String {
    match kind {
        SectionKind::Icc => "ICC profile".to_owned(),
        SectionKind::Cicp => "CICP".to_owned(),
        SectionKind::Exif => "EXIF".to_owned(),
        SectionKind::Xmp => "XMP".to_owned(),
        SectionKind::Orientation => "orientation".to_owned(),
        SectionKind::Alpha => match alpha {
            Some(AlphaCoding::Lossy { quality }) => format!("alpha, quality {:.1}", f64::from(quality) / 2.52),
            _ => "alpha, lossless".to_owned(),
        },
        SectionKind::Preview => "preview".to_owned(),
        SectionKind::Filter => "filter".to_owned(),
        other => format!("section {}", other.number()),
    }
}
