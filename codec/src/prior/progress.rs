//! Where a running prior stands, what it has predicted and decoded so far, and the checks of everything it is given.
//! Common to all engines.

use lic_shaders::gain::{SYMBOL_MAX, latent64};
use lic_shaders::order::{GROUP, PASSES, phase};
use rayon::prelude::*;

use super::{HYPER_MAX, Prediction, PriorError, Sizes, TileShape};

/// The state that does not depend on how the networks are computed.
#[derive(Debug)]
pub(super) struct Progress {
    sizes: Sizes,
    tiles: Vec<TileShape>,
    /// Symbols of this many passes have been accepted; `None` before `begin` and after `finish`.
    passes: Option<usize>,
    /// Predictions of the current pass; empty when it has not been predicted.
    predictions: Vec<Prediction>,
    latents: Vec<Vec<i32>>,
}

impl Progress {
    pub(super) fn new(sizes: Sizes) -> Self {
        Self { sizes, tiles: Vec::new(), passes: None, predictions: Vec::new(), latents: Vec::new() }
    }

    /// Checks the arguments of [`PriorEngine::begin`](super::PriorEngine::begin) and starts anew.
    pub(super) fn begin(&mut self, tiles: &[TileShape], hyper: &[&[i16]]) -> Result<(), PriorError> {
        *self = Self::new(self.sizes);
        if tiles.is_empty() {
            return Err(PriorError::NoTiles);
        }
        if hyper.len() != tiles.len() {
            return Err(PriorError::Tiles { what: "hyper-latents", found: hyper.len(), expected: tiles.len() });
        }
        for (tile, (shape, hyper)) in tiles.iter().zip(hyper).enumerate() {
            let &TileShape { height, width } = shape;
            // The largest buffer has 2H values, at most 2^13, for a position; a larger tile could not even be counted.
            let counted = height.checked_mul(width).and_then(|n| n.checked_mul(1 << 16));
            if counted.is_none_or(|n| n == 0) || height.max(width) > 1 << 16 {
                return Err(PriorError::Shape { tile, height, width });
            }
            let expected = shape.hyper().positions() * self.sizes.hyper;
            check_values("hyper-latents", tile, hyper, expected, HYPER_MAX)?;
        }
        self.latents = tiles.iter().map(|tile| vec![0; tile.positions() * self.sizes.latents]).collect();
        self.tiles = tiles.to_vec();
        self.passes = Some(0);
        Ok(())
    }

    /// The pass that may be predicted now.
    pub(super) fn to_predict(&self) -> Result<usize, PriorError> {
        match self.passes {
            Some(pass) if pass < PASSES && self.predictions.is_empty() => Ok(pass),
            Some(pass) if pass < PASSES => Err(PriorError::Sequence("predict before the symbols were accepted")),
            Some(_) => Err(PriorError::Sequence("predict after the last pass")),
            None => Err(PriorError::Sequence("predict before begin")),
        }
    }

    pub(super) fn predicted(&mut self, predictions: Vec<Prediction>) -> &[Prediction] {
        self.predictions = predictions;
        &self.predictions
    }

    pub(super) fn predictions(&self) -> &[Prediction] {
        &self.predictions
    }

    /// Checks the symbols of the current pass and returns its number.
    pub(super) fn to_accept(&self, symbols: &[Vec<i16>]) -> Result<usize, PriorError> {
        let pass = self.passes.filter(|_| !self.predictions.is_empty());
        let pass = pass.ok_or(PriorError::Sequence("accept before predict"))?;
        if symbols.len() != self.tiles.len() {
            return Err(PriorError::Tiles { what: "symbols", found: symbols.len(), expected: self.tiles.len() });
        }
        for (tile, (symbols, prediction)) in symbols.iter().zip(&self.predictions).enumerate() {
            check_values("symbols", tile, symbols, prediction.mean64.len(), SYMBOL_MAX)?;
        }
        Ok(pass)
    }

    /// Puts checked symbols of the current pass into the latent planes and goes on to the next pass.
    pub(super) fn accepted(&mut self, pass: usize, symbols: &[Vec<i16>]) {
        let all = self.sizes.latents;
        let part = all / PASSES;
        for (tile, shape) in self.tiles.iter().enumerate() {
            let coded = symbols[tile].par_chunks(shape.width * part);
            let coded = coded.zip(self.predictions[tile].mean64.par_chunks(shape.width * part));
            let planes = self.latents[tile].par_chunks_mut(shape.width * all);
            planes.zip(coded).enumerate().with_min_len(8).for_each(|(row, (plane, (symbols, means)))| {
                let coded = symbols.chunks_exact(part).zip(means.chunks_exact(part));
                for (column, (latents, (symbols, means))) in plane.chunks_exact_mut(all).zip(coded).enumerate() {
                    let group = GROUP[pass][phase(row, column)];
                    for ((latent, &symbol), &mean) in latents[group * part..].iter_mut().zip(symbols).zip(means) {
                        *latent = latent64(symbol, mean);
                    }
                }
            });
        }
        self.predictions.clear();
        self.passes = Some(pass + 1);
    }

    pub(super) fn finish(&mut self) -> Result<Vec<Vec<i32>>, PriorError> {
        if self.passes != Some(PASSES) {
            return Err(PriorError::Sequence("finish before the last pass"));
        }
        self.passes = None;
        Ok(std::mem::take(&mut self.latents))
    }
}

fn check_values(
    what: &'static str,
    tile: usize,
    values: &[i16],
    expected: usize,
    limit: i16,
) -> Result<(), PriorError> {
    if values.len() != expected {
        return Err(PriorError::Count { what, tile, found: values.len(), expected });
    }
    let outside = |value: &&i16| !(-limit..=limit).contains(*value);
    // Looked for only where there is one, because a loop that may end early does not vectorise.
    let any = values.iter().fold(false, |any, value| any | outside(&value));
    match values.iter().filter(|_| any).find(outside) {
        Some(&value) => Err(PriorError::Range { what, tile, value, limit }),
        None => Ok(()),
    }
}
