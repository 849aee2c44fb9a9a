//! A C program gets neither burn nor a GPU library unless it asks for them.

use std::process::Command;

fn crates(features: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "-p", "lic-capi", "-e", "normal", "--prefix", "none"])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_library_has_a_gpu_path_only_with_the_feature() {
    let large = |name: &String| name.starts_with("burn") || name == "wgpu";
    assert!(!crates(&[]).iter().any(large), "{:?}", crates(&[]));
    assert!(crates(&["--features", "gpu"]).iter().any(large));
}
