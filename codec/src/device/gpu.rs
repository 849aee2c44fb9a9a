//! The choice where there may be a GPU: what `auto` means in this process, the self-test, and burn's device.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use burn::tensor::{Device, DeviceKind};
use lic_shaders::gpu::Gpu;

use super::{Chosen, DeviceChoice, DeviceError, Place};
use crate::error::{Error, GpuFault, Warning};
use crate::format::header::test_header;
use crate::model::Model;
use crate::prior::random::Noise;
use crate::prior::{AdapterPolicy, FastEngine, GpuEngine, GpuError, Prediction, PriorEngine, QualityIndex, TileShape};
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
    let kinds = [DeviceKind::DiscreteGpu(0), DeviceKind::IntegratedGpu(0), DeviceKind::VirtualGpu(0), DeviceKind::Cpu];
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
    let header = test_header((TEST.width * LATENT) as u16, (TEST.height * LATENT) as u16);
    let mut pixels = Vec::new();
    transforms.synthesis(&header).push(latents, &mut pixels)?;
    Ok(pixels)
}
