//! `cargo xtask test`: setup, then every check and test, then one summary. A failed check does not hide the ones behind it.

use std::time::{Duration, Instant};

use crate::{Error, build, dev, process, report, setup, tools};

const WASM_CRATES: [&str; 6] = [
    "--package",
    "bedside",
    "--package",
    "bedside-query",
    "--package",
    "bedside-realtime",
];
const DENY_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];

enum Outcome {
    Passed(Duration),
    Failed(String),
    /// Something that it stands on failed.
    NotRun,
}

/// Runs everything.
///
/// # Errors
/// [`Error::Checks`] names the checks that failed; [`Error::Interrupted`] after Ctrl-C.
pub fn run() -> Result<(), Error> {
    let start = Instant::now();
    setup::run(setup::Needs::Everything)?;
    let browser = tools::browser().ok_or_else(tools::browser_remedy)?;
    let mut checks = Checks { done: Vec::new() };

    checks.run("format", || cargo(&["fmt", "--all", "--check"], &[]))?;
    checks.run("clippy", || {
        cargo(
            &[
                "clippy",
                "--locked",
                "--workspace",
                "--all-targets",
                "--test",
                "e2e",
            ],
            &DENY_WARNINGS,
        )
    })?;
    checks.run("clippy wasm32", || {
        let mut arguments = vec![
            "clippy",
            "--locked",
            "--all-targets",
            "--target",
            "wasm32-unknown-unknown",
        ];
        arguments.extend(WASM_CRATES);
        cargo(&arguments, &DENY_WARNINGS)
    })?;
    let app = checks.run("the app", build::spa)?;
    checks.run("tests", || {
        cargo(&["test", "--locked", "--workspace", "--no-fail-fast"], &[])
    })?;
    checks.run("tests in Chromium", || wasm_tests(&browser))?;
    if app {
        checks.run("end to end", || end_to_end(&browser))?;
    } else {
        checks.done.push(("end to end", Outcome::NotRun));
    }
    checks.summary(start.elapsed())
}

struct Checks {
    done: Vec<(&'static str, Outcome)>,
}

impl Checks {
    /// Runs one check and keeps its outcome; only Ctrl-C ends the whole.
    fn run(
        &mut self,
        name: &'static str,
        check: impl FnOnce() -> Result<(), Error>,
    ) -> Result<bool, Error> {
        report::line("check", &format!("{name} …"));
        let start = Instant::now();
        let outcome = match check() {
            Ok(()) => Outcome::Passed(start.elapsed()),
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => Outcome::Failed(error.to_string()),
        };
        let passed = matches!(outcome, Outcome::Passed(_));
        self.done.push((name, outcome));
        Ok(passed)
    }

    fn summary(&self, time: Duration) -> Result<(), Error> {
        println!();
        let mut failed = Vec::new();
        for (name, outcome) in &self.done {
            let text = match outcome {
                Outcome::Passed(time) => format!("passed  {name} ({})", report::spoken(*time)),
                Outcome::Failed(reason) => format!("FAILED  {name}: {reason}"),
                Outcome::NotRun => format!("not run {name}"),
            };
            if !matches!(outcome, Outcome::Passed(_)) {
                failed.push(*name);
            }
            report::line("summary", &text);
        }
        report::line("summary", &format!("{} in all", report::spoken(time)));
        println!(
            "{} passed, {} failed",
            self.done.len() - failed.len(),
            failed.len()
        );
        if failed.is_empty() {
            Ok(())
        } else {
            Err(Error::Checks {
                failed: failed.len(),
                total: self.done.len(),
                names: failed.join(", "),
            })
        }
    }
}

fn cargo(arguments: &[&str], rest: &[&str]) -> Result<(), Error> {
    let mut command = tools::cargo();
    process::run(&spoken(arguments), command.args(arguments).args(rest))
}

fn spoken(arguments: &[&str]) -> String {
    format!("cargo {}", arguments.first().unwrap_or(&""))
}

/// The crates' own browser tests, each in a page of headless Chromium; those of the drivers against a backend of their own.
fn wasm_tests(browser: &tools::Browser) -> Result<(), Error> {
    let runner = tools::wasm_bindgen()?
        .bin()?
        .join("wasm-bindgen-test-runner");
    build::backend()?;
    let backend = dev::backend_for_tests()?;
    let mut command = tools::cargo();
    command
        .args(["test", "--locked", "--target", "wasm32-unknown-unknown"])
        .args([
            "--package",
            "bedside-query",
            "--package",
            "bedside-realtime",
            "--test",
            "web",
            "--test",
            "browser",
            "--test",
            "backend",
        ])
        .env("BEDSIDE_TEST_BACKEND", &backend.url)
        .env("BEDSIDE_TEST_KEY", &backend.key)
        // Refusals take their time, as the real server's do.
        .env("WASM_BINDGEN_TEST_TIMEOUT", "120")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner);
    browser.tell(&mut command);
    process::run("cargo test in Chromium", &mut command)
}

/// The tests that need the built app, a fresh backend and two browsers. Of the whole workspace again, as the tests before
/// them: another selection of packages has other features, and would be another build.
fn end_to_end(browser: &tools::Browser) -> Result<(), Error> {
    let mut command = tools::cargo();
    command.args([
        "test",
        "--locked",
        "--workspace",
        "--test",
        "e2e",
        "--",
        "--nocapture",
        "--test-threads=1",
    ]);
    // A story that fails says why in a line; where in the tests' own code is not worth the fifty lines after it.
    command.env("RUST_LIB_BACKTRACE", "0");
    browser.tell(&mut command);
    process::run("cargo test end to end", &mut command)
}
