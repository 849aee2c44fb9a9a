//! The transforms of a weight file as plain arrays ([`lic_shaders::transform`]), for implementations without burn.
//!
//! Differs from [`crate::inference`], which builds burn's networks from the same tensors and also knows attention.

use lic_shaders::transform::{Activation, Analysis, Block, Conv3x3, Dense, HyperAnalysis, PATCH, Synthesis};

use crate::filters::{self, mending, smoothing};
use crate::load::{LoadError, Named, ParamError, check_none_left};
use crate::preset::{KNOTS, ModelConfig};
use crate::weights::WeightFile;

/// Outputs of the preview: 2x2 samples of three colours.
pub const PREVIEW: usize = 12;

/// The synthesis transform; `None` if the model has attention.
///
/// # Errors
/// A tensor is missing or has the wrong shape or type, or there is one more.
pub fn synthesis(file: &WeightFile<'_>) -> Result<Option<Synthesis>, LoadError> {
    let Some((mut tensors, config)) = tensors(file, "synthesis.")? else { return Ok(None) };
    let ModelConfig { c8, c16, y, blocks8, blocks16, .. } = config;
    let synthesis = Synthesis {
        stem: tensors.dense("stem", y, c16)?,
        blocks16: tensors.blocks("blocks16", blocks16, c16)?,
        up: tensors.dense("up", c16, 4 * c8)?,
        gain: tensors.take("gain", &[KNOTS, c8])?,
        blocks8: tensors.blocks("blocks8", blocks8, c8)?,
        head: tensors.dense("head", c8, PATCH)?,
    };
    check_none_left("synthesis.", tensors.0)?;
    Ok(Some(synthesis))
}

/// The analysis transform; `None` if the model has attention.
///
/// # Errors
/// A tensor is missing or has the wrong shape or type.
pub fn analysis(file: &WeightFile<'_>) -> Result<Option<Analysis>, LoadError> {
    let Some((mut tensors, config)) = tensors(file, "analysis.")? else { return Ok(None) };
    let ModelConfig { c8, c16, y, blocks8, blocks16, .. } = config;
    Ok(Some(Analysis {
        stem: tensors.dense("stem", PATCH, c8)?,
        blocks8: tensors.blocks("blocks8", blocks8, c8)?,
        down: tensors.dense("down", 4 * c8, c16)?,
        blocks16: tensors.blocks("blocks16", blocks16, c16)?,
        head: tensors.dense("head", c16, y)?,
    }))
}

/// The preview's linear map, latents to 2x2 samples of red, green and blue; `None` if the file has none.
///
/// # Errors
/// A tensor is missing or has the wrong shape or type.
pub fn preview(file: &WeightFile<'_>) -> Result<Option<Dense>, LoadError> {
    let mut tensors = Tensors(file.floats("preview.")?);
    if tensors.0.is_empty() {
        return Ok(None);
    }
    Ok(Some(tensors.dense("head", file.checked_config()?.y, PREVIEW)?))
}

/// Numbers of [`deblocking`] in each dimension: qualities, kinds of boundaries, features, distances.
pub const DEBLOCKING: [usize; 4] = [filters::KNOTS, 2, 2, smoothing::TAPS];

/// All of them.
pub const DEBLOCKING_WEIGHTS: usize = DEBLOCKING[0] * DEBLOCKING[1] * DEBLOCKING[2] * DEBLOCKING[3];

/// The weights of the filter behind the synthesis (`lic_codec::deblock`), [`DEBLOCKING`]; `None` if the file has none.
///
/// # Errors
/// The tensor has the wrong shape or type.
pub fn deblocking(file: &WeightFile<'_>) -> Result<Option<[f32; DEBLOCKING_WEIGHTS]>, LoadError> {
    let mut tensors = Tensors(file.floats("deblock.")?);
    if tensors.0.is_empty() {
        return Ok(None);
    }
    Ok(tensors.take("weight", &DEBLOCKING)?.try_into().ok())
}

/// Numbers of an [`Enhancement`] in each dimension: qualities, classes of surroundings, features, colours.
pub const ENHANCEMENT: [usize; 4] = [filters::KNOTS, mending::CLASSES, mending::FEATURES, 3];

