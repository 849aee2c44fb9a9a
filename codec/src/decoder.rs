//! [`Decoder`]: a file to a picture, with memory for the picture and about two rows of tiles.

use std::io::{Read, Seek};
use std::sync::Arc;

use crate::device::DeviceChoice;
use crate::error::{Error, Warning};
use crate::format::stream::StreamHeader;
use crate::format::{Header, LicFile};
use crate::limits::{Budget, Limits};
use crate::model::Model;
use crate::needed::Needed;
#[cfg(feature = "image")]
use crate::needed::Reach;
use crate::opened::{Opened, admit};
use crate::picture::Picture;
#[cfg(feature = "image")]
use crate::rows::RowBand;
use crate::rows::RowReader;
use crate::runtime::Runtime;
use crate::stats::Stats;
use crate::symbols;
use crate::view::View;
use crate::watch::{Progress, Watch};

/// A decoded file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Decoded {
    /// The picture as it is stored, with its metadata: the orientation is not applied, nor are colours converted.
    pub picture: Picture,
    /// What the user should hear about.
    pub warnings: Vec<Warning>,
    /// Time and amounts.
    pub stats: Stats,
}

/// Decodes files of one model on one device. May be used by several threads at once; a clone shares the networks, and can have other limits.
#[derive(Clone)]
pub struct Decoder {
    runtime: Arc<Runtime>,
    limits: Limits,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

impl Decoder {
    /// Loads the decoder's networks to a device.
    ///
    /// # Errors
    /// [`Error::Model`] if the weight file's transforms are damaged, [`Error::Device`] if the device cannot be used.
    pub fn new(model: &Model, device: DeviceChoice) -> Result<Self, Error> {
        let runtime = Arc::new(Runtime::new(model, device, false)?);
        Ok(Self { runtime, limits: Limits::default() })
    }

    /// Where the networks run: as [`crate::Encoder::device`].
    pub fn device(&self) -> String {
        self.runtime.device()
    }

    /// What the user should hear about the device; also among the warnings of every [`Decoded`].
    pub fn warning(&self) -> Option<Warning> {
        self.runtime.warning()
    }

    /// The same decoder that refuses files beyond these limits, in place of those it had.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// How far its model looks beyond a region.
    #[cfg(feature = "image")]
    pub(crate) fn reach(&self) -> Reach {
        self.runtime.reach()
    }

    /// Decodes a whole file.
    ///
    /// # Errors
    /// Any [`Error`] that describes a damaged, foreign or unsupported file; [`Error::WrongParseId`] for a file of another model;
    /// [`Error::LimitExceeded`] and [`Error::OutOfMemory`] for a picture that is too large.
    pub fn decode(&self, bytes: &[u8]) -> Result<Decoded, Error> {
        decode_with(&self.runtime, bytes, self.limits, &mut Progress::none())
    }

    /// Decodes part of a picture, or all of it smaller: see [`View`]. Only the tiles that are needed are looked at. On the CPU, samples are
    /// those of [`Self::decode`], exactly.
    ///
    /// # Errors
    /// As [`Self::decode`], but damage in other tiles is not noticed; [`Error::RegionOutside`].
    pub fn view(&self, bytes: &[u8], view: &View) -> Result<Decoded, Error> {
        self.view_with(bytes, view, &mut Progress::none())
    }

    /// The same, telling a watch how much is done.
    ///
    /// # Errors
    /// As [`Self::view`], and [`Error::Cancelled`] if the watch ends it.
    pub fn view_watched(&self, bytes: &[u8], view: &View, watch: &mut Watch<'_>) -> Result<Decoded, Error> {
        self.view_with(bytes, view, &mut Progress::new(watch))
    }

    /// Hands out rows of a file in memory, of which all tiles are checked first if all are wanted.
    #[cfg(feature = "image")]
    pub(crate) fn each_band(
        &self,
        bytes: &[u8],
        view: &View,
        mut take: impl FnMut(RowBand) + Send,
    ) -> Result<(), Error> {
        self.runtime.run(|| {
            let file = match view.region {
                None => symbols::open(&self.runtime.model, bytes)?,
                Some(_) => LicFile::open(bytes)?,
            };
            let mut rows = RowReader::new(&self.runtime, Opened::memory(file)?, view, self.limits)?;
            while let Some(band) = rows.next_band()? {
                take(band);
            }
            Ok(())
        })
    }

