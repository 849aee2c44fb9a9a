//! `lic train`: rate-distortion training of a preset.

use anyhow::Context;
use lic_model::train::train;

use crate::training::{Length, Run, View};

/// Arguments of `lic train`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: Run,
    #[command(flatten)]
    length: Length,
    /// Highest learning rate.
    #[arg(long, default_value_t = 1e-3)]
    rate: f64,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let options = args.run.options(&args.length, args.rate)?;
    let mut view = View::new();
    train(&options, &mut |event| view.show(&event)).context("training stopped")?;
    view.finish();
    Ok(())
}
