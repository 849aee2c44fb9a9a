//! [`Encoder`]: a picture to a file.
//!
//! Without a target the picture goes through in bands of tiles, so memory beyond the picture is bounded; with one, and with
//! [`Encoder::analyse`], the latents of the whole picture are kept (4 bytes times the latent channels per 256 pixels: 4 bytes
//! per pixel for 256 channels).

use crate::alpha::lossless;
use crate::bands::band;
use crate::coding::{self, Effort, LatentTile};
use crate::decoder::decode_with;
use crate::device::DeviceChoice;
use crate::error::{Error, Warning};
use crate::format::alpha::write_alpha;
use crate::format::{AlphaCoding, BitDepth, ColourModel, Header, Section, SectionKind, TileRect, write_file};
use crate::limits::Limits;
use crate::metadata::OwnedSection;
use crate::model::Model;
use crate::options::{EncodeOptions, quality_index};
use crate::picture::Picture;
use crate::plane::TileLatents;
use crate::prior::{HYPER_MAX, PriorEngine, QualityIndex};
use crate::runtime::Runtime;
use crate::stats::{Stats, timed};
use crate::target::{Target, TargetOutcome, search};
use crate::tiles::{Area, check_anchor};
use crate::watch::{Progress, Watch};

/// Part of the work that the analysis is taken to be, where a target is searched for.
const ANALYSIS: f64 = 0.2;

/// Trials of a search at most: bisection of 253 qualities, and one more.
const MOST_TRIALS: f64 = 9.0;

/// An encoded picture.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// The quality it was coded with.
    pub quality: QualityIndex,
    /// Time and amounts; with a target, the time of all trials.
    pub stats: Stats,
    /// How the target was met, if there was one.
    pub target: Option<TargetOutcome>,
}

/// Encodes pictures with one model on one device. May be used by several threads at once.
pub struct Encoder {
    pub(crate) runtime: Runtime,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}

impl Encoder {
    /// Loads all networks to a device.
    ///
    /// # Errors
    /// [`Error::Model`] if the weight file's transforms are damaged, [`Error::Device`] if the device cannot be used.
    pub fn new(model: &Model, device: DeviceChoice) -> Result<Self, Error> {
        let runtime = Runtime::new(model, device, true)?;
        Ok(Self { runtime })
    }

    /// What the user should hear about the device.
    pub fn warning(&self) -> Option<Warning> {
        self.runtime.warning()
    }

    /// Encodes a picture with its metadata. A target that cannot be met is no error: the nearest file comes back, with the reason in
    /// [`Encoded::target`].
    ///
    /// # Errors
    /// [`Error::InvalidInput`], [`Error::InvalidOption`], [`Error::InvalidHeader`] or [`Error::TileCutsWindows`] for arguments
    /// that make no sense; [`Error::InvalidSection`] for metadata no file may have; [`Error::Prior`] if the GPU fails.
    pub fn encode(&self, picture: &Picture, options: &EncodeOptions) -> Result<Encoded, Error> {
        self.runtime.run(|| self.encode_with(picture, options, &mut Progress::none()))
    }

    /// The same, telling a watch how much is done.
    ///
    /// # Errors
    /// As [`Self::encode`], and [`Error::Cancelled`] if the watch ends it.
    pub fn encode_watched(
        &self,
        picture: &Picture,
        options: &EncodeOptions,
        watch: &mut Watch<'_>,
    ) -> Result<Encoded, Error> {
        self.encode_with(picture, options, &mut Progress::new(watch))
    }

    fn encode_with(
        &self,
        picture: &Picture,
        options: &EncodeOptions,
        progress: &mut Progress<'_, '_>,
    ) -> Result<Encoded, Error> {
        let Some(target) = options.target else {
            let quality = quality_index(options.quality)?;
            let header = self.header_of(picture, options)?;
            let (sections, spent) = self.sections(picture, &header, options)?;
            let mut latents = self.latents(picture, &header)?;
            let take = |tiles: &[TileRect], stats: &mut Stats| timed(&mut stats.analysis, || latents.take(tiles.len()));
            let mut encoded = self.run(&header, &sections, quality, options.effort, take, progress)?;
            encoded.stats.add_times(&spent);
            return Ok(encoded);
        };
        target.check()?;
        progress.part(0.0, ANALYSIS);
        let analysed = self.analyse_with(picture, options, progress)?;
        let mut spent = analysed.stats;
        let mut trials = 0.0;
        let (mut best, outcome) = search(target, analysed.stats.pixels, |quality| {
            progress.part(ANALYSIS + (1.0 - ANALYSIS) * trials / MOST_TRIALS, (1.0 - ANALYSIS) / MOST_TRIALS);
            trials += 1.0;
            let encoded = analysed.encode_with(quality, progress)?;
            let mut stats = encoded.stats;
            let score = match target {
                Target::BitsPerPixel(_) | Target::Bytes(_) => encoded.bytes.len() as f64,
                Target::Psnr(_) => {
                    let decoded = decode_with(&self.runtime, &encoded.bytes, Limits::default())?;
                    stats += decoded.stats;
                    decoded.picture.psnr(picture)
                }
            };
            spent += stats;
            Ok((encoded, score))
        })?;
        progress.part(0.0, 1.0);
        progress.step(1, 1)?;
        best.stats =
            Stats { pixels: best.stats.pixels, payload: best.stats.payload, symbols: best.stats.symbols, ..spent };
        best.target = Some(outcome);
        Ok(best)
    }

