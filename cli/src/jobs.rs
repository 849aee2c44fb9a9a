//! Which input becomes which output: one pair, or many inputs into a folder. What is done with them is `batch.rs`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::{fmt, io};

use anyhow::bail;

use crate::exit::Usage;
use crate::source::Place;

/// From where to where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What to read.
    pub input: Place,
    /// What to write.
    pub output: Place,
    /// Why it has failed before it began: a folder that cannot be read, or something in one.
    pub failed: Option<String>,
}

impl Job {
    fn new(input: &PathBuf, output: &PathBuf) -> Self {
        Self { input: input.into(), output: output.into(), failed: None }
    }
}

/// Which files of a folder are inputs, and what becomes of them.
#[derive(Debug, Clone, Copy)]
pub struct Kinds {
    /// Extensions of inputs, in lower case.
    pub inputs: &'static [&'static str],
    /// Extension of outputs.
    pub output: &'static str,
}

/// Collisions, and kinds passed over, that are named; of the others only their number is said, or that there are some.
const NAMED: usize = 5;

/// `IN OUT`.
pub fn pair(files: &[PathBuf]) -> Result<Job, Usage> {
    let [input, output] = files else {
        return Err(Usage(format!(
            "{} given: name one input and one output, or several inputs with --out-dir DIR",
            if files.len() == 1 { "only one file".to_owned() } else { format!("{} files", files.len()) }
        )));
    };
    let job = Job::new(input, output);
    if let Some(folder) = job.input.path().filter(|input| input.is_dir()) {
        return Err(Usage(format!("{} is a folder: for everything in it use --out-dir DIR", folder.display())));
    }
    if let (Some(input), Some(output)) = (job.input.path(), job.output.path())
        && same_file(input, output)
    {
        return Err(Usage(format!("{} is input and output at once: name another output", input.display())));
    }
    Ok(job)
}

/// Files of folders that are no inputs: how many there are of every kind, which is the extension, in lower case and with its point.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PassedOver(BTreeMap<String, usize>);

impl fmt::Display for PassedOver {
    /// How many of what: `12 files (8 .heic, 4 .tif)`, the most frequent first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: usize = self.0.values().sum();
        let mut kinds: Vec<_> = self.0.iter().collect();
        kinds.sort_by_key(|&(_, &count)| Reverse(count));
        let named = kinds.iter().take(NAMED).map(|(kind, count)| format!("{count} {kind}"));
        let named = named.chain((kinds.len() > NAMED).then(|| "others".to_owned())).collect::<Vec<_>>().join(", ");
        write!(f, "{all} {} ({named})", if all == 1 { "file" } else { "files" })
    }
}

impl PassedOver {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `IN... --out-dir DIR`, and what is passed over. An input that is a folder stands for the files below it, whose outputs lie below `folder` in the
/// same way.
pub fn into_folder(inputs: &[PathBuf], folder: &Path, kinds: Kinds) -> anyhow::Result<(Vec<Job>, PassedOver)> {
    let (mut jobs, mut passed_over) = (Vec::new(), PassedOver::default());
    for input in inputs {
        if input.is_dir() {
            let before = jobs.len();
            below(input, Path::new(""), kinds, &mut |found, path, at| {
                let job = Job::new(&path, &folder.join(with_extension(&at, kinds.output)));
                match found {
                    Found::Input => jobs.push(job),
                    Found::Other(kind) => *passed_over.0.entry(kind).or_default() += 1,
                    Found::Unreadable(error) => {
                        let failed = Some(format!("cannot read this folder: {error}"));
                        jobs.push(Job { output: Place::File(folder.join(at)), failed, ..job });
                    }
                }
            });
            if jobs.len() == before {
                let names = kinds.inputs.join(", .");
                let failed = format!("there is no file named .{names} in this folder");
                if let [only] = inputs {
                    bail!(Usage(format!("{}: {failed}", only.display())));
                }
                jobs.push(Job { failed: Some(failed), ..Job::new(input, &folder.to_owned()) });
            }
        } else {
            let Some(name) = input.file_name().filter(|_| input.as_os_str() != "-") else {
                bail!(Usage(format!("{} cannot go into --out-dir: it has no file name", input.display())));
            };
            jobs.push(Job::new(input, &folder.join(with_extension(Path::new(name), kinds.output))));
        }
    }
    check(&jobs)?;
    Ok((jobs, passed_over))
}

/// Something below a folder.
enum Found {
    /// A file that is an input by its name.
    Input,
    /// Something else, and its kind for [`PassedOver`].
    Other(String),
    /// A folder, and why it cannot be read.
    Unreadable(io::Error),
}

/// Calls `each` for everything below a folder, sorted by name, with its path and its place from there. Hidden files and folders are passed over, and
/// so are links to folders, which may lead in circles.
fn below(folder: &Path, at: &Path, kinds: Kinds, each: &mut impl FnMut(Found, PathBuf, PathBuf)) {
    let read = || -> io::Result<Vec<_>> {
        folder.read_dir()?.map(|entry| entry.and_then(|entry| Ok((entry.file_type()?, entry)))).collect()
    };
    let mut entries = match read() {
        Ok(entries) => entries,
        Err(error) => return each(Found::Unreadable(error), folder.to_owned(), at.to_owned()),
    };
    entries.sort_by_key(|(_, entry)| entry.file_name());
    for (kind, entry) in entries {
        let (name, path) = (entry.file_name(), entry.path());
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_dir() {
            below(&path, &at.join(name), kinds, each);
            continue;
        }
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        let found = match (path.metadata(), extension) {
            (Ok(to), _) if to.is_dir() => Found::Other("as a link to a folder".to_owned()),
            // Opening a pipe would wait for somebody who writes into it.
            (Ok(to), _) if !to.is_file() => Found::Other("as a pipe or device".to_owned()),
            // Also a link to nothing, which fails when it is read.
            (_, Some(extension)) if kinds.inputs.contains(&extension.as_str()) => Found::Input,
            (_, Some(extension)) => Found::Other(format!(".{extension}")),
            (_, None) => Found::Other("without extension".to_owned()),
        };
        each(found, path, at.join(name));
    }
}

/// A path with another extension; what else looks like one stays (`a.b.png`, `.png`).
fn with_extension(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(".");
    name.push(extension);
    path.with_file_name(name)
}

/// No output may be one of two inputs', or an input.
fn check(jobs: &[Job]) -> Result<(), Usage> {
    let mut seen: HashMap<PathBuf, &Path> = HashMap::new();
    let mut clashes = Vec::new();
    for job in jobs.iter().filter(|job| job.failed.is_none()) {
        let (Some(input), Some(output)) = (job.input.path(), job.output.path()) else { continue };
        // Where disks as a rule take `IMG.lic` and `img.lic` for one.
        let folded = if cfg!(any(windows, target_os = "macos")) {
            output.to_string_lossy().to_lowercase().into()
        } else {
            output.to_owned()
        };
        if let Some(other) = seen.insert(folded, input) {
            clashes.push(format!("{} and {} would both become {}", other.display(), input.display(), output.display()));
        }
        if same_file(input, output) {
            return Err(Usage(format!("{} is input and output at once: name another --out-dir", input.display())));
        }
    }
    if clashes.is_empty() {
        return Ok(());
    }
    let more = match clashes.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more like these"),
    };
    clashes.truncate(NAMED);
    Err(Usage(format!("{}{more}: give them other names, or other folders", clashes.join(", "))))
}

