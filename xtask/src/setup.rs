//! `cargo xtask setup`: installs what is missing, says what it does and how long it took, and does nothing twice.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::report::Step;
use crate::tools::Bundler;
use crate::{Error, process, report, tools, workspace};

const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// What a command needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// To build and serve the app.
    App,
    /// To rebuild it on each change.
    Watch,
    /// To run every test.
    Tests,
    /// Only what cargo itself downloads.
    Nothing,
}

/// Installs what is missing. An interrupted set-up continues where it stopped.
pub fn run(needs: Needs) -> Result<(), Error> {
    if needs == Needs::Nothing {
        return dependencies();
    }
    wasm_target()?;
    c_compiler()?;
    free_space(needs)?;
    if needs == Needs::Tests {
        node()?;
        browser()?;
        postgres()?;
    }
    dependencies()?;
    bundler(match needs {
        Needs::Tests => Bundler::Test,
        Needs::App | Needs::Watch | Needs::Nothing => Bundler::Build,
    })?;
    if needs == Needs::Watch {
        trunk()?;
    }
    Ok(())
}

fn present(what: &str) {
    report::line("setup", &format!("{what}: present"));
}

fn wasm_target() -> Result<(), Error> {
    if has_wasm_target() {
        present(WASM_TARGET);
        return Ok(());
    }
    const INSTALL: Step = Step::new(WASM_TARGET, Duration::from_secs(10));
    report::timed("setup", INSTALL, |log| {
        process::run_logged(
            "rustup target add",
            Command::new("rustup")
                .args(["target", "add", WASM_TARGET])
                .current_dir(workspace::root()),
            log,
        )
        .map_err(|_| Error::MissingTool {
            tool: format!("Rust's target {WASM_TARGET}"),
            remedy: format!("check the network and run `rustup target add {WASM_TARGET}`"),
        })
    })
}

