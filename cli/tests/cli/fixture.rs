//! Running `lic`, folders to run it in, and a model to run it with.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use image::{DynamicImage, RgbImage};

/// How a run of `lic` ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ended {
    /// The run, if it succeeded.
    #[track_caller]
    pub fn well(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self
    }

    /// The run, if it failed with this exit code and all these words in its message.
    #[track_caller]
    pub fn with(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in: {}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.stdout)))
    }
}

/// Runs `lic` in a folder.
pub fn lic<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Ended {
    lic_with_input(folder, arguments, &[])
}

/// Runs `lic` in a folder with these bytes as standard input.
pub fn lic_with_input<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>, input: &[u8]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lic"));
    command.args(arguments).current_dir(folder);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("lic starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // A run that fails early closes its input; that is no failure of the test.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("lic ends");
    writer.join().expect("the writer ends");
    let code = output.status.code().expect("lic is not killed");
    Ended { code, stdout: output.stdout, stderr: String::from_utf8_lossy(&output.stderr).into_owned() }
}

/// `lic`, to be run where Ctrl-C has its usual meaning, or none: a script's background, where tests may run, ignores the signal, which programs inherit. `env` of Linux
/// decides that; elsewhere it stays as it is.
#[cfg(unix)]
pub fn lic_with_interrupt(means: bool) -> Command {
    let lic = env!("CARGO_BIN_EXE_lic");
    if !cfg!(target_os = "linux") {
        return Command::new(lic);
    }
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP,INT,TERM");
    if !means {
        command.arg("--ignore-signal=INT");
    }
    command.arg(lic);
    command
}

/// Sends a signal to a program that runs.
#[cfg(unix)]
pub fn signal(name: &str, child: &std::process::Child) {
    let kill = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(kill.expect("kill starts").success());
}

/// Runs `lic SUBCOMMAND --model .. --device cpu` with the test's model.
pub fn lic_with_model(folder: &Path, subcommand: &str, arguments: &[&str]) -> Ended {
    lic_with_model_and_input(folder, subcommand, arguments, &[])
}

/// The same with standard input.
pub fn lic_with_model_and_input(folder: &Path, subcommand: &str, arguments: &[&str], input: &[u8]) -> Ended {
    let model = model();
    let fixed = [OsStr::new(subcommand), OsStr::new("--model"), model.as_os_str(), OsStr::new("--device=cpu")];
    lic_with_input(folder, fixed.into_iter().chain(arguments.iter().map(OsStr::new)), input)
}

/// An empty folder for one test.
pub fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a writable target folder");
    path
}

/// The frozen weights of `tiny`, whatever is embedded.
pub fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/weights/tiny.safetensors")
}

/// The sample images of the project.
pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets/samples").canonicalize().expect("the samples are there")
}

/// A smooth colourful picture.
pub fn picture(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| image::Rgb([(x * 3 / 2) as u8, (y * 2) as u8, (x + y) as u8])).into()
}

/// Saves [`picture`] in a folder.
pub fn save(folder: &Path, name: &str, width: u32, height: u32) {
    picture(width, height).save(folder.join(name)).expect("a writable folder");
}

/// Peak signal-to-noise ratio of two image files.
pub fn psnr(a: &Path, b: &Path) -> f64 {
    let open = |path: &Path| image::open(path).expect("an image").into_rgb8();
    lic_benches::psnr(open(a).as_raw(), open(b).as_raw()).expect("images of one size")
}
