//! What encoders and decoders share: a model on a device, with engines of its prior to use again.

#[cfg(feature = "burn")]
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

use lic_model::plain::Enhancement;

use crate::bands::CPU_BAND;
use crate::deblock::{self, Deblocking};
use crate::device::{self, DeviceChoice};
use crate::enhance;
use crate::error::{Error, Warning};
use crate::format::Header;
use crate::model::Model;
#[cfg(feature = "burn")]
use crate::model::ModelError;
use crate::needed::Reach;
use crate::pool::in_pool;
use crate::preview::PreviewHead;
#[cfg(feature = "gpu")]
use crate::prior::GpuOrCpu;
use crate::prior::{FastEngine, PriorEngine};
use crate::tiles::LATENT;
use crate::transform::rounded::Rounded;
use crate::transform::{Synthesis, Transforms};
use crate::watch::Progress;
use crate::wiener::{self, Coefficients};

/// Latents that filters behind the synthesis look further: the picture's own, that of [`enhance`] before it, and [`crate::deblock`] first, beyond the next latent.
pub(crate) const FILTER_HALO: usize = 2;
const _: () = assert!(wiener::REACH + enhance::REACH + 2 * deblock::TAPS - 1 <= FILTER_HALO * LATENT);

pub(crate) struct Runtime {
    pub(crate) model: Model,
    pub(crate) transforms: Box<dyn Transforms>,
    /// Not all weights have one.
    pub(crate) preview: Option<PreviewHead>,
    /// Nor have all the other.
    deblocking: Option<Deblocking>,
    enhancement: Option<Enhancement>,
    device: device::Chosen,
    /// Loaded by the first search.
    #[cfg(feature = "burn")]
    differentiable: Mutex<Option<Arc<lic_model::refine::Differentiable>>>,
    /// Engines that no call is using: making one repacks or uploads all weights.
    engines: Mutex<Vec<Box<dyn PriorEngine>>>,
}

impl Runtime {
    pub(crate) fn new(model: &Model, choice: DeviceChoice, encoder: bool) -> Result<Self, Error> {
        let device = device::choose(choice, model)?;
        // The first engine shows whether the device works at all.
        let (transforms, engine) = rayon::join(|| device.transforms(model, encoder), || new_engine(model, &device));
        let preview = model.preview()?.map(PreviewHead::new);
        let deblocking = model.deblocking()?.map(|weights| Deblocking::new(&weights));
        let enhancement = model.enhancement()?;
        Ok(Self {
            model: model.clone(),
            transforms: transforms?,
            preview,
            deblocking,
            enhancement,
            device,
            #[cfg(feature = "burn")]
            differentiable: Mutex::new(None),
            engines: Mutex::new(vec![engine?]),
        })
    }

    /// Whether the model has filters behind the synthesis.
    pub(crate) fn filters(&self) -> bool {
        self.deblocking.is_some() || self.enhancement.is_some()
    }

    /// Begins the synthesis of the picture of a header, smoothed between patches and mended where the model says how, and with the picture's own filter.
    pub(crate) fn synthesis<'a>(&'a self, header: &Header, filter: Option<&Coefficients>) -> Box<dyn Synthesis + 'a> {
        let mut synthesis = self.transforms.synthesis(header);
        if let Some(deblocking) = &self.deblocking {
            synthesis = deblocking.behind(synthesis, header);
        }
        if let Some(enhancement) = &self.enhancement {
            synthesis = enhance::behind(enhancement, synthesis, header);
        }
        if let Some(filter) = filter {
            synthesis = filter.behind(synthesis, header);
        }
        if self.enhancement.is_some() {
            synthesis = Box::new(Rounded::new(synthesis, header));
        }
        synthesis
    }

    /// How far a view of a file looks beyond what is wanted. Limits are checked before it is known whether the file has a filter, so one counts.
    pub(crate) fn reach(&self) -> Reach {
        Reach::new(self.transforms.halo() + FILTER_HALO, self.transforms.anchor(), self.band_positions())
    }

    pub(crate) fn warning(&self) -> Option<Warning> {
        self.device.warning
    }

    /// Where the networks run.
    pub(crate) fn device(&self) -> String {
        self.device.name()
    }

    /// An engine for one call; hand it back with [`Self::put_back`] unless it failed.
    pub(crate) fn engine(&self) -> Result<Box<dyn PriorEngine>, Error> {
        let free = self.engines.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.map_or_else(|| new_engine(&self.model, &self.device), Ok)
    }

    /// The float network with gradients. Two calls that need it first at the same time both load it: none may hold the lock meanwhile ([`Self::run`]).
    #[cfg(feature = "burn")]
    pub(crate) fn differentiable(&self) -> Result<Arc<lic_model::refine::Differentiable>, Error> {
        let loaded = || self.differentiable.lock().unwrap_or_else(PoisonError::into_inner);
        let before = loaded().clone();
        if let Some(network) = before {
            return Ok(network);
        }
        let precision = lic_model::net::Precision::fastest();
        let network = lic_model::refine::Differentiable::load(&self.model.file()?, precision);
        let network = Arc::new(network.map_err(ModelError::from)?);
        Ok(loaded().get_or_insert(network).clone())
    }

    /// Keeps an engine for the next call, unless there are as many as can be at work at once.
    pub(crate) fn put_back(&self, engine: Box<dyn PriorEngine>) {
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        if engines.len() < rayon::current_num_threads() {
            engines.push(engine);
        }
    }

    /// Does work with networks and engines: on a thread of the pool, where these are our own. A thread of the pool that waits may take up another
    /// call's work, so nothing in `work` may hold a lock while it waits for the pool; of burn and of GPUs that is not known.
    pub(crate) fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        if self.transforms.on_pool() { in_pool(work) } else { work() }
    }

    /// The same for work that may be watched, and is asked about before it begins: a watch stays in its own thread.
    pub(crate) fn run_watched<R: Send>(
        &self,
        progress: &mut Progress<'_, '_>,
        work: impl FnOnce(&mut Progress<'_, '_>) -> Result<R, Error> + Send,
    ) -> Result<R, Error> {
        progress.step(0, 1)?;
        if progress.is_watched() { work(progress) } else { self.run(|| work(&mut Progress::none())) }
    }

    /// Positions whose prior runs together.
    pub(crate) fn band_positions(&self) -> usize {
        #[cfg(feature = "gpu")]
        if self.device.gpu().is_some() {
            return crate::bands::GPU_BAND;
        }
        CPU_BAND
    }
}

#[cfg_attr(not(feature = "gpu"), expect(unused_variables, reason = "there is one device"))]
fn new_engine(model: &Model, device: &device::Chosen) -> Result<Box<dyn PriorEngine>, Error> {
    let weights = model.prior().clone();
    #[cfg(feature = "gpu")]
    if let Some(gpu) = device.gpu() {
        return Ok(Box::new(GpuOrCpu::new(gpu.clone(), weights)));
    }
    Ok(Box::new(FastEngine::new(weights)))
}
