//! Packages of npm that tests use, installed once under `target/`, at the versions of their lock file.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;
use tokio::sync::Mutex;

/// The folder `tests/<name>`, copied below `target/` with its packages beside it. `files` are those of its own.
pub async fn installed(name: &str, files: &[&str]) -> Result<PathBuf> {
    /// Two stories need the same packages at the same time.
    static INSTALLING: Mutex<()> = Mutex::const_new(());
    let _installing = INSTALLING.lock().await;
    let source = crate::root().join("tests").join(name);
    let folder = crate::target(1).join("tmp").join(name);
    std::fs::create_dir_all(&folder)?;
    let lock = std::fs::read(source.join("package-lock.json"))?;
    let fresh =
        std::fs::read(folder.join("installed.lock")).is_ok_and(|installed| installed == lock);
    for file in ["package.json", "package-lock.json"].iter().chain(files) {
        std::fs::copy(source.join(file), folder.join(file))?;
    }
    if !fresh {
        let npm = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(&folder)
            .output()
            .await
            .context("npm is needed to install packages of the tests")?;
        ensure!(
            npm.status.success(),
            "{}",
            String::from_utf8_lossy(&npm.stderr)
        );
        std::fs::write(folder.join("installed.lock"), lock)?;
    }
    Ok(folder)
}
