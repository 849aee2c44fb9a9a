//! [`GpuOrCpu`]: an engine that takes what the adapter is too small for to the CPU.

use std::sync::Arc;

use lic_shaders::gpu::Gpu;

use super::{
    FastEngine, GpuEngine, GpuError, Prediction, PriorEngine, PriorError, PriorWeights, QualityIndex, TileShape,
};

/// The GPU's engine; the CPU's for tiles too large for the adapter. Both give the same numbers.
pub(crate) struct GpuOrCpu {
    gpu: GpuEngine,
    weights: Arc<PriorWeights>,
    /// In use since a `begin` that the GPU refused.
    cpu: Option<FastEngine>,
}

impl GpuOrCpu {
    pub(crate) fn new(gpu: Arc<Gpu>, weights: Arc<PriorWeights>) -> Self {
        Self { gpu: GpuEngine::on(gpu, weights.clone()), weights, cpu: None }
    }

    fn engine(&mut self) -> &mut dyn PriorEngine {
        match &mut self.cpu {
            Some(cpu) => cpu,
            None => &mut self.gpu,
        }
    }
}

impl PriorEngine for GpuOrCpu {
    fn begin(&mut self, tiles: &[TileShape], quality: QualityIndex, hyper: &[&[i16]]) -> Result<(), PriorError> {
        self.cpu = None;
        match self.gpu.begin(tiles, quality, hyper) {
            Err(PriorError::Gpu(GpuError::TileTooLarge { .. })) => {
                let cpu = FastEngine::new(self.weights.clone());
                self.cpu.insert(cpu).begin(tiles, quality, hyper)
            }
            result => result,
        }
    }

    fn predict(&mut self) -> Result<&[Prediction], PriorError> {
        self.engine().predict()
    }

    fn accept(&mut self, symbols: &[Vec<i16>]) -> Result<(), PriorError> {
        self.engine().accept(symbols)
    }

    fn finish(&mut self) -> Result<Vec<Vec<i32>>, PriorError> {
        self.engine().finish()
    }
}
