//! The `lic` binary: arguments here and in one file per subcommand, the work in the library crates.

#![allow(unreachable_pub, reason = "nothing is public in a binary: `pub` in its modules means the rest of it")]

mod batch;
mod bd_rate;
mod bench;
mod colour;
mod completions;
mod contact_sheet;
mod curves;
mod datasets;
mod decode;
mod distill;
mod draft;
mod encode;
mod engine;
mod exit;
mod guard;
mod info;
mod interrupt;
mod jobs;
mod leftovers;
mod manual;
mod output;
mod picture;
mod quantize;
mod rows;
mod save;
mod sink;
mod source;
mod train;
mod training;
mod units;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::output::tell;

/// A learned still-image codec.
#[derive(Parser)]
#[command(name = "lic", version, about, after_help = exit::HELP, max_term_width = manual::WIDTH)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Encode images (PNG, JPEG, WebP, PNM) to .lic files.
    Encode(encode::Args),
    /// Decode .lic files to PNG, PNM or WebP (lossless).
    Decode(decode::Args),
    /// Show what a .lic file says about itself, without decoding it.
    Info(info::Args),
    /// Measure rate and distortion of lic and other codecs, and compare them with each other and with published curves.
    BdRate(bd_rate::Args),
    /// Put images beside what is left of them at some rates, in one picture to look at.
    ContactSheet(contact_sheet::Args),
    /// Measure how fast this machine encodes and decodes an image.
    Bench(bench::Args),
    /// List, check and download the known sets of test images.
    Datasets(datasets::Args),
    /// Train a network on folders of photos.
    ///
    /// Ctrl-C or SIGTERM ends a run after the step at hand, with a checkpoint that --resume goes on from; a second one ends it at once.
    Train(train::Args),
    /// Train a network with the help of a larger one that is trained already.
    ///
    /// Ctrl-C or SIGTERM ends a run after the step at hand, with a checkpoint that --resume goes on from; a second one ends it at once.
    Distill(distill::Args),
    /// Draw the curves of training runs.
    Curves(curves::Args),
    /// Turn a training checkpoint into a weight file with the integer prior.
    Quantize(quantize::Args),
    /// Print a completion script for a shell.
    Completions(completions::Args),
    /// Write the manual: pages for man(1), or one text.
    Man(manual::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Encode(args) => encode::run(&args),
        Command::Decode(args) => decode::run(&args),
        Command::Info(args) => info::run(&args),
        Command::BdRate(args) => bd_rate::run(&args),
        Command::ContactSheet(args) => contact_sheet::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Datasets(args) => datasets::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Distill(args) => distill::run(&args),
        Command::Curves(args) => curves::run(&args),
        Command::Quantize(args) => quantize::run(&args),
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man(args) => manual::run(&args, Cli::command()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if exit::is_stop(&error) => {
            tell(exit::explain(&error));
            interrupt::end()
        }
        Err(error) => {
            tell(format_args!("error: {}", exit::explain(&error)));
            exit::code(&error).into()
        }
    }
}
