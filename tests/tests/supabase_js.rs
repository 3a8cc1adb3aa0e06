//! The official JavaScript client runs a working session against the backend, unchanged.
//!
//! `supabase-js/session.mjs` is the session; its packages are installed once, under `target/`, at the versions of
//! its lock file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use bedside_backend::realtime::Config;
use bedside_backend::{Backend, Options};
use tokio::process::Command;

/// The session waits at most 10 s for each of its steps.
const LIMIT: Duration = Duration::from_secs(100);

/// A folder in `target/` with the session and its packages, as the lock file says.
async fn installed() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("supabase-js");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("supabase-js");
    std::fs::create_dir_all(&folder).unwrap();
    let lock = std::fs::read(source.join("package-lock.json")).unwrap();
    let fresh =
        std::fs::read(folder.join("installed.lock")).is_ok_and(|installed| installed == lock);
    for file in ["package.json", "package-lock.json", "session.mjs"] {
        std::fs::copy(source.join(file), folder.join(file)).unwrap();
    }
    if !fresh {
        let npm = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(&folder)
            .output()
            .await
            .expect("npm is needed to install the official client");
        assert!(
            npm.status.success(),
            "{}",
            String::from_utf8_lossy(&npm.stderr)
        );
        std::fs::write(folder.join("installed.lock"), lock).unwrap();
    }
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_client_works_a_session_unchanged() {
    let folder = installed().await;
    let config = Config {
        error_delay: Duration::from_millis(50),
        ..Config::default()
    };
    let supabase = concat!(env!("CARGO_MANIFEST_DIR"), "/../supabase");
    let backend = Backend::start(Options {
        realtime: config,
        ..Options::in_memory(supabase)
    })
    .await
    .unwrap();
    let session = Command::new("node")
        .arg("session.mjs")
        .current_dir(&folder)
        .env("SUPABASE_URL", backend.url())
        .env("SUPABASE_ANON_KEY", backend.keys().anon_key())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(LIMIT, session)
        .await
        .expect("the session hangs")
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    println!("{out}");
    backend.shutdown().await;
    assert!(
        output.status.success() && out.trim_end().ends_with("done"),
        "{out}{err}"
    );
}
