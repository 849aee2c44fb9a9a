//! Doing one image or many, some at a time, and saying what became of them: what `lic encode` and `lic decode` have in common. Which files is `jobs.rs`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::{Context, anyhow, bail};
use indicatif::ProgressBar;
use serde::Serialize;

use crate::exit::{Exists, MISSED, SomeFailed, Usage, code, explain};
use crate::guard::keep_protected;
use crate::jobs::{Job, Kinds, into_folder, pair};
use crate::output::{print_json, progress, tell};
use crate::source::Place;

/// Images under way at the same time: their memory adds up.
const AT_ONCE: usize = 4;

/// Which files, and what to say about them.
#[derive(Debug, clap::Args)]
pub struct BatchArgs {
    /// Input and output, or with --out-dir inputs only, where a folder stands for all images below it, which are told by their extensions; - is standard input or output.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write every output into this folder, under the input's name with another extension; images below a folder keep their places below this one.
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
    /// Do not overwrite files that exist: with --out-dir their inputs are passed over, so that an interrupted run can be repeated; else it is an error.
    #[arg(long)]
    no_clobber: bool,
    /// Overwrite also what may be the only copy of something: write-protected files; in encoding, files that are no .lic files; in decoding, .lic files and,
    /// with --out-dir or where only the extension is another, PNGs that lic has not written, and WebP (with --out-dir PNM, too) that is not newer than the .lic file.
    #[arg(long, conflicts_with = "no_clobber")]
    overwrite: bool,
    /// Say nothing on standard error but errors.
    #[arg(long)]
    quiet: bool,
    /// Print one line of JSON per image to standard output.
    #[arg(long)]
    json: bool,
}

/// The record of a job whose output was there already.
#[derive(Serialize)]
struct Skipped {
    input: String,
    output: String,
    skipped: bool,
}

/// The record of a job that failed.
#[derive(Serialize)]
struct Failed {
    input: String,
    output: String,
    error: String,
    code: u8,
}

/// What a job came to.
enum Outcome<R> {
    Done(Report<R>),
    /// With --no-clobber, the output exists.
    Skipped,
}

/// What a finished job says: a line for people and a record for programs.
pub struct Report<R> {
    /// The line.
    pub line: String,
    /// What the user should hear about this file.
    pub warnings: Vec<String>,
    /// What is said once, because nothing of a file is lost: a device that does not work, newer weights.
    pub once: Vec<String>,
    /// The record.
    pub record: R,
    /// An error that comes after the output was written.
    pub late_error: Option<anyhow::Error>,
}

/// Does a part of a job. A panic, which is lic's own mistake and has been printed, becomes that job's error: the others go on.
fn unpanicked<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| bail!("lic has a mistake that stopped it here, as said above: please report it"))
}

impl BatchArgs {
    /// The jobs; with --out-dir `kinds` says which files of a folder are meant, and how outputs are called.
    pub fn jobs(&self, kinds: Kinds) -> anyhow::Result<Vec<Job>> {
        let jobs = match &self.out_dir {
            Some(folder) => {
                let (jobs, passed_over) = into_folder(&self.files, folder, kinds)?;
                if !passed_over.is_empty() && !self.quiet {
                    tell(format_args!("passed over: {passed_over}"));
                }
                jobs
            }
            None => vec![pair(&self.files)?],
        };
        if self.json && jobs.iter().any(|job| job.output == Place::Standard) {
            bail!(Usage("--json and the output - both write to standard output: name a file".to_owned()));
        }
        Ok(jobs)
    }

    /// Whether outputs were not named one by one.
    pub fn has_folder(&self) -> bool {
        self.out_dir.is_some()
    }

    /// Whether existing files must stay.
    pub fn no_clobber(&self) -> bool {
        self.no_clobber
    }

