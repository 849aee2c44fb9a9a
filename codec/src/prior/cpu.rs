//! The engine around a CPU network: tiles in parallel, each on its own, so memory is bounded by the tiles begun together.

use lic_shaders::QualityIndex;
use lic_shaders::order::PASSES;
use rayon::prelude::*;

use super::progress::Progress;
use super::{Prediction, PriorEngine, PriorError, Sizes, TileShape};

/// The networks on the CPU; `scalar` and `fast` implement it.
pub(super) trait CpuNetwork: Send + Sync {
    /// What is kept of a tile between passes.
    type State: Send + Sync;

    fn sizes(&self) -> Sizes;

    /// Reads biases and gains at a quality.
    fn set_quality(&mut self, quality: QualityIndex);

    /// Runs the hyper-synthesis. All arguments have been checked.
    fn begin(&self, shape: TileShape, hyper: &[i16]) -> Self::State;

    fn predict(&self, state: &Self::State, pass: usize) -> Prediction;

    /// Remembers decoded latents for the passes to come.
    fn feed_back(&self, state: &mut Self::State, pass: usize, symbols: &[i16], prediction: &Prediction);
}

/// A [`PriorEngine`] over a CPU network.
#[derive(Debug)]
pub(super) struct CpuEngine<N: CpuNetwork> {
    network: N,
    progress: Progress,
    states: Vec<N::State>,
}

impl<N: CpuNetwork> CpuEngine<N> {
    pub(super) fn new(network: N) -> Self {
        Self { progress: Progress::new(network.sizes()), network, states: Vec::new() }
    }
}

impl<N: CpuNetwork> PriorEngine for CpuEngine<N> {
    fn begin(&mut self, tiles: &[TileShape], quality: QualityIndex, hyper: &[&[i16]]) -> Result<(), PriorError> {
        self.states.clear();
        self.progress.begin(tiles, hyper)?;
        self.network.set_quality(quality);
        let network = &self.network;
        self.states = tiles.par_iter().zip(hyper).map(|(&shape, hyper)| network.begin(shape, hyper)).collect();
        Ok(())
    }

    fn predict(&mut self) -> Result<&[Prediction], PriorError> {
        let pass = self.progress.to_predict()?;
        let network = &self.network;
        let predictions = self.states.par_iter().map(|state| network.predict(state, pass)).collect();
        Ok(self.progress.predicted(predictions))
    }

    fn accept(&mut self, symbols: &[Vec<i16>]) -> Result<(), PriorError> {
        let pass = self.progress.to_accept(symbols)?;
        if pass + 1 < PASSES {
            let network = &self.network;
            let tiles = self.states.par_iter_mut().zip(symbols).zip(self.progress.predictions());
            tiles.for_each(|((state, symbols), prediction)| network.feed_back(state, pass, symbols, prediction));
        }
        self.progress.accepted(pass, symbols);
        Ok(())
    }

    fn finish(&mut self) -> Result<Vec<Vec<i32>>, PriorError> {
        self.states.clear();
        self.progress.finish()
    }
}

/// Implements [`PriorEngine`] for a public engine that wraps a [`CpuEngine`] in its only field.
macro_rules! forward_engine {
    ($engine:ty) => {
        impl crate::prior::PriorEngine for $engine {
            fn begin(
                &mut self,
                tiles: &[crate::prior::TileShape],
                quality: crate::prior::QualityIndex,
                hyper: &[&[i16]],
            ) -> Result<(), crate::prior::PriorError> {
                self.0.begin(tiles, quality, hyper)
            }

            fn predict(&mut self) -> Result<&[crate::prior::Prediction], crate::prior::PriorError> {
                self.0.predict()
            }

            fn accept(&mut self, symbols: &[Vec<i16>]) -> Result<(), crate::prior::PriorError> {
                self.0.accept(symbols)
            }

            fn finish(&mut self) -> Result<Vec<Vec<i32>>, crate::prior::PriorError> {
                self.0.finish()
            }
        }
    };
}
pub(super) use forward_engine;