    /// The first half of encoding, which does not depend on the quality: for several qualities of one picture. Of the options
    /// quality and target are not used.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn analyse(&self, picture: &Picture, options: &EncodeOptions) -> Result<Analysed<'_>, Error> {
        self.analyse_with(picture, options, &mut Progress::none())
    }

    fn analyse_with(
        &self,
        picture: &Picture,
        options: &EncodeOptions,
        progress: &mut Progress<'_, '_>,
    ) -> Result<Analysed<'_>, Error> {
        let header = self.header_of(picture, options)?;
        let (sections, spent) = self.sections(picture, &header, options)?;
        let mut stats = Stats { pixels: u64::from(header.width) * u64::from(header.height), ..Stats::default() };
        let (mut rest, mut latents) = (self.latents(picture, &header)?, Vec::new());
        let [across, down] = header.tile_grid().map(|tiles| tiles as usize);
        for row in 0..down {
            latents.extend(timed(&mut stats.analysis, || rest.take(across))?);
            progress.step(row + 1, down)?;
        }
        stats.add_times(&spent);
        Ok(Analysed { encoder: self, header, sections, effort: options.effort, latents, stats })
    }

    /// The header of a picture, all but the quality, after checking everything.
    fn header_of(&self, picture: &Picture, options: &EncodeOptions) -> Result<Header, Error> {
        self.header(picture.size()?, picture.colour, picture.pixels.depth(), options)
    }

    /// The same from its parts.
    pub(crate) fn header(
        &self,
        [width, height]: [u16; 2],
        colour: ColourModel,
        depth: BitDepth,
        options: &EncodeOptions,
    ) -> Result<Header, Error> {
        // Whether there is alpha or not, and whether it says anything: rows show that late.
        options.alpha_quality.map(quality_index).transpose()?;
        let header = Header {
            width,
            height,
            colour,
            depth,
            quality: 0,
            tile_size: u16::try_from(options.tile).unwrap_or(u16::MAX),
            parse_id: self.runtime.model.parse_id(),
            synthesis_id: self.runtime.model.synthesis_id(),
            has_sections: false,
        };
        // Writing is what checks the tile size.
        header.write(&mut Vec::new())?;
        check_anchor(&header, self.runtime.transforms.anchor())?;
        Ok(header)
    }

    /// Whitened latents [rows, columns, M] of all tiles, computed as they are taken.
    fn latents<'a>(&'a self, picture: &'a Picture, header: &Header) -> Result<TileLatents<'a>, Error> {
        let transforms = &self.runtime.transforms;
        Ok(TileLatents::new(transforms.analysis(picture, header)?, header, 0, transforms.channels()))
    }

    /// The sections of a picture, and the time they took: metadata, and alpha unless it says nothing.
    fn sections(
        &self,
        picture: &Picture,
        header: &Header,
        options: &EncodeOptions,
    ) -> Result<(Vec<OwnedSection>, Stats), Error> {
        let mut sections = picture.metadata.sections()?;
        let mut spent = Stats::default();
        let Some(alpha) = picture.alpha.as_ref().filter(|alpha| !alpha.is_opaque()) else {
            return Ok((sections, spent));
        };
        let (coding, payloads) = match options.alpha_quality {
            None => {
                let tiles: Vec<TileRect> = header.tiles().collect();
                let encode = || lossless::encode(&tiles, header.width.into(), 0, &alpha.samples);
                let payloads = timed(&mut spent.coding, encode);
                (AlphaCoding::Lossless, payloads)
            }
            Some(quality) => {
                let quality = quality_index(quality)?;
                let header = Header { colour: ColourModel::Grey, ..*header };
                let plane = Picture::new(picture.width, picture.height, header.colour, alpha.samples.clone())?;
                let mut latents = self.latents(&plane, &header)?;
                let take =
                    |tiles: &[TileRect], stats: &mut Stats| timed(&mut stats.analysis, || latents.take(tiles.len()));
                let tiles: Vec<TileRect> = header.tiles().collect();
                let payloads =
                    self.payloads(&tiles, quality, options.effort, take, &mut spent, &mut Progress::none())?;
                (AlphaCoding::Lossy { quality: quality.get() }, payloads)
            }
        };
        sections.push((SectionKind::Alpha, write_alpha(header, coding, alpha.premultiplied, &payloads)?));
        Ok((sections, spent))
    }

    /// Codes a picture; `latents` gives those of a band's tiles.
    fn run<L: AsRef<[f32]> + Sync>(
        &self,
        header: &Header,
        sections: &[OwnedSection],
        quality: QualityIndex,
        effort: Effort,
        latents: impl FnMut(&[TileRect], &mut Stats) -> Result<Vec<L>, Error>,
        progress: &mut Progress<'_, '_>,
    ) -> Result<Encoded, Error> {
        let header = Header { quality: quality.get(), ..*header };
        let mut stats = Stats { pixels: u64::from(header.width) * u64::from(header.height), ..Stats::default() };
        let tiles: Vec<TileRect> = header.tiles().collect();
        let payloads = self.payloads(&tiles, quality, effort, latents, &mut stats, progress)?;
        stats.payload = payloads.iter().map(|p| p.len() as u64).sum();
        let sections: Vec<Section<'_>> = sections.iter().map(|(kind, body)| Section::new(*kind, body)).collect();
        Ok(Encoded { bytes: write_file(&header, &sections, &payloads)?, quality, stats, target: None })
    }

    /// The payloads of tiles, made band by band.
    pub(crate) fn payloads<L: AsRef<[f32]> + Sync>(
        &self,
        all: &[TileRect],
        quality: QualityIndex,
        effort: Effort,
        mut latents: impl FnMut(&[TileRect], &mut Stats) -> Result<Vec<L>, Error>,
        stats: &mut Stats,
        progress: &mut Progress<'_, '_>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let mut engine = self.runtime.engine()?;
        let mut payloads: Vec<Vec<u8>> = Vec::with_capacity(all.len());
        let mut left = all;
        while !left.is_empty() {
            let (tiles, rest) = left.split_at(band(left, self.runtime.band_positions()));
            left = rest;
            let latents = latents(tiles, stats)?;
            payloads.extend(self.code(engine.as_mut(), quality, effort, tiles, &latents, stats)?);
            progress.step(payloads.len(), all.len())?;
        }
        self.runtime.put_back(engine);
        Ok(payloads)
    }

    /// Payloads of some tiles with their latents.
    fn code<L: AsRef<[f32]> + Sync>(
        &self,
        engine: &mut dyn PriorEngine,
        quality: QualityIndex,
        effort: Effort,
        tiles: &[TileRect],
        latents: &[L],
        stats: &mut Stats,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let items: Vec<(u32, Area, &[f32])> = tiles
            .iter()
            .zip(latents)
            .map(|(tile, latent)| (tile.index, Area::of_tile(tile), latent.as_ref()))
            .collect();
        let hyper: Vec<Vec<i16>> = timed(&mut stats.analysis, || {
            let hyper = |(_, area, latent): &(u32, Area, &[f32])| {
                let (rows, columns) = (area.rows.len(), area.columns.len());
                let z = self.runtime.transforms.hyper_analyse(latent, rows, columns, quality.get())?;
                let limit = f32::from(HYPER_MAX);
                // What is no number becomes 0.
                Ok(z.iter().map(|z| z.round().clamp(-limit, limit) as i16).collect())
            };
            items.iter().map(hyper).collect::<Result<_, Error>>()
        })?;
        let tiles: Vec<LatentTile<'_>> = items
            .iter()
            .zip(&hyper)
            .map(|((number, area, latent), hyper)| LatentTile { number: *number, shape: area.shape(), latent, hyper })
            .collect();
        self.runtime.run(|| coding::encode(engine, self.runtime.model.prior(), quality, effort, &tiles, stats))
    }
}

