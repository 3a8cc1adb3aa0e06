//! `cargo xtask sim`: many random histories of cache, sync and Realtime engine against a model of server and database. Builds
//! the simulation, runs it and passes its word on; what is simulated, and what must hold, is in `tests/simulation`.

use crate::{Error, process, tools};

/// Which histories.
#[derive(Debug, PartialEq, Eq)]
pub struct SimOptions {
    /// How many.
    pub seeds: u64,
    /// The first one.
    pub from: u64,
    /// A mistake to make on purpose, by its name.
    pub bug: Option<String>,
}

/// Runs them until one diverges.
///
/// # Errors
/// [`Error::Step`] when the simulation could not be built, or a history diverged: the line before says which and how.
pub fn run(options: &SimOptions) -> Result<(), Error> {
    let mut command = tools::cargo();
    command.args(["run", "--locked", "--quiet", "--profile", "sim"]);
    command.args(["--package", "bedside-simulation", "--"]);
    command.args(["--seeds", &options.seeds.to_string()]);
    command.args(["--from", &options.from.to_string()]);
    if let Some(bug) = &options.bug {
        command.args(["--bug", bug]);
    }
    process::run("the simulation", &mut command)
}
