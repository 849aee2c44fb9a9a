//! `lic completions`, `lic man`, and the manual that the project keeps: MANUAL.txt.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::fixture::{folder, lic};

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "elvish", "powershell"];

/// The names under "Commands:" in the help of `lic` or of one of its subcommands.
fn subcommands(here: &Path, of: &[&str]) -> Vec<String> {
    let help = lic(here, of.iter().chain(&["--help"])).well().stdout;
    let help = String::from_utf8(help).expect("UTF-8");
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What an entry says may go on in further lines, which are indented more.
    let names = list.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn completions_of_every_shell_name_every_subcommand() {
    let here = folder("completions");
    let commands = subcommands(&here, &[]);
    assert!(commands.len() >= 10 && commands.contains(&"encode".to_owned()), "{commands:?}");
    for shell in SHELLS {
        let script = String::from_utf8(lic(&here, ["completions", shell]).well().stdout).expect("UTF-8");
        let words: BTreeSet<&str> = script.split(|c: char| !c.is_alphanumeric() && c != '-').collect();
        for command in &commands {
            assert!(words.contains(command.as_str()), "{shell}: no {command}");
        }
        assert!(script.contains("out-dir"), "{shell}: no options");
    }
    lic(&here, ["completions", "tcsh"]).with(2, &["tcsh", "bash"]);
}

#[test]
fn there_is_a_page_for_every_subcommand_and_nothing_else() {
    let here = folder("man");
    lic(&here, ["man", "--out-dir", "new/pages"]).well();
    let mut expected = BTreeSet::from(["lic.1".to_owned()]);
    for command in subcommands(&here, &[]) {
        let below = subcommands(&here, &[&command]);
        expected.extend(below.iter().map(|name| format!("lic-{command}-{name}.1")));
        expected.insert(format!("lic-{command}.1"));
    }
    assert!(expected.contains("lic-datasets-fetch.1"), "{expected:?}");
    let entries = fs::read_dir(here.join("new/pages")).expect("a folder");
    let pages = entries.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"));
    assert_eq!(pages.collect::<BTreeSet<_>>(), expected);
}

#[test]
fn a_page_has_the_options_and_the_notes_of_the_help() {
    let here = folder("man-page");
    lic(&here, ["man", "--out-dir", "."]).well();
    let page = |name: &str| fs::read_to_string(here.join(name)).expect("written");
    let encode = page("lic-encode.1");
    for part in
        [".TH lic-encode 1 \"\" \"lic ", "lic\\-encode \\- Encode images", "\\-\\-target\\-psnr", "\\-\\-out\\-dir"]
    {
        assert!(encode.contains(part), "no {part:?} in {encode}");
    }
    let lic = page("lic.1");
    for part in ["lic\\-encode(1)", "wrong arguments\n.br\n"] {
        assert!(lic.contains(part), "no {part:?} in {lic}");
    }
}

#[test]
fn man_wants_to_know_which_form() {
    let here = folder("man-form");
    lic(&here, ["man"]).with(2, &["--out-dir", "--text"]);
    lic(&here, ["man", "--text", "--out-dir", "."]).with(2, &["--out-dir", "--text"]);
}

#[test]
fn the_manual_of_the_project_is_what_lic_says() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../MANUAL.txt");
    let kept = fs::read_to_string(manual).unwrap_or_default().replace("\r\n", "\n");
    let says = lic(&folder("manual"), ["man", "--text"]).well().stdout;
    let says = String::from_utf8(says).expect("UTF-8");
    let first = says.lines().zip(kept.lines()).find(|(says, kept)| says != kept);
    assert!(
        says == kept,
        "MANUAL.txt is not what lic says now (the first other line: {first:?}). Renew it in the project's root:\n\n    \
         cargo run --release -p lic-cli -- man --text > MANUAL.txt\n"
    );
}

#[test]
fn the_manual_does_not_depend_on_the_terminal() {
    let here = folder("manual-width");
    let with_columns = |columns: &str| {
        let mut lic = Command::new(env!("CARGO_BIN_EXE_lic"));
        let output = lic.args(["man", "--text"]).env("COLUMNS", columns).current_dir(&here).output();
        String::from_utf8(output.expect("lic runs").stdout).expect("UTF-8")
    };
    let narrow = with_columns("40");
    assert_eq!(narrow, with_columns("300"));
    let longest = narrow.lines().max_by_key(|line| line.chars().count()).expect("lines");
    assert!(longest.chars().count() <= 100, "{longest}");
    for part in ["\nlic encode\n", "\nlic datasets fetch\n", "Exit codes:"] {
        assert!(narrow.contains(part), "no {part:?}");
    }
}
