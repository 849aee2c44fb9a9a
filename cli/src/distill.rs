//! `lic distill`: a student learns from a teacher in three phases.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use lic_model::distill::{DistillOptions, Phase, channels, distill};

use crate::output::tell;
use crate::training::{Length, Run, View};

/// Phases to run.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum PhaseArg {
    /// Feature alignment.
    #[value(name = "1")]
    Features,
    /// Channel distillation.
    #[value(name = "2")]
    Channels,
    /// Fine-tuning.
    #[value(name = "3")]
    FineTuning,
    /// The three in turn.
    All,
}

/// Arguments of `lic distill`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Checkpoint or weight file of the teacher, whom phase 3 does not ask.
    #[arg(long, value_name = "FILE")]
    teacher: PathBuf,
    #[command(flatten)]
    run: Run,
    #[command(flatten)]
    length: Length,
    /// What to run. Each phase has a folder of its own in the output folder and begins with the checkpoint of the one before it there, the
    /// first one with --from, --additions and --revive.
    #[arg(long, value_enum, default_value = "all")]
    phase: PhaseArg,
    /// Print bits per pixel of the teacher's latent channels, most bits first, and train nothing. They are measured once and kept in
    /// channels.tsv in the output folder.
    #[arg(long, conflicts_with_all = ["steps", "minutes"])]
    channels: bool,
    /// Highest learning rate; half of it in phase 3.
    #[arg(long, default_value_t = 1e-4)]
    rate: f64,
    /// Size of the fixed set of crops of phases 1 and 2, on which the teacher is asked once: a multiple of 8.
    #[arg(long, default_value_t = 2048, value_parser = clap::value_parser!(u64).range(8..=1 << 20))]
    crops: u64,
    /// Most gigabytes of the teacher's outputs that a phase stores in the output folder; what does not fit is computed at every visit.
    #[arg(long, default_value_t = 4.0, value_parser = gigabytes)]
    store: f64,
    /// Weight of the distance of features in phase 1.
    #[arg(long, default_value_t = 1.0)]
    feature_weight: f64,
    /// Weight of the distance of channels in phase 2.
    #[arg(long, default_value_t = 1.0)]
    channel_weight: f64,
}

/// Parses `--store`.
fn gigabytes(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "a number from 0 on is needed".to_owned())
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if args.channels {
        let entropies = channels(&args.run.options_without_length()?, &args.teacher)
            .with_context(|| format!("cannot measure {}", args.teacher.display()))?;
        return Ok(std::io::stdout().write_all(entropies.to_text().as_bytes())?);
    }
    let mut options = DistillOptions::new(args.run.options(&args.length, args.rate)?, args.teacher.clone());
    options.phases = match args.phase {
        PhaseArg::Features => vec![Phase::Features],
        PhaseArg::Channels => vec![Phase::Channels],
        PhaseArg::FineTuning => vec![Phase::FineTuning],
        PhaseArg::All => Phase::ALL.to_vec(),
    };
    options.crops = args.crops;
    options.store = (args.store * 1e9) as u64;
    options.feature_weight = args.feature_weight;
    options.channel_weight = args.channel_weight;

    let mut current: Option<(Phase, View)> = None;
    let done = distill(&options, &mut |phase, event| {
        if current.as_ref().is_none_or(|(shown, _)| *shown != phase) {
            if let Some((_, view)) = current.take() {
                view.finish();
            }
            tell(format_args!("phase {}", phase.number()));
            current = Some((phase, View::new()));
        }
        if let Some((_, view)) = &mut current {
            view.show(&event);
        }
    });
    if let Some((_, view)) = current {
        view.finish();
    }
    done.context("distillation stopped")
}
