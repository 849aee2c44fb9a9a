//! [`Analysed`]: a picture whose latents are known, to be coded at several qualities; and the search for a target, which does that.
//!
//! Differs from [`Encoder::encode`] at a quality in keeping the latents of the whole picture and, from effort 1 on, a copy of its samples.

use crate::decoder::decode_with;
use crate::effort::Effort;
use crate::encoder::{Encoded, Encoder};
use crate::error::Error;
use crate::format::{Header, TileRect};
use crate::limits::Limits;
use crate::metadata::{Metadata, OwnedSection};
use crate::options::EncodeOptions;
use crate::picture::Picture;
use crate::prior::QualityIndex;
#[cfg(feature = "burn")]
use crate::refine::StoredRows;
use crate::source::Source;
use crate::stats::{Stats, timed};
use crate::target::{MOST_NEAR, Range, Target, is_better, search};
use crate::watch::{Progress, Watch};

/// Part of the work that the analysis is taken to be, where a target is searched for.
const ANALYSIS: f64 = 0.2;

/// Trials of a search at most: bisection of 253 qualities, and one more.
const MOST_TRIALS: f64 = 9.0;

impl Encoder {
    /// The first half of encoding, which does not depend on the quality: for several qualities of one picture. Of the options
    /// quality and target are not used.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn analyse(&self, picture: &Picture, options: &EncodeOptions) -> Result<Analysed<'_>, Error> {
        self.analyse_with(picture, options, &mut Progress::none())
    }

    /// The same, telling a watch how much is done.
    ///
    /// # Errors
    /// As [`Self::encode`], and [`Error::Cancelled`] if the watch ends it.
    pub fn analyse_watched(
        &self,
        picture: &Picture,
        options: &EncodeOptions,
        watch: &mut Watch<'_>,
    ) -> Result<Analysed<'_>, Error> {
        self.analyse_with(picture, options, &mut Progress::new(watch))
    }

    fn analyse_with(
        &self,
        picture: &Picture,
        options: &EncodeOptions,
        progress: &mut Progress<'_, '_>,
    ) -> Result<Analysed<'_>, Error> {
        progress.step(0, 1)?;
        // Any will do until one is coded at.
        let header = self.header_of(picture, QualityIndex::MAX, options)?;
        let (sections, spent) = self.sections(picture, &header, options, progress)?;
        let mut stats = Stats { pixels: u64::from(header.width) * u64::from(header.height), ..Stats::default() };
        let (mut rest, mut latents) = (self.latents(picture, &header)?, Vec::new());
        let [across, down] = header.tile_grid().map(|tiles| tiles as usize);
        for row in 0..down {
            latents.extend(timed(&mut stats.analysis, || rest.take(across))?);
            progress.step(row + 1, down)?;
        }
        stats.add_times(&spent);
        let effort = options.effort;
        let colours = || Picture { alpha: None, metadata: Metadata::default(), ..picture.clone() };
        let picture = (effort != Effort::Nearest).then(colours);
        Ok(Analysed { encoder: self, header, sections, effort, picture, latents, stats })
    }

    /// The file that reaches a target.
    pub(crate) fn reach(
        &self,
        target: Target,
        picture: &Picture,
        options: &EncodeOptions,
        progress: &mut Progress<'_, '_>,
    ) -> Result<Encoded, Error> {
        target.check()?;
        // A search for latents is so slow that everything before it hardly counts.
        let share = if options.effort.searches() { 0.1 } else { 1.0 };
        progress.part(0.0, share * ANALYSIS);
        let analysed = self.analyse_with(picture, options, progress)?;
        let mut spent = analysed.stats;
        let mut trial = |effort: Effort, quality: QualityIndex, progress: &mut Progress<'_, '_>| {
            let decodes = matches!(target, Target::Psnr(_));
            let share = if decodes { 0.5 } else { 1.0 };
            let encoded = progress.share(0.0..share, |progress| analysed.encode_with(quality, effort, progress))?;
            let mut stats = encoded.stats;
            let score = if decodes {
                let decode = |progress: &mut Progress<'_, '_>| {
                    decode_with(&self.runtime, &encoded.bytes, Limits::default(), progress)
                };
                let decoded = progress.share(share..1.0, decode)?;
                stats += decoded.stats;
                decoded.picture.psnr(picture)
            } else {
                encoded.bytes.len() as f64
            };
            spent += stats;
            Ok((encoded, score))
        };
        let pixels = analysed.stats.pixels;
        let mut trials = 0.0;
        let (mut best, mut outcome) = search(target, pixels, Range::ALL, |quality| {
            let length = share * (1.0 - ANALYSIS) / MOST_TRIALS;
            progress.part(share * ANALYSIS + length * trials, length);
            trials += 1.0;
            trial(options.effort.without_search(), quality, progress)
        })?;
        if options.effort.searches() {
            // What the search gains shifts the quality by a few steps.
            let range = Range::near(target, best.quality);
            let mut trials = 0.0;
            let (refined, found) = search(target, pixels, range, |quality| {
                // Trials beyond the usual ones find all of the work done.
                let begun = |trials: f64| share + (1.0 - share) * (trials / MOST_NEAR).min(1.0);
                progress.part(begun(trials), begun(trials + 1.0) - begun(trials));
                trials += 1.0;
                trial(options.effort, quality, progress)
            })?;
            let trials = outcome.trials + found.trials;
            if is_better((&refined, &found), (&best, &outcome)) {
                (best, outcome) = (refined, found);
            }
            outcome.trials = trials;
        }
        progress.part(0.0, 1.0);
        progress.step(1, 1)?;
        best.stats =
            Stats { pixels: best.stats.pixels, payload: best.stats.payload, symbols: best.stats.symbols, ..spent };
        best.target = Some(outcome);
        Ok(best)
    }
}

