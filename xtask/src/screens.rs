//! `cargo xtask screens`: pictures of every page and state into `target/screens/`. Builds the app and the backend and lets the
//! tests' own harness look; which pages there are is a table in `tests/src/places.rs`.

use crate::{Error, build, process, setup, tools};

/// Writes the pictures; with a word, only those of pages whose names contain it.
///
/// # Errors
/// [`Error::Step`] when a page could not be brought into its state: the line before names it.
pub fn run(only: Option<&str>) -> Result<(), Error> {
    setup::run(setup::Needs::Everything)?;
    let browser = tools::browser().ok_or_else(tools::browser_remedy)?;
    build::spa()?;
    // Of the whole workspace, as the tests are: another selection of packages has other features, and would be another build.
    let mut backend = tools::cargo();
    backend.args([
        "build",
        "--locked",
        "--workspace",
        "--bin",
        "bedside-backend",
    ]);
    process::run("building the backend", &mut backend)?;
    let mut command = tools::cargo();
    command.args(["test", "--locked", "--workspace", "--test", "screens", "--"]);
    command.args(only);
    browser.tell(&mut command);
    process::run("the pictures", &mut command)
}
