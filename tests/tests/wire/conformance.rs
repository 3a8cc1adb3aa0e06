//! The backend's Realtime against the recordings of the real server: the client's side of each scenario is played, the
//! server's side compared frame by frame. `wire/README.md` has the table of what is in scope.
use std::time::Duration;

use crate::recording;
use crate::replay::{self, Manner};
use bedside_backend::realtime::Config;
use bedside_backend::{Backend, Database, Options, Running};

/// Scenarios in which time plays no part; one backend plays them all.
const SCENARIOS: &[(&str, Manner)] = &[
    ("a0_cold_start", Manner::PLAIN),
    ("a1_connect_heartbeat", Manner::PLAIN),
    // Not played: paths of the bare server.
    (
        "a2_connect_errors",
        Manner {
            without: &["P", "Q"],
            ..Manner::PLAIN
        },
    ),
    ("b1_join_bindings", Manner::PLAIN),
    ("b2_filters", Manner::PLAIN),
    ("b3_filters_full_identity", Manner::PLAIN),
    ("c1_changes_per_table", Manner::PLAIN),
    ("c2_types", Manner::PLAIN),
    ("c3_tx_multi_truncate", Manner::PLAIN),
    ("c4_toast", Manner::PLAIN),
    // The real server looks for changes up to half a second after the commit, this one at once: a row committed
    // before a join is gone by then.
    (
        "c5_row_around_join",
        Manner {
            may_lack: &["before join"],
            ..Manner::PLAIN
        },
    ),
    ("d1_rls", Manner::PLAIN),
    ("d2_errors_in_changes", Manner::PLAIN),
    ("e1_bad_bindings", Manner::PLAIN),
    ("e2_bad_joins", Manner::PLAIN),
    ("e3_failed_join_blocks_socket", Manner::PLAIN),
    ("f1_access_token", Manner::PLAIN),
    ("f2_join_bad_tokens", Manner::PLAIN),
    // D's own presence leaves after D has: the real server told D of it in one of two recordings.
    (
        "g_presence",
        Manner {
            may_lack: &[
                "D [null,null,\"realtime:room\",\"presence_diff\",{\"joins\":{},\"leaves\":{\"0381872a",
            ],
            ..Manner::PLAIN
        },
    ),
    ("g2_presence_rate_limit", Manner::PLAIN),
    ("h_broadcast", Manner::PLAIN),
    ("h2_replication_ready", Manner::PLAIN),
    // A leave right behind a join overtakes the subscription, which the real server happened to finish first. A row
    // committed between a join's reply and its "Subscribed" may come or not.
    (
        "i1_leave_duplicate",
        Manner {
            may_lack: &[
                "\"channel\":\"l3\"",
                "\"realtime:l4\",\"postgres_changes\"",
                "[45734336]},\"ref\":null,\"topic\":\"realtime:l4\"",
            ],
            ..Manner::PLAIN
        },
    ),
    ("j_malformed", Manner::PLAIN),
    ("j2_text_edge_cases", Manner::PLAIN),
    // A leave and a join sent back to back: the real server answers the leave in one recording and not in the other.
    // The second recording also replays what the first one had stored.
    (
        "k1_private",
        Manner {
            may_lack: &["1246f217-9890-476b-897f-9bc5d6258ea9\",\"replayed"],
            may_add: &["\"ref\":\"10\""],
            ..Manner::PLAIN
        },
    ),
    ("m1_channels_limit", Manner::PLAIN),
];

pub fn config() -> Config {
    Config {
        error_delay: Duration::from_millis(30),
        connect_error_delay: Duration::from_millis(10),
        resubscribe_delay: Duration::from_millis(30),
        tenant: Some("recorded".to_owned()),
        ..Config::default()
    }
}

/// A backend of its own, or one over the PostgreSQL server that `WIRE_DATABASE_URL` names.
pub async fn backend(config: Config) -> Running {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/wire/schema");
    let mut options = Options {
        realtime: config,
        ..Options::in_memory(schema)
    };
    if let Ok(url) = std::env::var("WIRE_DATABASE_URL") {
        options.database = Database::Url(url);
    }
    let backend = Backend::start(options).await.unwrap();
    clean(&backend).await;
    backend
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

/// Plays one scenario on a backend of its own, in both serializers.
async fn play_alone(name: &str, config: Config, manner: Manner) {
    for version in ["v1", "v2"] {
        let backend = backend(config.clone()).await;
        let lines = recording::read(name, version).unwrap();
        let outcome = replay::play(&backend, &lines, manner).await;
        backend.shutdown().await;
        outcome.unwrap_or_else(|error| panic!("{name}.{version}: {error:#}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_sends_is_what_was_recorded_in_the_first_serializer() {
    play_all("v1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_sends_is_what_was_recorded_in_the_second_serializer() {
    play_all("v2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_ends_with_its_token_and_the_others_go_on() {
    // Tokens of 12 s live for 2.4.
    play_alone(
        "f3_token_expires_while_joined",
        config(),
        Manner {
            pace: 0.2,
            ..Manner::PLAIN
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_renewed_in_time_loses_no_row() {
    play_alone(
        "f4_refresh_in_time",
        config(),
        Manner {
            pace: 0.2,
            ..Manner::PLAIN
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_closed_and_any_frame_is_a_sign_of_life() {
    // 66 s last 2.6.
    let config = Config {
        idle_timeout: Duration::from_millis(2_640),
        ..config()
    };
    play_alone(
        "i2_missed_heartbeat",
        config,
        Manner {
            pace: 0.04,
            ..Manner::PLAIN
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_closes_live_sockets_with_1012() {
    let until = Some("C tries to connect");
    // A tracks while B joins: whether B finds A there or is told right after differs from recording to recording.
    let (may_lack, may_add) = (
        &[
            "presence_state",
            "B [null,null,\"realtime:t\",\"presence_diff\"",
        ][..],
        &["\"realtime:t\",\"presence_", "\"event\":\"presence_"][..],
    );
    play_alone(
        "l1_sigterm",
        config(),
        Manner {
            until,
            may_lack,
            may_add,
            ..Manner::PLAIN
        },
    )
    .await;
    play_alone("l1c_sigterm_variants", config(), Manner::PLAIN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_can_ask_everybody_to_connect_anew() {
    play_alone("l5_server_disconnect", config(), Manner::PLAIN).await;
}
