//! [`RowReader`]: a file to the rows of a picture, with memory for some rows only. [`crate::Decoder::decode`] is this, collected.

use std::time::{Duration, Instant};

use crate::alpha::Alpha;
use crate::error::{Error, Warning};
use crate::format::{AlphaCoding, AlphaSection, ColourModel, Header};
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::needed::Needed;
use crate::opened::{Opened, admit};
use crate::picture::{Picture, channels};
use crate::planes::{CodedPlane, LosslessPlane, Plane};
use crate::runtime::Runtime;
use crate::samples::Samples;
use crate::scale::{Reducer, Rows};
use crate::stats::Stats;
use crate::view::{Scale, View};
use crate::watch::Progress;

/// Some rows of a decoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowBand {
    /// The first of the rows, counted from the top of the picture that is decoded.
    pub y: u32,
    /// How many there are, at least one.
    pub height: u32,
    /// Samples [height, width, channels].
    pub pixels: Samples,
    /// Alpha [height, width], if the file has it.
    pub alpha: Option<Alpha>,
}

/// Decodes a file from top to bottom. Made by [`crate::Decoder::rows`]; any thread may go on with it.
pub struct RowReader<'a> {
    header: Header,
    size: [u32; 2],
    limits: Limits,
    needed: Needed,
    metadata: Metadata,
    warnings: Vec<Warning>,
    colours: Box<dyn Plane + 'a>,
    alpha: Option<(Box<dyn Plane + 'a>, bool)>,
    reducer: Reducer,
    /// Of colours and alpha.
    queues: [Queue; 2],
    /// Rows that were handed out.
    y: u32,
    /// Whether there has been an error, so that rows are missing.
    failed: bool,
    stats: Stats,
    elapsed: Duration,
}

impl std::fmt::Debug for RowReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowReader").field("header", &self.header).field("y", &self.y).finish_non_exhaustive()
    }
}

