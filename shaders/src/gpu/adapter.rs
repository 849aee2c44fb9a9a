//! Choice of the adapter, the device with its pipelines, and reading results back.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// Which adapters may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdapterPolicy {
    /// Real GPUs only, what `--device auto` wants: a software rasteriser is slower than the CPU kernels.
    Hardware,
    /// Any adapter, real ones first; for `--device gpu` and for tests.
    Any,
}

/// Why the GPU cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum GpuError {
    /// No adapter fits the policy.
    #[error("no GPU adapter found ({})", match .0 { AdapterPolicy::Hardware => "software adapters are not allowed here", AdapterPolicy::Any => "not even a software one" })]
    NoAdapter(AdapterPolicy),
    /// The adapter refused to give a device.
    #[error("GPU {adapter} gives no device: {message}")]
    NoDevice {
        /// Name of the adapter.
        adapter: String,
        /// What wgpu says.
        message: String,
    },
    /// A command failed, memory ran out or the device was lost.
    #[error("GPU {adapter} failed: {message}")]
    Failed {
        /// Name of the adapter.
        adapter: String,
        /// What wgpu says.
        message: String,
    },
    /// One tile needs more than the adapter can bind.
    #[error("a tile of {positions} positions is too large for GPU {adapter}, which takes {most}")]
    TileTooLarge {
        /// Name of the adapter.
        adapter: String,
        /// Positions of the tile.
        positions: usize,
        /// Positions that can be computed at once.
        most: usize,
    },
}

/// A device with the compiled kernels.
#[derive(Debug)]
pub struct Gpu {
    name: String,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) linear: wgpu::ComputePipeline,
    pub(super) partial: wgpu::ComputePipeline,
    pub(super) up: wgpu::ComputePipeline,
    pub(super) head: wgpu::ComputePipeline,
    pub(super) feedback: wgpu::ComputePipeline,
    /// The first error that no call could return. wgpu panics on such errors unless somebody listens.
    failure: Arc<Mutex<Option<String>>>,
}

const ARITHMETIC: &str = include_str!("../kernels/arithmetic.wgsl");
const MATMUL: &str = include_str!("../kernels/matmul.wgsl");

impl Gpu {
    /// Opens the best adapter that the policy allows and compiles the kernels.
    pub fn new(policy: AdapterPolicy) -> Result<Self, GpuError> {
        pollster::block_on(Self::open(policy))
    }

    async fn open(policy: AdapterPolicy) -> Result<Self, GpuError> {
        let descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        let adapters = wgpu::Instance::new(descriptor).enumerate_adapters(wgpu::Backends::all()).await;
        let ranked = adapters.into_iter().filter_map(|adapter| Some((rank(&adapter, policy)?, adapter)));
        let (_, adapter) = ranked.min_by_key(|(rank, _)| *rank).ok_or(GpuError::NoAdapter(policy))?;
        let name = adapter.get_info().name;
        let wanted = wgpu::DeviceDescriptor {
            label: Some("lic"),
            // Nothing more: kernels that are too much for it fail below, and what is for drawing must not keep a device from computing.
            required_limits: adapter.limits(),
            ..Default::default()
        };
        let opened = adapter.request_device(&wanted).await;
        let (device, queue) =
            opened.map_err(|e| GpuError::NoDevice { adapter: name.clone(), message: e.to_string() })?;
        let failure = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            slot.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.to_string());
        }));
        let product = |name, source| pipeline(&device, name, &[ARITHMETIC, MATMUL, source]);
        let gpu = Self {
            linear: product("linear", include_str!("../kernels/linear.wgsl")),
            partial: product("partial", include_str!("../kernels/partial.wgsl")),
            up: product("up", include_str!("../kernels/up.wgsl")),
            head: product("head", include_str!("../kernels/head.wgsl")),
            feedback: pipeline(&device, "feedback", &[ARITHMETIC, include_str!("../kernels/feedback.wgsl")]),
            name,
            device,
            queue,
            failure,
        };
        gpu.check()?;
        Ok(gpu)
    }

    /// Name of the adapter, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many positions may be computed at once when the widest buffer has this many channels.
    pub fn most_positions(&self, channels: usize) -> usize {
        // A position's place takes 4 words as well; the feedback kernel has the smallest workgroups, 16 positions.
        self.most_rows(channels.max(4), 16)
    }

    /// How many rows of so many words may be computed at once, by workgroups of so many rows.
    pub(super) fn most_rows(&self, words: usize, per_workgroup: usize) -> usize {
        let limits = self.device.limits();
        let bytes = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let by_size = usize::try_from(bytes).unwrap_or(usize::MAX) / (4 * words);
        by_size.min(per_workgroup * limits.max_compute_workgroups_per_dimension as usize)
    }

    /// Uploads the words of a read-only buffer.
    pub(super) fn upload<T: bytemuck::NoUninit>(&self, words: &[T], usage: wgpu::BufferUsages) -> wgpu::Buffer {
        let bytes: &[u8] = bytemuck::cast_slice(words);
        let buffer = self.buffer(bytes.len() as u64, usage | wgpu::BufferUsages::COPY_DST);
        self.queue.write_buffer(&buffer, 0, bytes);
        buffer
    }

    pub(super) fn buffer(&self, size: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
    }

    /// The error that happened since the device was opened, if any.
    pub(super) fn check(&self) -> Result<(), GpuError> {
        match &*self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(message) => Err(self.failed(message)),
            None => Ok(()),
        }
    }

    /// Waits for all work and reads the bytes of several buffers that were made with `MAP_READ`.
    pub(super) fn read(&self, buffers: &[wgpu::Buffer]) -> Result<Vec<Vec<u8>>, GpuError> {
        for buffer in buffers {
            // Failures show when the range is asked for below.
            buffer.map_async(wgpu::MapMode::Read, .., |_| ());
        }
        // wgpu panics if the device is lost meanwhile. Nothing of ours is in the middle of a change then.
        let wait = || self.device.poll(wgpu::PollType::wait_indefinitely());
        let waited = catch_unwind(AssertUnwindSafe(wait)).map_err(|panic| self.failed(words(panic.as_ref())))?;
        waited.map_err(|e| self.failed(e))?;
        self.check()?;
        let read = |buffer: &wgpu::Buffer| {
            let bytes = buffer.get_mapped_range(..).map_err(|e| self.failed(e))?.to_vec();
            buffer.unmap();
            Ok(bytes)
        };
        buffers.iter().map(read).collect()
    }

    /// Compiles a kernel from pieces of source.
    pub(super) fn pipeline(&self, name: &str, sources: &[&str]) -> wgpu::ComputePipeline {
        pipeline(&self.device, name, sources)
    }

    fn failed(&self, message: impl ToString) -> GpuError {
        GpuError::Failed { adapter: self.name.clone(), message: message.to_string() }
    }
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("the device was lost")
}

/// Smaller is better; `None` when the policy forbids the adapter.
fn rank(adapter: &wgpu::Adapter, policy: AdapterPolicy) -> Option<u8> {
    match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => Some(0),
        wgpu::DeviceType::IntegratedGpu => Some(1),
        wgpu::DeviceType::VirtualGpu => Some(2),
        wgpu::DeviceType::Other => (policy == AdapterPolicy::Any).then_some(3),
        wgpu::DeviceType::Cpu => (policy == AdapterPolicy::Any).then_some(4),
    }
}

fn pipeline(device: &wgpu::Device, name: &str, sources: &[&str]) -> wgpu::ComputePipeline {
    let source = wgpu::ShaderSource::Wgsl(sources.concat().into());
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: Some(name), source });
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(name),
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    })
}
