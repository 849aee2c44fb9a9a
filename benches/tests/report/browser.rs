//! The page in Chromium without a window: no error on its console, and what can be clicked works.

use std::path::{Path, PathBuf};
use std::process::Command;

use lic_benches::report::html;

use crate::example;

fn chromium() -> PathBuf {
    let folders: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut places = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.find(|place| place.is_file()).expect(
        "no Chromium: install it (on Debian the package chromium, as .ci/run does), the HTML report is tested with it",
    )
}

/// The page as it is after its scripts have run, or what its console says.
fn load(page: &str) -> Result<String, String> {
    let place = tempfile::tempdir().expect("a writable folder");
    let path = html::write(&place.path().join("report"), page).expect("a writable folder");
    let mut command = Command::new(chromium());
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.args(["--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", place.path().join("profile").display())).arg(url(&path));
    let output = command.output().expect("Chromium starts");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Chromium failed: {log}");
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    match complaints.is_empty() && dom.contains("data-ready=\"true\"") {
        true => Ok(dom),
        false => Err(format!("not ready; console: {complaints:?}")),
    }
}

fn url(path: &Path) -> String {
    format!("file://{}", path.canonicalize().expect("it was written").display())
}

/// The page with a script more at its end.
fn with_script(page: &str, script: &str) -> String {
    page.replace("</body>", &format!("<script>{script}</script></body>"))
}

fn page() -> String {
    html::page(&example::report(), &example::details())
}

#[test]
fn the_page_works_in_a_browser() {
    let dom = load(&page()).expect("no complaints");
    assert!(dom.contains("id=\"plot-linear\"") && dom.contains("Show linear rates</button>"));
    // The script has filled the stage.
    assert!(dom.contains("alt=\"Detail of coffee.png, lic\""), "no picture on the stage");
    assert!(load(&html::page(&example::report(), &[])).is_ok(), "a page without details works, too");
}

#[test]
fn a_broken_script_would_be_noticed() {
    for script in ["undefinedFunction();", "console.error('no');", "new Image().src = 'https://example.org/x.png';"] {
        let error = load(&with_script(&page(), script)).expect_err(script);
        assert!(error.contains("CONSOLE"), "{error}");
    }
    let without_script = page().replace("switchAxis();\n", "nothing();\n");
    load(&without_script).expect_err("the script stops before it is ready");
}

#[test]
fn what_can_be_clicked_works() {
    let dom = load(&with_script(&page(), include_str!("clicks.js"))).expect("no complaints");
    let title = dom.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).expect("a title");
    let expected = [
        "hidden false true",
        "hidden true false",
        "ascending 23.350 inf",
        "descending inf 23.350",
        "first kodim01.png",
        "Detail of coffee.png, original | original: the image itself",
        "line at 25 512 x 512",
        "list none stage false",
        "wider than the window false",
    ];
    assert_eq!(title.lines().collect::<Vec<_>>(), expected);
}
