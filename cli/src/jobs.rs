//! Which input becomes which output: one pair, or many inputs into a folder. What is done with them is `batch.rs`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::exit::Usage;
use crate::source::Place;

/// From where to where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What to read.
    pub input: Place,
    /// What to write.
    pub output: Place,
}

/// Which files of a folder are inputs, and what becomes of them.
#[derive(Debug, Clone, Copy)]
pub struct Kinds {
    /// Extensions of inputs, in lower case.
    pub inputs: &'static [&'static str],
    /// Extension of outputs.
    pub output: &'static str,
}

/// Collisions that are named; of the others only their number is said.
const NAMED: usize = 5;

/// `IN OUT`.
pub fn pair(files: &[PathBuf]) -> Result<Job, Usage> {
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

/// `IN... --out-dir DIR`. An input that is a folder stands for the files below it, whose outputs lie below `folder` in the same way.
pub fn into_folder(inputs: &[PathBuf], folder: &Path, kinds: Kinds) -> anyhow::Result<Vec<Job>> {
    let mut jobs = Vec::new();
    for input in inputs {
        if input.is_dir() {
            let before = jobs.len();
            below(input, Path::new(""), kinds, &mut |file, at| {
                jobs.push((file, folder.join(with_extension(&at, kinds.output))));
            })?;
            if jobs.len() == before {
                let kinds = kinds.inputs.join(", .");
                bail!(Usage(format!("there is no file named .{kinds} in the folder {}", input.display())));
            }
        } else {
            let Some(name) = input.file_name().filter(|_| input.as_os_str() != "-") else {
                bail!(Usage(format!("{} cannot go into --out-dir: it has no file name", input.display())));
            };
            jobs.push((input.clone(), folder.join(with_extension(Path::new(name), kinds.output))));
        }
    }
    check(&jobs)?;
    Ok(jobs.into_iter().map(|(input, output)| Job { input: (&input).into(), output: Place::File(output) }).collect())
}

/// Calls `each` for every input below a folder, sorted by name, with its place from there. Hidden files and folders are passed over, and so are
/// links to folders, which may lead in circles.
fn below(folder: &Path, at: &Path, kinds: Kinds, each: &mut impl FnMut(PathBuf, PathBuf)) -> anyhow::Result<()> {
    let failed = || format!("cannot read the folder {}", folder.display());
    let mut entries = folder.read_dir().and_then(Iterator::collect::<Result<Vec<_>, _>>).with_context(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (name, path) = (entry.file_name(), entry.path());
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        if entry.file_type().with_context(failed)?.is_dir() {
            below(&path, &at.join(name), kinds, each)?;
        } else if extension.is_some_and(|extension| kinds.inputs.contains(&extension.as_str())) && !path.is_dir() {
            each(path, at.join(name));
        }
    }
    Ok(())
}

/// A path with another extension; what else looks like one stays (`a.b.png`, `.png`).
fn with_extension(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(".");
    name.push(extension);
    path.with_file_name(name)
}

/// No output may be one of two inputs', or an input.
fn check(jobs: &[(PathBuf, PathBuf)]) -> Result<(), Usage> {
    let mut seen: HashMap<&Path, &Path> = HashMap::new();
    let mut clashes = Vec::new();
    for (input, output) in jobs {
        if let Some(other) = seen.insert(output, input) {
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
    Err(Usage(format!("{}{more}: give them other names, or do them one by one", clashes.join(", "))))
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
        let jobs = into_folder(inputs, Path::new("out"), KINDS).expect("no clash");
        jobs.iter().filter_map(|job| Some(job.output.path()?.to_owned())).collect()
    }

    #[test]
    fn a_dash_is_a_standard_stream() {
        let job = pair(&paths(&["-", "a.lic"])).expect("two places");
        assert_eq!(job, Job { input: Place::Standard, output: Place::File("a.lic".into()) });
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
    fn a_folder_stands_for_the_images_below_it_which_keep_their_places() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.PNG", "sub/deep/b.jpg", "sub/notes.txt", ".trash/c.png", "sub/.d.png"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, "x").expect("a file");
        }
        let out = Path::new("out");
        assert_eq!(outputs(&[folder.path().to_owned()]), [out.join("b.lic"), out.join("sub/deep/b.lic")]);
        let error = into_folder(&[folder.path().join(".trash")], out, Kinds { inputs: &["gif"], output: "lic" });
        assert!(error.expect_err("nothing there").to_string().contains("no file named .gif"));
    }
}
