//! The arguments that say with which weights and on which processor, shared by the subcommands that run the networks.

use std::path::PathBuf;

use anyhow::Context;
use clap::ValueEnum;
use lic_codec::{DeviceChoice, Model};

/// Model, device and threads.
#[derive(Debug, clap::Args)]
pub struct EngineArgs {
    /// Weight file to use instead of the weights inside this program.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Where the networks run; auto takes a graphics card if there is one that works, else the CPU.
    #[arg(long, value_enum, default_value = "auto")]
    device: Device,
    /// Threads to use; all cores if not given.
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Device {
    Auto,
    Cpu,
    /// The CPU with the networks' definition: slower, for comparisons
    Reference,
    Gpu,
}

impl EngineArgs {
    /// The model and the device, after setting the number of threads of this process.
    pub fn start(&self) -> anyhow::Result<(Model, DeviceChoice)> {
        if let Some(threads) = self.threads {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into());
            pool.build_global().with_context(|| format!("cannot start {threads} threads (-j)"))?;
        }
        let model = match &self.model {
            Some(path) => Model::open(path).with_context(|| format!("--model {}", path.display()))?,
            None => Model::embedded()?,
        };
        let device = match self.device {
            Device::Auto => DeviceChoice::Auto,
            Device::Cpu => DeviceChoice::Cpu,
            Device::Reference => DeviceChoice::Reference,
            Device::Gpu => DeviceChoice::Gpu,
        };
        Ok((model, device))
    }
}
