//! `cargo xtask test`: every check and test, with one summary. Works in two lanes, because a lane alone leaves a core idle: the
//! front lane builds the app and drives browsers, the back lane compiles and runs the other tests at a lower priority. A failed
//! part doesn't hide the ones after it.

mod features;
mod lanes;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::build::{self, App, BACKEND};
use crate::report::Step;
use crate::tools::{self, Browser, Bundler};
use crate::{Error, dev, process, report, setup, workspace};
use lanes::{Lane, Part, Plan};

/// The crates of the app. One selection for all commands: another would unify other features, and be another build. Without
/// the backend, whose dependencies ask for another serde_json than the app has in the browser.
const APP: [&str; 12] = [
    "--package",
    "bedside",
    "--package",
    "bedside-query",
    "--package",
    "bedside-query-bench",
    "--package",
    "bedside-realtime",
    "--package",
    "bedside-simulation",
    "--package",
    "xtask",
];
/// The crates that also run in the browser.
const WASM: [&str; 6] = [
    "--package",
    "bedside",
    "--package",
    "bedside-query",
    "--package",
    "bedside-realtime",
];
const WASM_TARGET: [&str; 2] = ["--target", "wasm32-unknown-unknown"];

/// What can be asked for by name.
struct Named {
    name: &'static str,
    about: &'static str,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Format,
    Features,
    Clippy,
    Docs,
    /// The tests of one crate of the app.
    Crate(&'static str),
    Backend,
    Wire,
    Chromium,
    EndToEnd,
}

const NAMES: [Named; 13] = [
    named("format", "rustfmt", What::Format),
    named(
        "features",
        "the tests and the app have the same dependencies",
        What::Features,
    ),
    named("clippy", "no warnings, native and wasm32", What::Clippy),
    named("docs", "rustdoc without warnings", What::Docs),
    named("query", "the query cache", What::Crate("bedside-query")),
    named(
        "realtime",
        "the Realtime client",
        What::Crate("bedside-realtime"),
    ),
    named("app", "the app's own unit tests", What::Crate("bedside")),
    named(
        "simulation",
        "random histories in simulated time",
        What::Crate("bedside-simulation"),
    ),
    named("xtask", "these commands", What::Crate("xtask")),
    named(
        "backend",
        "the embedded backend and the policies",
        What::Backend,
    ),
    named(
        "wire",
        "the backend against recordings, faults and official clients",
        What::Wire,
    ),
    named(
        "chromium",
        "the crates in a page of Chromium",
        What::Chromium,
    ),
    named("e2e", "stories of people at browsers", What::EndToEnd),
];

const fn named(name: &'static str, about: &'static str, what: What) -> Named {
    Named { name, about, what }
}

/// What of the tests to run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TestOptions {
    /// Names of parts, then words that a test's name must contain. Nothing: everything.
    pub words: Vec<String>,
    /// Print instead of run: the parts, or the tests of the parts that are named.
    pub list: bool,
}

/// Runs the tests.
///
/// # Errors
/// [`Error::Checks`] names the parts that failed; [`Error::Interrupted`] after Ctrl-C.
pub fn run(options: &TestOptions) -> Result<(), Error> {
    let (chosen, words) = choose(&options.words)?;
    if options.list && chosen.is_empty() {
        for named in &NAMES {
            println!("{:<12} {}", named.name, named.about);
        }
        return Ok(());
    }
    let rest = if options.list {
        vec!["--list".to_owned()]
    } else {
        words
    };
    if chosen.is_empty() {
        setup::run(setup::Needs::Tests)?;
        return everything().run();
    }
    let cargo_alone = |what: &What| matches!(what, What::Format | What::Features | What::Crate(_));
    let needs = match chosen.iter().all(cargo_alone) {
        true => setup::Needs::Nothing,
        false => setup::Needs::Tests,
    };
    setup::run(needs)?;
    // A developer waits for these: no lanes, and live output.
    for what in &chosen {
        alone(*what, &rest)?;
    }
    if !options.list {
        println!("{} passed, 0 failed", chosen.len());
    }
    Ok(())
}

/// The parts that the first words name, and the words after them.
fn choose(words: &[String]) -> Result<(Vec<What>, Vec<String>), Error> {
    let named = |word: &String| NAMES.iter().find(|named| named.name == word);
    let chosen: Vec<What> = words
        .iter()
        .map_while(named)
        .map(|named| named.what)
        .collect();
    let rest: Vec<String> = words.iter().skip(chosen.len()).cloned().collect();
    if chosen.is_empty() && !rest.is_empty() {
        let names: Vec<&str> = NAMES.iter().map(|named| named.name).collect();
        return Err(Error::Usage(format!(
            "there is no part {:?}; the parts are {}",
            rest.join(" "),
            names.join(", ")
        )));
    }
    Ok((chosen, rest))
}

