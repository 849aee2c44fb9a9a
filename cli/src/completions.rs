//! `lic completions`: scripts with which shells complete subcommands, options and their values.

use anyhow::Context;
use clap::Command;
use clap_complete::Shell;

use crate::source::Place;

/// Arguments of `lic completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell to write for.
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the subcommand; `lic` is the whole program's command line.
pub fn run(args: &Args, mut lic: Command) -> anyhow::Result<()> {
    let mut script = Vec::new();
    // Into memory first: clap_complete panics where standard output is a closed pipe.
    clap_complete::generate(args.shell, &mut lic, "lic", &mut script);
    Place::Standard.write(&script, false).context("the completions are lost")
}