    fn view_with(&self, bytes: &[u8], view: &View, progress: &mut Progress<'_, '_>) -> Result<Decoded, Error> {
        self.runtime.run_watched(progress, |progress| {
            let file = whole(&self.runtime, LicFile::open(bytes)?, view, self.limits)?;
            collect(RowReader::new(&self.runtime, file, view, self.limits)?, progress)
        })
    }

    /// Begins to decode a file that is read from beginning to end as its rows are asked for. Neither the file nor the picture is ever in
    /// memory as a whole: metadata and alpha section are, some tiles, and some rows. What the limits or the model forbid is refused as soon as
    /// it is known, and nothing of the file is read beyond. The last rows come after the reader has ended, as bytes behind the file are damage: of a pipe
    /// that stays open give a [`Read::take`].
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let decoder = lic_codec::Decoder::new(&lic_codec::Model::embedded()?, lic_codec::DeviceChoice::Cpu)?;
    /// let mut rows = decoder.rows(std::fs::File::open("huge.lic")?, &lic_codec::View::default())?;
    /// while let Some(band) = rows.next_band()? {
    ///     println!("{} rows from {}; {:.0} %", band.height, band.y, 100.0 * rows.progress());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What is wrong with header, sections or index; [`Error::WrongParseId`], [`Error::RegionOutside`], [`Error::LimitExceeded`],
    /// [`Error::Io`], [`Error::OutOfMemory`].
    pub fn rows<'a>(&'a self, reader: impl Read + Send + 'a, view: &View) -> Result<RowReader<'a>, Error> {
        self.rows_with(reader, |_| *view)
    }

    /// The same with a reader that can seek, such as a file: of a region, no other tiles are read.
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub fn rows_seeking<'a>(
        &'a self,
        reader: impl Read + Seek + Send + 'a,
        view: &View,
    ) -> Result<RowReader<'a>, Error> {
        self.rows_seeking_with(reader, |_| *view)
    }

    /// As [`Self::rows`], for a view that depends on the picture's size, such as [`View::at_least`].
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub fn rows_with<'a>(
        &'a self,
        reader: impl Read + Send + 'a,
        view: impl FnOnce(&Header) -> View,
    ) -> Result<RowReader<'a>, Error> {
        let file = StreamHeader::read(reader)?;
        let view = view(&file.header);
        self.begin(file, &view)
    }

    /// As [`Self::rows_seeking`], for a view that depends on the picture's size.
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub fn rows_seeking_with<'a>(
        &'a self,
        reader: impl Read + Seek + Send + 'a,
        view: impl FnOnce(&Header) -> View,
    ) -> Result<RowReader<'a>, Error> {
        let file = StreamHeader::read_seeking(reader)?;
        let view = view(&file.header);
        self.begin(file, &view)
    }

    fn begin<'a, R: Read + Send + 'a>(&'a self, file: StreamHeader<R>, view: &View) -> Result<RowReader<'a>, Error> {
        let needed = admit(&self.runtime, &file.header, None, view)?.rows();
        self.limits.check(&needed)?;
        let file = file.open(Budget::of(self.limits, &needed))?;
        RowReader::new(&self.runtime, Opened::stream(file), view, self.limits)
    }
}

/// Decodes a whole file with an encoder's or a decoder's networks.
pub(crate) fn decode_with(
    runtime: &Runtime,
    bytes: &[u8],
    limits: Limits,
    progress: &mut Progress<'_, '_>,
) -> Result<Decoded, Error> {
    runtime.run_watched(progress, |progress| {
        let file = symbols::open(&runtime.model, bytes)?;
        let view = View::default();
        let file = whole(runtime, file, &view, limits)?;
        collect(RowReader::new(runtime, file, &view, limits)?, progress)
    })
}

/// A file whose picture as a whole is within the limits.
fn whole<'a>(runtime: &Runtime, file: LicFile<'a>, view: &View, limits: Limits) -> Result<Opened<'a>, Error> {
    let needed = Needed::of_front(file.front(), view, runtime.reach())?;
    limits.check(&needed)?;
    needed.probe()?;
    Opened::memory(file)
}

/// All rows as a picture.
fn collect(mut rows: RowReader<'_>, progress: &mut Progress<'_, '_>) -> Result<Decoded, Error> {
    let picture = rows.collect_with(progress)?;
    Ok(Decoded { picture, warnings: rows.warnings().to_vec(), stats: rows.stats() })
}
