//! The tools that the build and the tests need: which version, whether it is there, how it gets there.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Error, process, workspace};

/// The version of the server that rebuilds the app on change.
const TRUNK: &str = "0.21.14";

/// The folder with trunk, which only `dev --watch` needs.
pub fn trunk() -> Result<PathBuf, Error> {
    Ok(workspace::cache()?
        .join("tools")
        .join(format!("trunk-{TRUNK}")))
}

/// Builds trunk from crates.io. Without its default features it can't download anything: it must find what we installed.
pub fn install_trunk(log: &Path) -> Result<(), Error> {
    let mut command = cargo();
    command
        .args(["install", "--locked", "--no-default-features", "--force"])
        .args(["--version", TRUNK, "trunk", "--root"])
        .arg(trunk()?)
        .env("CARGO_TARGET_DIR", build_folder()?)
        // It waits for cargo most of the time, so the quickest build is the best one.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    process::run_logged("building trunk", &mut command, log)
}

/// Whether trunk is installed and starts.
pub fn has_trunk() -> Result<bool, Error> {
    Ok(answers(trunk()?.join("bin").join("trunk")))
}

/// What turns linked WASM into a site: the program of `xtask/bundler` under its three names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Bundler {
    /// `wasm-bindgen` and `wasm-split`.
    Build,
    /// And `wasm-bindgen-test-runner`.
    Test,
}

impl Bundler {
    /// The folder with its programs, named after what they are built from.
    pub fn bin() -> Result<PathBuf, Error> {
        let mut hasher = DefaultHasher::new();
        for file in ["Cargo.toml", "Cargo.lock", "src/main.rs"] {
            let path = manifest_folder().join(file);
            std::fs::read(&path)
                .map_err(|source| Error::file("read", &path, source))?
                .hash(&mut hasher);
        }
        Ok(workspace::cache()?
            .join("tools")
            .join(format!("bundler-{:016x}", hasher.finish())))
    }

    /// One of its programs.
    pub fn program(name: &str) -> Result<PathBuf, Error> {
        Ok(Self::bin()?.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
    }

    const fn names(self) -> &'static [&'static str] {
        match self {
            Bundler::Build => &["wasm-split", "wasm-bindgen"],
            Bundler::Test => &["wasm-split", "wasm-bindgen", "wasm-bindgen-test-runner"],
        }
    }

    /// Whether it is installed and starts.
    pub fn is_present(self) -> Result<bool, Error> {
        let last = self.names().last().copied().unwrap_or_default();
        Ok(answers(Self::program(last)?))
    }

    /// Builds it and puts it into the cache under each of its names. An interrupted build continues where it stopped.
    pub fn install(self, log: &Path) -> Result<(), Error> {
        let target = build_folder()?;
        let mut command = cargo();
        command
            .args(["build", "--release", "--locked", "--manifest-path"])
            .arg(manifest_folder().join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target);
        if self == Bundler::Test {
            command.args(["--features", "test-runner"]);
        }
        process::run_logged("building the bundler", &mut command, log)?;
        let bin = Self::bin()?;
        std::fs::create_dir_all(&bin).map_err(|source| Error::file("create", &bin, source))?;
        let built = target
            .join("release")
            .join(format!("bedside-bundler{}", std::env::consts::EXE_SUFFIX));
        for name in self.names() {
            let path = Self::program(name)?;
            std::fs::copy(&built, &path).map_err(|source| Error::file("write", &path, source))?;
        }
        Ok(())
    }
}

fn manifest_folder() -> PathBuf {
    workspace::root().join("xtask").join("bundler")
}

/// Where tools are compiled; it outlives a clone, so that an interrupted build isn't lost.
fn build_folder() -> Result<PathBuf, Error> {
    Ok(workspace::cache()?.join("build"))
}

/// The cargo that runs us.
pub fn cargo() -> Command {
    let mut command = Command::new(cargo_program());
    command.current_dir(workspace::root());
    command
}

/// The same at the lowest priority, for work beside something that must react in time.
pub fn background_cargo() -> Command {
    if cfg!(not(unix)) {
        return cargo();
    }
    let mut command = Command::new("nice");
    command
        .args(["-n", "15"])
        .arg(cargo_program())
        .current_dir(workspace::root());
    command
}

fn cargo_program() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Whether a program answers to `--version`.
pub fn answers(program: impl AsRef<std::ffi::OsStr>) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Chromium and its driver, as the tests start them.
#[derive(Clone)]
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

/// Whether there is a PostgreSQL server with pgTAP: in the folder `BEDSIDE_POSTGRES_BIN`, in PATH, or Debian's newest, as the
/// backend's tests look for it.
pub fn has_postgres() -> bool {
    let named = std::env::var_os("BEDSIDE_POSTGRES_BIN").map(PathBuf::from);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        });
    let newest = installed.max().map(|(_, folder)| folder);
    let Some(folder) = named
        .into_iter()
        .chain(std::env::split_paths(&paths))
        .chain(newest)
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
    else {
        return false;
    };
    // The folder may hold links only; what belongs to a server lies beside the real one.
    let real = std::fs::canonicalize(folder.join("postgres")).unwrap_or_default();
    let shared = Command::new(real.with_file_name("pg_config"))
        .arg("--sharedir")
        .output();
    shared.is_ok_and(|shared| {
        let shared = String::from_utf8_lossy(&shared.stdout);
        Path::new(shared.trim())
            .join("extension/pgtap.control")
            .is_file()
    })
}
