//! The official JavaScript client runs a working session against the backend, unchanged.
//!
//! `supabase-js/session.mjs` is the session; its packages are installed once, under `target/`, at the versions of
//! its lock file.
use std::time::Duration;

use bedside_backend::realtime::Config;
use bedside_backend::{Backend, Options};
use tokio::process::Command;

/// The session waits at most 10 s for each of its steps.
const LIMIT: Duration = Duration::from_secs(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_client_works_a_session_unchanged() {
    let folder = bedside_tests::npm::installed("supabase-js", &["session.mjs"])
        .await
        .unwrap();
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