/// Whether both names lead to one regular file.
pub fn same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok().filter(|path| path.is_file());
    real(a).is_some_and(|a| real(b) == Some(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: Kinds = Kinds { inputs: &["png", "jpg"], output: "lic" };

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    fn outputs(inputs: &[PathBuf]) -> Vec<PathBuf> {
        let (jobs, _) = into_folder(inputs, Path::new("out"), KINDS).expect("no clash");
        jobs.iter().filter_map(|job| Some(job.output.path()?.to_owned())).collect()
    }

    #[test]
    fn a_dash_is_a_standard_stream() {
        let job = pair(&paths(&["-", "a.lic"])).expect("two places");
        assert_eq!(job, Job { input: Place::Standard, output: Place::File("a.lic".into()), failed: None });
    }

    #[test]
    fn inputs_keep_their_names_in_a_folder() {
        let out = Path::new("out");
        assert_eq!(outputs(&paths(&["x/a.b.png", "c"])), [out.join("a.b.lic"), out.join("c.lic")]);
    }

    #[test]
    fn inputs_of_one_name_are_refused_and_all_of_them_named() {
        let inputs = paths(&["a.png", "x/a.jpg", "b.png", "x/b.jpg"]);
        let error = into_folder(&inputs, Path::new("out"), KINDS).expect_err("two clashes").to_string();
        assert!(error.contains("a.png and x/a.jpg") && error.contains("b.png and x/b.jpg"), "{error}");
    }

    #[test]
    fn files_passed_over_are_counted_by_kind_and_the_rare_ones_not_named() {
        let of = |counts: &[(&str, usize)]| {
            PassedOver(counts.iter().map(|&(kind, count)| (kind.to_owned(), count)).collect()).to_string()
        };
        assert_eq!(of(&[(".tif", 1)]), "1 file (1 .tif)");
        let many = [("without extension", 3), (".a", 1), (".b", 2), (".c", 4), (".d", 5), (".e", 6)];
        assert_eq!(of(&many), "21 files (6 .e, 5 .d, 4 .c, 3 without extension, 2 .b, others)");
    }

    #[test]
    fn a_folder_that_cannot_be_read_fails_alone() {
        let nowhere = Path::new("/no/such/folder");
        let mut found = Vec::new();
        below(nowhere, Path::new("sub"), KINDS, &mut |what, path, at| found.push((what, path, at)));
        assert!(matches!(&found[..], [(Found::Unreadable(_), path, at)] if path == nowhere && at == Path::new("sub")));
    }

    #[test]
    fn a_folder_stands_for_the_images_below_it_which_keep_their_places() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.PNG", "sub/deep/b.jpg", "sub/notes.txt", ".trash/c.png", "sub/.d.png"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, "x").expect("a file");
        }
        let out = Path::new("out");
        assert_eq!(outputs(&[folder.path().to_owned()]), [out.join("b.lic"), out.join("sub/deep/b.lic")]);
        let (_, others) = into_folder(&[folder.path().to_owned()], out, KINDS).expect("no clash");
        assert_eq!(others, PassedOver([(".txt".to_owned(), 1)].into()));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("sub", folder.path().join("link")).expect("a link");
            std::os::unix::fs::symlink("b.PNG", folder.path().join("link.png")).expect("a link");
            let (jobs, others) = into_folder(&[folder.path().to_owned()], out, KINDS).expect("no clash");
            assert_eq!(others, PassedOver([(".txt".to_owned(), 1), ("as a link to a folder".to_owned(), 1)].into()));
            assert_eq!(jobs.len(), 3);
        }
        let error = into_folder(&[folder.path().join(".trash")], out, Kinds { inputs: &["gif"], output: "lic" });
        assert!(error.expect_err("nothing there").to_string().contains("no file named .gif"));
    }
}
