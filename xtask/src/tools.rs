//! The pinned tools and where they are: which version, whether it is there, how it gets there.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{Error, process, workspace};

/// The bundler's version.
const TRUNK: &str = "0.21.14";

/// The newest version that knows the marks of the locked `wasm_split_macros`.
const WASM_SPLIT: &str = "0.2.4";

/// A program from crates.io, built once per version into the per-user cache.
pub struct Tool {
    /// Its package, and the folder's name in the cache.
    package: &'static str,
    /// The program that shows whether it is there.
    program: &'static str,
    version: String,
    /// What of it to build; never its defaults, which download things or add what we don't use.
    features: &'static [&'static str],
    /// How much to optimise it: a tool that only waits for cargo is best built quickly.
    opt_level: &'static str,
}

/// The bundler. Without its default features it cannot download anything, which is wanted: it must find what we installed.
pub fn trunk() -> Tool {
    Tool {
        package: "trunk",
        program: "trunk",
        version: TRUNK.to_owned(),
        features: &[],
        opt_level: "0",
    }
}

/// The generator of the JavaScript glue; it must be of the very version that the app links.
pub fn wasm_bindgen() -> Result<Tool, Error> {
    let version = workspace::locked_version("wasm-bindgen")?;
    Ok(Tool {
        package: "wasm-bindgen-cli",
        program: "wasm-bindgen",
        version,
        features: &[],
        // It reads whole WASM files, those of the tests unoptimised.
        opt_level: "1",
    })
}

/// What cuts the app into files that load on demand; it must know the marks that the app's macros make.
pub fn wasm_split() -> Tool {
    Tool {
        package: "wasm_split_cli_support",
        program: "wasm-split-cli",
        version: WASM_SPLIT.to_owned(),
        features: &["build-binary"],
        opt_level: "1",
    }
}

impl Tool {
    pub fn title(&self) -> String {
        format!("{} {}", self.package, self.version)
    }

    fn root(&self) -> Result<PathBuf, Error> {
        Ok(workspace::cache()?
            .join("tools")
            .join(format!("{}-{}", self.package, self.version)))
    }

    /// The folder with its programs.
    pub fn bin(&self) -> Result<PathBuf, Error> {
        Ok(self.root()?.join("bin"))
    }

    /// The program itself.
    pub fn program(&self) -> Result<PathBuf, Error> {
        Ok(self
            .bin()?
            .join(format!("{}{}", self.program, std::env::consts::EXE_SUFFIX)))
    }

    /// Whether it is installed and starts. Its version is in the folder's name.
    pub fn is_present(&self) -> Result<bool, Error> {
        let status = Command::new(self.program()?)
            .arg("--help")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        Ok(status.is_ok_and(|status| status.success()))
    }

    /// Builds it from crates.io with its own lock file.
    pub fn install(&self) -> Result<(), Error> {
        let mut command = cargo();
        command
            .args([
                "install",
                "--locked",
                "--no-default-features",
                "--force",
                "--quiet",
            ])
            .arg(format!("--features={}", self.features.join(",")))
            .args(["--version", &self.version, "--root"])
            .arg(self.root()?)
            .arg(self.package)
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", self.opt_level)
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env_remove("CARGO_TARGET_DIR");
        process::run(&format!("installing {}", self.title()), &mut command)
    }
}

/// The cargo that runs us.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace::root());
    command
}

/// Whether a program answers to `--version`.
fn answers(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether Node.js and its package manager are there.
pub fn has_node() -> bool {
    answers("node") && answers("npm")
}

/// What to do where they are not.
pub fn node_remedy() -> Error {
    Error::MissingTool {
        tool: "Node.js with npm".to_owned(),
        remedy: "install both (Debian: `sudo apt-get install nodejs npm`)".to_owned(),
    }
}

/// Chromium and its driver, as the tests start them.
pub struct Browser {
    pub chromium: String,
    pub chromedriver: String,
}

impl Browser {
    /// Tells a program that drives browsers which one to take.
    pub fn tell(&self, command: &mut Command) {
        command
            .env("CHROMEDRIVER", &self.chromedriver)
            .env("BEDSIDE_CHROMIUM", &self.chromium);
    }
}

/// The browser named by `BEDSIDE_CHROMIUM` and `CHROMEDRIVER`, else the first of the usual names that answers.
pub fn browser() -> Option<Browser> {
    let first = |variable: &str, names: &[&str]| {
        std::env::var(variable)
            .ok()
            .into_iter()
            .chain(names.iter().map(|name| (*name).to_owned()))
            .find(|name| answers(name))
    };
    Some(Browser {
        chromium: first(
            "BEDSIDE_CHROMIUM",
            &["chromium", "chromium-browser", "google-chrome"],
        )?,
        chromedriver: first("CHROMEDRIVER", &["chromedriver"])?,
    })
}

/// What to do where no browser was found.
pub fn browser_remedy() -> Error {
    Error::MissingTool {
        tool: "Chromium with its chromedriver".to_owned(),
        remedy: "install both (Debian: `sudo apt-get install chromium chromium-driver`), or set BEDSIDE_CHROMIUM and \
                 CHROMEDRIVER to them"
            .to_owned(),
    }
}
