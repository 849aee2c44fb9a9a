//! Which device computes: the choice, the adapters behind it, and the self-test of a GPU nobody has asked for by name.
//!
//! Transforms and prior share one wgpu device (`lic_shaders::gpu`). Models with attention have their transforms on burn's instead; it takes
//! the same adapter, the first of the best kind.

#[cfg(feature = "gpu")]
mod gpu;

#[cfg(feature = "gpu")]
use std::sync::Arc;

#[cfg(feature = "gpu")]
use lic_shaders::gpu::Gpu;

use crate::error::{Error, Warning};
use crate::model::Model;
#[cfg(feature = "gpu")]
use crate::prior::AdapterPolicy;
use crate::transform::Transforms;
#[cfg(feature = "cpu")]
use crate::transform::cpu::CpuTransforms;
#[cfg(feature = "gpu")]
use crate::transform::gpu::GpuTransforms;
#[cfg(feature = "burn")]
use crate::transform::windows::Windows;

/// Where the networks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// A hardware GPU that passes a self-test, else the CPU. Never a software rasteriser.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CPU with burn's networks, which define the transforms: slower than [`Self::Cpu`], for comparisons.
    Reference,
    /// Any GPU adapter, software rasterisers included; an error if there is none.
    Gpu,
}

impl DeviceChoice {
    /// Every choice.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Cpu, Self::Reference, Self::Gpu];

    /// What users write for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Reference => "reference",
            Self::Gpu => "gpu",
        }
    }

    /// The choice of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }
}

/// Why a device cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The cargo feature `gpu` is off.
    #[error("this build of lic has no GPU support (cargo feature gpu)")]
    NotBuilt,
    /// The cargo feature `burn` is off.
    #[error("this build of lic has no reference networks (cargo feature burn)")]
    NoReference,
    /// No adapter, or it gives no device.
    #[cfg(feature = "gpu")]
    #[error(transparent)]
    Gpu(#[from] crate::prior::GpuError),
    /// burn, which models with attention need, finds no device where lic's own kernels found one.
    #[error("the GPU gives no device for the transforms: {0}")]
    NoTransforms(String),
}

/// A device that was chosen, with what the user should hear about the choice.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    place: Place,
    pub(crate) warning: Option<Warning>,
}

#[derive(Debug, Clone)]
enum Place {
    /// The CPU's own kernels wherever they can.
    Cpu,
    /// burn's networks on the CPU.
    #[cfg(feature = "burn")]
    Reference,
    #[cfg(feature = "gpu")]
    Gpu(Arc<Gpu>, AdapterPolicy),
}

impl Chosen {
    /// The CPU, which always works.
    fn cpu(warning: Option<Warning>) -> Self {
        Self { place: Place::Cpu, warning }
    }

    /// The CPU with burn's networks.
    #[cfg(feature = "burn")]
    fn reference() -> Result<Self, DeviceError> {
        Ok(Self { place: Place::Reference, warning: None })
    }

    #[cfg(not(feature = "burn"))]
    fn reference() -> Result<Self, DeviceError> {
        Err(DeviceError::NoReference)
    }

    /// The GPU, if one was chosen.
    #[cfg(feature = "gpu")]
    pub(crate) fn gpu(&self) -> Option<&Arc<Gpu>> {
        match &self.place {
            Place::Gpu(gpu, _) => Some(gpu),
            _ => None,
        }
    }

    /// Where the networks run, in words: `cpu`, `reference`, or `gpu` with the adapter's name.
    pub(crate) fn name(&self) -> String {
        match &self.place {
            Place::Cpu => DeviceChoice::Cpu.name().to_owned(),
            #[cfg(feature = "burn")]
            Place::Reference => DeviceChoice::Reference.name().to_owned(),
            #[cfg(feature = "gpu")]
            Place::Gpu(gpu, _) => format!("{} ({})", DeviceChoice::Gpu.name(), gpu.name()),
        }
    }

    /// The transforms of a model on this device.
    pub(crate) fn transforms(&self, model: &Model, encoder: bool) -> Result<Box<dyn Transforms>, Error> {
        match &self.place {
            #[cfg(feature = "cpu")]
            Place::Cpu => match CpuTransforms::load(&model.file()?, encoder)? {
                Some(transforms) => Ok(Box::new(transforms)),
                None => networks(model, encoder),
            },
            #[cfg(not(feature = "cpu"))]
            Place::Cpu => networks(model, encoder),
            #[cfg(feature = "burn")]
            Place::Reference => networks(model, encoder),
            #[cfg(feature = "gpu")]
            Place::Gpu(gpu, policy) => match GpuTransforms::load(&model.file()?, gpu.clone(), encoder)? {
                Some(transforms) => Ok(Box::new(transforms)),
                None => Ok(Box::new(Windows::new(model.networks(&burn_device(*policy)?, encoder)?, false))),
            },
        }
    }
}

/// burn's networks on the CPU.
#[cfg(feature = "burn")]
fn networks(model: &Model, encoder: bool) -> Result<Box<dyn Transforms>, Error> {
    Ok(Box::new(Windows::new(model.networks(&burn::tensor::Device::flex(), encoder)?, true)))
}

#[cfg(not(feature = "burn"))]
fn networks(_model: &Model, _encoder: bool) -> Result<Box<dyn Transforms>, Error> {
    Err(crate::model::ModelError::Attention.into())
}

#[cfg(not(feature = "gpu"))]
pub(crate) fn choose(choice: DeviceChoice, _model: &Model) -> Result<Chosen, Error> {
    match choice {
        DeviceChoice::Auto | DeviceChoice::Cpu => Ok(Chosen::cpu(None)),
        DeviceChoice::Reference => Ok(Chosen::reference()?),
        DeviceChoice::Gpu => Err(DeviceError::NotBuilt.into()),
    }
}

#[cfg(feature = "gpu")]
use gpu::burn_device;
#[cfg(feature = "gpu")]
pub(crate) use gpu::choose;
#[cfg(feature = "gpu")]
pub use gpu::self_test;
