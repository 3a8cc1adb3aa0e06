//! `cargo xtask setup`: installs what is missing, says what it does and how long it took, and does nothing twice.

use std::process::{Command, Stdio};

use crate::tools::{self, Tool};
use crate::{Error, process, report, workspace};

const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// What a command needs to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// To build and serve the app.
    App,
    /// And to test it in a browser.
    Everything,
}

/// Installs what is missing.
pub fn run(needs: Needs) -> Result<(), Error> {
    wasm_target()?;
    tool(&tools::trunk())?;
    tool(&tools::wasm_bindgen()?)?;
    tool(&tools::wasm_split())?;
    if needs == Needs::Everything {
        node()?;
        browser()?;
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
    report::timed("setup", WASM_TARGET, || {
        process::run(
            "rustup target add",
            Command::new("rustup")
                .args(["target", "add", WASM_TARGET])
                .current_dir(workspace::root()),
        )
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

fn tool(tool: &Tool) -> Result<(), Error> {
    if tool.is_present()? {
        present(&tool.title());
        return Ok(());
    }
    report::timed(
        "setup",
        &format!("{} (a few minutes, once per version)", tool.title()),
        || tool.install(),
    )
}

/// The official clients that ours is tested and measured beside run in Node.js and come from npm.
fn node() -> Result<(), Error> {
    const TITLE: &str = "Node.js with npm";
    if tools::has_node() {
        present(TITLE);
        return Ok(());
    }
    by_apt(TITLE, &["nodejs", "npm"], tools::node_remedy)?;
    if tools::has_node() {
        Ok(())
    } else {
        Err(tools::node_remedy())
    }
}

fn browser() -> Result<(), Error> {
    const TITLE: &str = "Chromium and chromedriver";
    if tools::browser().is_some() {
        present(TITLE);
        return Ok(());
    }
    by_apt(
        TITLE,
        &["chromium", "chromium-driver"],
        tools::browser_remedy,
    )?;
    tools::browser()
        .map(|_| ())
        .ok_or_else(tools::browser_remedy)
}

fn by_apt(title: &str, packages: &[&str], remedy: fn() -> Error) -> Result<(), Error> {
    if !may_use_apt() {
        return Err(remedy());
    }
    report::timed("setup", &format!("{title} by apt-get"), || {
        apt(&["update"])?;
        apt(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
    })
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

fn apt(arguments: &[&str]) -> Result<(), Error> {
    process::run(
        "apt-get",
        Command::new("apt-get")
            .args(["-qq", "-o", "Dpkg::Use-Pty=0"])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null()),
    )
}
