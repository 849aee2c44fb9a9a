//! [`Model`]: a weight file, checked and shared.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use lic_model::load::LoadError;
use lic_model::weights::{Info, WeightFile};

use crate::error::Error;
use crate::prior::{self, PriorWeights, QualityIndex};

/// Why a weight file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The file cannot be read.
    #[error("cannot read the weight file {path}: {source}")]
    Read {
        /// Path of the file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not a weight file.
    #[error("the weight file is unusable: {0}")]
    File(#[from] lic_model::weights::WeightsError),
    /// Its integer prior breaks `codec/PRIOR.md`.
    #[error("the weight file's prior is unusable: {0}")]
    Prior(#[from] prior::WeightsError),
    /// Its transforms do not fit its own description.
    #[error("the weight file's transforms are unusable: {0}")]
    Transforms(#[from] LoadError),
    /// Transforms and prior have different channel counts.
    #[error("the weight file's transforms have {transforms} {what} channels, its prior {prior}")]
    Channels {
        /// Which channels.
        what: &'static str,
        /// Number in the description.
        transforms: usize,
        /// Number in the prior's tensors.
        prior: usize,
    },
    /// Description and prior have different numbers of blocks in a context.
    #[error("the weight file describes {described} blocks in each context of its prior, which has {prior}")]
    Blocks {
        /// Number in the description.
        described: usize,
        /// Number in the prior's tensors.
        prior: usize,
    },
    /// Analysis was asked for, but only the decoder's networks were loaded.
    #[error("the encoder's networks are not loaded")]
    NoEncoder,
    /// Nothing can be searched with it.
    #[cfg(feature = "burn")]
    #[error("efforts 2 and 3 cannot use this weight file: {0}")]
    Restore(#[from] lic_model::refine::DifferentiableError),
    /// Only burn runs models with attention, and it is not built in.
    #[error("this model has attention, which needs a build of lic-codec with the cargo feature burn")]
    Attention,
}

/// A model: everything files depend on. Clones share one copy.
#[derive(Debug, Clone)]
pub struct Model(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bytes: Cow<'static, [u8]>,
    info: Info,
    parse_id: u32,
    synthesis_id: u32,
    prior: Arc<PriorWeights>,
}

impl Model {
    /// The model inside the program.
    ///
    /// # Errors
    /// None with the weights that lic ships; the checks are those of [`Model::from_bytes`].
    pub fn embedded() -> Result<Self, Error> {
        Self::load(Cow::Borrowed(lic_model::weights::EMBEDDED))
    }

    /// A model from the bytes of a weight file.
    ///
    /// # Errors
    /// [`Error::Model`]. The transforms' tensors are looked at when an encoder or decoder is made.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        Self::load(Cow::Owned(bytes))
    }

    /// A model from a weight file.
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes =
            std::fs::read(path).map_err(|source| ModelError::Read { path: path.display().to_string(), source })?;
        Self::from_bytes(bytes)
    }

    fn load(bytes: Cow<'static, [u8]>) -> Result<Self, Error> {
        let file = WeightFile::parse(&bytes).map_err(ModelError::from)?;
        // Hashing takes as long as checking the prior.
        let ids = || (file.parse_id(), file.synthesis_id());
        let (prior, (parse_id, synthesis_id)) =
            rayon::join(|| PriorWeights::from_safetensors(file.tensors()).map_err(ModelError::from), ids);
        let prior = prior?;
        let (config, sizes) = (file.info.config, prior.sizes());
        for (what, transforms, prior) in [("latent", config.y, sizes.latents), ("hyper-latent", config.z, sizes.hyper)]
        {
            if transforms != prior {
                return Err(ModelError::Channels { what, transforms, prior }.into());
            }
        }
        let blocks = prior.network().contexts.iter().map(|context| context.blocks.len());
        if let Some(prior) = blocks.into_iter().find(|&blocks| blocks != config.context_blocks) {
            return Err(ModelError::Blocks { described: config.context_blocks, prior }.into());
        }
        let info = file.info;
        Ok(Self(Arc::new(Inner { bytes, info, parse_id, synthesis_id, prior: Arc::new(prior) })))
    }

    /// The weight file as it was read.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Identity of everything that decides how files are parsed; files with another one are refused.
    pub fn parse_id(&self) -> u32 {
        self.0.parse_id
    }

    /// Identity of the synthesis transform; files with another one are decoded with a warning.
    pub fn synthesis_id(&self) -> u32 {
        self.0.synthesis_id
    }

    /// What the weight file says about itself.
    pub fn info(&self) -> &Info {
        &self.0.info
    }

    /// The integer prior, for [`crate::prior`]'s engines.
    pub fn prior(&self) -> &Arc<PriorWeights> {
        &self.0.prior
    }

    /// The weight file.
    pub(crate) fn file(&self) -> Result<WeightFile<'_>, ModelError> {
        Ok(WeightFile::parse(&self.0.bytes)?)
    }

    /// The preview's linear map, if the weights have one.
    pub(crate) fn preview(&self) -> Result<Option<lic_shaders::transform::Dense>, ModelError> {
        Ok(lic_model::plain::preview(&self.file()?)?)
    }

    /// The weights of [`crate::deblock`], if the file has some.
    pub(crate) fn deblocking(&self) -> Result<Option<[f32; lic_model::plain::DEBLOCKING_WEIGHTS]>, ModelError> {
        Ok(lic_model::plain::deblocking(&self.file()?)?)
    }

    /// The weights of [`crate::enhance`], if the file has some.
    pub(crate) fn enhancement(&self) -> Result<Option<lic_model::plain::Enhancement>, ModelError> {
        Ok(lic_model::plain::enhancement(&self.file()?)?)
    }

    /// Units of the whitened latent per 1/64 of a quantisation step [M], at a quality. A channel without gain carries nothing: its latent
    /// is 0, not 0 / 0.
    pub(crate) fn steps(&self, quality: QualityIndex) -> Vec<f32> {
        let step = |&gain: &f64| if gain > 0.0 { (1.0 / (64.0 * gain)) as f32 } else { 0.0 };
        self.prior().gains(quality).scale().iter().map(step).collect()
    }

    /// burn's networks on a device.
    #[cfg(feature = "burn")]
    pub(crate) fn networks(
        &self,
        device: &burn::tensor::Device,
        encoder: bool,
    ) -> Result<lic_model::inference::Transforms, ModelError> {
        Ok(lic_model::inference::Transforms::load(&self.file()?, device, encoder)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_of_other_blocks_than_the_prior_has_is_refused() {
        let tiny = include_bytes!("../../model/weights/tiny.safetensors");
        let mut file = WeightFile::parse(tiny).unwrap();
        file.info.config.context_blocks = 1;
        let error = Model::from_bytes(file.with(|_| {}).unwrap()).unwrap_err().to_string();
        assert!(error.contains("describes 1 blocks") && error.contains("which has 2"), "{error}");
    }
}
