//! What `lic train` and `lic distill` have in common: a run's arguments, its device and its progress.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use burn::tensor::Device;
use indicatif::ProgressBar;
use lic_model::Preset;
use lic_model::net::Precision;
use lic_model::train::{Behind, Budget, Event, Kernels, Optimiser, Options, StepReport};

use crate::exit::Usage;
use crate::interrupt;
use crate::output::{progress, tell};

/// Where training runs.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum TrainDevice {
    /// The CPU with kernels of our own.
    Cpu,
    /// burn's own CPU backend.
    Flex,
    /// wgpu: any graphics card.
    Gpu,
    /// libtorch on the CPU; needs the cargo feature `libtorch`.
    Libtorch,
}

/// Format of the operands of matrix products.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum PrecisionArg {
    /// bf16 on CPUs that multiply it faster (not with flex), else f32.
    Auto,
    /// 32-bit floats.
    F32,
    /// bfloat16, with f32 master weights.
    Bf16,
}

/// What turns gradients into steps.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum OptimiserArg {
    /// Adam.
    Adam,
    /// SOAP: Adam in the eigenbases of each matrix's gradients.
    Soap,
}

/// Arguments of a run.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// Network size: tiny, student, teacher or paper.
    #[arg(long, default_value = "student")]
    preset: Preset,
    /// Folder of training photos (PNG, JPEG).
    #[arg(long)]
    data: PathBuf,
    /// Folder of validation photos, none of them among the training photos.
    #[arg(long)]
    valid: Option<PathBuf>,
    /// Folder for the checkpoint and the log (log.jsonl); of lic distill for a folder of these for each phase, and for what the teacher said.
    #[arg(long, short)]
    out: PathBuf,
    /// Go on from the checkpoint in the output folder, or begin if there is none.
    #[arg(long)]
    resume: bool,
    /// Begin with this checkpoint or weight file (of `lic quantize`) instead of the best linear codec. One of a smaller preset is grown:
    /// the larger network computes at first what the smaller one did. A checkpoint to resume takes precedence.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// With --from a smaller model: attention, and what new channels and blocks look for, begin as in this checkpoint or weight file of the preset,
    /// which was trained before. What leads back from them adds nothing at first, as without this.
    #[arg(long, value_name = "FILE")]
    additions: Option<PathBuf>,
    /// Put new hidden units in the places of those in the file of --from whose gates are shut on all photos.
    #[arg(long)]
    revive: bool,
    /// Learning rate of the blocks of whose hidden units a twentieth or more is new, relative to all others'.
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    revived_rate: f32,
    /// Weight file (of `lic quantize --fit`) whose filters behind the synthesis are part of the loss and of validation: transforms leave to them what they mend.
    /// With --device cpu.
    #[arg(long, value_name = "FILE")]
    filters: Option<PathBuf>,
    /// Where to train.
    #[arg(long, value_enum, default_value = "cpu")]
    device: TrainDevice,
    /// Format of the operands of matrix products.
    #[arg(long, value_enum, default_value = "auto")]
    precision: PrecisionArg,
    /// What turns gradients into steps.
    #[arg(long, value_enum, default_value = "adam")]
    optimiser: OptimiserArg,
    /// Crops per step.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    batch: u16,
    /// Side of a crop in pixels, a multiple of 64.
    #[arg(long, default_value_t = 256, value_parser = crop)]
    crop: u32,
    /// Crops are scaled down by a random factor between this and 1: 0.5 removes the noise of JPEG photos, 1 keeps photos as they are.
    #[arg(long, default_value_t = 0.5)]
    smallest_scale: f32,
    /// Steps over which the learning rate rises.
    #[arg(long, default_value_t = 300)]
    warmup: u64,
    /// Share of the run, at its end, over which the learning rate falls, to 1 %; before it is at its highest.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    cooldown: f64,
    /// Share of the run, at its end, that trains with the prior's activations on the integer grid.
    #[arg(long, default_value_t = 0.1)]
    quantised_share: f64,
    /// Determines initial weights, crops and noise.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Minutes between checkpoints.
    #[arg(long, default_value_t = 5.0)]
    checkpoint_minutes: f64,
    /// Minutes between validations.
    #[arg(long, default_value_t = 20.0)]
    validate_minutes: f64,
}

/// How long a run is.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub struct Length {
    /// Length of the run in steps, over all resumptions.
    #[arg(long)]
    steps: Option<u64>,
    /// Length of the run in minutes of steps, over all resumptions; validations, checkpoints and calibration come on top.
    #[arg(long)]
    minutes: Option<f64>,
}

impl Length {
    fn budget(&self) -> anyhow::Result<Budget> {
        match (self.steps, self.minutes) {
            (Some(steps), _) => Ok(Budget::Steps(steps)),
            (None, Some(minutes)) => Ok(Budget::Minutes(minutes)),
            (None, None) => bail!(Usage("give the length of the run with --steps or --minutes".to_owned())),
        }
    }
}

impl Run {
    /// The library's settings of a run of this length and highest learning rate.
    pub fn options(&self, length: &Length, rate: f64) -> anyhow::Result<Options> {
        let mut options = self.options_of(length.budget()?, rate)?;
        options.stop = interrupt::stop();
        Ok(options)
    }

