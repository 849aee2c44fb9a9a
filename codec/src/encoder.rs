//! [`Encoder`]: a picture to a file.
//!
//! Without a target the picture goes through in bands of tiles, so memory beyond the picture is bounded; with one, and with
//! [`Encoder::analyse`], the latents of the whole picture are kept (4 bytes times the latent channels per 256 pixels: 4 bytes
//! per pixel for 256 channels), and from effort 1 on a copy of its samples.

use crate::alpha::lossless;
use crate::bands::{CPU_BAND, bands};
use crate::coding::{self, Coded, LatentTile};
use crate::device::DeviceChoice;
use crate::effort::Effort;
use crate::entropy::HyperCosts;
use crate::error::{Error, Warning};
use crate::format::alpha::write_alpha;
use crate::format::header::{TILE_SIZES, checked_tile_size};
use crate::format::{AlphaCoding, BitDepth, ColourModel, Header, Section, SectionKind, TileRect, write_file};
use crate::metadata::OwnedSection;
use crate::model::Model;
use crate::options::{EncodeOptions, quality_index};
use crate::picture::Picture;
use crate::plane::TileLatents;
use crate::prior::{PriorEngine, QualityIndex};
use crate::runtime::Runtime;
use crate::source::Source;
use crate::stats::{Stats, timed};
use crate::target::TargetOutcome;
use crate::tiles::{Area, check_anchor};
use crate::watch::{Progress, Watch};
use crate::wiener::Sampler;

