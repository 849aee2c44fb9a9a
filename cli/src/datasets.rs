//! `lic datasets`: the known test sets on this machine: list, verify, download.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use lic_datasets::fetch::{Event, Fetched, Options};
use lic_datasets::manifest::{find, known};
use lic_datasets::{DatasetError, Manifest, Search, Verification, images_in};
use serde::Serialize;

use crate::exit::Usage;
use crate::output::{print_json, print_line, progress, tell};

/// Arguments of `lic datasets`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the known sets, and what is there of each.
    List(ListArgs),
    /// Compare a set on this machine with what it should be; fails if images are missing or altered.
    Verify(VerifyArgs),
    /// Download a set from its authors; goes on where an earlier run stopped, and leaves alone what is intact.
    Fetch(FetchArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    places: Places,
    /// Print one line of JSON instead.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct VerifyArgs {
    /// kodak, tecnick, clic-pro-valid, or a folder with images of one of them.
    #[arg(value_name = "NAME|DIR")]
    set: String,
    #[command(flatten)]
    places: Places,
    /// Print one line of JSON instead.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct FetchArgs {
    /// kodak, tecnick or clic-pro-valid.
    #[arg(value_name = "NAME")]
    set: String,
    #[command(flatten)]
    places: Places,
    /// Download from this address (a mirror) instead: the set's files or its archive, under their names, are there.
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// Say nothing on standard error but errors.
    #[arg(long)]
    quiet: bool,
}

#[derive(Debug, clap::Args)]
struct Places {
    /// Folder with the known sets in folders of their names; else $LIC_DATA_DIR, else the user's cache.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Places {
    fn of(&self, set: &Manifest) -> Vec<PathBuf> {
        Search { data_dir: self.data_dir.clone() }.places(set.name)
    }

    /// Where a set is.
    fn find(&self, set: &Manifest) -> Option<PathBuf> {
        self.of(set).into_iter().find(|place| place.is_dir())
    }
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        Command::List(args) => list(args),
        Command::Verify(args) => verify(args),
        Command::Fetch(args) => fetch(args),
    }
}

/// A set and what is there of it, for programs.
#[derive(Debug, Serialize)]
struct Record {
    name: &'static str,
    about: &'static str,
    images: usize,
    origin: &'static str,
    licence: &'static str,
    /// Where it is.
    folder: Option<PathBuf>,
    /// Whether all images are there, and none is known to be altered.
    complete: bool,
    intact: Vec<&'static str>,
    unverified: Vec<&'static str>,
    altered: Vec<&'static str>,
    missing: Vec<&'static str>,
    others: Vec<String>,
}

impl Record {
    fn new(set: &'static Manifest, folder: Option<PathBuf>) -> (Self, Option<Verification>) {
        let found = folder.as_deref().map(|folder| set.verify(folder));
        let all = || set.files.iter().map(|entry| entry.name).collect();
        let lists = found.clone().unwrap_or_else(|| Verification { missing: all(), ..Verification::default() });
        let record = Self {
            name: set.name,
            about: set.about,
            images: set.files.len(),
            origin: set.origin,
            licence: set.licence,
            folder,
            complete: lists.is_complete(),
            intact: lists.intact,
            unverified: lists.unverified,
            altered: lists.altered.iter().map(|altered| altered.name).collect(),
            missing: lists.missing,
            others: lists.others,
        };
        (record, found)
    }
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let sets = known().map(|set| Record::new(set, args.places.find(set)));
    if args.json {
        return print_json(&sets.map(|(record, _)| record));
    }
    for (set, found) in sets {
        let state = found.as_ref().map_or_else(|| format!("not here: lic datasets fetch {}", set.name), summary);
        print_line(&format!("{:15} {:3} images  {state}", set.name, set.images))?;
        if let Some(folder) = &set.folder {
            print_line(&format!("    in       {}", folder.display()))?;
        }
        print_line(&format!("    what     {}\n    origin   {}\n    licence  {}", set.about, set.origin, set.licence))?;
    }
    let samples = lic_datasets::SAMPLES.len();
    print_line(&format!("{:15} {samples:3} images  always there, inside lic", lic_datasets::dataset::SAMPLE))
}

