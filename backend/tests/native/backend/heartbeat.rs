//! The feed's heartbeat beats by itself where the migrations bring one.

use std::time::Duration;

use bedside_backend::{Backend, Options, Running};

use crate::backend::stage::Project;

const BEAT: &str = "
create schema private;
create table public.beats (beat bigint not null);
insert into public.beats values (0);
create function private.beat_feed() returns void language sql as $$ update public.beats set beat = beat + 1 $$;
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
    sqlx::query_scalar("select beat from public.beats")
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

#[tokio::test]
async fn a_feed_may_be_started_without_it() {
    let backend = start(None).await;
    assert_eq!(beats(&backend).await, 0);
    backend.shutdown().await;
}
