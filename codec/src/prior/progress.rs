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
            if !fits(shape, self.sizes, isize::MAX as u64) {
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

/// Whether a tile has positions, and its largest buffer no more than `most` bytes: 2H or M numbers of 4 bytes for a position. Counted in 64
/// bits, because with 32 the largest tile of a file would do for an overflow, but not for its buffers.
fn fits(shape: &TileShape, sizes: Sizes, most: u64) -> bool {
    let &TileShape { height, width } = shape;
    let numbers = (2 * sizes.hidden).max(sizes.latents) as u64;
    let bytes = (height as u64).saturating_mul(width as u64).saturating_mul(4 * numbers);
    (1..=most).contains(&bytes) && height.max(width) <= 1 << 16
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_tile_of_a_file_fits_into_32_bits_and_a_larger_one_does_not() {
        let student = Sizes { latents: 256, hyper: 128, hidden: 384 };
        let fits = |height, width| fits(&TileShape { height, width }, student, i32::MAX as u64);
        assert!(fits(1, 1) && fits(256, 256), "4096x4096 pixels");
        assert!(!fits(0, 256) && !fits(256, 0));
        assert!(!fits(2048, 512) && !fits(1, (1 << 16) + 1) && !fits(usize::MAX, usize::MAX));
    }
}