/// How much of a set is there, in words.
fn summary(found: &Verification) -> String {
    let counts = [
        (found.intact.len(), "intact"),
        (found.unverified.len(), "unverified content"),
        (found.altered.len(), "ALTERED"),
        (found.missing.len(), "missing"),
    ];
    let words: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    format!("{}: {}", if found.is_complete() { "complete" } else { "NOT COMPLETE" }, words.join(", "))
}

fn verify(args: &VerifyArgs) -> anyhow::Result<()> {
    let (set, folder) = what_to_verify(args)?;
    let (record, found) = Record::new(set, Some(folder.clone()));
    let found = found.unwrap_or_default();
    if args.json {
        print_json(&record)?;
    } else {
        for (names, state) in [(&found.intact, "intact"), (&found.unverified, "unverified content")] {
            names.iter().try_for_each(|name| print_line(&format!("{state:18}  {name}")))?;
        }
        found.altered.iter().try_for_each(|altered| print_line(&format!("{:18}  {altered}", "ALTERED")))?;
        found.missing.iter().try_for_each(|name| print_line(&format!("{:18}  {name}", "missing")))?;
        found.others.iter().try_for_each(|name| print_line(&format!("{:18}  {name}", "not of the set")))?;
        if !found.unverified.is_empty() {
            print_line("unverified content: no digest is known, only width and height were compared")?;
        }
        if found.is_complete() {
            print_line(&format!("{} in {} is {}", set.name, folder.display(), summary(&found)))?;
        }
    }
    if !found.is_complete() {
        bail!("{} in {} is {}", set.name, folder.display(), summary(&found));
    }
    Ok(())
}

fn what_to_verify(args: &VerifyArgs) -> anyhow::Result<(&'static Manifest, PathBuf)> {
    let folder = Path::new(&args.set);
    if let Some(set) = find(&args.set) {
        let Some(place) = args.places.find(set) else {
            bail!(DatasetError::NotFound { name: set.name, places: args.places.of(set), here: folder.is_dir() });
        };
        return Ok((set, place));
    }
    if !folder.exists() {
        if args.set == lic_datasets::dataset::SAMPLE {
            bail!(Usage("the sample images are inside lic: there is nothing to verify".to_owned()));
        }
        bail!(DatasetError::Unknown { name: args.set.clone() });
    }
    let images = images_in(folder)?;
    let names: BTreeSet<&str> = images.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    let shared = |set: &&Manifest| set.files.iter().filter(|entry| names.contains(entry.name)).count();
    match known().into_iter().max_by_key(shared).filter(|set| shared(set) > 0) {
        Some(set) => Ok((set, folder.to_owned())),
        None => bail!(Usage(format!("{} holds no image of a known set ({})", folder.display(), names_of_known()))),
    }
}

fn names_of_known() -> String {
    known().map(|set| set.name).join(", ")
}

fn fetch(args: &FetchArgs) -> anyhow::Result<()> {
    let Some(set) = find(&args.set) else {
        bail!(Usage(format!("{} is no set that can be downloaded: {}", args.set, names_of_known())));
    };
    let places = args.places.of(set);
    let folder = places.first().context("this user has no cache folder: name a folder with --data-dir")?;
    let bar = progress(0, "{msg} {bar:24} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left", args.quiet);
    let options = Options { base: args.from.clone(), ..Options::default() };
    let done = lic_datasets::fetch(set, folder, &options, &mut |event| match event {
        Event::Started { name, done, total } => {
            bar.set_message(name.to_owned());
            bar.set_length(total.unwrap_or(done));
            bar.set_position(done);
        }
        Event::Arrived(bytes) => bar.inc(bytes),
        Event::Failed { url, why } if !args.quiet => {
            bar.suspend(|| tell(format_args!("{url}: {why}, trying again")));
        }
        _ => {}
    });
    bar.finish_and_clear();
    let Fetched { kept, new, replaced } = done.with_context(|| format!("cannot fetch {}", set.name))?;
    if !args.quiet {
        let replaced = match replaced.as_slice() {
            [] => String::new(),
            names => format!(", {} replaced that were altered ({})", names.len(), names.join(", ")),
        };
        tell(format_args!("{}: {new} images fetched, {kept} were there{replaced}: {}", set.name, folder.display()));
    }
    Ok(())
}
