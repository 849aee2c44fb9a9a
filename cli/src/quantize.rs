//! `lic quantize`: checkpoint -> shipped weight file.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use lic_model::quantise;

/// Arguments of `lic quantize`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Training checkpoint (checkpoint.safetensors of `lic train`).
    checkpoint: PathBuf,
    /// Weight file to write.
    #[arg(long, short)]
    out: PathBuf,
    /// Folder of photos for calibration, if the checkpoint's training has not reached its quantised stage.
    #[arg(long)]
    calibrate: Option<PathBuf>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let quantised = quantise::checkpoint_to_weights(&args.checkpoint, args.calibrate.as_deref())
        .with_context(|| format!("cannot quantise {}", args.checkpoint.display()))?;
    let folder = args.out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| std::path::Path::new("."));
    let mut file =
        tempfile::NamedTempFile::new_in(folder).with_context(|| format!("cannot write to {}", folder.display()))?;
    file.write_all(&quantised.bytes)?;
    file.persist(&args.out).with_context(|| format!("cannot write {}", args.out.display()))?;
    eprintln!(
        "{}: {} bytes, parse id {:08x}, synthesis id {:08x}, {} steps of training",
        args.out.display(),
        quantised.bytes.len(),
        quantised.parse_id,
        quantised.synthesis_id,
        quantised.steps
    );
    Ok(())
}
