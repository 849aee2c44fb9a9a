//! [`RowEncoder`]: rows of a picture to a file, with memory for a strip of rows and for the file.
//!
//! Differs from [`Encoder::encode`], which has the whole picture, in analysing strips of tiles with a halo of the rows around them: on
//! the CPU the file is the same byte for byte at efforts 0 and 1. A search (efforts 2 and 3) knows what lies above a strip as analysed, not as
//! decoded, and finds about as good a file. The halo is analysed twice; strips are as high as a tile of the default size at least.

use std::ops::Range;

use crate::alpha::lossless;
use crate::encoder::{Encoded, Encoder};
use crate::error::Error;
use crate::format::alpha::write_alpha;
use crate::format::header::DEFAULT_TILE;
use crate::format::{AlphaCoding, BitDepth, ColourModel, Header, Section, SectionKind, TileRect, write_file};
use crate::metadata::{Metadata, OwnedSection};
use crate::options::{EncodeOptions, quality_index};
use crate::picture::{Picture, channels};
use crate::plane::TileLatents;
use crate::prior::QualityIndex;
use crate::samples::Samples;
use crate::source::Source;
use crate::stats::{Stats, timed};
use crate::tiles::LATENT;
use crate::watch::Progress;
use crate::wiener::Sampler;

/// What is known of a picture before its rows come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Width in pixels, 1..=65535.
    pub width: u32,
    /// Height in pixels, 1..=65535.
    pub height: u32,
    /// What the samples of a pixel mean.
    pub colour: ColourModel,
    /// Bits per sample.
    pub depth: BitDepth,
    /// Whether there is an alpha plane, and if so whether colours are multiplied by it.
    pub alpha: Option<bool>,
    /// What belongs to the samples.
    pub metadata: Metadata,
}

/// Encodes a picture from top to bottom. Made by [`Encoder::rows`].
pub struct RowEncoder<'a> {
    encoder: &'a Encoder,
    frame: Frame,
    header: Header,
    quality: QualityIndex,
    options: EncodeOptions,
    sections: Vec<OwnedSection>,
    colours: Strip,
    plane: Option<Strip>,
    /// The first row of tiles that is not coded.
    tile_row: u32,
    payloads: Vec<Vec<u8>>,
    alpha_payloads: Vec<Vec<u8>>,
    opaque: bool,
    /// An error has taken rows with it.
    failed: bool,
    /// What the picture's filter is fitted with, at efforts that do.
    sampler: Option<Sampler<'a>>,
    stats: Stats,
}

impl std::fmt::Debug for RowEncoder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowEncoder")
            .field("header", &self.header)
            .field("tile_row", &self.tile_row)
            .finish_non_exhaustive()
    }
}

/// Rows that are still needed.
struct Strip {
    /// The first of them, counted from the top of the picture.
    first: usize,
    /// Samples per row.
    line: usize,
    samples: Samples,
}

impl Strip {
    fn end(&self) -> usize {
        self.first + self.samples.len() / self.line.max(1)
    }

    /// Takes rows from `more` until the strip ends with row `end`.
    fn fill(&mut self, more: &mut Samples, end: usize) {
        let missing = end.saturating_sub(self.end()) * self.line;
        self.samples.append(more.take_first(missing));
    }

    /// Forgets the rows above `row`.
    fn drop_above(&mut self, row: usize) {
        let count = row.saturating_sub(self.first);
        self.samples.take_first(count * self.line);
        self.first += count;
    }
}

impl Encoder {
    /// Begins a picture whose rows will come one after the other.
    ///
    /// # Errors
    /// As [`Self::encode`]; [`Error::InvalidOption`] for a target, which needs the whole picture.
    pub fn rows(&self, frame: &Frame, options: &EncodeOptions) -> Result<RowEncoder<'_>, Error> {
        if options.target.is_some() {
            let allowed = "none: a picture in rows is coded once, at a quality";
            return Err(Error::InvalidOption { what: "the number of targets", value: 1.0, allowed });
        }
        let quality = quality_index(options.quality)?;
        let side = |what, value: u32| match u16::try_from(value) {
            Ok(side) if side > 0 => Ok(side),
            _ => Err(Error::InvalidInput { what, found: value.into(), expected: u16::MAX.into() }),
        };
        let size = [side("the picture's width", frame.width)?, side("the picture's height", frame.height)?];
        let header = self.header(size, frame.colour, frame.depth, quality, options)?;
        let strip = |channels: usize| {
            Ok::<_, Error>(Strip {
                first: 0,
                line: frame.width as usize * channels,
                samples: Samples::reserve(frame.depth, 0)?,
            })
        };
        Ok(RowEncoder {
            encoder: self,
            sections: frame.metadata.sections()?,
            colours: strip(channels(frame.colour))?,
            plane: frame.alpha.map(|_| strip(1)).transpose()?,
            frame: frame.clone(),
            stats: Stats { pixels: u64::from(frame.width) * u64::from(frame.height), ..Stats::default() },
            sampler: self.sampler(&header, quality, options.effort),
            header,
            quality,
            options: *options,
            tile_row: 0,
            payloads: Vec::new(),
            alpha_payloads: Vec::new(),
            opaque: true,
            failed: false,
        })
    }
}

