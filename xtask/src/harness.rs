//! Programs that look at the product for people and assert nothing: pictures, paces, costs.

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

/// Prints what the log of changes costs a PostgreSQL server.
///
/// # Errors
/// [`Error::Step`] when the build or a statement fails; the lines before say why.
pub fn feed_cost() -> Result<(), Error> {
    let mut command = tools::cargo();
    command
        .args(["test", "--locked"])
        .args(BACKEND)
        .args(["--test", "feed_cost"]);
    process::run("the cost of the log", &mut command)
}
