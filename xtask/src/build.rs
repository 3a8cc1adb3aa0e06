//! Builds the SPA into `dist/` and the backend, and skips the SPA when nothing that it is made of has changed.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, process, report, split, tools, workspace};

/// All that the SPA is made of.
const SPA_SOURCES: [&str; 12] = [
    "Cargo.toml",
    "build.rs",
    "Cargo.lock",
    "Trunk.toml",
    "index.html",
    "rust-toolchain.toml",
    ".cargo",
    "src",
    "style",
    "public",
    "crates/query",
    "crates/realtime",
];

/// Text files gain from compression; images and the like do not.
const COMPRESSED: [&str; 7] = ["wasm", "js", "css", "html", "svg", "json", "webmanifest"];

/// Builds the backend. Cargo itself knows when there is nothing to do.
pub fn backend() -> Result<(), Error> {
    report::timed("build", "backend", || {
        process::run(
            "building the backend",
            tools::cargo().args(["build", "--locked", "--package", "bedside-backend"]),
        )
    })
}

/// Builds the SPA for release, unless `dist/` is already made from these sources.
pub fn spa() -> Result<(), Error> {
    let stamp = workspace::scratch()?.join("spa.stamp");
    let sources = fingerprint()?;
    if std::fs::read_to_string(&stamp).is_ok_and(|built| built == sources)
        && workspace::dist().join("index.html").is_file()
    {
        report::line("build", "app: unchanged");
        return Ok(());
    }
    report::timed("build", "app", || {
        process::run(
            "building the app",
            trunk("build")?.args(["--release", "--locked", "--features", "split"]),
        )?;
        split::app(&workspace::linked_app(), &workspace::dist())?;
        precompress(&workspace::dist())
    })?;
    std::fs::write(&stamp, sources).map_err(|source| Error::File {
        action: "write",
        path: stamp.display().to_string(),
        source,
    })
}

/// A trunk that finds the pinned tools and may not download others.
pub fn trunk(subcommand: &str) -> Result<Command, Error> {
    let trunk = tools::trunk().bin()?;
    let mut paths = vec![trunk.clone(), tools::wasm_bindgen()?.bin()?];
    paths.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let path = std::env::join_paths(paths).map_err(|error| Error::Step {
        step: "setting PATH".to_owned(),
        reason: error.to_string(),
    })?;
    let mut command = Command::new(trunk.join("trunk"));
    command
        .arg(subcommand)
        .arg("--offline=true")
        .env("PATH", path)
        // Trunk wants a boolean here, where the convention is any value.
        .env_remove("NO_COLOR")
        .current_dir(workspace::root());
    Ok(command)
}

/// Every source's path, size and time of change, as one number.
fn fingerprint() -> Result<String, Error> {
    let mut files = Vec::new();
    for source in SPA_SOURCES {
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
        let entries = std::fs::read_dir(path).map_err(|source| unreadable(path, source))?;
        for entry in entries {
            collect(
                &entry.map_err(|source| unreadable(path, source))?.path(),
                files,
            )?;
        }
    } else if path.is_file() {
        files.push(path.to_owned());
    }
    Ok(())
}

fn unreadable(path: &Path, source: std::io::Error) -> Error {
    Error::File {
        action: "read",
        path: path.display().to_string(),
        source,
    }
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
        let bytes = std::fs::read(&file).map_err(|source| unreadable(&file, source))?;
        let smaller = brotli(&bytes).map_err(|source| unreadable(&file, source))?;
        raw += bytes.len();
        compressed += smaller.len();
        let mut path = file.into_os_string();
        path.push(".br");
        std::fs::write(&path, smaller).map_err(|source| Error::File {
            action: "write",
            path: path.to_string_lossy().into_owned(),
            source,
        })?;
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
