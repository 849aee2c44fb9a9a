//! Which device computes: the choice, the adapters behind it, and the self-test of a GPU nobody has asked for by name.
//!
//! Transforms and prior share one wgpu device (`lic_shaders::gpu`). Models with attention have their transforms on burn's instead; it takes
//! the same adapter, the first of the best kind.

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
use with_gpu::burn_device;
#[cfg(feature = "gpu")]
pub(crate) use with_gpu::choose;
#[cfg(feature = "gpu")]
pub use with_gpu::self_test;

#[cfg(feature = "gpu")]
mod with_gpu {
    use std::path::Path;
    use std::sync::{Arc, Mutex, OnceLock, PoisonError};

    use burn::tensor::{Device, DeviceKind};
    use lic_shaders::gpu::Gpu;

    use super::{Chosen, DeviceChoice, DeviceError, Place};
    use crate::error::{Error, GpuFault, Warning};
    use crate::format::header::DEFAULT_TILE;
    use crate::format::{BitDepth, ColourModel, Header};
    use crate::model::Model;
    use crate::prior::random::Noise;
    use crate::prior::{
        AdapterPolicy, FastEngine, GpuEngine, GpuError, Prediction, PriorEngine, QualityIndex, TileShape,
    };
    use crate::tiles::LATENT;
    use crate::transform::Transforms;

    /// What `auto` means in this process.
    #[derive(Clone, Copy)]
    enum Verdict {
        NoAdapter,
        Good,
        Bad(GpuFault),
    }

    pub(crate) fn choose(choice: DeviceChoice, model: &Model) -> Result<Chosen, Error> {
        match choice {
            DeviceChoice::Cpu => Ok(Chosen::cpu(None)),
            DeviceChoice::Reference => Ok(Chosen::reference()?),
            DeviceChoice::Gpu => Chosen::on_gpu(AdapterPolicy::Any),
            DeviceChoice::Auto => match verdict(model)? {
                Verdict::NoAdapter => Ok(Chosen::cpu(None)),
                Verdict::Bad(reason) => Ok(Chosen::cpu(Some(Warning::GpuNotUsed { reason }))),
                Verdict::Good => Chosen::on_gpu(AdapterPolicy::Hardware),
            },
        }
    }

    /// The verdict of this process. Two calls that need it first at the same time both judge: a thread of rayon's pool that waits for its loops
    /// may take up the other call, which must not wait for it in turn. A damaged model is none on the GPU.
    fn verdict(model: &Model) -> Result<Verdict, Error> {
        static VERDICT: OnceLock<Verdict> = OnceLock::new();
        match VERDICT.get() {
            Some(verdict) => Ok(*verdict),
            None => {
                let judged = judge(model)?;
                Ok(*VERDICT.get_or_init(|| judged))
            }
        }
    }

    impl Chosen {
        fn on_gpu(policy: AdapterPolicy) -> Result<Self, Error> {
            let gpu = Arc::new(Gpu::new(policy).map_err(DeviceError::from)?);
            Ok(Self { place: Place::Gpu(gpu, policy), warning: None })
        }
    }

    /// burn's device on the best adapter of the policy. burn opens an adapter once per process, so it is kept.
    pub(super) fn burn_device(policy: AdapterPolicy) -> Result<Device, DeviceError> {
        static OPENED: Mutex<Vec<(DeviceKind, Device)>> = Mutex::new(Vec::new());
        let kinds =
            [DeviceKind::DiscreteGpu(0), DeviceKind::IntegratedGpu(0), DeviceKind::VirtualGpu(0), DeviceKind::Cpu];
        let kinds = match policy {
            AdapterPolicy::Hardware => &kinds[..3],
            AdapterPolicy::Any => &kinds[..],
        };
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        let mut message = String::new();
        for kind in kinds {
            if let Some((_, device)) = opened.iter().find(|(k, _)| k == kind) {
                return Ok(device.clone());
            }
            match Device::wgpu_options().device_kind(kind.clone()).init() {
                Ok(device) => {
                    opened.push((kind.clone(), device.clone()));
                    return Ok(device);
                }
                Err(error) => message = error.to_string(),
            }
        }
        Err(DeviceError::NoTransforms(message))
    }

