//! Which device computes: the choice, the adapters behind it, and the self-test of a GPU nobody has asked for by name.
//!
//! The transforms run on burn's wgpu device, the prior on its own (`lic_shaders::gpu`); both take the same adapter, the first of
//! the best kind.

use crate::error::{Error, Warning};
use crate::model::Model;
use crate::transform::Transforms;
#[cfg(feature = "cpu")]
use crate::transform::cpu::CpuTransforms;
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
    /// burn finds no device where the prior found one.
    #[error("the GPU gives no device for the transforms: {0}")]
    NoTransforms(String),
}

/// A device that was chosen, with what the user should hear about the choice.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    /// Where burn's networks run; `None` for the CPU's own kernels wherever they can.
    #[cfg(feature = "burn")]
    burn: Option<burn::tensor::Device>,
    #[cfg(feature = "gpu")]
    pub(crate) gpu: Option<crate::prior::AdapterPolicy>,
    pub(crate) warning: Option<Warning>,
}

impl Chosen {
    /// The CPU, which always works.
    fn cpu(warning: Option<Warning>) -> Self {
        Self {
            #[cfg(feature = "burn")]
            burn: None,
            #[cfg(feature = "gpu")]
            gpu: None,
            warning,
        }
    }

    /// The CPU with burn's networks.
    #[cfg(feature = "burn")]
    fn reference() -> Result<Self, DeviceError> {
        Ok(Self { burn: Some(burn::tensor::Device::flex()), ..Self::cpu(None) })
    }

    #[cfg(not(feature = "burn"))]
    fn reference() -> Result<Self, DeviceError> {
        Err(DeviceError::NoReference)
    }

    /// The transforms of a model on this device.
    pub(crate) fn transforms(&self, model: &Model, encoder: bool) -> Result<Box<dyn Transforms>, Error> {
        #[cfg(feature = "cpu")]
        if !self.wants_burn()
            && let Some(transforms) = CpuTransforms::load(&model.file()?, encoder)?
        {
            return Ok(Box::new(transforms));
        }
        self.networks(model, encoder)
    }

    #[cfg(feature = "cpu")]
    fn wants_burn(&self) -> bool {
        #[cfg(feature = "burn")]
        return self.burn.is_some();
        #[cfg(not(feature = "burn"))]
        false
    }

    #[cfg(feature = "burn")]
    fn networks(&self, model: &Model, encoder: bool) -> Result<Box<dyn Transforms>, Error> {
        let device = self.burn.clone().unwrap_or_else(burn::tensor::Device::flex);
        #[cfg(feature = "gpu")]
        let several = self.gpu.is_none();
        #[cfg(not(feature = "gpu"))]
        let several = true;
        Ok(Box::new(Windows::new(model.networks(&device, encoder)?, several)))
    }

    #[cfg(not(feature = "burn"))]
    fn networks(&self, _model: &Model, _encoder: bool) -> Result<Box<dyn Transforms>, Error> {
        Err(crate::model::ModelError::Attention.into())
    }
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
pub(crate) use with_gpu::choose;
#[cfg(feature = "gpu")]
pub use with_gpu::self_test;

#[cfg(feature = "gpu")]
mod with_gpu {
    use std::path::Path;
    use std::sync::{Mutex, OnceLock, PoisonError};

    use burn::tensor::{Device, DeviceKind};
    use lic_model::inference::Transforms;

    use super::{Chosen, DeviceChoice, DeviceError};
    use crate::error::{Error, GpuFault, Warning};
    use crate::model::Model;
    use crate::prior::random::Noise;
    use crate::prior::{
        AdapterPolicy, FastEngine, GpuEngine, GpuError, Prediction, PriorEngine, QualityIndex, TileShape,
    };

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
            DeviceChoice::Gpu => {
                let burn = Some(burn_device(AdapterPolicy::Any)?);
                let gpu = Some(AdapterPolicy::Any);
                Ok(Chosen { burn, gpu, warning: None })
            }
            DeviceChoice::Auto => {
                static VERDICT: OnceLock<Verdict> = OnceLock::new();
                match VERDICT.get_or_init(|| judge(model)) {
                    Verdict::NoAdapter => Ok(Chosen::cpu(None)),
                    &Verdict::Bad(reason) => Ok(Chosen::cpu(Some(Warning::GpuNotUsed { reason }))),
                    Verdict::Good => Ok(Chosen {
                        burn: Some(burn_device(AdapterPolicy::Hardware)?),
                        gpu: Some(AdapterPolicy::Hardware),
                        warning: None,
                    }),
                }
            }
        }
    }

    /// burn's device on the best adapter of the policy. burn opens an adapter once per process, so it is kept.
    fn burn_device(policy: AdapterPolicy) -> Result<Device, DeviceError> {
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
    fn judge(model: &Model) -> Verdict {
        if !has_device_node() {
            return Verdict::NoAdapter;
        }
        match self_test(model, AdapterPolicy::Hardware) {
            Ok(None) => Verdict::Good,
            Ok(Some(fault)) => Verdict::Bad(fault),
            Err(Error::Device(DeviceError::Gpu(GpuError::NoAdapter(_)))) => Verdict::NoAdapter,
            Err(_) => Verdict::Bad(GpuFault::DoesNotStart),
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

    /// Largest difference of pixel values: half a step of 8 bits, below which samples differ by at most one.
    const TOLERANCE: f32 = 0.5 / 255.0;

    /// Compares prior and transforms of the best GPU that the policy allows with the CPU on one small tile, and returns what
    /// is wrong with it. [`DeviceChoice::Auto`] does this once per process.
    ///
    /// # Errors
    /// [`Error::Device`] if there is no adapter or it gives no device, [`Error::Prior`] if it fails, [`Error::Model`].
    pub fn self_test(model: &Model, policy: AdapterPolicy) -> Result<Option<GpuFault>, Error> {
        let mut gpu = GpuEngine::new(model.prior().clone(), policy).map_err(DeviceError::from)?;
        let mut cpu = FastEngine::new(model.prior().clone());
        if prior(model, &mut gpu)? != prior(model, &mut cpu)? {
            return Ok(Some(GpuFault::WrongPrior));
        }
        let device = burn_device(policy)?;
        let on_gpu = pixels(&model.networks(&device, false)?);
        let on_cpu = pixels(&model.networks(&Device::flex(), false)?);
        // Written so that numbers that are none count as different.
        let close = |(a, b): (&f32, &f32)| (a.clamp(-0.5, 0.5) - b.clamp(-0.5, 0.5)).abs() <= TOLERANCE;
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

    /// Patches from latents of about unit variance.
    fn pixels(networks: &Transforms) -> Vec<f32> {
        let mut noise = Noise(2);
        let latent =
            (0..TEST.positions() * networks.config().y).map(|_| noise.symmetric(1700) as f32 / 1000.0).collect();
        networks.synthesise(latent, TEST.height, TEST.width, 128)
    }
}