/// An encoded picture.
#[derive(Debug, Clone)]
#[non_exhaustive]
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

    /// Where the networks run: `cpu`, `reference`, or `gpu` with the adapter's name. Says what [`DeviceChoice::Auto`] has come to.
    pub fn device(&self) -> String {
        self.runtime.device()
    }

    /// What the user should hear about the device.
    pub fn warning(&self) -> Option<Warning> {
        self.runtime.warning()
    }

    /// Encodes a picture with its metadata. A target that cannot be met is no error: the nearest file comes back, with the reason in
    /// [`Encoded::target`].
    ///
    /// # Errors
    /// [`Error::InvalidInput`] or [`Error::InvalidOption`] for arguments that make no sense; [`Error::NoSearch`] for an effort that this build has no
    /// search for; [`Error::InvalidMetadata`] for metadata no file may have; [`Error::Prior`] if the GPU fails.
    pub fn encode(&self, picture: &Picture, options: &EncodeOptions) -> Result<Encoded, Error> {
        let work = || self.encode_with(picture, options, &mut Progress::none());
        // A search is burn's work for the most part ([`Runtime::run`]).
        if options.effort.searches() { work() } else { self.runtime.run(work) }
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
        if let Some(target) = options.target {
            return self.reach(target, picture, options, progress);
        }
        let quality = quality_index(options.quality)?;
        progress.step(0, 1)?;
        let header = self.header_of(picture, quality, options)?;
        let (sections, spent) = self.sections(picture, &header, options, progress)?;
        let sampler = self.sampler(&header, quality, options.effort);
        let code = |sampler: Option<&mut Sampler<'_>>, stats: &mut Stats| {
            self.plane(picture, &header, quality, options.effort, sampler, stats, progress)
        };
        let mut encoded = self.run(&header, sections, quality, sampler, code)?;
        encoded.stats.add_times(&spent);
        Ok(encoded)
    }

    /// The header of a picture at a quality, after checking everything. The options' own quality does not count.
    pub(crate) fn header_of(
        &self,
        picture: &Picture,
        quality: QualityIndex,
        options: &EncodeOptions,
    ) -> Result<Header, Error> {
        self.header(picture.size()?, picture.colour, picture.pixels.depth(), quality, options)
    }

    /// The same from its parts.
    pub(crate) fn header(
        &self,
        [width, height]: [u16; 2],
        colour: ColourModel,
        depth: BitDepth,
        quality: QualityIndex,
        options: &EncodeOptions,
    ) -> Result<Header, Error> {
        // Whether there is alpha or not, and whether it says anything: rows show that late.
        options.alpha_quality.map(quality_index).transpose()?;
        if options.effort.searches() && cfg!(not(feature = "burn")) {
            return Err(Error::NoSearch(options.effort.number()));
        }
        let tile = |allowed| Error::InvalidOption { what: "the edge of tiles", value: options.tile.into(), allowed };
        let tile_size = checked_tile_size(options.tile).map_err(|_| tile(TILE_SIZES))?;
        let header = Header {
            width,
            height,
            colour,
            depth,
            quality: quality.get(),
            tile_size,
            parse_id: self.runtime.model.parse_id(),
            synthesis_id: self.runtime.model.synthesis_id(),
            has_sections: false,
        };
        // Of attention windows, which are the only anchors there are.
        let windows = "a multiple of 128 with this model, because of its attention windows";
        check_anchor(&header, self.runtime.transforms.anchor()).map_err(|_| tile(windows))?;
        Ok(header)
    }

    /// Whitened latents [rows, columns, M] of all tiles, computed as they are taken.
    pub(crate) fn latents<'a>(&'a self, picture: &'a Picture, header: &Header) -> Result<TileLatents<'a>, Error> {
        let transforms = &self.runtime.transforms;
        Ok(TileLatents::new(transforms.analysis(picture, header)?, header, 0, transforms.channels()))
    }

    /// The sections of a picture, and the time they took: metadata, and alpha unless it says nothing.
    pub(crate) fn sections(
        &self,
        picture: &Picture,
        header: &Header,
        options: &EncodeOptions,
        progress: &mut Progress<'_, '_>,
    ) -> Result<(Vec<OwnedSection>, Stats), Error> {
        let mut sections = picture.metadata.sections()?;
        let mut spent = Stats::default();
        let Some(alpha) = picture.alpha.as_ref().filter(|alpha| !alpha.is_opaque()) else {
            return Ok((sections, spent));
        };
        let (coding, payloads) = match options.alpha_quality {
            None => {
                let tiles: Vec<TileRect> = header.tiles().collect();
                let mut payloads = Vec::new();
                for tiles in bands(&tiles, CPU_BAND) {
                    let encode = || lossless::encode(tiles, header.width.into(), 0, &alpha.samples);
                    payloads.extend(timed(&mut spent.coding, encode));
                    progress.holding(|progress| progress.step(0, 1))?;
                }
                (AlphaCoding::Lossless, payloads)
            }
            Some(quality) => {
                let quality = quality_index(quality)?;
                let header = Header { colour: ColourModel::Grey, quality: quality.get(), ..*header };
                let plane = Picture::new(picture.width, picture.height, header.colour, alpha.samples.clone())?;
                let effort = options.effort;
                let code = |progress: &mut Progress<'_, '_>| {
                    self.plane(&plane, &header, quality, effort, None, &mut spent, progress)
                };
                let payloads = progress.holding(code)?;
                (AlphaCoding::Lossy { quality: quality.get() }, payloads)
            }
        };
        sections.push((SectionKind::Alpha, write_alpha(header, coding, alpha.premultiplied, &payloads)?));
        Ok((sections, spent))
    }

    /// What the picture's filter is fitted with, at efforts that do.
    pub(crate) fn sampler(&self, header: &Header, quality: QualityIndex, effort: Effort) -> Option<Sampler<'_>> {
        Sampler::new(&self.runtime, header, quality, effort)
    }

    /// The payloads of a picture's colours, or of a plane.
    #[expect(clippy::too_many_arguments, reason = "those of a picture on its way to payloads")]
    fn plane(
        &self,
        picture: &Picture,
        header: &Header,
        quality: QualityIndex,
        effort: Effort,
        sampler: Option<&mut Sampler<'_>>,
        stats: &mut Stats,
        progress: &mut Progress<'_, '_>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let source = Source { picture, top: 0 };
        #[cfg(feature = "burn")]
        if effort.searches() {
            let mut analysis = self.runtime.transforms.analysis(picture, header)?;
            let [_, rows] = header.tile_grid();
            let analysis = analysis.as_mut();
            return self.refined(&source, analysis, header, 0..rows, quality, effort, sampler, stats, progress);
        }
        let tiles: Vec<TileRect> = header.tiles().collect();
        let mut latents = self.latents(picture, header)?;
        let take = |tiles: &[TileRect], stats: &mut Stats| timed(&mut stats.analysis, || latents.take(tiles.len()));
        self.payloads(&tiles, quality, effort, take, sampler.map(|sampler| (sampler, source)), stats, progress)
    }

    /// A file of a picture whose payloads `code` makes, showing them to the sampler.
    pub(crate) fn run(
        &self,
        header: &Header,
        mut sections: Vec<OwnedSection>,
        quality: QualityIndex,
        mut sampler: Option<Sampler<'_>>,
        code: impl FnOnce(Option<&mut Sampler<'_>>, &mut Stats) -> Result<Vec<Vec<u8>>, Error>,
    ) -> Result<Encoded, Error> {
        let mut stats = Stats { pixels: u64::from(header.width) * u64::from(header.height), ..Stats::default() };
        let payloads = code(sampler.as_mut(), &mut stats)?;
        if let Some(sampler) = sampler {
            // Alpha, which readers of the rest need not read, stays the last.
            let last = sections.iter().position(|(kind, _)| *kind == SectionKind::Alpha).unwrap_or(sections.len());
            sections.splice(last..last, sampler.finish(&mut stats)?);
        }
        stats.payload = payloads.iter().map(|p| p.len() as u64).sum();
        let sections: Vec<Section<'_>> = sections.iter().map(|(kind, body)| Section::new(*kind, body)).collect();
        Ok(Encoded { bytes: write_file(header, &sections, &payloads)?, quality, stats, target: None })
    }

    /// The payloads of tiles, made band by band and shown to a sampler of the picture's filter.
    #[expect(clippy::too_many_arguments, reason = "those of tiles on their way to payloads")]
    pub(crate) fn payloads<L: AsRef<[f32]> + Sync>(
        &self,
        all: &[TileRect],
        quality: QualityIndex,
        effort: Effort,
        mut latents: impl FnMut(&[TileRect], &mut Stats) -> Result<Vec<L>, Error>,
        mut sampling: Option<(&mut Sampler<'_>, Source<'_>)>,
        stats: &mut Stats,
        progress: &mut Progress<'_, '_>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let mut engine = self.runtime.engine()?;
        let mut payloads: Vec<Vec<u8>> = Vec::with_capacity(all.len());
        for tiles in bands(all, self.runtime.band_positions()) {
            let latents = latents(tiles, stats)?;
            let coded = self.code(engine.as_mut(), quality, effort, tiles, &latents, stats)?;
            if let Some((sampler, source)) = &mut sampling {
                for (tile, coded) in tiles.iter().zip(&coded) {
                    sampler.add(source, &Area::of_tile(tile), &coded.y64, stats)?;
                }
            }
            payloads.extend(coded.into_iter().map(|tile| tile.payload));
            progress.step(payloads.len(), all.len())?;
        }
        self.runtime.put_back(engine);
        Ok(payloads)
    }

    /// Codes some tiles with their latents.
    fn code<L: AsRef<[f32]> + Sync>(
        &self,
        engine: &mut dyn PriorEngine,
        quality: QualityIndex,
        effort: Effort,
        tiles: &[TileRect],
        latents: &[L],
        stats: &mut Stats,
    ) -> Result<Vec<Coded>, Error> {
        let items: Vec<(u32, Area, &[f32])> = tiles
            .iter()
            .zip(latents)
            .map(|(tile, latent)| (tile.index, Area::of_tile(tile), latent.as_ref()))
            .collect();
        let tables = self.runtime.model.prior().hyper_tables();
        let costs = (effort != Effort::Nearest).then(|| HyperCosts::new(tables, quality.get()));
        let hyper = |&(number, ref area, latent): &(u32, Area, &[f32])| {
            let z = self.hyper(latent, area, quality)?;
            let width = area.shape().hyper().width;
            match &costs {
                Some(costs) => coding::optimised_hyper(&z, width, costs).map_err(|e| e.in_tile(number)),
                None => Ok(coding::nearest_hyper(&z)),
            }
        };
        let hyper: Vec<Vec<i16>> =
            timed(&mut stats.analysis, || items.iter().map(hyper).collect::<Result<_, Error>>())?;
        let tiles: Vec<LatentTile<'_>> = items
            .iter()
            .zip(&hyper)
            .map(|((number, area, latent), hyper)| LatentTile { number: *number, shape: area.shape(), latent, hyper })
            .collect();
        let work = || coding::encode(engine, self.runtime.model.prior(), quality, effort, &tiles, stats);
        let coded = self.runtime.run(work)?;
        stats.symbols += coded.iter().map(|tile| tile.symbols).sum::<u64>();
        Ok(coded)
    }

    /// What the hyper-latents of a tile's latents are rounded from [rows, columns, Z].
    pub(crate) fn hyper(&self, latent: &[f32], area: &Area, quality: QualityIndex) -> Result<Vec<f32>, Error> {
        let (rows, columns) = (area.rows.len(), area.columns.len());
        self.runtime.transforms.hyper_analyse(latent, rows, columns, quality.get())
    }
}
