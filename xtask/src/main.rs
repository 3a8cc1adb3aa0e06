//! `cargo xtask`: the project's commands. Each command is a room of its own; this file only chooses one and turns
//! its error into one clear line and a non-zero exit.

mod bench_query;
mod bench_realtime;
mod build;
mod check;
mod cli;
mod dev;
mod harness;
mod paint;
mod process;
mod report;
mod setup;
mod sim;
mod site;
mod tools;
mod workspace;

use std::process::ExitCode;

use cli::{Bench, Command};

/// What can go wrong in any command, worded for the person who ran it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Usage(String),
    #[error(
        "port {port} on 127.0.0.1 is taken; stop what uses it, or pass --port with another one"
    )]
    PortTaken { port: u16 },
    #[error("{tool} is missing: {remedy}")]
    MissingTool { tool: String, remedy: String },
    #[error("{step} failed: {reason}")]
    Step { step: String, reason: String },
    #[error("{failed} of {total} checks failed: {names}")]
    Checks {
        failed: usize,
        total: usize,
        names: String,
    },
    #[error(
        "the disk of {folder} is nearly full: {free} MB free, about {needed} MB needed; free some space or set CARGO_TARGET_DIR"
    )]
    DiskFull {
        folder: String,
        free: u64,
        needed: u64,
    },
    #[error("stopped")]
    Interrupted,
    #[error("cannot {action} {path}: {source}")]
    File {
        action: &'static str,
        path: String,
        source: std::io::Error,
    },
}

impl Error {
    fn file(action: &'static str, path: &std::path::Path, source: std::io::Error) -> Error {
        Error::File {
            action,
            path: path.display().to_string(),
            source,
        }
    }

    fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            Error::Interrupted => 130,
            _ => 1,
        }
    }
}

fn main() -> ExitCode {
    match cli::parse(lexopt::Parser::from_env()).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command) -> Result<(), Error> {
    process::end_children_on_signal()?;
    report::start_ticking();
    match command {
        Command::Help(text) => {
            print!("{text}");
            Ok(())
        }
        Command::Setup => setup::run(setup::Needs::Tests),
        Command::Build => {
            setup::run(setup::Needs::App).and_then(|()| build::app(build::App::Release))
        }
        Command::Dev(options) => dev::run(&options),
        Command::Test(options) => check::run(&options),
        Command::Soak => check::soak().and_then(|()| {
            sim::run(&sim::SimOptions {
                seeds: 100_000,
                from: 0,
                bug: None,
            })
        }),
        // Which pages there are is a table in `tests/src/places.rs`.
        Command::Screens(only) => harness::run(
            "screens",
            "the pictures",
            build::App::Quick,
            only.as_deref(),
        ),
        Command::Sim(options) => sim::run(&options),
        Command::Bench(bench) => {
            setup::run(setup::Needs::Tests)?;
            if matches!(bench, Bench::All | Bench::Query) {
                bench_query::run()?;
            }
            if matches!(bench, Bench::All | Bench::Realtime) {
                bench_realtime::run()?;
            }
            if matches!(bench, Bench::All | Bench::App) {
                harness::run("pace", "the pace of the app", build::App::Release, None)?;
            }
            if matches!(bench, Bench::All | Bench::Feed) {
                harness::feed_cost()?;
            }
            Ok(())
        }
    }
}
