//! [`Opened`]: what has to be known of a file before its tiles are decoded, be it in memory or one that is being read.

use std::borrow::Cow;
use std::io::Read;

use crate::error::{Error, Warning};
use crate::format::stream::FileStream;
use crate::format::{AlphaCoding, AlphaSection, Header, LicFile, TileRect};
use crate::metadata::Metadata;
use crate::needed::Needed;
use crate::planes::TileSource;
use crate::runtime::Runtime;
use crate::symbols::check_model;
use crate::tiles::check_anchor;
use crate::view::View;
use crate::wiener::Coefficients;

/// All of a file but its tiles, and where these come from.
pub(crate) struct Opened<'a> {
    pub(crate) header: Header,
    pub(crate) metadata: Metadata,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) filter: Option<Coefficients>,
    pub(crate) alpha: Option<AlphaSection<'a>>,
    /// Memory that these parts take.
    pub(crate) kept: u64,
    pub(crate) tiles: Box<dyn TileSource + 'a>,
}

impl<'a> Opened<'a> {
    /// A file in memory.
    pub(crate) fn memory(file: LicFile<'a>) -> Result<Self, Error> {
        let (front, tiles) = file.into_parts();
        Ok(Self {
            header: front.header,
            metadata: Metadata::of_front(&front),
            filter: front.filter()?,
            alpha: front.alpha()?,
            kept: Metadata::bytes_of(&front),
            warnings: front.warnings,
            tiles: Box::new(tiles),
        })
    }

    /// A file that is read as it is decoded.
    pub(crate) fn stream<R: Read + Send + 'a>(mut file: FileStream<R>) -> Self {
        Self {
            header: file.header,
            metadata: std::mem::take(&mut file.metadata),
            warnings: std::mem::take(&mut file.warnings),
            filter: file.filter.take(),
            alpha: file.alpha.take(),
            kept: file.kept,
            tiles: Box::new(file),
        }
    }
}

impl<R: Read + Send> TileSource for FileStream<R> {
    fn payloads(&mut self, tiles: &[TileRect]) -> Result<Vec<Cow<'_, [u8]>>, Error> {
        let payloads = tiles.iter().map(|tile| self.tile(tile.index).map(Cow::from)).collect::<Result<_, Error>>()?;
        self.end()?;
        Ok(payloads)
    }

    fn memory(&self, tiles: &[TileRect]) -> u64 {
        FileStream::memory(self, tiles)
    }
}

/// What a view of a file takes as far as its header says, unless another model has made it.
pub(crate) fn admit(
    runtime: &Runtime,
    header: &Header,
    alpha: Option<AlphaCoding>,
    view: &View,
) -> Result<Needed, Error> {
    check_model(header, &runtime.model)?;
    check_anchor(header, runtime.transforms.anchor())?;
    Needed::of(header, alpha, view, runtime.reach())
}
