//! The real client against the real backend, with a network between them that fails in every way a network can.
//!
//! The oracle is a mirror: it fetches on each ready, applies each change, and in the end must equal the table.
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::proxy::{Proxy, Weather};
use bedside_backend::db::Db;
use bedside_backend::realtime::Config;
use bedside_backend::{Backend, Database, OnStart, Options, Running};
use bedside_realtime::{
    AccessToken, Binding, BindingEvent, BindingHandle, DegradedReason, GapCause, Liveness, Payload,
    RealtimeClient, Room, RoomEvent, Status, TokenError, TokenNeed,
};
use bedside_tests::percentile;
use futures::StreamExt;
use serde_json::json;

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/wire/schema");

fn options() -> Options {
    let realtime = Config {
        error_delay: Duration::from_millis(50),
        connect_error_delay: Duration::from_millis(50),
        resubscribe_delay: Duration::from_millis(100),
        poll_interval: Duration::from_millis(20),
        ..Config::default()
    };
    Options {
        realtime,
        ..Options::in_memory(SCHEMA)
    }
}

async fn backend() -> Running {
    Backend::start(options()).await.unwrap()
}

fn address(backend: &Running) -> SocketAddr {
    backend.url().trim_start_matches("http://").parse().unwrap()
}

/// A token of a clinician; with a serial, since two tokens of one second would be equal.
fn token(backend: &Running, seconds: u64, serial: u64) -> AccessToken {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let sub = "11111111-1111-4111-8111-111111111111";
    let claims =
        json!({"role": "authenticated", "sub": sub, "exp": now + seconds, "iat": now, "n": serial});
    AccessToken::new(backend.keys().sign(&claims)).expires_in(Duration::from_secs(seconds))
}

/// A client with short tempers, so that faults show within seconds.
fn client(url: &str, backend: &Running) -> RealtimeClient {
    let jwt = token(backend, 3600, 0);
    RealtimeClient::builder(url, backend.keys().anon_key())
        .token_source(move |_| std::future::ready(Ok::<_, TokenError>(Some(jwt.clone()))))
        .event_rate(None)
        .tune(|config| {
            config.quiet = 400;
            config.restart_spread = 500;
        })
        .build()
        .unwrap()
}

async fn until(client: &RealtimeClient, what: &str, is: impl Fn(&Status) -> bool) -> Duration {
    let start = Instant::now();
    let mut changes = client.status().changes();
    let wait = async { while !is(&changes.next().await.unwrap().status) {} };
    if tokio::time::timeout(Duration::from_secs(40), wait)
        .await
        .is_err()
    {
        panic!(
            "never {what}: {:?}; gaps {:?}",
            client.status().get(),
            client.gaps()
        );
    }
    start.elapsed()
}

async fn live(client: &RealtimeClient) -> Duration {
    until(client, "live", |status| *status == Status::Live).await
}

async fn not_live(client: &RealtimeClient) -> Duration {
    until(client, "anything but live", |status| {
        *status != Status::Live
    })
    .await
}

/// What a screen would show: fetched on ready, patched by changes.
struct Mirror {
    ids: Arc<Mutex<BTreeSet<i64>>>,
    changes: Arc<AtomicU64>,
    fetches: Arc<AtomicU64>,
    _handle: BindingHandle,
}

async fn ids(db: &Db) -> BTreeSet<i64> {
    let rows: Vec<(i64,)> = sqlx::query_as("select id from public.items")
        .fetch_all(db.pool())
        .await
        .unwrap();
    rows.into_iter().map(|(id,)| id).collect()
}

