//! The backend's Realtime against the recordings of the real server: the client's side of each scenario is played, the
//! server's side compared frame by frame. `wire/README.md` has the table of what is in scope.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod wire;

use std::time::Duration;

use bedside_backend::realtime::Config;
use bedside_backend::{Backend, Options, Running};
use wire::recording;
use wire::replay::{self, Manner};

/// Scenarios in which time plays no part; one backend plays them all.
const SCENARIOS: &[(&str, Manner)] = &[
    ("a0_cold_start", Manner::PLAIN),
    ("a1_connect_heartbeat", Manner::PLAIN),
    // Not played: a Host that names another tenant, and paths of the bare server.
    ("a2_connect_errors", Manner { without: &["J", "P", "Q"], ..Manner::PLAIN }),
    ("b1_join_bindings", Manner::PLAIN),
    ("b2_filters", Manner::PLAIN),
    ("b3_filters_full_identity", Manner::PLAIN),
    ("c1_changes_per_table", Manner::PLAIN),
    ("c2_types", Manner::PLAIN),
    ("c3_tx_multi_truncate", Manner::PLAIN),
    ("c4_toast", Manner::PLAIN),
    // The real server looks for changes up to half a second after the commit, this one at once: a row committed
    // before a join is gone by then.
    ("c5_row_around_join", Manner { may_lack: &["before join"], ..Manner::PLAIN }),
    ("d1_rls", Manner::PLAIN),
    ("d2_errors_in_changes", Manner::PLAIN),
    ("e1_bad_bindings", Manner::PLAIN),
    ("e2_bad_joins", Manner::PLAIN),
    ("e3_failed_join_blocks_socket", Manner::PLAIN),
    ("f1_access_token", Manner::PLAIN),
    ("f2_join_bad_tokens", Manner::PLAIN),
    ("g_presence", Manner::PLAIN),
    ("g2_presence_rate_limit", Manner::PLAIN),
    ("h_broadcast", Manner::PLAIN),
    ("h2_replication_ready", Manner::PLAIN),
    ("i1_leave_duplicate", Manner::PLAIN),
    ("j_malformed", Manner::PLAIN),
    ("j2_text_edge_cases", Manner::PLAIN),
    // A leave and a join sent back to back: the real server answers the leave in one recording and not in the other.
    ("k1_private", Manner { may_lack: &["697397cc"], may_add: &["\"ref\":\"10\""], ..Manner::PLAIN }),
    ("m1_channels_limit", Manner::PLAIN),
];

fn config() -> Config {
    Config {
        error_delay: Duration::from_millis(30),
        connect_error_delay: Duration::from_millis(10),
        resubscribe_delay: Duration::from_millis(30),
        ..Config::default()
    }
}

async fn backend(config: Config) -> Running {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/wire/schema");
    Backend::start(Options { realtime: config, ..Options::in_memory(schema) }).await.unwrap()
}

/// Removes what a scenario left behind, unseen by the next.
async fn clean(backend: &Running) {
    backend
        .db()
        .run_script(
            "truncate profiles, patients, form_submissions, all_types, items, items_full, no_pk, hidden_pk, hidden_col,
                      not_published, realtime.messages",
        )
        .await
        .unwrap();
    backend.realtime().catch_up().await;
}

/// Plays scenarios one after the other and prints how each went.
async fn play_all(version: &str) {
    let backend = backend(config()).await;
    let only = std::env::var("WIRE_ONLY").ok();
    let mut failed = Vec::new();
    for (name, manner) in SCENARIOS {
        if only.as_deref().is_some_and(|only| only != *name) {
            continue;
        }
        clean(&backend).await;
        let started = std::time::Instant::now();
        let lines = recording::read(name, version).unwrap();
        match replay::play(&backend, &lines, *manner).await {
            Ok(()) => println!("{name}.{version}: passed in {:?}", started.elapsed()),
            Err(error) => {
                println!("{name}.{version}: FAILED\n{error:#}");
                failed.push(*name);
            }
        }
    }
    backend.shutdown().await;
    assert!(failed.is_empty(), "{version}: {failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_sends_is_what_was_recorded_in_the_first_serializer() {
    play_all("v1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_sends_is_what_was_recorded_in_the_second_serializer() {
    play_all("v2").await;
}
