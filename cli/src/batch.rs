//! One input and one output, or many inputs into a folder: what `lic encode` and `lic decode` have in common.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use serde::Serialize;

use crate::exit::{SomeFailed, Usage, code, explain};
use crate::output::{print_json, progress};
use crate::source::Place;

/// Which files, and what to say about them.
#[derive(Debug, clap::Args)]
pub struct BatchArgs {
    /// Input and output, or with --out-dir inputs only; - is standard input or output.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write every output into this folder, under the input's name with another extension.
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
    /// Do not overwrite files that exist.
    #[arg(long)]
    no_clobber: bool,
    /// Say nothing on standard error but errors.
    #[arg(long)]
    quiet: bool,
    /// Print one line of JSON per image to standard output.
    #[arg(long)]
    json: bool,
}

/// From where to where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What to read.
    pub input: Place,
    /// What to write.
    pub output: Place,
}

/// What a finished job says: a line for people and a record for programs.
pub struct Report<R> {
    /// The line.
    pub line: String,
    /// Things the user should hear about; in a batch each is said once.
    pub warnings: Vec<String>,
    /// The record.
    pub record: R,
    /// An error that comes after the output was written.
    pub late_error: Option<anyhow::Error>,
}

impl BatchArgs {
    /// The jobs; `extension` is that of outputs in a folder.
    pub fn jobs(&self, extension: &str) -> anyhow::Result<Vec<Job>> {
        let jobs = match &self.out_dir {
            Some(folder) => into_folder(&self.files, folder, extension)?,
            None => vec![pair(&self.files)?],
        };
        if self.json && jobs.iter().any(|job| job.output == Place::Standard) {
            bail!(Usage("--json and the output - both write to standard output: name a file".to_owned()));
        }
        Ok(jobs)
    }

    /// Whether existing files must stay.
    pub fn no_clobber(&self) -> bool {
        self.no_clobber
    }

    /// Does the jobs one after the other (each uses all threads). With several, a failure is reported and the rest goes on.
    pub fn run<R: Serialize>(
        &self,
        jobs: &[Job],
        mut work: impl FnMut(&Job) -> anyhow::Result<Report<R>>,
    ) -> anyhow::Result<()> {
        if let Some(folder) = &self.out_dir {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let bar = self.bar(jobs.len() as u64);
        let mut said: Vec<String> = Vec::new();
        let mut failures: Vec<u8> = Vec::new();
        for job in jobs {
            let done = job.output.check_writable(self.no_clobber).and_then(|()| work(job));
            let done = done.and_then(|report| {
                for warning in report.warnings.into_iter().filter(|_| !self.quiet) {
                    if !said.contains(&warning) {
                        bar.suspend(|| eprintln!("{}: warning: {warning}", job.input));
                        said.push(warning);
                    }
                }
                if !self.quiet {
                    bar.suspend(|| eprintln!("{}", report.line));
                }
                if self.json {
                    bar.suspend(|| print_json(&report.record))?;
                }
                report.late_error.map_or(Ok(()), Err)
            });
            bar.inc(1);
            if let Err(error) = done.with_context(|| job.input.to_string()) {
                if jobs.len() == 1 {
                    return Err(error);
                }
                bar.suspend(|| eprintln!("error: {}", explain(&error)));
                failures.push(code(&error));
            }
        }
        bar.finish_and_clear();
        match failures.first() {
            Some(&code) => bail!(SomeFailed { failed: failures.len(), all: jobs.len(), code }),
            None => Ok(()),
        }
    }

    fn bar(&self, jobs: u64) -> ProgressBar {
        progress(jobs, "{bar:24} {pos}/{len} images, {eta} left", jobs < 2 || self.quiet)
    }
}

/// `IN OUT`.
fn pair(files: &[PathBuf]) -> Result<Job, Usage> {
    let [input, output] = files else {
        return Err(Usage(format!(
            "{} given: name one input and one output, or several inputs with --out-dir DIR",
            if files.len() == 1 { "only one file".to_owned() } else { format!("{} files", files.len()) }
        )));
    };
    let job = Job { input: input.into(), output: output.into() };
    if let (Some(input), Some(output)) = (job.input.path(), job.output.path())
        && same_file(input, output)
    {
        return Err(Usage(format!("{} is input and output at once: name another output", input.display())));
    }
    Ok(job)
}

/// `IN... --out-dir DIR`.
fn into_folder(files: &[PathBuf], folder: &Path, extension: &str) -> Result<Vec<Job>, Usage> {
    let mut jobs = Vec::new();
    let mut seen: HashMap<PathBuf, &PathBuf> = HashMap::new();
    for input in files {
        let Some(stem) = input.file_stem().filter(|_| input.as_os_str() != "-") else {
            return Err(Usage(format!("{} cannot go into --out-dir: it has no file name", input.display())));
        };
        let mut name = stem.to_owned();
        name.push(".");
        name.push(extension);
        let output = folder.join(name);
        if let Some(other) = seen.insert(output.clone(), input) {
            return Err(Usage(format!(
                "{} and {} would both become {}: use two folders",
                other.display(),
                input.display(),
                output.display()
            )));
        }
        if same_file(input, &output) {
            return Err(Usage(format!("{} is input and output at once: name another --out-dir", input.display())));
        }
        jobs.push(Job { input: input.into(), output: Place::File(output) });
    }
    Ok(jobs)
}

/// Whether both names lead to one regular file.
fn same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok().filter(|path| path.is_file());
    real(a).is_some_and(|a| real(b) == Some(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn a_dash_is_a_standard_stream() {
        let job = pair(&paths(&["-", "a.lic"])).expect("two places");
        assert_eq!(job, Job { input: Place::Standard, output: Place::File("a.lic".into()) });
    }

    #[test]
    fn inputs_keep_their_names_in_a_folder() {
        let jobs = into_folder(&paths(&["x/a.b.png", "c"]), Path::new("out"), "lic").expect("two inputs");
        let outputs: Vec<_> = jobs.iter().map(|job| job.output.to_string()).collect();
        assert_eq!(
            outputs,
            [Path::new("out").join("a.b.lic"), Path::new("out").join("c.lic")].map(|p| p.display().to_string())
        );
    }

    #[test]
    fn inputs_of_one_name_are_refused() {
        let error = into_folder(&paths(&["a.png", "x/a.jpg"]), Path::new("out"), "lic").expect_err("a clash");
        assert!(error.to_string().contains("a.png and x/a.jpg"), "{error}");
    }
}