/// Asks the compiler itself, so that a toolchain without rustup counts too.
fn has_wasm_target() -> bool {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", WASM_TARGET])
        .current_dir(workspace::root())
        .output();
    output.is_ok_and(|output| {
        std::path::Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

/// The dependencies of the backend compile C.
fn c_compiler() -> Result<(), Error> {
    const TITLE: &str = "C compiler";
    let remedy = || Error::MissingTool {
        tool: "a C compiler".to_owned(),
        remedy: "install one (Debian: `sudo apt-get install gcc libc6-dev`), or set CC to it"
            .to_owned(),
    };
    let present = || {
        tools::answers(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
            || (cfg!(windows) && std::env::var_os("CC").is_none())
    };
    from_debian(TITLE, &["gcc", "libc6-dev"], present, remedy)
}

/// The official clients that ours is tested and measured against run in Node.js and come from npm.
fn node() -> Result<(), Error> {
    let remedy = || Error::MissingTool {
        tool: "Node.js with npm".to_owned(),
        remedy: "install both (Debian: `sudo apt-get install nodejs npm`)".to_owned(),
    };
    let present = || tools::answers("node") && tools::answers("npm");
    from_debian("Node.js with npm", &["nodejs", "npm"], present, remedy)
}

fn browser() -> Result<(), Error> {
    from_debian(
        "Chromium and chromedriver",
        &["chromium", "chromium-driver"],
        || tools::browser().is_some(),
        browser_remedy,
    )
}

/// What to do without a browser.
pub fn browser_remedy() -> Error {
    Error::MissingTool {
        tool: "Chromium with its chromedriver".to_owned(),
        remedy: "install both (Debian: `sudo apt-get install chromium chromium-driver`), or set BEDSIDE_CHROMIUM and \
                 CHROMEDRIVER to them"
            .to_owned(),
    }
}

/// The tests of `--database-url` use a server of their own.
fn postgres() -> Result<(), Error> {
    let remedy = || {
        Error::MissingTool {
        tool: "the PostgreSQL server (15 or newer) with pgTAP".to_owned(),
        remedy: "install both (Debian: `sudo apt-get install postgresql pgtap`), or set BEDSIDE_POSTGRES_BIN to the folder of \
                 initdb"
            .to_owned(),
    }
    };
    from_debian(
        "PostgreSQL server with pgTAP",
        &["postgresql", "pgtap"],
        tools::has_postgres,
        remedy,
    )
}

/// Installs Debian packages where we are root, else says what to install.
fn from_debian(
    title: &'static str,
    packages: &[&str],
    is_present: impl Fn() -> bool,
    remedy: impl Fn() -> Error,
) -> Result<(), Error> {
    if is_present() {
        present(title);
        return Ok(());
    }
    if !may_use_apt() {
        return Err(remedy());
    }
    report::timed("setup", Step::new(title, Duration::from_secs(60)), |log| {
        let apt = |arguments: &[&str]| {
            let mut command = Command::new("apt-get");
            command
                .args(["-qq", "-o", "Dpkg::Use-Pty=0"])
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive");
            process::run_logged("apt-get", &mut command, log)
        };
        apt(&["update"])?;
        apt(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
    })?;
    if is_present() { Ok(()) } else { Err(remedy()) }
}

/// apt-get changes the whole machine, so only where we are its root already.
fn may_use_apt() -> bool {
    #[cfg(unix)]
    let root = rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    let root = false;
    root && Command::new("apt-get")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Downloads the sources, so that a missing network is reported as such and not by a compiler.
fn dependencies() -> Result<(), Error> {
    const FETCH: Step = Step::new("dependencies", Duration::from_secs(20));
    let host = Command::new("rustc")
        .args(["--print", "host-tuple"])
        .current_dir(workspace::root())
        .output();
    let host = host.map_err(|error| Error::MissingTool {
        tool: "rustc".to_owned(),
        remedy: error.to_string(),
    })?;
    let host = String::from_utf8_lossy(&host.stdout).trim().to_owned();
    report::timed("setup", FETCH, |log| {
        for manifest in ["Cargo.toml", "xtask/bundler/Cargo.toml"] {
            let mut command = tools::cargo();
            command
                .args(["fetch", "--locked", "--manifest-path", manifest])
                .args(["--target", WASM_TARGET, "--target", &host]);
            process::run_logged("cargo fetch", &mut command, log).map_err(|error| match error {
                Error::Step { .. } => Error::Step {
                    step: "downloading the dependencies".to_owned(),
                    reason: format!(
                        "check the network and run this again, it continues where it stopped (details: {})",
                        log.display()
                    ),
                },
                error => error,
            })?;
        }
        Ok(())
    })
}

fn bundler(bundler: Bundler) -> Result<(), Error> {
    const TITLE: &str = "bundler (wasm-bindgen, wasm-split)";
    if bundler.is_present()? {
        present(TITLE);
        return Ok(());
    }
    let build = Step::new(TITLE, Duration::from_secs(90));
    report::timed("setup", build, |log| bundler.install(log))
}

fn trunk() -> Result<(), Error> {
    if tools::has_trunk()? {
        present("trunk");
        return Ok(());
    }
    let build = Step::new("trunk", Duration::from_secs(180));
    report::timed("setup", build, tools::install_trunk)
}

/// Compilers report a full disk in many ways and late: so we look first.
fn free_space(needs: Needs) -> Result<(), Error> {
    let target = workspace::target();
    // What a complete build leaves in `target`; an existing one has spent most of it.
    let gigabytes = match (needs, target.join("debug").is_dir()) {
        (_, true) => 1,
        (Needs::App | Needs::Watch | Needs::Nothing, false) => 5,
        (Needs::Tests, false) => 12,
    };
    match workspace::free_bytes(&target) {
        Some(free) if free < gigabytes * 1_000_000_000 => Err(Error::DiskFull {
            folder: target.display().to_string(),
            free: free / 1_000_000,
            needed: gigabytes * 1000,
        }),
        _ => Ok(()),
    }
}