/// A picture's latents, ready to be coded at any quality.
#[derive(Debug)]
pub struct Analysed<'a> {
    encoder: &'a Encoder,
    /// But for the quality.
    header: Header,
    sections: Vec<OwnedSection>,
    effort: Effort,
    /// For efforts that compare with the pixels.
    picture: Option<Picture>,
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
        self.encode_with(quality, self.effort, &mut Progress::none())
    }

    /// The same, telling a watch how much is done.
    ///
    /// # Errors
    /// As [`Self::encode`], and [`Error::Cancelled`] if the watch ends it.
    pub fn encode_watched(&self, quality: QualityIndex, watch: &mut Watch<'_>) -> Result<Encoded, Error> {
        self.encode_with(quality, self.effort, &mut Progress::new(watch))
    }

    fn encode_with(
        &self,
        quality: QualityIndex,
        effort: Effort,
        progress: &mut Progress<'_, '_>,
    ) -> Result<Encoded, Error> {
        progress.step(0, 1)?;
        let of_tile = |tile: &TileRect| {
            let latent = self.latents.get(tile.index as usize);
            latent.map_or(&[][..], Vec::as_slice)
        };
        let latents = |tiles: &[TileRect], _: &mut Stats| Ok(tiles.iter().map(of_tile).collect());
        let Self { encoder, sections, .. } = self;
        let header = &Header { quality: quality.get(), ..self.header };
        let source = self.picture.as_ref().map(|picture| Source { picture, top: 0 });
        let sampler = encoder.sampler(header, quality, effort);
        encoder.run(header, sections.clone(), quality, sampler, |sampler, stats| {
            #[cfg(feature = "burn")]
            if let (true, Some(source)) = (effort.searches(), &source) {
                let mut rows = StoredRows::new(header, &self.latents, encoder.runtime.transforms.channels());
                let [_, count] = header.tile_grid();
                return encoder.refined(source, &mut rows, header, 0..count, quality, effort, sampler, stats, progress);
            }
            let tiles: Vec<TileRect> = header.tiles().collect();
            encoder.payloads(&tiles, quality, effort, latents, sampler.zip(source), stats, progress)
        })
    }

    /// What the analysis took.
    pub fn stats(&self) -> Stats {
        self.stats
    }
}
