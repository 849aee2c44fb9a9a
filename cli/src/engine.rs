//! The arguments that say with which weights and on which processor, shared by the subcommands that run the networks.

use std::path::PathBuf;

use anyhow::Context;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use lic_codec::{DeviceChoice, Model};

/// Model, device and threads.
#[derive(Debug, clap::Args)]
pub struct EngineArgs {
    /// Weight file to use instead of the weights inside this program.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Where the networks run; auto takes a graphics card if there is one that works, else the CPU. The reference is the CPU with the
    /// networks' definition instead of lic's own kernels: slower, for comparisons.
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = device())]
    device: DeviceChoice,
    /// Threads to use; all cores if not given.
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

impl EngineArgs {
    /// The model and the device, after setting the number of threads of this process.
    pub fn start(&self) -> anyhow::Result<(Model, DeviceChoice)> {
        self.set_threads()?;
        Ok((self.model()?, self.device))
    }

    /// Sets the number of threads of this process; before anything computes.
    pub fn set_threads(&self) -> anyhow::Result<()> {
        // Also where none were asked for (0, as many as there are cores): else rayon starts them where they are first needed, and panics if it cannot.
        let threads = self.threads.unwrap_or(0);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into());
        pool.build_global().context("cannot start the threads: with fewer (-j 1) it may work")
    }

    /// The model.
    pub fn model(&self) -> anyhow::Result<Model> {
        match &self.model {
            Some(path) => Model::open(path).with_context(|| format!("--model {}", path.display())),
            None => Ok(Model::embedded()?),
        }
    }

    /// The device.
    pub fn device(&self) -> DeviceChoice {
        self.device
    }
}

/// Takes the names of devices.
fn device() -> impl TypedValueParser<Value = DeviceChoice> {
    PossibleValuesParser::new(DeviceChoice::ALL.map(DeviceChoice::name))
        .map(|name| DeviceChoice::from_name(&name).unwrap_or_default())
}