impl Mirror {
    fn of(client: &RealtimeClient, db: &Db) -> Self {
        let handle = client.bind(Binding::table("public", "items"));
        let shown = Arc::new(Mutex::new(BTreeSet::new()));
        let (changes, fetches) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let mut events = handle.events();
        let (ids_shown, counted, fetched, db) = (
            Arc::clone(&shown),
            Arc::clone(&changes),
            Arc::clone(&fetches),
            db.clone(),
        );
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                match event {
                    BindingEvent::Ready(_) => {
                        let fetch = ids(&db).await;
                        *ids_shown.lock().unwrap() = fetch;
                        fetched.fetch_add(1, Ordering::Relaxed);
                    }
                    BindingEvent::Change(change) => {
                        let id = change
                            .record()
                            .unwrap()
                            .text("id")
                            .unwrap()
                            .parse()
                            .unwrap();
                        ids_shown.lock().unwrap().insert(id);
                        counted.fetch_add(1, Ordering::Relaxed);
                    }
                    BindingEvent::Gap(_) => {}
                    BindingEvent::Refused(refusal) => panic!("{refusal:?}"),
                }
            }
        });
        Self {
            ids: shown,
            changes,
            fetches,
            _handle: handle,
        }
    }

    async fn equals(&self, db: &Db) {
        let table = ids(db).await;
        for _ in 0..400 {
            if *self.ids.lock().unwrap() == table {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let shown = self.ids.lock().unwrap().clone();
        panic!(
            "lost for good: {:?}",
            table.difference(&shown).collect::<Vec<_>>()
        );
    }
}

/// Writes a row every few milliseconds until it is dropped.
struct Writer(tokio::task::JoinHandle<()>);

impl Writer {
    fn start(db: &Db, first: i64) -> Self {
        let db = db.clone();
        Self(tokio::spawn(async move {
            for id in first.. {
                db.run_script(&format!(
                    "insert into public.items(id, body) values ({id}, 'x')"
                ))
                .await
                .unwrap();
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
        }))
    }

    async fn stop(self) {
        self.0.abort();
        let _ = self.0.await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_network_does_every_fault_is_one_gap_and_no_row_is_lost() {
    let backend = backend().await;
    let proxy = Proxy::before(address(&backend)).await;
    let client = client(&proxy.url(), &backend);
    let mirror = Mirror::of(&client, backend.db());
    live(&client).await;
    let writer = Writer::start(backend.db(), 1);
    let mut recoveries = Vec::new();
    let mut faults = 0;
    for round in 0..3_u64 {
        for fault in ["cut", "truncate", "blackhole", "half-open", "refuse"] {
            faults += 1;
            match fault {
                "cut" => proxy.cut(),
                "truncate" => proxy.truncate_after(40 + 97 * round),
                "blackhole" => proxy.set(Weather::Blackhole),
                "half-open" => proxy.set(Weather::HalfOpen),
                _ => {
                    proxy.set(Weather::Refusing);
                    proxy.cut();
                }
            }
            not_live(&client).await;
            if fault != "cut" && fault != "truncate" {
                tokio::time::sleep(Duration::from_millis(300 + 400 * round)).await;
            }
            proxy.set(Weather::Fine);
            client.wake();
            let took = live(&client).await;
            recoveries.push(took.as_secs_f64());
            let gaps = client.gaps();
            assert_eq!(gaps.len(), faults, "after {fault}: {gaps:?}");
            assert!(gaps.iter().all(|gap| gap.to.is_some()));
        }
    }
    proxy.set(Weather::Slow(Duration::from_millis(250)));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(client.gaps().len(), faults, "slow is not dead");
    writer.stop().await;
    mirror.equals(backend.db()).await;
    let p95 = percentile(&recoveries, 0.95);
    println!(
        "{faults} faults, live again p50 {:.2} s, p95 {p95:.2} s",
        percentile(&recoveries, 0.5)
    );
    assert!(p95 < 2.0, "{recoveries:?}");
    backend.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_hundred_cuts_one_row_is_still_heard_once() {
    let backend = backend().await;
    let proxy = Proxy::before(address(&backend)).await;
    let client = client(&proxy.url(), &backend);
    let mirror = Mirror::of(&client, backend.db());
    live(&client).await;
    for _ in 0..100 {
        proxy.cut();
        not_live(&client).await;
        client.wake();
        live(&client).await;
    }
    let before = mirror.changes.load(Ordering::Relaxed);
    backend
        .db()
        .run_script("insert into public.items(id) values (-1)")
        .await
        .unwrap();
    mirror.equals(backend.db()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(mirror.changes.load(Ordering::Relaxed), before + 1);
    assert_eq!(mirror.fetches.load(Ordering::Relaxed), 101);
    assert_eq!(client.gaps().last().unwrap().id, 100);
    for _ in 0..100 {
        if backend.realtime().open_sockets() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        backend.realtime().open_sockets(),
        1,
        "no socket is left behind"
    );
    backend.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_backend_is_found_again_and_what_was_written_meanwhile_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let database = |start| Database::Folder(folder.path().to_owned(), start);
    let first = Backend::start(Options {
        database: database(OnStart::Keep),
        ..options()
    })
    .await
    .unwrap();
    let port = address(&first).port();
    let client = client(&first.url(), &first);
    let handle = client.bind(Binding::table("public", "items"));
    let mut events = handle.events();
    live(&client).await;
    first.shutdown().await;
    not_live(&client).await;
    let second = Backend::start(Options {
        port,
        database: database(OnStart::Keep),
        ..options()
    })
    .await
    .unwrap();
    client.wake();
    live(&client).await;
    let mut heard = Vec::new();
    while heard.len() < 3 {
        heard.push(events.next().await.unwrap());
    }
    assert!(matches!(heard[0], BindingEvent::Ready(_)));
    let BindingEvent::Gap(gap) = &heard[1] else {
        panic!("{heard:?}")
    };
    assert_eq!(gap.cause, GapCause::ServerRestart);
    let BindingEvent::Ready(ready) = &heard[2] else {
        panic!("{heard:?}")
    };
    assert_eq!(ready.gap.as_ref().map(|gap| gap.id), Some(gap.id));
    assert_eq!(client.gaps().len(), 1);
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_is_joined_but_dead_is_found_and_trusted_again_when_it_beats() {
    let backend = backend().await;
    let table = "create table public.feed(id int primary key, beat bigint not null);
        insert into public.feed values (1, 0);
        grant select on public.feed to authenticated;
        alter publication supabase_realtime add table public.feed";
    backend.db().run_script(table).await.unwrap();
    let client = client(&backend.url(), &backend);
    let mirror = Mirror::of(&client, backend.db());
    let liveness = Liveness::new(
        Binding::table("public", "feed"),
        "beat",
        Duration::from_millis(500),
    );
    let _feed = client.watch_liveness(liveness);
    let db = backend.db().clone();
    let heart = tokio::spawn(async move {
        loop {
            db.run_script("update public.feed set beat = beat + 1")
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    live(&client).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(client.gaps(), []);
    backend.realtime().silence_feed();
    backend
        .db()
        .run_script("insert into public.items(id) values (1)")
        .await
        .unwrap();
    let is_silent = |status: &Status| *status == Status::Degraded(DegradedReason::FeedSilent);
    let found = until(&client, "silent", is_silent).await;
    assert!(found < Duration::from_secs(5), "{found:?}");
    backend.realtime().restore_feed();
    live(&client).await;
    mirror.equals(backend.db()).await;
    let gaps = client.gaps();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0].cause, GapCause::FeedSilent);
    heart.abort();
    backend.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_ten_seconds_are_renewed_in_band_without_a_gap_or_a_lost_row() {
    let backend = backend().await;
    let start = Instant::now();
    // Each ends eight seconds after the one before, and is given out when the client asks.
    let life = |n: u64| 10 + 8 * n;
    let tokens: Vec<AccessToken> = (0..10).map(|n| token(&backend, life(n), n)).collect();
    let issued = Arc::new(AtomicU64::new(0));
    let serial = Arc::clone(&issued);
    let client = RealtimeClient::builder(backend.url(), backend.keys().anon_key())
        .token_source(move |_| {
            let n = serial.fetch_add(1, Ordering::Relaxed);
            let left = Duration::from_secs(life(n)).saturating_sub(start.elapsed());
            let token = tokens[usize::try_from(n).unwrap()].clone().expires_in(left);
            std::future::ready(Ok::<_, TokenError>(Some(token)))
        })
        .build()
        .unwrap();
    let mirror = Mirror::of(&client, backend.db());
    live(&client).await;
    let writer = Writer::start(backend.db(), 1);
    tokio::time::sleep(Duration::from_secs(24)).await;
    writer.stop().await;
    mirror.equals(backend.db()).await;
    assert_eq!(client.gaps(), []);
    assert_eq!(mirror.fetches.load(Ordering::Relaxed), 1);
    assert!(issued.load(Ordering::Relaxed) >= 3);
    backend.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_at_the_join_is_replaced_and_the_join_succeeds() {
    let backend = backend().await;
    let expired = token(&backend, 0, 1).expires_in(Duration::from_secs(3600));
    let fresh = token(&backend, 3600, 2);
    let needs = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&needs);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let client = RealtimeClient::builder(backend.url(), backend.keys().anon_key())
        .token_source(move |need| {
            asked.lock().unwrap().push(need);
            let token = if need == TokenNeed::Refused {
                fresh.clone()
            } else {
                expired.clone()
            };
            std::future::ready(Ok::<_, TokenError>(Some(token)))
        })
        .build()
        .unwrap();
    let _items = client.bind(Binding::table("public", "items"));
    live(&client).await;
    assert_eq!(
        *needs.lock().unwrap(),
        [TokenNeed::Join, TokenNeed::Refused]
    );
    backend.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_binding_is_refused_and_the_others_live() {
    let backend = backend().await;
    let client = client(&backend.url(), &backend);
    let mirror = Mirror::of(&client, backend.db());
    let wrong = client.bind(Binding::table("public", "no_such_table"));
    let mut heard = wrong.events();
    let refused = tokio::time::timeout(Duration::from_secs(20), heard.next())
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(refused, BindingEvent::Refused(_)), "{refused:?}");
    let degraded = |status: &Status| {
        matches!(
            status,
            Status::Degraded(DegradedReason::BindingRefused { .. })
        )
    };
    until(&client, "degraded", degraded).await;
    backend
        .db()
        .run_script("insert into public.items(id) values (1)")
        .await
        .unwrap();
    mirror.equals(backend.db()).await;
    backend.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stalls_for_three_seconds_costs_nothing_but_time() {
    let backend = backend().await;
    let client = client(&backend.url(), &backend);
    let mirror = Mirror::of(&client, backend.db());
    live(&client).await;
    let before = Instant::now();
    backend
        .db()
        .run_script(
            "insert into public.items(id) select generate_series(1, 50); select pg_sleep(3)",
        )
        .await
        .unwrap();
    assert!(before.elapsed() >= Duration::from_secs(3));
    mirror.equals(backend.db()).await;
    assert_eq!(client.gaps(), []);
    assert_eq!(client.status().get().status, Status::Live);
    backend.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_meet_in_a_room_and_meet_again_after_a_cut() {
    let backend = backend().await;
    let proxy = Proxy::before(address(&backend)).await;
    let (one, two) = (
        client(&proxy.url(), &backend),
        client(&backend.url(), &backend),
    );
    let room = |key: &str| Room::named("ward-7").presence(key).acknowledged();
    let (mine, theirs) = (one.enter(room("one")), two.enter(room("two")));
    let mut events = theirs.events();
    live(&one).await;
    live(&two).await;
    mine.track(&json!({"name": "One"})).unwrap();
    theirs.track(&json!({"name": "Two"})).unwrap();
    let both = async {
        while mine.presence().len() < 2 || theirs.presence().len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), both)
        .await
        .expect("they never met");
    assert_eq!(mine.say("hello", &json!({"n": 1})).await, Ok(()));
    let said = async {
        loop {
            if let Some(RoomEvent::Message(message)) = events.next().await {
                return message;
            }
        }
    };
    let message = tokio::time::timeout(Duration::from_secs(10), said)
        .await
        .unwrap();
    assert_eq!(
        (message.event.as_str(), message.payload),
        ("hello", Payload::Json("{\"n\":1}".to_owned()))
    );
    proxy.cut();
    not_live(&one).await;
    let gone = async {
        while theirs.presence().len() > 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .expect("the lost one is still shown");
    live(&one).await;
    let back = async {
        while theirs.presence().len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), back)
        .await
        .expect("not tracked again");
    backend.shutdown().await;
}
