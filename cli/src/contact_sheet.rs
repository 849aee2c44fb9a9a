//! `lic contact-sheet`: pictures beside what is left of them at some rates, for the eye.
//!
//! A row an image: the original, then what a file of each rate decodes to, all at their own pixels. What the numbers say is on standard
//! output; for curves and comparisons with other codecs see `bd_rate`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use image::{DynamicImage, Rgb, RgbImage, imageops};
use lic_benches::codecs::rgb_samples;
use lic_codec::{Decoder, Effort, EncodeOptions, Encoder, Metadata, Picture, Target};
use lic_datasets::Photo;

use crate::draft::{Draft, SharedDraft};
use crate::engine::EngineArgs;
use crate::exit::Usage;
use crate::guard;
use crate::jobs::same_file;
use crate::output::{print_line, tell};
use crate::picture::Format;
use crate::sink::Sink;
use crate::units::bits_per_pixel;

/// Pixels between pictures.
const GAP: u32 = 8;

/// What lies between pictures.
const GROUND: Rgb<u8> = Rgb([128; 3]);

/// Most pixels of a sheet: 1.2 GB, and for a moment twice that.
const MOST: u64 = 400_000_000;

/// Arguments of `lic contact-sheet`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Images (PNG, JPEG, WebP, PNM), which are coded upright and without metadata. Profiles are left out: samples are shown as they are.
    #[arg(required = true, value_name = "IN")]
    inputs: Vec<PathBuf>,
    /// PNG file to write.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Bits per pixel that files have at most, separated by commas: a column each, behind the originals.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "0.15,0.3,0.6", value_parser = crate::encode::positive)]
    bpp: Vec<f64>,
    /// Show the middle of every picture only, at most so many pixels wide and high; it is coded as a whole.
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(1..))]
    crop: Option<u32>,
    /// The effort, as of `lic encode`.
    #[arg(short, long, value_name = "0..3", default_value = "1", value_parser = crate::encode::effort)]
    effort: Effort,
    #[command(flatten)]
    engine: EngineArgs,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<()> {
    check_output(args)?;
    let (model, device) = args.engine.start()?;
    let (encoder, decoder) = (Encoder::new(&model, device)?, Decoder::new(&model, device)?);
    if let Some(warning) = encoder.warning() {
        tell(format_args!("warning: {warning}"));
    }
    let (mut rows, mut size) = (Vec::with_capacity(args.inputs.len()), [GAP.into(); 2]);
    for path in &args.inputs {
        let name = path.display().to_string();
        rows.push(row(path, &name, args, &mut size, &encoder, &decoder).with_context(|| name.clone())?);
    }
    let sheet = joined(rows, size)?;
    write(&args.out, sheet.into())
}

fn write(out: &Path, sheet: DynamicImage) -> anyhow::Result<()> {
    let draft = SharedDraft::new(Draft::of_file(out)?);
    let size = [sheet.width(), sheet.height()];
    let sink = Sink::begin(draft.clone(), Format::Png, &sheet, size, Metadata::default());
    let written = sink.and_then(|mut sink| {
        sink.rows(sheet)?;
        sink.finish()
    });
    written.context("cannot make a PNG of the sheet")?;
    draft.commit(false)
}

/// Refuses an output that is an input or not named like a PNG, before anything is computed.
fn check_output(args: &Args) -> anyhow::Result<()> {
    let out = &args.out;
    if args.inputs.iter().any(|input| same_file(input, out)) {
        bail!(Usage(format!("{} is input and output at once: name another output", out.display())));
    }
    guard::check_name(out, "png")?;
    guard::check_png(out)?;
    guard::check_output(out)
}

/// The pictures of one image: the original and one of every rate. `size`, the sheet's so far, grows by them.
fn row(
    path: &Path,
    name: &str,
    args: &Args,
    size: &mut [u64; 2],
    encoder: &Encoder,
    decoder: &Decoder,
) -> anyhow::Result<Vec<RgbImage>> {
    let picture = lic_benches::run::picture_of(Photo::open(path)?.upright())?;
    let pixels = u64::from(picture.width) * u64::from(picture.height);
    let mut row = vec![shown(&picture, args.crop)?];
    *size = with_row(*size, row[0].dimensions(), 1 + args.bpp.len())?;
    for &bpp in &args.bpp {
        let target = Some(Target::BitsPerPixel(bpp));
        let encoded =
            encoder.encode(&picture, &EncodeOptions { target, effort: args.effort, ..EncodeOptions::default() })?;
        let decoded = decoder.decode(&encoded.bytes)?.picture;
        let reached = bits_per_pixel(encoded.bytes.len() as u64, pixels);
        let miss = encoded.target.and_then(|target| target.miss).map_or("", |_| ", which is as near as it gets");
        print_line(&format!("{name}: {reached:.4} bpp for {bpp}{miss}, {:.2} dB", picture.psnr(&decoded)))?;
        row.push(shown(&decoded, args.crop)?);
    }
    Ok(row)
}

/// What is shown of a picture: its middle, in RGB of 8 bits.
fn shown(picture: &Picture, crop: Option<u32>) -> anyhow::Result<RgbImage> {
    let rgb = rgb_samples(picture).into_owned();
    let whole = RgbImage::from_raw(picture.width, picture.height, rgb).context("the picture has too few samples")?;
    let side = |whole: u32| crop.map_or(whole, |most| whole.min(most));
    let (width, height) = (side(whole.width()), side(whole.height()));
    let (x, y) = ((whole.width() - width) / 2, (whole.height() - height) / 2);
    Ok(imageops::crop_imm(&whole, x, y, width, height).to_image())
}

/// Width and height of a sheet after one more row of so many pictures of one size.
fn with_row([width, height]: [u64; 2], (w, h): (u32, u32), pictures: usize) -> anyhow::Result<[u64; 2]> {
    let gap = u64::from(GAP);
    let size = [width.max(gap + pictures as u64 * (u64::from(w) + gap)), height + u64::from(h) + gap];
    anyhow::ensure!(
        size[0].saturating_mul(size[1]) <= MOST,
        "with it the sheet would have {} x {} pixels, more than {MOST}: give fewer images or rates, or --crop",
        size[0],
        size[1]
    );
    Ok(size)
}

/// Rows of pictures on one ground, which has the size that they need.
fn joined(rows: Vec<Vec<RgbImage>>, [width, height]: [u64; 2]) -> anyhow::Result<RgbImage> {
    let mut sheet = RgbImage::from_pixel(u32::try_from(width)?, u32::try_from(height)?, GROUND);
    let mut y = i64::from(GAP);
    for row in rows {
        let mut x = i64::from(GAP);
        for image in &row {
            imageops::replace(&mut sheet, image, x, y);
            x += i64::from(image.width() + GAP);
        }
        y += i64::from(row.first().map_or(0, RgbImage::height) + GAP);
    }
    Ok(sheet)
}