impl<'a> RowReader<'a> {
    pub(crate) fn new(runtime: &'a Runtime, file: Opened<'a>, view: &View, limits: Limits) -> Result<Self, Error> {
        let Opened { header, metadata, mut warnings, filter, alpha, kept, tiles } = file;
        let needed = admit(runtime, &header, alpha.as_ref().map(|alpha| alpha.coding), view)?;
        // What is kept is there already, so it counts, but nobody has to ask for it.
        let with_kept = needed.keeping(kept);
        limits.check(&with_kept.rows())?;
        needed.rows().probe()?;
        let pixels = view.pixels(&header)?;
        warnings.extend(runtime.warning());
        if header.synthesis_id != runtime.model.synthesis_id() {
            warnings
                .push(Warning::SynthesisIdMismatch { file: header.synthesis_id, model: runtime.model.synthesis_id() });
        }
        let preview = view.scale == Scale::Preview;
        let divisor = view.scale.divisor() as usize;
        // A coded plane is as small as a preview already.
        let coded = if preview && runtime.preview.is_some() { 1 } else { divisor };
        let mut factors = [coded, 1];
        let colours = CodedPlane::new(runtime, tiles, header, &pixels, filter.as_ref(), preview)?;
        // The colours' tiles alone can be a reader's.
        let needed = with_kept.keeping(colours.payload_memory());
        limits.check(&needed.rows())?;
        let alpha = match alpha {
            Some(AlphaSection { coding, premultiplied, tiles }) => {
                let plane: Box<dyn Plane + 'a> = match coding {
                    AlphaCoding::Lossless => {
                        factors[1] = divisor;
                        Box::new(LosslessPlane::new(tiles, header, pixels.clone()))
                    }
                    AlphaCoding::Lossy { quality } => {
                        factors[1] = coded;
                        let header = Header { colour: ColourModel::Grey, quality, ..header };
                        let plane = CodedPlane::new(runtime, Box::new(tiles), header, &pixels, None, preview);
                        Box::new(plane.map_err(Error::in_alpha)?)
                    }
                };
                Some((plane, premultiplied))
            }
            None => None,
        };
        let size = view.size(&header)?;
        // What is not made smaller comes in the size of the result.
        let sides = |factor: usize| match factor {
            1 => size.map(|side| side as usize),
            _ => [pixels.columns.len(), pixels.rows.len()],
        };
        let channels = channels(header.colour);
        let queue = |factor: usize, channels: usize| {
            let [width, height] = sides(factor);
            Queue::new(&header, width * channels, factor, height)
        };
        Ok(Self {
            queues: [queue(factors[0], channels)?, queue(factors[1], 1)?],
            reducer: Reducer::new(factors.map(|factor| sides(factor)[0]), channels, factors),
            size,
            limits,
            needed,
            metadata,
            warnings,
            colours: Box::new(colours),
            alpha,
            y: 0,
            failed: false,
            stats: Stats { pixels: u64::from(size[0]) * u64::from(size[1]), ..Stats::default() },
            elapsed: Duration::ZERO,
            header,
        })
    }

    /// The file's header. Width and height are those of the whole picture.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Width and height of what is decoded.
    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    /// Whether the bands have alpha.
    pub fn has_alpha(&self) -> bool {
        self.alpha.is_some()
    }

    /// The file's metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// What the user should hear about.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Time and amounts so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Wall-clock time that the rows took so far.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// How much is done, 0..=1.
    pub fn progress(&self) -> f64 {
        let [done, all] = self.steps();
        done as f64 / all.max(1) as f64
    }

    /// Tiles of all planes that are decoded, and that are needed.
    fn steps(&self) -> [usize; 2] {
        let planes = [Some(self.colours.progress()), self.alpha.as_ref().map(|(plane, _)| plane.progress())];
        planes.into_iter().flatten().fold([0, 0], |[a, b], [done, all]| [a + done, b + all])
    }

    /// Decodes the next rows; nothing after the last. A caller that has seen enough drops the reader.
    ///
    /// # Errors
    /// What [`crate::Decoder::decode`] says about damaged tiles; [`Error::Io`], [`Error::Truncated`] or [`Error::TrailingGarbage`] if the file is
    /// being read. There are no rows after an error: the next call is [`Error::FailedBefore`].
    pub fn next_band(&mut self) -> Result<Option<RowBand>, Error> {
        self.next_watched(&mut Progress::none())
    }

    /// The same, telling how many tiles are done after every band of them: rows are complete only when their whole row of tiles is.
    fn next_watched(&mut self, progress: &mut Progress<'_, '_>) -> Result<Option<RowBand>, Error> {
        if self.failed {
            return Err(Error::FailedBefore);
        }
        let start = Instant::now();
        let band = self.next_rows(progress);
        self.failed = band.is_err();
        self.elapsed += start.elapsed();
        band
    }

    fn next_rows(&mut self, progress: &mut Progress<'_, '_>) -> Result<Option<RowBand>, Error> {
        loop {
            match self.take() {
                None if self.advance()? => {
                    let [done, all] = self.steps();
                    progress.step(done, all)?;
                }
                band => return Ok(band),
            }
        }
    }

    /// Decodes all rows that are left as one picture. The file's metadata go into it: [`Self::metadata`] has none afterwards.
    ///
    /// # Errors
    /// As [`Self::next_band`]; [`Error::LimitExceeded`] or [`Error::OutOfMemory`] for the picture as a whole, whose rows can still be had one
    /// after the other; [`Error::InvalidInput`] if none are left, as there is no picture without rows.
    pub fn collect(&mut self) -> Result<Picture, Error> {
        self.collect_with(&mut Progress::none())
    }

    pub(crate) fn collect_with(&mut self, progress: &mut Progress<'_, '_>) -> Result<Picture, Error> {
        if self.failed {
            return Err(Error::FailedBefore);
        }
        let [width, height] = [self.size[0], self.size[1] - self.y];
        if height == 0 {
            let expected = self.size[1].into();
            return Err(Error::InvalidInput { what: "the number of rows that are left", found: 0, expected });
        }
        self.limits.check(&self.needed)?;
        let Header { colour, depth, .. } = self.header;
        let samples = u64::from(width) * u64::from(height);
        let mut pixels = Samples::reserve(depth, samples * channels(colour) as u64)?;
        let mut plane = Samples::reserve(depth, if self.has_alpha() { samples } else { 0 })?;
        let mut alpha = None;
        while let Some(band) = self.next_watched(progress)? {
            if band.height == height {
                pixels = band.pixels;
            } else {
                pixels.append(band.pixels);
            }
            if let Some(Alpha { samples, premultiplied }) = band.alpha {
                plane.append(samples);
                alpha = Some(premultiplied);
            }
        }
        let mut picture = Picture::new(width, height, colour, pixels)?;
        picture.alpha = alpha.map(|premultiplied| Alpha { samples: plane, premultiplied });
        picture.metadata = std::mem::take(&mut self.metadata);
        Ok(picture)
    }

    /// Decodes some tiles; false if there are none left.
    fn advance(&mut self) -> Result<bool, Error> {
        let Some(samples) = self.colours.next(&mut self.stats)? else { return Ok(false) };
        self.queues[0].push(samples);
        if let Some((plane, _)) = &mut self.alpha {
            let mut spent = Stats::default();
            // As many rows as of the colours, and no more: of a region the colours need more tiles, for what their synthesis sees beyond it.
            while self.queues[1].complete() < self.queues[0].complete() {
                let Some(samples) = plane.next(&mut spent).map_err(Error::in_alpha)? else { break };
                self.queues[1].push(samples);
            }
            self.stats.add_times(&spent);
        }
        Ok(true)
    }

    /// Takes the rows that are complete.
    fn take(&mut self) -> Option<RowBand> {
        let [colours, plane] = &mut self.queues;
        let complete = if self.alpha.is_some() { colours.complete().min(plane.complete()) } else { colours.complete() };
        let height = complete.saturating_sub(self.y as usize);
        if height == 0 {
            return None;
        }
        let premultiplied = self.alpha.as_ref().map(|(_, premultiplied)| *premultiplied);
        let rows = Rows {
            pixels: colours.take(height),
            alpha: premultiplied.map(|premultiplied| Alpha { samples: plane.take(height), premultiplied }),
        };
        let Rows { pixels, alpha } = self.reducer.reduce(rows);
        let y = self.y;
        self.y += height as u32;
        Some(RowBand { y, height: height as u32, pixels, alpha })
    }
}

/// Samples of a plane that have not been handed out.
#[derive(Debug)]
struct Queue {
    samples: Samples,
    /// Samples per row.
    line: usize,
    /// Rows that become one.
    factor: usize,
    /// Rows that have come, and all that will.
    received: usize,
    all: usize,
}

impl Queue {
    fn new(header: &Header, line: usize, factor: usize, all: usize) -> Result<Self, Error> {
        Ok(Self { samples: Samples::reserve(header.depth, 0)?, line, factor, received: 0, all })
    }

    /// Appends samples, without copying them if they are the first.
    fn push(&mut self, samples: Samples) {
        self.received += samples.len() / self.line.max(1);
        if self.samples.is_empty() { self.samples = samples } else { self.samples.append(samples) }
    }

    /// Rows that can go out, with those that went. The last may be made of fewer rows.
    fn complete(&self) -> usize {
        if self.received >= self.all { self.all.div_ceil(self.factor) } else { self.received / self.factor }
    }

    /// What becomes the next rows.
    fn take(&mut self, rows: usize) -> Samples {
        self.samples.take_first(rows * self.factor * self.line)
    }
}
