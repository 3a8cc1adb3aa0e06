//! Where things lie: the project's own folders and the per-user cache of pinned tools.

use std::path::{Path, PathBuf};

use crate::Error;

/// The project's root: the folder above this crate.
pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Where builds go, honouring `CARGO_TARGET_DIR`.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// What is ours under [`target`]: stamps, generated settings, logs.
pub fn scratch() -> Result<PathBuf, Error> {
    let path = target().join("xtask");
    std::fs::create_dir_all(&path).map_err(|source| Error::file("create", &path, source))?;
    Ok(path)
}

/// The file that keeps what a step printed.
pub fn log(step: &str) -> Result<PathBuf, Error> {
    let folder = scratch()?.join("logs");
    std::fs::create_dir_all(&folder).map_err(|source| Error::file("create", &folder, source))?;
    let name: String = step
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    Ok(folder.join(format!("{name}.log")))
}

/// The free space where a folder is, or will be.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let existing = folder.ancestors().find(|path| path.is_dir())?;
        let disk = rustix::fs::statvfs(existing).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// The built SPA.
pub fn dist() -> PathBuf {
    root().join("dist")
}

/// The app as the linker left it, built with this Cargo profile.
pub fn linked_app(profile: &str) -> PathBuf {
    target()
        .join("wasm32-unknown-unknown")
        .join(profile)
        .join("bedside.wasm")
}

/// The built backend.
pub fn backend() -> PathBuf {
    target()
        .join("debug")
        .join(format!("bedside-backend{}", std::env::consts::EXE_SUFFIX))
}

/// The per-user folder that outlives a clone: `BEDSIDE_CACHE`, else the platform's cache folder.
pub fn cache() -> Result<PathBuf, Error> {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    from("BEDSIDE_CACHE")
        .or_else(|| from("XDG_CACHE_HOME").map(|path| path.join("bedside")))
        .or_else(|| from("HOME").map(|path| path.join(".cache").join("bedside")))
        .or_else(|| from("LOCALAPPDATA").map(|path| path.join("bedside")))
        .ok_or_else(|| Error::MissingTool {
            tool: "a cache folder".to_owned(),
            remedy: "set BEDSIDE_CACHE to a folder that you may write to".to_owned(),
        })
}

#[cfg(test)]
fn version_in_lock(lock: &str, package: &str) -> Option<String> {
    let mut lines = lock.lines();
    let name = format!("name = \"{package}\"");
    lines.find(|line| *line == name)?;
    let version = lines
        .next()?
        .strip_prefix("version = \"")?
        .strip_suffix('"')?;
    Some(version.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_locked_version_is_that_of_the_exact_package() {
        let lock = "name = \"wasm-bindgen-macro\"\nversion = \"0.1.0\"\n\nname = \"wasm-bindgen\"\nversion = \"0.2.128\"\n";
        assert_eq!(version_in_lock(lock, "wasm-bindgen").unwrap(), "0.2.128");
        assert_eq!(version_in_lock(lock, "wasm"), None);
    }

    /// Glue and app must come from one version, and the bundler has a lock file of its own.
    #[test]
    fn the_bundler_makes_glue_for_the_version_that_the_app_links() {
        let version = |lock: &str, package| {
            version_in_lock(
                &std::fs::read_to_string(root().join(lock)).unwrap(),
                package,
            )
            .unwrap()
        };
        assert_eq!(
            version("xtask/bundler/Cargo.lock", "wasm-bindgen-cli-support"),
            version("Cargo.lock", "wasm-bindgen")
        );
    }
}
