//! Progress and cancellation of the calls that take a whole picture. Those that work in rows are driven by their caller, who may stop after any of them;
//! one of them codes at most some rows of tiles, for which a search (efforts 2 and 3) takes as long as for a picture of their size.

use std::ops::{ControlFlow, Range};

use crate::error::Error;

/// Is told how much is done, 0..=1 and never less than before, at the beginning and after every band of tiles (8 of the default size on a CPU, 64 on a
/// GPU, so that of most photos there is one), every row of tiles of an analysis, every step of a search; ends the work with [`Error::Cancelled`] by
/// [`ControlFlow::Break`].
pub type Watch<'w> = dyn FnMut(f64) -> ControlFlow<()> + 'w;

/// A caller's watch, and which part of the work the next steps are.
pub(crate) struct Progress<'p, 'w> {
    watch: Option<&'p mut Watch<'w>>,
    start: f64,
    length: f64,
    /// What the watch was told last.
    told: f64,
}

impl<'p, 'w> Progress<'p, 'w> {
    pub(crate) fn new(watch: &'p mut Watch<'w>) -> Self {
        Self { watch: Some(watch), start: 0.0, length: 1.0, told: 0.0 }
    }

    /// Nobody watches.
    pub(crate) fn none() -> Self {
        Self { watch: None, start: 0.0, length: 1.0, told: 0.0 }
    }

    /// From here on steps are of the part from `start`, of this length, of all the work.
    pub(crate) fn part(&mut self, start: f64, length: f64) {
        (self.start, self.length) = (start, length);
    }

    /// Until `work` is done, steps stay where the part begins: they only ask whether to go on.
    pub(crate) fn holding<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.share(0.0..0.0, work)
    }

    /// Steps of `work` are of this share of the part.
    pub(crate) fn share<T>(&mut self, share: Range<f64>, work: impl FnOnce(&mut Self) -> T) -> T {
        let (start, length) = (self.start, self.length);
        self.part(start + length * share.start, length * (share.end - share.start));
        let result = work(self);
        self.part(start, length);
        result
    }

    /// Whether anybody is told.
    pub(crate) fn is_watched(&self) -> bool {
        self.watch.is_some()
    }

    /// So much of the part is done.
    pub(crate) fn step(&mut self, done: usize, all: usize) -> Result<(), Error> {
        let fraction = self.start + self.length * done as f64 / all.max(1) as f64;
        // Where one part ends and the next begins, rounding would go back.
        self.told = fraction.clamp(self.told, 1.0);
        match self.watch.as_mut().map(|watch| watch(self.told)) {
            Some(ControlFlow::Break(())) => Err(Error::Cancelled),
            _ => Ok(()),
        }
    }
}