    /// The same where nothing is trained.
    pub fn options_without_length(&self) -> anyhow::Result<Options> {
        self.options_of(Budget::Steps(0), 0.0)
    }

    fn options_of(&self, budget: Budget, rate: f64) -> anyhow::Result<Options> {
        let device = device(self.device)?.autodiff();
        let mut options = Options::new(self.preset, self.data.clone(), self.out.clone(), budget, device);
        options.valid.clone_from(&self.valid);
        options.precision = precision(self.precision, self.device);
        if matches!(self.device, TrainDevice::Cpu) {
            options.kernels = Kernels::Own;
        }
        options.resume = self.resume;
        options.from.clone_from(&self.from);
        options.additions.clone_from(&self.additions);
        options.revive = self.revive;
        options.revived_rate = self.revived_rate;
        if let Some(path) = &self.filters {
            options.filters = Some(Arc::new(Behind::read(path)?));
        }
        options.optimiser = match self.optimiser {
            OptimiserArg::Adam => Optimiser::Adam,
            OptimiserArg::Soap => Optimiser::Soap,
        };
        options.batch = usize::from(self.batch);
        options.side = self.crop;
        options.smallest_scale = self.smallest_scale;
        options.schedule.peak = rate;
        options.schedule.warmup = self.warmup;
        options.schedule.cooldown = self.cooldown;
        options.schedule.quantised_share = self.quantised_share;
        options.seed = self.seed;
        options.checkpoint_minutes = self.checkpoint_minutes;
        options.validate_minutes = self.validate_minutes;
        Ok(options)
    }
}

/// Parses `--crop`.
fn crop(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(side) if side > 0 && side.is_multiple_of(64) => Ok(side),
        _ => Err("a multiple of 64 is needed".to_owned()),
    }
}

fn device(choice: TrainDevice) -> anyhow::Result<Device> {
    match choice {
        TrainDevice::Cpu | TrainDevice::Flex => Ok(Device::flex()),
        #[cfg(feature = "gpu")]
        TrainDevice::Gpu => Device::wgpu_options()
            .device_kind(burn::tensor::DeviceKind::DefaultDevice)
            .init()
            .map_err(|error| anyhow::anyhow!("no graphics card can be used, --device cpu needs none: {error}")),
        #[cfg(not(feature = "gpu"))]
        TrainDevice::Gpu => bail!("this lic was built without the cargo feature gpu"),
        #[cfg(feature = "libtorch")]
        TrainDevice::Libtorch => Ok(Device::libtorch()),
        #[cfg(not(feature = "libtorch"))]
        TrainDevice::Libtorch => {
            bail!("this lic was built without the cargo feature libtorch; README says how to build with it")
        }
    }
}

fn precision(choice: PrecisionArg, device: TrainDevice) -> Precision {
    match choice {
        PrecisionArg::F32 => Precision::F32,
        PrecisionArg::Bf16 => Precision::Bf16,
        PrecisionArg::Auto if matches!(device, TrainDevice::Cpu | TrainDevice::Libtorch) => Precision::fastest(),
        PrecisionArg::Auto => Precision::F32,
    }
}

/// Progress bar on a terminal, a line for every validation always.
pub struct View {
    bar: ProgressBar,
    mean: Option<StepReport>,
}

impl View {
    /// At the start.
    pub fn new() -> Self {
        let bar = progress(10_000, "{bar:24} {percent}% {msg} [{elapsed} elapsed, {eta} left]", false);
        Self { bar, mean: None }
    }

    /// Something happened.
    pub fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Ready { images, parameters, step, revived, changed } => {
                tell(format_args!("{images} images, {parameters} parameters, starting at step {step}"));
                if *revived > 0 {
                    tell(format_args!("{revived} hidden units whose gates were shut are new"));
                }
                changed.iter().for_each(tell);
            }
            Event::Complete { step } => {
                tell(format_args!("nothing is left to train: this had ended before, after {step} steps"));
            }
            Event::Step { step, progress, report, seconds } => {
                // Running means over about 50 steps.
                let old = self.mean.unwrap_or(*report);
                let mix = |old: f64, new: f64| 0.98 * old + 0.02 * new;
                let mean = StepReport {
                    loss: mix(old.loss, report.loss),
                    added: mix(old.added, report.added),
                    bpp: mix(old.bpp, report.bpp),
                    mse: mix(old.mse, report.mse),
                };
                // A single step that came to nothing says nothing about the others.
                if mean.loss.is_finite() {
                    self.mean = Some(mean);
                }
                let psnr = 10.0 * (255.0 * 255.0 / mean.mse).log10();
                let StepReport { loss, added, bpp, .. } = mean;
                let added = if added > 0.0 { format!(" + {added:.3}") } else { String::new() };
                self.bar.set_position((progress * 10_000.0) as u64);
                self.bar.set_message(format!(
                    "step {step} loss {loss:.3}{added} {bpp:.3} bpp {psnr:.2} dB {seconds:.2} s/step"
                ));
            }
            Event::Validated { step, points, score } => {
                let points: Vec<String> = points.iter().map(|p| format!("{:.4} bpp {:.2} dB", p.bpp, p.psnr)).collect();
                self.bar.suspend(|| tell(format_args!("step {step} score {score:.4}: {}", points.join(", "))));
            }
        }
    }

    /// At the end.
    pub fn finish(self) {
        self.bar.finish();
    }
}
