//! The tests' own harness as a command: builds the app and the backend, and runs one of the programs in `tests/tests/` that look at
//! them for people and assert nothing.

use crate::build::{App, BACKEND};
use crate::{Error, build, process, setup, tools};

/// Runs the program of this name. `what` is what a person calls it.
///
/// # Errors
/// [`Error::Step`] when a build fails, or the program could not bring the app where it wanted it; the lines before say why.
pub fn run(program: &str, what: &str, app: App, argument: Option<&str>) -> Result<(), Error> {
    setup::run(setup::Needs::Tests)?;
    let browser = tools::browser().ok_or_else(setup::browser_remedy)?;
    build::both(app)?;
    let mut command = tools::cargo();
    command
        .args(["test", "--locked"])
        .args(BACKEND)
        .args(["--test", program, "--"])
        .env("BEDSIDE_APP", app.folder());
    command.args(argument);
    browser.tell(&mut command);
    process::run(what, &mut command)
}