/// A picture's latents, ready to be coded at any quality.
#[derive(Debug)]
pub struct Analysed<'a> {
    encoder: &'a Encoder,
    header: Header,
    sections: Vec<OwnedSection>,
    effort: Effort,
    /// Whitened [rows, columns, M] of every tile.
    latents: Vec<Vec<f32>>,
    stats: Stats,
}

impl Analysed<'_> {
    /// Codes the picture; [`Encoded::stats`] do not count the analysis again.
    ///
    /// # Errors
    /// [`Error::Prior`] if the GPU fails.
    pub fn encode(&self, quality: QualityIndex) -> Result<Encoded, Error> {
        self.encode_with(quality, &mut Progress::none())
    }

    fn encode_with(&self, quality: QualityIndex, progress: &mut Progress<'_, '_>) -> Result<Encoded, Error> {
        let of_tile = |tile: &TileRect| {
            let latent = self.latents.get(tile.index as usize);
            latent.map_or(&[][..], Vec::as_slice)
        };
        let latents = |tiles: &[TileRect], _: &mut Stats| Ok(tiles.iter().map(of_tile).collect());
        self.encoder.run(&self.header, &self.sections, quality, self.effort, latents, progress)
    }

    /// What the analysis took.
    pub fn stats(&self) -> Stats {
        self.stats
    }
}
