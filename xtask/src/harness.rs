//! The tests' own harness as a command: builds the app and the backend, and runs one of the programs in `tests/tests/` that look at
//! them for people and assert nothing.

use crate::{Error, build, process, setup, tools};

/// Runs the program of this name. `what` is what a person calls it.
///
/// # Errors
/// [`Error::Step`] when a build fails, or the program could not bring the app where it wanted it; the lines before say why.
pub fn run(program: &str, what: &str, argument: Option<&str>) -> Result<(), Error> {
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
    command.args(["test", "--locked", "--workspace", "--test", program, "--"]);
    command.args(argument);
    browser.tell(&mut command);
    process::run(what, &mut command)
}