/// One part, for someone who waits for it.
fn alone(what: What, words: &[String]) -> Result<(), Error> {
    let test = |mut command: Command| {
        command.arg("--").args(words);
        process::run("cargo test", &mut command)
    };
    match what {
        What::Format => process::run("cargo fmt", &mut format(tools::cargo())),
        What::Features => features::check(),
        What::Clippy => {
            process::run("cargo clippy", &mut clippy_app(tools::cargo()))?;
            process::run("cargo clippy", &mut clippy_backend(tools::cargo()))?;
            process::run("cargo clippy", &mut clippy_wasm(tools::cargo()))
        }
        What::Docs => docs(tools::cargo, |command| process::run("cargo doc", command)),
        What::Crate(package) => {
            let mut command = tools::cargo();
            command.args(["test", "--locked", "--package", package]);
            test(command)
        }
        What::Backend => test(backend_tests(tools::cargo())),
        What::Wire => test(wire_tests(tools::cargo())),
        What::Chromium => {
            build::backend()?;
            chromium(&required_browser()?, words, None)
        }
        What::EndToEnd => {
            build::both(App::Quick)?;
            let mut cargo = tools::cargo();
            cargo.args(["test", "--locked"]).args(BACKEND);
            cargo.args(["--test", "e2e", "--"]);
            let mut command = stories(cargo, &required_browser()?);
            command.args(words);
            process::run("the stories", &mut command)
        }
    }
}

/// All parts, in two lanes.
fn everything() -> Plan {
    const BUILD_TESTS: &str = "build of the tests";
    const BUILD_BACKEND: &str = "build of the backend";
    const BUILD_APP: &str = "build of the app";
    const BACK: Lane = Lane::Back;
    const FRONT: Lane = Lane::Front;
    let step = |title, seconds| Step::new(title, Duration::from_secs(seconds));
    let run = |lane, step: Step, needs, make: fn(Command) -> Command| {
        Part::new(lane, step, needs, move |log| {
            process::run_logged(step.title(), &mut make(tools::background_cargo()), log)
        })
    };
    Plan::new(vec![
        run(BACK, step("format", 5), &[], format),
        Part::new(BACK, step("features", 5), &[], |_| features::check()),
        Part::new(BACK, step(BUILD_BACKEND, 240), &[], |log| {
            process::run_logged("building the backend", &mut build::backend_command(), log)
        }),
        Part::new(BACK, step(BUILD_TESTS, 70), &[BUILD_BACKEND], |log| {
            process::run_logged("building the tests", &mut backend_test_programs(), log)?;
            find_stories_program()
        }),
        run(BACK, step("app and crates", 400), &[], |mut cargo| {
            cargo.args(["test", "--locked", "--no-fail-fast"]).args(APP);
            cargo
        }),
        run(BACK, step("backend", 60), &[BUILD_TESTS], backend_tests),
        run(BACK, step("wire", 130), &[BUILD_TESTS], wire_tests),
        Part::new(FRONT, step(BUILD_APP, 180), &[], |log| {
            build::app_into(App::Quick, log)
        }),
        Part::new(FRONT, step("chromium", 90), &[BUILD_BACKEND], |log| {
            chromium(&required_browser()?, &[], Some(log))
        }),
        Part::new(FRONT, step("e2e", 600), &[BUILD_APP, BUILD_TESTS], |log| {
            // Not through cargo, which would wait for what the other lane compiles.
            let program = STORIES.get().map_or(Path::new("e2e"), PathBuf::as_path);
            let mut program = Command::new(program);
            program.current_dir(workspace::root().join("tests"));
            let mut command = stories(program, &required_browser()?);
            process::run_logged("the stories", &mut command, log)
        }),
        run(FRONT, step("clippy: app", 60), &[], clippy_app),
        run(FRONT, step("clippy: backend", 90), &[], clippy_backend),
        run(FRONT, step("clippy: wasm32", 45), &[], clippy_wasm),
        Part::new(FRONT, step("docs", 45), &[], |log| {
            docs(tools::background_cargo, |command| {
                process::run_logged("cargo doc", command, log)
            })
        }),
    ])
}

fn required_browser() -> Result<Browser, Error> {
    tools::browser().ok_or_else(setup::browser_remedy)
}

fn format(mut cargo: Command) -> Command {
    cargo.args(["fmt", "--all", "--check"]);
    cargo
}

fn clippy(mut cargo: Command, selection: &[&str]) -> Command {
    cargo
        .args(["clippy", "--locked", "--all-targets"])
        .args(selection);
    cargo.args(["--", "-D", "warnings"]);
    cargo
}

fn clippy_app(cargo: Command) -> Command {
    clippy(cargo, &APP)
}

fn clippy_backend(cargo: Command) -> Command {
    clippy(cargo, &BACKEND)
}

