//! The C program `examples/ppm.c`: compiled, and run on files that are good, foreign, cut and damaged.
#![cfg(unix)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lic_codec::Colour;
use lic_codec::format::{BitDepth, Header, LicFile, write_file};
#[cfg(target_os = "linux")]
use support::linked_in;
use support::{HEIGHT, WIDTH, compile, decoded, drawn, encoded, own, rgba8, shared, text};

/// A built program in a folder of its own.
struct Ppm {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Ppm {
    /// Builds it against the library that `link` names.
    fn built(link: Vec<String>, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("ppm");
        let mut more = link;
        more.extend(["-o".into(), program.display().to_string()]);
        compile("cc", &[&["-std=c99", "-pedantic"], flags].concat(), &own("examples/ppm.c"), &more);
        Self { folder, program }
    }

    /// Runs it on a file; `Ok` is what it has written.
    fn run(&self, file: &[u8]) -> Result<Vec<u8>, Output> {
        let [input, output] = ["in.lic", "out.ppm"].map(|name| self.folder.path().join(name));
        std::fs::write(&input, file).unwrap();
        let _ = std::fs::remove_file(&output);
        let done = Command::new(&self.program).args([&input, &output]).output().unwrap();
        if done.status.success() { Ok(std::fs::read(output).unwrap()) } else { Err(done) }
    }

    /// Runs it on a file that it must refuse, with a message that contains `reason`.
    fn refuses(&self, file: &[u8], reason: &str) {
        let output = self.run(file).map(|_| ()).unwrap_err();
        // A crash has no exit code, a sanitiser another one.
        assert_eq!(output.status.code(), Some(3), "{}", text(&output));
        assert!(text(&output).contains(reason), "{}", text(&output));
        assert!(!self.folder.path().join("out.ppm").exists());
    }
}

/// What the program must write.
fn expected(file: &[u8]) -> Vec<u8> {
    let picture = decoded(file);
    let pixels = rgba8(&picture);
    if picture.alpha.is_some() {
        let header = format!("P7\nWIDTH {WIDTH}\nHEIGHT {HEIGHT}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n");
        [header.as_bytes(), pixels.as_flattened()].concat()
    } else {
        let colours = pixels.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]);
        format!("P6\n{WIDTH} {HEIGHT}\n255\n").into_bytes().into_iter().chain(colours).collect()
    }
}

/// Everything there is to ask of the program.
fn check(ppm: &Ppm) {
    for (colour, alpha, depth) in [
        (Colour::Rgb, false, BitDepth::Eight),
        (Colour::Rgb, true, BitDepth::Ten),
        (Colour::Grey, false, BitDepth::Sixteen),
        (Colour::Grey, true, BitDepth::Eight),
    ] {
        let file = encoded(&drawn(colour, alpha, depth));
        match ppm.run(&file) {
            Ok(found) => assert!(found == expected(&file), "{colour:?} {alpha} {depth:?}: other samples"),
            Err(output) => panic!("{colour:?} {alpha} {depth:?}: {}", text(&output)),
        }
    }
    for name in ["grey", "rgb", "tiled"] {
        let golden = std::fs::read(own(&format!("../codec/tests/golden/{name}.lic"))).unwrap();
        ppm.refuses(&golden, "the file needs a model with parse id");
    }
    ppm.refuses(b"", "this looks like an empty file (code 2)");
    ppm.refuses(b"GIF89a...", "this looks like a GIF image (code 2)");
    let file = encoded(&drawn(Colour::Rgb, true, BitDepth::Eight));
    for end in [4, 20, file.len() / 2, file.len() - 1] {
        ppm.refuses(&file[..end], "(code 3)");
    }
    for place in (5..file.len()).step_by(file.len() / 12) {
        let mut damaged = file.clone();
        damaged[place] ^= 0x10;
        ppm.refuses(&damaged, "checksum");
    }
}

#[test]
fn a_c_program_with_the_shared_library_decodes_and_refuses() {
    check(&Ppm::built(shared(), &["-O2"]));
}

#[test]
fn a_c_program_asks_for_no_memory_that_its_limit_forbids() {
    let ppm = Ppm::built(shared(), &[]);
    let honest = *LicFile::open(&encoded(&drawn(Colour::Rgb, false, BitDepth::Eight))).unwrap().header();
    // 3.2 GB of samples in a file of 262 KB; the library would need more still, but is asked later.
    let header = Header { width: 65535, height: 16384, tile_size: 4096, ..honest };
    let huge = write_file(&header, &[], &vec![[0]; header.tile_count() as usize]).unwrap();
    ppm.refuses(&huge, "the picture takes 3221176320 bytes, the limit is 2147483648");
    // 1.1 GB of samples are within the limit, but not with the work on them: the buffer is there and nobody has touched it.
    let header = Header { height: 5600, ..header };
    let large = write_file(&header, &[], &vec![[0]; header.tile_count() as usize]).unwrap();
    ppm.refuses(&large, "the limit is 2147483648 (code 6)");
}

#[cfg(target_os = "linux")]
#[test]
fn a_c_program_with_the_static_library_decodes_and_refuses() {
    let ppm = Ppm::built(linked_in(), &["-O2"]);
    let file = encoded(&drawn(Colour::Rgb, true, BitDepth::Eight));
    assert!(ppm.run(&file).is_ok_and(|found| found == expected(&file)));
    ppm.refuses(&file[..file.len() - 1], "truncated");
}

/// They see the program's own memory only. What the library does not give back is `memory.rs`: for the leak check, a handle that is left in
/// an old stack frame is still in use.
#[test]
fn sanitisers_find_nothing() {
    let flags = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    let folder = tempfile::tempdir().unwrap();
    let probe = folder.path().join("probe");
    std::fs::write(folder.path().join("probe.c"), "int main(void) { return 0; }\n").unwrap();
    let built =
        Command::new("cc").args(flags).arg(folder.path().join("probe.c")).arg("-o").arg(&probe).status().unwrap();
    if !built.success() || !Command::new(&probe).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: this compiler has no sanitisers");
        return;
    }
    check(&Ppm::built(shared(), &flags));
}

#[test]
fn a_c_program_with_wrong_arguments_says_how_it_is_used() {
    let ppm = Ppm::built(shared(), &[]);
    let run = |arguments: &[&Path]| Command::new(&ppm.program).args(arguments).output().unwrap();
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains(concat!("(lic ", env!("CARGO_PKG_VERSION"), ")")), "{}", text(&output));
    let missing = ppm.folder.path().join("missing.lic");
    assert_eq!(run(&[&missing, &missing]).status.code(), Some(1));
    let file = ppm.folder.path().join("in.lic");
    std::fs::write(&file, encoded(&drawn(Colour::Rgb, false, BitDepth::Eight))).unwrap();
    assert_eq!(run(&[&file, &ppm.folder.path().join("no/such/folder.ppm")]).status.code(), Some(1));
}
