//! Builds the app and the backend, and skips the app when nothing that it is made of has changed.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::report::Step;
use crate::{Error, process, report, site, tools, workspace};

/// All that the app is made of.
const APP_SOURCES: [&str; 11] = [
    "Cargo.toml",
    "build.rs",
    "Cargo.lock",
    "index.html",
    "rust-toolchain.toml",
    ".cargo",
    "src",
    "style",
    "public",
    "crates",
    "xtask/src/site.rs",
];

/// Text files gain from compression; images and the like do not.
const COMPRESSED: [&str; 7] = ["wasm", "js", "css", "html", "svg", "json", "webmanifest"];

/// How the app is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum App {
    /// In a few minutes, for this machine: what `dev` serves and the browser tests use.
    Quick,
    /// As small as possible, and compressed: what a hospital serves.
    Release,
}

impl App {
    /// Where the built app is.
    pub fn folder(self) -> PathBuf {
        match self {
            App::Quick => workspace::target().join("app"),
            App::Release => workspace::dist(),
        }
    }

    const fn profile(self) -> &'static str {
        match self {
            App::Quick => "web",
            App::Release => "release",
        }
    }

    fn stamp(self) -> Result<PathBuf, Error> {
        Ok(workspace::scratch()?.join(format!("app-{}.stamp", self.profile())))
    }
}

/// The backend and the tests that link it: one selection for all commands, since another would unify other features, and be
/// another build.
pub const BACKEND: [&str; 4] = ["--package", "bedside-backend", "--package", "bedside-tests"];

/// Builds the backend. Cargo itself knows when there is nothing to do.
pub fn backend() -> Result<(), Error> {
    let step = Step::new("backend", Duration::from_secs(240));
    report::timed("build", step, |log| {
        process::run_logged("building the backend", &mut backend_command(), log)
    })
}

pub fn backend_command() -> Command {
    let mut cargo = tools::cargo();
    cargo.args(["build", "--locked"]).args(BACKEND);
    cargo.args(["--bin", "bedside-backend"]);
    cargo
}

/// Builds the app, unless it is already built from these sources.
pub fn app(app: App) -> Result<(), Error> {
    let step = match app {
        App::Quick => Step::new("app", Duration::from_secs(180)),
        App::Release => Step::new("app for release", Duration::from_secs(360)),
    };
    report::timed("build", step, |log| app_into(app, log))
}

/// The same, as part of something that reports its progress by itself.
pub fn app_into(app: App, log: &Path) -> Result<(), Error> {
    let stamp = app.stamp()?;
    let sources = fingerprint()?;
    if std::fs::read_to_string(&stamp).is_ok_and(|built| built == sources)
        && app.folder().join("index.html").is_file()
    {
        return Ok(());
    }
    let mut cargo = tools::cargo();
    cargo
        .args(["build", "--locked", "--package", "bedside", "--bin"])
        .args(["bedside", "--features", "split", "--profile"])
        .args([app.profile(), "--target", "wasm32-unknown-unknown"]);
    process::run_logged("building the app", &mut cargo, log)?;
    let start = Instant::now();
    site::assemble(&workspace::linked_app(app.profile()), &app.folder(), log)?;
    report::line(
        "build",
        &format!("app: bundled in {}", report::spoken(start.elapsed())),
    );
    match app {
        App::Quick => size(&app.folder()),
        App::Release => precompress(&app.folder()),
    }?;
    std::fs::write(&stamp, sources).map_err(|source| Error::file("write", &stamp, source))
}

/// Builds the backend and the app beside each other: one often waits for a single compiler while the other has work.
pub fn both(variant: App) -> Result<(), Error> {
    std::thread::scope(|scope| {
        let backend = scope.spawn(backend);
        let built = app(variant);
        let backend = backend.join().unwrap_or_else(|_| {
            Err(Error::Step {
                step: "building the backend".to_owned(),
                reason: "it panicked".to_owned(),
            })
        });
        backend.and(built)
    })
}

/// Says how large the app is without compression.
fn size(folder: &Path) -> Result<(), Error> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    let bytes: u64 = files
        .iter()
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum();
    report::line(
        "build",
        &format!("app: {} kB, not compressed", bytes / 1000),
    );
    Ok(())
}

/// Every source's path, size and time of change, as one number.
fn fingerprint() -> Result<String, Error> {
    let mut files = Vec::new();
    for source in APP_SOURCES {
        collect(&workspace::root().join(source), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in &files {
        file.hash(&mut hasher);
        if let Ok(meta) = file.metadata() {
            meta.len().hash(&mut hasher);
            meta.modified().ok().hash(&mut hasher);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    if path.is_dir() {
        let entries =
            std::fs::read_dir(path).map_err(|source| Error::file("read", path, source))?;
        for entry in entries {
            collect(
                &entry
                    .map_err(|source| Error::file("read", path, source))?
                    .path(),
                files,
            )?;
        }
    } else if path.is_file() {
        files.push(path.to_owned());
    }
    Ok(())
}

/// Writes a `.br` beside each file that gains from it, and says what a visitor downloads.
fn precompress(dist: &Path) -> Result<(), Error> {
    let mut files = Vec::new();
    collect(dist, &mut files)?;
    let (mut raw, mut compressed) = (0, 0);
    for file in files {
        let extension = file
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default();
        if !COMPRESSED.contains(&extension) {
            continue;
        }
        let bytes = std::fs::read(&file).map_err(|source| Error::file("read", &file, source))?;
        let smaller = brotli(&bytes).map_err(|source| Error::file("read", &file, source))?;
        raw += bytes.len();
        compressed += smaller.len();
        let mut path = file.into_os_string();
        path.push(".br");
        let path = PathBuf::from(path);
        std::fs::write(&path, smaller).map_err(|source| Error::file("write", &path, source))?;
    }
    report::line(
        "build",
        &format!("app: {} kB, {} kB as brotli", raw / 1000, compressed / 1000),
    );
    Ok(())
}

fn brotli(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    const BEST: u32 = 11;
    const WINDOW: u32 = 22;
    let mut out = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut out, 64 * 1024, BEST, WINDOW);
    writer.write_all(bytes)?;
    writer.flush()?;
    drop(writer);
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_compressed_reads_back_the_same() {
        let text = "state by icon, word and colour ".repeat(100);
        let packed = brotli(text.as_bytes()).unwrap();
        assert!(packed.len() < text.len() / 4);
        let mut back = String::new();
        std::io::Read::read_to_string(
            &mut brotli::Decompressor::new(packed.as_slice(), 4096),
            &mut back,
        )
        .unwrap();
        assert_eq!(back, text);
    }

    #[test]
    fn the_fingerprint_holds_still_while_nothing_changes() {
        assert_eq!(fingerprint().unwrap(), fingerprint().unwrap());
    }
}
