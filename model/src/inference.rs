//! The float transforms of a weight file, ready to run: what the codec needs of burn.
//!
//! Plain arrays in, plain arrays out. All methods take `&self` and may be called from several threads.

use burn::tensor::{Device, Tensor, TensorData};
use lic_shaders::transform::at_quality;

use crate::load::{LoadError, Named, ParamError, check_none_left};
use crate::net::{Analysis, Init, Synthesis};
use crate::params::{self, read};
use crate::preset::{KNOTS, ModelConfig};
use crate::prior::HyperAnalysis;
use crate::weights::WeightFile;

/// Synthesis for decoders; analysis and hyper-analysis too for encoders.
#[derive(Debug)]
pub struct Transforms {
    config: ModelConfig,
    device: Device,
    synthesis: Synthesis,
    /// Feature gain [64, c8].
    gain: Vec<f32>,
    encoder: Option<(Analysis, HyperAnalysis)>,
}

impl Transforms {
    /// Loads the synthesis transform, and the encoder's networks if `encoder` is set.
    ///
    /// # Errors
    /// A tensor is missing or has the wrong shape or type, or the synthesis has one more.
    pub fn load(file: &WeightFile<'_>, device: &Device, encoder: bool) -> Result<Self, LoadError> {
        let config = file.checked_config()?;
        let mut synthesis_tensors = file.floats("synthesis.")?;
        let gain = take_gain(&mut synthesis_tensors, &config)?;
        let mut init = Init::new(0, device);
        let synthesis = params::with_named(Synthesis::new(&config, &mut init), &synthesis_tensors)?;
        params::slots(&synthesis).iter().for_each(|slot| drop(synthesis_tensors.remove(&slot.name)));
        check_none_left("synthesis.", synthesis_tensors)?;
        let encoder = if encoder {
            let analysis = params::with_named(Analysis::new(&config, &mut init), &file.floats("analysis.")?)?;
            let hyper = params::with_named(HyperAnalysis::new(&config, &mut init), &file.floats("hyper_analysis.")?)?;
            Some((analysis, hyper))
        } else {
            None
        };
        Ok(Self { config, device: device.clone(), synthesis, gain, encoder })
    }

    /// The model's numbers.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// How many latents around a tile both transforms need so that a tile comes out like the whole plane.
    pub fn halo(&self) -> usize {
        self.config.halo()
    }

    /// Whether [`Self::analyse`] and [`Self::hyper_analyse`] are available.
    pub fn has_encoder(&self) -> bool {
        self.encoder.is_some()
    }

    /// Patches [rows, columns, 192] (8x8 pixels in the order row, column, colour; values -0.5..=0.5; even `rows` and `columns`) -> whitened latent
    /// [rows/2, columns/2, y]. `None` if the encoder was not loaded.
    pub fn analyse(&self, patches: Vec<f32>, rows: usize, columns: usize) -> Option<Vec<f32>> {
        let (analysis, _) = self.encoder.as_ref()?;
        Some(read(analysis.forward(self.tensor(patches, [1, rows, columns, 192]))))
    }

    /// Whitened latent [rows, columns, y] -> hyper-latent [ceil(rows/4), ceil(columns/4), z], not rounded; `quality` in quarter knots 0..=252.
    /// `None` if the encoder was not loaded.
    pub fn hyper_analyse(&self, latent: &[f32], rows: usize, columns: usize, quality: u8) -> Option<Vec<f32>> {
        let (_, hyper) = self.encoder.as_ref()?;
        let (full_rows, full_columns) = (rows.next_multiple_of(4), columns.next_multiple_of(4));
        let mut padded = Vec::with_capacity(full_rows * full_columns * self.config.y);
        for row in 0..full_rows {
            for column in 0..full_columns {
                let at = (row.min(rows - 1) * columns + column.min(columns - 1)) * self.config.y;
                padded.extend_from_slice(&latent[at..at + self.config.y]);
            }
        }
        let bias = at_quality(&read(hyper.knots.val()), quality);
        let bias = self.tensor(bias, [1, 1, 1, self.config.hidden]);
        Some(read(hyper.forward_biased(self.tensor(padded, [1, full_rows, full_columns, self.config.y]), bias)))
    }

    /// Decoded whitened latent [rows, columns, y] -> patches [2 rows, 2 columns, 192], nominally -0.5..=0.5.
    pub fn synthesise(&self, latent: Vec<f32>, rows: usize, columns: usize, quality: u8) -> Vec<f32> {
        let gain = self.tensor(at_quality(&self.gain, quality), [1, self.config.c8]);
        read(self.synthesis.forward(self.tensor(latent, [1, rows, columns, self.config.y]), gain))
    }

    fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }
}

/// Takes `gain` out of the synthesis tensors; the module itself holds logarithms, which inference does not use.
fn take_gain(tensors: &mut Named, config: &ModelConfig) -> Result<Vec<f32>, ParamError> {
    let expected = vec![KNOTS, config.c8];
    let (shape, gain) = tensors.remove("gain").ok_or_else(|| ParamError::Missing("synthesis.gain".to_owned()))?;
    if shape != expected {
        return Err(ParamError::Shape { name: "synthesis.gain".to_owned(), found: shape, expected });
    }
    tensors.insert("log_gain".to_owned(), (expected, vec![0.0; gain.len()]));
    Ok(gain)
}
