//! `include/lic.h` is what cbindgen makes of the crate, declares what the library exports, and is C99 and C++.
#![cfg(unix)]

mod support;

use std::collections::BTreeSet;
use std::process::Command;

use support::{compile, own, shared, text};

fn header() -> String {
    std::fs::read_to_string(own("include/lic.h")).unwrap()
}

/// Names that start with `lic_`, between `before` and an opening bracket, outside of comments.
fn functions(source: &str, before: &str) -> BTreeSet<String> {
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let calls = lines.filter_map(|line| line.split_once('(')).map(|(start, _)| start);
    let names = calls.filter_map(|start| start.rsplit_once(before));
    names.map(|(_, name)| name.to_owned()).filter(|name| name.starts_with("lic_")).collect()
}

#[test]
fn the_header_declares_the_functions_that_the_crate_exports() {
    let exported = functions(&std::fs::read_to_string(own("src/ffi.rs")).unwrap(), "extern \"C\" fn ");
    let declared = functions(&header().replace('*', " "), " ");
    assert!(exported.contains("lic_open") && exported.len() > 10, "{exported:?}");
    assert_eq!(declared, exported, "make the header again, see README.md");
}

#[test]
fn every_function_of_the_header_is_in_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let [source, program] = ["all.c", "all"].map(|name| folder.path().join(name));
    let declared = functions(&header().replace('*', " "), " ");
    let names: Vec<String> = declared.iter().map(|name| format!("(void (*)(void)){name}")).collect();
    let code = "int main(void) { return sizeof all / sizeof *all > 10 && all[0] && lic_version()[0] ? 0 : 1; }";
    let code = format!("#include <lic.h>\nstatic void (*const all[])(void) = {{ {} }};\n{code}\n", names.join(", "));
    std::fs::write(&source, code).unwrap();
    let mut more = shared();
    more.extend(["-o".into(), program.display().to_string()]);
    // Casts between types of functions are the point here.
    compile("cc", &["-std=c99", "-Wno-cast-function-type"], &source, &more);
    let output = Command::new(program).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn the_header_is_strict_c99_and_cplusplus() {
    let folder = tempfile::tempdir().unwrap();
    for (compiler, standard, name) in [("cc", "-std=c99", "twice.c"), ("c++", "-std=c++11", "twice.cpp")] {
        if Command::new(compiler).arg("--version").output().is_err() {
            eprintln!("skipped: there is no {compiler}");
            continue;
        }
        let source = folder.path().join(name);
        let code =
            "#include <lic.h>\n#include <lic.h>\nint main(void) { return lic_open(NULL, 0, NULL) == LIC_STATUS_OK; }\n";
        std::fs::write(&source, code).unwrap();
        compile(compiler, &[standard, "-pedantic"], &source, &["-fsyntax-only".into()]);
    }
    let mut more = shared();
    let program = folder.path().join("cplusplus");
    more.extend(["-o".into(), program.display().to_string()]);
    if Command::new("c++").arg("--version").output().is_ok() {
        compile("c++", &["-std=c++11"], &folder.path().join("twice.cpp"), &more);
        assert!(Command::new(program).status().unwrap().success());
    }
}

#[test]
fn cbindgen_makes_this_header() {
    let Ok(version) = Command::new("cbindgen").arg("--version").output() else {
        eprintln!("skipped: there is no cbindgen");
        return;
    };
    // Other versions write other white space.
    let version = text(&version).trim().replace(' ', ":");
    if !header().contains(&format!("Generated with {version} ")) {
        eprintln!("skipped: the header was not made by {version}");
        return;
    }
    let output = Command::new("cbindgen").arg("--quiet").current_dir(own("")).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let (made, header) = (String::from_utf8(output.stdout).unwrap(), header());
    let difference = made.lines().zip(header.lines()).find(|(made, header)| made != header);
    assert_eq!(difference, None, "make the header again, see README.md");
    assert_eq!(made.len(), header.len(), "make the header again, see README.md");
}
