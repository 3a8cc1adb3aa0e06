//! The feed's heartbeat beats by itself where the migrations bring one.

use std::time::Duration;

use bedside_backend::{Backend, Options, Running};

use crate::backend::stage::Project;

const BEAT: &str = "
create schema private;
create table public.feed_heartbeat (beat bigint not null);
insert into public.feed_heartbeat values (0);
create function private.beat_feed() returns void language sql as $$ update public.feed_heartbeat set beat = beat + 1 $$;
";

async fn start(period: Option<Duration>) -> Running {
    let project = Project::new();
    project.write("migrations/20260202000000_beat.sql", BEAT);
    let options = Options {
        heartbeat: period,
        ..Options::in_memory(project.path())
    };
    Backend::start(options).await.unwrap()
}

async fn beats(backend: &Running) -> i64 {
    sqlx::query_scalar("select beat from public.feed_heartbeat")
        .fetch_one(backend.db().pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn it_counts_on_without_anybody_asking() {
    let backend = start(Some(Duration::from_millis(5))).await;
    let counted = async {
        while beats(&backend).await < 5 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), counted)
        .await
        .unwrap();
    backend.shutdown().await;
}

/// Long enough for what beats every ten seconds to have done so.
const LONGER_THAN_A_BEAT: Duration = Duration::from_secs(12);

#[tokio::test]
async fn a_feed_that_is_started_without_it_stays_still_while_a_client_listens() {
    for period in [None, Some(Duration::ZERO)] {
        let backend = start(period).await;
        let url = format!(
            "{}/realtime/v1/websocket?vsn=1.0.0&apikey={}",
            backend.url().replace("http", "ws"),
            backend.keys().anon_key()
        );
        let socket = tokio_tungstenite::connect_async(url).await.unwrap();
        if period.is_none() {
            tokio::time::sleep(LONGER_THAN_A_BEAT).await;
        }
        assert_eq!(beats(&backend).await, 0);
        drop(socket);
        backend.shutdown().await;
    }
}