    /// Does the jobs: `keep` refuses an output over which nothing may be written without --overwrite, `prepare` reads an input, `start` makes the
    /// engine meanwhile, and `work` does the rest; reports come in order. With several jobs some are under way at the same time, so that one reads
    /// and writes while another computes; a failure is reported then and the rest goes on.
    pub fn run<E: Send + Sync, P, R: Serialize + Send>(
        &self,
        jobs: &[Job],
        start: impl FnOnce() -> anyhow::Result<E> + Send,
        keep: impl Fn(&Job) -> Result<(), Usage> + Sync,
        prepare: impl Fn(&Job) -> anyhow::Result<P> + Sync,
        work: impl Fn(&E, usize, &Job, P) -> anyhow::Result<Report<R>> + Sync,
    ) -> anyhow::Result<()> {
        if let Some(folder) = &self.out_dir {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let (engine, next): (OnceLock<Option<E>>, _) = (OnceLock::new(), AtomicUsize::new(0));
        let worker = |sender: Sender<(usize, anyhow::Result<Outcome<R>>)>| {
            while let (number, Some(job)) = {
                let number = next.fetch_add(1, Ordering::Relaxed);
                (number, jobs.get(number))
            } {
                let done = if let Some(failed) = &job.failed {
                    Err(anyhow!("{failed}"))
                } else if self.is_there(job) {
                    Ok(Outcome::Skipped)
                } else {
                    let ready = self.ready(job, &keep);
                    let prepared = ready.and_then(|()| unpanicked(|| prepare(job)));
                    let Some(engine) = engine.wait() else { break };
                    match prepared.and_then(|prepared| unpanicked(|| work(engine, number, job, prepared))) {
                        // Another run was faster.
                        Err(error) if self.out_dir.is_some() && error.is::<Exists>() => Ok(Outcome::Skipped),
                        done => done.map(Outcome::Done),
                    }
                };
                if sender.send((number, done)).is_err() {
                    break;
                }
            }
        };
        std::thread::scope(|scope| {
            let (sender, receiver) = channel();
            for _ in 0..rayon::current_num_threads().min(AT_ONCE).min(jobs.len()) {
                let (sender, worker) = (sender.clone(), &worker);
                scope.spawn(move || worker(sender));
            }
            drop(sender);
            let started = scope.spawn(start).join();
            let (ready, error) = match started {
                Ok(Ok(engine)) => (Some(engine), None),
                Ok(Err(error)) => (None, Some(error)),
                Err(panic) => {
                    // Nobody may wait for an engine that will never come.
                    let _ = engine.set(None);
                    std::panic::resume_unwind(panic)
                }
            };
            let _ = engine.set(ready);
            error.map_or_else(|| self.report(jobs, &receiver), Err)
        })
    }

    /// Says what became of the jobs, in their order.
    fn report<R: Serialize>(
        &self,
        jobs: &[Job],
        results: &Receiver<(usize, anyhow::Result<Outcome<R>>)>,
    ) -> anyhow::Result<()> {
        let bar = self.bar(jobs.len() as u64);
        let mut said: Vec<String> = Vec::new();
        let mut failures: Vec<u8> = Vec::new();
        let mut early = BTreeMap::new();
        for (number, job) in jobs.iter().enumerate() {
            let done = loop {
                if let Some(done) = early.remove(&number) {
                    break done;
                }
                let (other, done) = results.recv().context("a worker ended early")?;
                early.insert(other, done);
            };
            // What was done has its record, also where an error comes late.
            let has_record = done.is_ok();
            let error = match done {
                Ok(outcome) => self.say(job, outcome, &mut said, &bar)?,
                Err(error) => Some(error),
            };
            bar.inc(1);
            if let Some(error) = error {
                let (line, code) = (explain(&error), code(&error));
                if self.json && !has_record {
                    let (input, output) = (job.input.to_string(), job.output.to_string());
                    bar.suspend(|| print_json(&Failed { input, output, error: line, code }))?;
                }
                let error = error.context(job.input.to_string());
                if jobs.len() == 1 {
                    return Err(error);
                }
                bar.suspend(|| tell(format_args!("error: {}", explain(&error))));
                failures.push(code);
            }
        }
        bar.finish_and_clear();
        let (missed, failed): (Vec<u8>, Vec<u8>) = failures.into_iter().partition(|&code| code == MISSED);
        match failed.first().or(missed.first()) {
            Some(&code) => bail!(SomeFailed { failed: failed.len(), missed: missed.len(), all: jobs.len(), code }),
            None => Ok(()),
        }
    }

    /// Says what a job came to, and returns an error that comes late. It fails where nobody reads the records any more, and then so does the run.
    fn say<R: Serialize>(
        &self,
        job: &Job,
        outcome: Outcome<R>,
        said: &mut Vec<String>,
        bar: &ProgressBar,
    ) -> anyhow::Result<Option<anyhow::Error>> {
        let Outcome::Done(report) = outcome else {
            if !self.quiet {
                bar.suspend(|| tell(format_args!("{}: passed over, {} exists", job.input, job.output)));
            }
            if self.json {
                let (input, output) = (job.input.to_string(), job.output.to_string());
                bar.suspend(|| print_json(&Skipped { input, output, skipped: true }))?;
            }
            return Ok(None);
        };
        if !self.quiet {
            for warning in report.once {
                if !said.contains(&warning) {
                    bar.suspend(|| tell(format_args!("{}: warning: {warning}", job.input)));
                    said.push(warning);
                }
            }
            for warning in &report.warnings {
                bar.suspend(|| tell(format_args!("{}: warning: {warning}", job.input)));
            }
            bar.suspend(|| tell(&report.line));
        }
        if self.json {
            bar.suspend(|| print_json(&report.record))?;
        }
        Ok(report.late_error)
    }

    /// Whether a job's output can be written, in a folder that is there then.
    fn ready(&self, job: &Job, keep: impl Fn(&Job) -> Result<(), Usage>) -> anyhow::Result<()> {
        self.make_room(job)?;
        job.output.check_writable(self.no_clobber)?;
        if !self.overwrite {
            keep_protected(job)?;
            keep(job)?;
        }
        Ok(())
    }

    /// Makes the folder of an output that keeps its place below --out-dir, which is there.
    fn make_room(&self, job: &Job) -> anyhow::Result<()> {
        let below = |folder: &&Path| self.out_dir.as_deref().is_some_and(|out_dir| out_dir != *folder);
        match job.output.path().and_then(Path::parent).filter(below) {
            Some(folder) => {
                std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))
            }
            None => Ok(()),
        }
    }

    /// Whether a job's output exists and stays.
    fn is_there(&self, job: &Job) -> bool {
        self.no_clobber && self.out_dir.is_some() && job.output.path().is_some_and(Path::exists)
    }

    /// A bar, in thousandths, for the one image of a run whose encoding takes long.
    pub fn percent(&self, jobs: usize, fast: bool) -> ProgressBar {
        progress(1000, "{bar:24} {percent} %, {eta} left", jobs > 1 || fast || self.quiet)
    }

    fn bar(&self, jobs: u64) -> ProgressBar {
        progress(jobs, "{bar:24} {pos}/{len} images, {eta} left", jobs < 2 || self.quiet)
    }
}