    /// The self-test's result on hardware.
    fn judge(model: &Model) -> Result<Verdict, Error> {
        if !has_device_node() {
            return Ok(Verdict::NoAdapter);
        }
        match self_test(model, AdapterPolicy::Hardware) {
            Ok(None) => Ok(Verdict::Good),
            Ok(Some(fault)) => Ok(Verdict::Bad(fault)),
            Err(Error::Device(DeviceError::Gpu(GpuError::NoAdapter(_)))) => Ok(Verdict::NoAdapter),
            Err(error @ Error::Model(_)) => Err(error),
            Err(_) => Ok(Verdict::Bad(GpuFault::DoesNotStart)),
        }
    }

    /// Whether the system shows a GPU at all. Asking Vulkan where there is none takes time, and Mesa's loader layer writes messages about
    /// the missing desktop to standard error that nobody can act on.
    fn has_device_node() -> bool {
        // Kernel drivers' nodes: DRM (AMD, Intel, Nouveau, Mesa), Nvidia's own, Windows' under WSL, Mali's own.
        const NODES: [&str; 4] = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg", "/dev/mali0"];
        !cfg!(target_os = "linux") || NODES.iter().any(|node| Path::new(node).exists())
    }

    /// Rows and columns of the self-test's tile: not equal, and no multiple of anything.
    const TEST: TileShape = TileShape { height: 11, width: 9 };

    /// Compares prior and transforms of the best GPU that the policy allows with the CPU on one small tile, and returns what
    /// is wrong with it. [`DeviceChoice::Auto`] does this once per process.
    ///
    /// # Errors
    /// [`Error::Device`] if there is no adapter or it gives no device, [`Error::Prior`] if it fails, [`Error::Model`].
    pub fn self_test(model: &Model, policy: AdapterPolicy) -> Result<Option<GpuFault>, Error> {
        let chosen = Chosen::on_gpu(policy)?;
        let Some(gpu) = chosen.gpu() else { return Ok(None) };
        let mut on_gpu = GpuEngine::on(gpu.clone(), model.prior().clone());
        let mut on_cpu = FastEngine::new(model.prior().clone());
        if prior(model, &mut on_gpu)? != prior(model, &mut on_cpu)? {
            return Ok(Some(GpuFault::WrongPrior));
        }
        let on_gpu = pixels(chosen.transforms(model, false)?.as_ref())?;
        let on_cpu = pixels(Chosen::cpu(None).transforms(model, false)?.as_ref())?;
        let close = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= 1;
        if on_gpu.len() == on_cpu.len() && on_gpu.iter().zip(&on_cpu).all(close) {
            return Ok(None);
        }
        Ok(Some(GpuFault::WrongPixels))
    }

    /// All predictions of a tile with the symbols 1, 0, -1 in turn.
    fn prior(model: &Model, engine: &mut dyn PriorEngine) -> Result<Vec<Prediction>, Error> {
        let channels = model.prior().sizes().hyper;
        let mut noise = Noise(1);
        let hyper: Vec<i16> = (0..TEST.hyper().positions() * channels).map(|_| noise.symmetric(3) as i16).collect();
        engine.begin(&[TEST], QualityIndex::MAX, &[&hyper])?;
        let mut all = Vec::new();
        for _ in 0..crate::prior::PASSES {
            let predictions = engine.predict()?.to_vec();
            let symbols: Vec<Vec<i16>> =
                predictions.iter().map(|p| (0..p.index.len()).map(|i| 1 - (i % 3) as i16).collect()).collect();
            all.extend(predictions);
            engine.accept(&symbols)?;
        }
        engine.finish()?;
        Ok(all)
    }

    /// Samples from latents of about unit variance.
    fn pixels(transforms: &dyn Transforms) -> Result<Vec<u8>, Error> {
        let mut noise = Noise(2);
        let mut row = |_| {
            let values = 0..TEST.width * transforms.channels();
            values.map(|_| noise.symmetric(1700) as f32 / 1000.0).collect()
        };
        let latents: Vec<Vec<f32>> = (0..TEST.height).map(&mut row).collect();
        let header = Header {
            width: (TEST.width * LATENT) as u16,
            height: (TEST.height * LATENT) as u16,
            colour: ColourModel::Rgb,
            depth: BitDepth::Eight,
            quality: 128,
            tile_size: DEFAULT_TILE,
            parse_id: 0,
            synthesis_id: 0,
            has_sections: false,
        };
        let mut pixels = Vec::new();
        transforms.synthesis(&header).push(latents, &mut pixels)?;
        Ok(pixels)
    }
}
