//! `lic man`: the manual, made of what `--help` says: pages for man(1), or one text, which the project keeps as MANUAL.txt.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::draft::write_atomically;
use crate::source::Place;

/// Columns of the text; `--help` is as wide or, on a narrower terminal, as that.
pub const WIDTH: usize = 100;

/// Arguments of `lic man`.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Args {
    /// Write lic.1 and a page for every subcommand into this folder.
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
    /// Print the help of lic and of every subcommand as one text, the same on every terminal.
    #[arg(long)]
    text: bool,
}

/// Runs the subcommand; `lic` is the whole program's command line.
pub fn run(args: &Args, lic: Command) -> anyhow::Result<()> {
    // `lic help` says nothing of its own.
    let mut lic = lic.disable_help_subcommand(true).term_width(WIDTH);
    lic.build();
    match &args.out_dir {
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
            with_subcommands(lic).into_iter().try_for_each(|command| write_page(command, folder))
        }
        None => Place::Standard.write(text(lic).as_bytes(), false),
    }
}

/// A command, its subcommands and theirs, in the order of the help.
fn with_subcommands(command: Command) -> Vec<Command> {
    let below: Vec<Command> = command.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned().collect();
    std::iter::once(command).chain(below.into_iter().flat_map(with_subcommands)).collect()
}

fn text(lic: Command) -> String {
    let rule = "=".repeat(WIDTH);
    let mut text = String::new();
    for mut command in with_subcommands(lic) {
        let name = command.get_bin_name().unwrap_or("lic").to_owned();
        let help = command.render_long_help().to_string();
        // Writing to a String cannot fail.
        let _ = write!(text, "{rule}\n{name}\n{rule}\n\n");
        for line in help.trim_end().lines() {
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text.push('\n');
    }
    text
}

fn write_page(command: Command, folder: &Path) -> anyhow::Result<()> {
    let notes = command.get_after_long_help().or_else(|| command.get_after_help()).map(ToString::to_string);
    let (parts, version) = (command.get_subcommands().count(), command.get_version().is_some());
    // No date, so that one version makes the same pages always; clap_mangen would leave an empty one out, and what follows
    // would take its place.
    let page = Man::new(command).date("\"\"").source(concat!("lic ", env!("CARGO_PKG_VERSION")));
    let mut bytes = Vec::new();
    page.render_title(&mut bytes)?;
    // Neither hyphens in the names of options nor stretched columns.
    bytes.extend(b".nh\n.ad l\n");
    page.render_name_section(&mut bytes)?;
    page.render_synopsis_section(&mut bytes)?;
    page.render_description_section(&mut bytes)?;
    page.render_options_section(&mut bytes)?;
    if parts > 0 {
        page.render_subcommands_section(&mut bytes)?;
    }
    if let Some(notes) = notes {
        bytes.extend(as_it_stands("NOTES", &notes).into_bytes());
    }
    if version {
        page.render_version_section(&mut bytes)?;
    }
    write_atomically(&folder.join(page.get_filename()), &bytes, false)
}

/// A section whose lines stay lines: a help may end with a table, which clap_mangen would fill into one paragraph.
fn as_it_stands(heading: &str, text: &str) -> String {
    let mut roff = Roff::new();
    roff.control("SH", [heading]);
    for line in text.lines() {
        roff.text([roman(line)]).control("br", []);
    }
    roff.render()
}