fn clippy_wasm(cargo: Command) -> Command {
    clippy(cargo, &[&WASM[..], &WASM_TARGET[..]].concat())
}

/// Rustdoc of our own crates.
fn docs(
    cargo: fn() -> Command,
    mut run: impl FnMut(&mut Command) -> Result<(), Error>,
) -> Result<(), Error> {
    for selection in [&APP[..], &BACKEND[..]] {
        let mut command = cargo();
        command
            .args(["doc", "--locked", "--no-deps"])
            .args(selection);
        run(command.env("RUSTDOCFLAGS", "-D warnings"))?;
    }
    Ok(())
}

fn backend_tests(mut cargo: Command) -> Command {
    cargo
        .args(["test", "--locked", "--no-fail-fast"])
        .args(BACKEND);
    cargo.args(["--lib", "--bins", "--test", "native"]);
    cargo
}

fn wire_tests(mut cargo: Command) -> Command {
    cargo
        .args(["test", "--locked", "--no-fail-fast"])
        .args(BACKEND);
    cargo.args(["--test", "wire"]);
    cargo
}

/// The stories, two at a time. One that fails says why in a line; where in the tests' own code is not worth the fifty lines
/// after it.
fn stories(mut program: Command, browser: &Browser) -> Command {
    program
        .arg("--test-threads=2")
        .env("RUST_LIB_BACKTRACE", "0");
    browser.tell(&mut program);
    program
}

/// Builds every test program that links the backend.
fn backend_test_programs() -> Command {
    let mut command = tools::cargo();
    command.args(["test", "--locked", "--no-run"]).args(BACKEND);
    command.args(["--lib", "--bins", "--test", "native"]);
    command.args(["--test", "wire", "--test", "e2e"]);
    command
}

/// The program of the stories.
static STORIES: OnceLock<PathBuf> = OnceLock::new();

/// Asks cargo where it put the program of the stories. In the lane that compiles: in the other one cargo would wait.
fn find_stories_program() -> Result<(), Error> {
    let failed = |reason: String| Error::Step {
        step: "finding the stories' program".to_owned(),
        reason,
    };
    let output = backend_test_programs()
        .args(["--message-format", "json"])
        .output()
        .map_err(|error| failed(error.to_string()))?;
    let program = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find(|message| {
            message
                .pointer("/target/name")
                .is_some_and(|name| name == "e2e")
        })
        .and_then(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
        .ok_or_else(|| failed("cargo names none".to_owned()))?;
    STORIES.get_or_init(|| program);
    Ok(())
}

/// The crates' own browser tests, each in a page of headless Chromium; those of the drivers against a backend of their own.
fn chromium(browser: &Browser, words: &[String], log: Option<&Path>) -> Result<(), Error> {
    let backend = dev::backend_for_tests()?;
    let mut command = tools::cargo();
    command
        .args(["test", "--locked", "--profile", "web"])
        .args(WASM_TARGET)
        .args([
            "--package",
            "bedside-query",
            "--package",
            "bedside-realtime",
        ])
        .args(["--test", "web", "--"])
        .args(words)
        .env("BEDSIDE_TEST_BACKEND", &backend.url)
        .env("BEDSIDE_TEST_KEY", &backend.key)
        // Refusals take their time, as the real server's do.
        .env("WASM_BINDGEN_TEST_TIMEOUT", "240")
        .env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
            Bundler::program("wasm-bindgen-test-runner")?,
        );
    browser.tell(&mut command);
    match log {
        Some(log) => process::run_logged("the tests in Chromium", &mut command, log),
        None => process::run("the tests in Chromium", &mut command),
    }
}

/// `cargo xtask soak`: the tests that have a long version, at their full length, and many histories.
pub fn soak() -> Result<(), Error> {
    let mut command = tools::cargo();
    command
        .args(["test", "--locked", "--release", "--no-fail-fast"])
        .args([
            "--package",
            "bedside-query",
            "--package",
            "bedside-realtime",
        ])
        .args(["--package", "bedside-simulation"])
        .args(["--lib", "--test", "native"])
        .env("BEDSIDE_SOAK", "1");
    let step = Step::new("soak", Duration::from_secs(600));
    report::timed("test", step, |log| {
        process::run_logged("the soak", &mut command, log)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_first_words_name_parts_and_the_others_tests() {
        let (chosen, rest) = choose(&words("query e2e outbox")).unwrap();
        assert!(chosen == [What::Crate("bedside-query"), What::EndToEnd]);
        assert_eq!(rest, ["outbox"]);
        let (chosen, rest) = choose(&[]).unwrap();
        assert!(chosen.is_empty() && rest.is_empty());
    }

    #[test]
    fn a_part_that_is_not_there_is_refused_with_the_names_of_all() {
        let error = choose(&words("outbox")).err().unwrap().to_string();
        assert!(
            error.contains("outbox") && error.contains("simulation"),
            "{error}"
        );
    }
}