impl RowEncoder<'_> {
    /// Takes the next rows, at least one: samples [rows, width, channels], and alpha [rows, width] if the frame says so. Codes what is complete.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for rows that do not fit the frame, in whose place others may come; what [`Encoder::encode`] says, after which the next
    /// call is [`Error::FailedBefore`].
    pub fn push(&mut self, pixels: Samples, alpha: Option<Samples>) -> Result<(), Error> {
        if self.failed {
            return Err(Error::FailedBefore);
        }
        let rows = self.check(&pixels, alpha.as_ref())?;
        if let Some(alpha) = &alpha {
            self.opaque &= alpha.all_are_greatest();
        }
        let end = self.colours.end() + rows;
        let (mut pixels, mut alpha) = (pixels, alpha);
        loop {
            let Some(strip) = self.strip() else { return Ok(()) };
            let window = self.window(&strip);
            self.colours.fill(&mut pixels, window.end.min(end));
            if let (Some(plane), Some(alpha)) = (&mut self.plane, &mut alpha) {
                plane.fill(alpha, window.end.min(end));
            }
            if self.colours.end() < window.end {
                return Ok(());
            }
            let coded = self.code(&strip, &window);
            self.failed = coded.is_err();
            coded?;
        }
    }

    /// How much is coded, 0..=1.
    pub fn progress(&self) -> f64 {
        let [_, rows] = self.header.tile_grid();
        f64::from(self.tile_row) / f64::from(rows.max(1))
    }

    /// The file, after the last row.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if rows are missing; [`Error::FailedBefore`].
    pub fn finish(mut self) -> Result<Encoded, Error> {
        if self.failed {
            return Err(Error::FailedBefore);
        }
        let found = self.colours.end() as u64;
        if self.strip().is_some() {
            let expected = u64::from(self.frame.height);
            return Err(Error::InvalidInput { what: "the number of rows", found, expected });
        }
        if let Some(sampler) = self.sampler.take() {
            self.sections.extend(sampler.finish(&mut self.stats)?);
        }
        if let (Some(premultiplied), false) = (self.frame.alpha, self.opaque) {
            let body = write_alpha(&self.header, self.alpha_coding()?, premultiplied, &self.alpha_payloads)?;
            self.sections.push((SectionKind::Alpha, body));
        }
        self.stats.payload = self.payloads.iter().map(|payload| payload.len() as u64).sum();
        let sections: Vec<Section<'_>> = self.sections.iter().map(|(kind, body)| Section::new(*kind, body)).collect();
        let bytes = write_file(&self.header, &sections, &self.payloads)?;
        Ok(Encoded { bytes, quality: self.quality, stats: self.stats, target: None })
    }

    /// The number of rows, if they are what the frame promises.
    fn check(&self, pixels: &Samples, alpha: Option<&Samples>) -> Result<usize, Error> {
        let wrong = |what, found: u64, expected: u64| Error::InvalidInput { what, found, expected };
        let rows = pixels.len() / self.colours.line.max(1);
        if rows * self.colours.line != pixels.len() || rows == 0 {
            return Err(wrong("the number of samples", pixels.len() as u64, ((rows + 1) * self.colours.line) as u64));
        }
        let end = self.colours.end() + rows;
        if end > self.frame.height as usize {
            return Err(wrong("the number of rows", end as u64, self.frame.height.into()));
        }
        let (found, expected) =
            (alpha.map_or(0, Samples::len), self.plane.as_ref().map_or(0, |plane| rows * plane.line));
        if found != expected {
            return Err(wrong("the number of alpha samples", found as u64, expected as u64));
        }
        for samples in [Some(pixels), alpha].into_iter().flatten() {
            if samples.depth() != self.frame.depth {
                return Err(wrong("the depth in bits", samples.depth().bits().into(), self.frame.depth.bits().into()));
            }
            samples.check()?;
        }
        Ok(rows)
    }

    /// The next rows of tiles that are coded together, and none after the last.
    fn strip(&self) -> Option<Range<u32>> {
        let [_, rows] = self.header.tile_grid();
        let count = u32::from(DEFAULT_TILE.div_ceil(self.header.tile_size.max(1)));
        (self.tile_row < rows).then(|| self.tile_row..(self.tile_row + count).min(rows))
    }

    /// The rows of pixels that the analysis of a strip sees.
    fn window(&self, strip: &Range<u32>) -> Range<usize> {
        let transforms = &self.encoder.runtime.transforms;
        let (halo, anchor) = (transforms.halo() * LATENT, transforms.anchor().max(1) * LATENT);
        let tile = usize::from(self.header.tile_size);
        let start = (strip.start as usize * tile).saturating_sub(halo);
        start - start % anchor..(strip.end as usize * tile + halo).min(self.header.height.into())
    }

    /// Codes a strip, all of whose rows are there.
    fn code(&mut self, strip: &Range<u32>, window: &Range<usize>) -> Result<(), Error> {
        let tiles: Vec<TileRect> = strip.clone().flat_map(|row| self.header.tile_row(row)).collect();
        let samples = std::mem::replace(&mut self.colours.samples, Samples::reserve(self.frame.depth, 0)?);
        let (header, quality) = (self.header, self.quality);
        let mut sampler = self.sampler.take();
        let (samples, payloads) = self.code_plane(samples, header, quality, strip, window, &tiles, sampler.as_mut())?;
        self.sampler = sampler;
        self.colours.samples = samples;
        self.payloads.extend(payloads);
        if let Some(mut plane) = self.plane.take() {
            let coding = self.alpha_coding()?;
            match coding {
                AlphaCoding::Lossless => {
                    let payloads = || lossless::encode(&tiles, header.width.into(), window.start, &plane.samples);
                    self.alpha_payloads.extend(timed(&mut self.stats.coding, payloads));
                }
                AlphaCoding::Lossy { quality } => {
                    let header = Header { colour: ColourModel::Grey, quality, ..header };
                    let quality = crate::symbols::quality(&header)?;
                    let counted = self.stats;
                    let (samples, payloads) =
                        self.code_plane(plane.samples, header, quality, strip, window, &tiles, None)?;
                    plane.samples = samples;
                    self.alpha_payloads.extend(payloads);
                    // Amounts are those of the colours.
                    self.stats.symbols = counted.symbols;
                }
            }
            self.plane = Some(plane);
        }
        self.tile_row = strip.end;
        if let Some(next) = self.strip() {
            let start = self.window(&next).start;
            self.colours.drop_above(start);
            if let Some(plane) = &mut self.plane {
                plane.drop_above(start);
            }
        }
        Ok(())
    }

    /// The payloads of a strip's tiles, which are shown to a sampler, and its samples back.
    #[expect(clippy::too_many_arguments, reason = "a strip, where it lies, and what is told about it")]
    fn code_plane(
        &mut self,
        samples: Samples,
        header: Header,
        quality: QualityIndex,
        strip: &Range<u32>,
        window: &Range<usize>,
        tiles: &[TileRect],
        sampler: Option<&mut Sampler<'_>>,
    ) -> Result<(Samples, Vec<Vec<u8>>), Error> {
        let height = window.len() as u32;
        let picture = Picture::new(header.width.into(), height, header.colour, samples)?;
        let own = Header { height: height as u16, ..header };
        let transforms = &self.encoder.runtime.transforms;
        let mut analysis = transforms.analysis(&picture, &own)?;
        let source = Source { picture: &picture, top: window.start / LATENT };
        #[cfg(feature = "burn")]
        if self.options.effort.searches() {
            let (rows, effort, none) = (strip.clone(), self.options.effort, &mut Progress::none());
            let run = analysis.as_mut();
            let stats = &mut self.stats;
            let payloads = self.encoder.refined(&source, run, &header, rows, quality, effort, sampler, stats, none)?;
            drop(analysis);
            return Ok((picture.pixels, payloads));
        }
        let above = strip.start as usize * usize::from(header.tile_size) - window.start;
        timed(&mut self.stats.analysis, || analysis.rows(above / LATENT))?;
        let mut latents = TileLatents::new(analysis, &header, strip.start, transforms.channels());
        let take = |tiles: &[TileRect], stats: &mut Stats| timed(&mut stats.analysis, || latents.take(tiles.len()));
        let payloads = {
            let none = &mut Progress::none();
            let sampling = sampler.map(|sampler| (sampler, source));
            self.encoder.payloads(tiles, quality, self.options.effort, take, sampling, &mut self.stats, none)?
        };
        drop(latents);
        Ok((picture.pixels, payloads))
    }

    fn alpha_coding(&self) -> Result<AlphaCoding, Error> {
        Ok(match self.options.alpha_quality {
            None => AlphaCoding::Lossless,
            Some(quality) => AlphaCoding::Lossy { quality: quality_index(quality)?.get() },
        })
    }
}
