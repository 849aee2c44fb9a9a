//! A program that only decodes does not build burn.

use std::process::Command;

#[test]
fn the_decoder_alone_has_few_dependencies_and_no_burn() {
    let arguments = ["tree", "--offline", "--locked", "-p", "lic-codec", "--no-default-features", "--features", "cpu"];
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["-e", "normal", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut crates: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    crates.sort_unstable();
    crates.dedup();
    assert!(crates.contains(&"constriction"), "{crates:?}");
    assert!(!crates.iter().any(|name| name.starts_with("burn") || *name == "wgpu"), "{crates:?}");
    assert!(crates.len() < 70, "{} crates: {crates:?}", crates.len());
}