/// The weights of the filter that mends what the synthesis makes (`lic_codec::enhance`), [`ENHANCEMENT`].
#[derive(Debug, Clone, PartialEq)]
pub struct Enhancement(Vec<f32>);

impl Enhancement {
    /// How many numbers there are.
    pub const COUNT: usize = ENHANCEMENT[0] * ENHANCEMENT[1] * ENHANCEMENT[2] * ENHANCEMENT[3];

    /// Of weights in the order of the dimensions; `None` if they are not [`Self::COUNT`].
    pub fn new(weights: Vec<f32>) -> Option<Self> {
        (weights.len() == Self::COUNT).then_some(Self(weights))
    }

    /// The weights.
    pub fn weights(&self) -> &[f32] {
        &self.0
    }
}

/// The weights of `lic_codec::enhance`; `None` if the file has none.
///
/// # Errors
/// The tensor has the wrong shape or type.
pub fn enhancement(file: &WeightFile<'_>) -> Result<Option<Enhancement>, LoadError> {
    let mut tensors = Tensors(file.floats("enhance.")?);
    if tensors.0.is_empty() {
        return Ok(None);
    }
    Ok(Enhancement::new(tensors.take("weight", &ENHANCEMENT)?))
}

/// The hyper-analysis transform.
///
/// # Errors
/// A tensor is missing or has the wrong shape or type.
pub fn hyper_analysis(file: &WeightFile<'_>) -> Result<HyperAnalysis, LoadError> {
    let ModelConfig { y, z, hidden, .. } = file.checked_config()?;
    let mut tensors = Tensors(file.floats("hyper_analysis.")?);
    Ok(HyperAnalysis {
        stem: tensors.dense("stem", y, hidden)?,
        knots: tensors.take("knots", &[KNOTS, hidden])?,
        block1: tensors.block("block1", hidden, Activation::Relu)?,
        down1: tensors.dense("down1", 4 * hidden, hidden)?,
        block2: tensors.block("block2", hidden, Activation::Relu)?,
        down2: tensors.dense("down2", 4 * hidden, z)?,
    })
}

/// The tensors of a transform without attention.
fn tensors(file: &WeightFile<'_>, prefix: &str) -> Result<Option<(Tensors, ModelConfig)>, LoadError> {
    let config = file.checked_config()?;
    match config.head_width {
        Some(_) => Ok(None),
        None => Ok(Some((Tensors(file.floats(prefix)?), config))),
    }
}

struct Tensors(Named);

impl Tensors {
    fn take(&mut self, name: &str, expected: &[usize]) -> Result<Vec<f32>, ParamError> {
        let (found, values) = self.0.remove(name).ok_or_else(|| ParamError::Missing(name.to_owned()))?;
        if found != expected || values.len() != expected.iter().product::<usize>() {
            return Err(ParamError::Shape { name: name.to_owned(), found, expected: expected.to_vec() });
        }
        Ok(values)
    }

    fn dense(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<Dense, ParamError> {
        let weight = self.take(&format!("{name}.weight"), &[inputs, outputs])?;
        Ok(Dense { inputs, outputs, weight, bias: self.take(&format!("{name}.bias"), &[outputs])? })
    }

    fn block(&mut self, name: &str, channels: usize, activation: Activation) -> Result<Block, ParamError> {
        let part = channels / 4;
        let weight = self.take(&format!("{name}.conv.weight"), &[part, part, 3, 3])?;
        let conv = Conv3x3 { channels: part, weight, bias: self.take(&format!("{name}.conv.bias"), &[part])? };
        let expand = self.dense(&format!("{name}.expand"), channels, 2 * channels)?;
        let hidden = match activation {
            Activation::Gate => channels,
            Activation::Relu => 2 * channels,
        };
        let project = self.dense(&format!("{name}.project"), hidden, channels)?;
        Ok(Block { conv, expand, activation, project })
    }

    fn blocks(&mut self, name: &str, count: usize, channels: usize) -> Result<Vec<Block>, ParamError> {
        (0..count).map(|i| self.block(&format!("{name}.{i}"), channels, Activation::Gate)).collect()
    }
}
