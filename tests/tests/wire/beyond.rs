//! What the recordings leave out: rates, bursts, faults on purpose, tables that appear while the server runs.

use std::time::{Duration, Instant};

use bedside_backend::Running;
use bedside_backend::realtime::{Config, Limits};
use serde_json::json;

use super::client::{Client, on, token};
use super::conformance::{backend, config};

const A: &str = "11111111-1111-4111-8111-111111111111";
const B: &str = "22222222-2222-4222-8222-222222222222";

async fn clinician(backend: &Running, sub: &str) -> Client {
    Client::connect(backend, token(backend, "authenticated", sub)).await
}

async fn sql(backend: &Running, sql: &str) {
    backend.db().run_script(sql).await.unwrap();
    backend.realtime().catch_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rates_above_the_limits_are_noticed_at_the_first_look_after_five_seconds() {
    let limits = Limits {
        joins_per_second: 3,
        events_per_second: 3,
        row_events_per_second: Some(3),
        ..Limits::default()
    };
    let backend = backend(Config { limits, ..config() }).await;
    let mut sender = clinician(&backend, A).await;
    let mut receiver = clinician(&backend, B).await;
    let room = sender.join("realtime:room", json!({})).await;
    receiver.join("realtime:room", on("items")).await;
    for n in 0..40 {
        let topic = format!("realtime:{n}");
        let join_ref = sender.join(&topic, json!({})).await;
        sender.push(&join_ref, &topic, "phx_leave", json!({})).await;
        sender.next_of("phx_close").await;
        sender
            .push(
                &room,
                "realtime:room",
                "broadcast",
                json!({ "event": "e", "payload": n }),
            )
            .await;
        receiver.next_of("broadcast").await;
    }
    sql(
        &backend,
        "insert into items select g, 'within', g, null from generate_series(1, 40) g",
    )
    .await;
    for _ in 0..40 {
        receiver.next_of("postgres_changes").await;
    }
    tokio::time::sleep(Duration::from_millis(5_100)).await;

    sql(&backend, "insert into items values (99, 'above', 1, null)").await;
    assert_eq!(
        receiver.so_far().await,
        [],
        "rows above the limit are dropped without a word"
    );

    sender
        .push(
            &room,
            "realtime:room",
            "broadcast",
            json!({ "event": "above", "payload": {} }),
        )
        .await;
    assert_eq!(
        receiver.next_of("system").await["message"],
        "Too many messages per second"
    );
    receiver.next_of("phx_close").await;

    let key = backend.keys().anon_key().to_owned();
    let refused = (429, r#"{"error":"Too many joins per second"}"#.to_owned());
    assert_eq!(
        knock(&backend, &key).await,
        refused,
        "another client is not even let in"
    );
    sender.send_join("realtime:above", json!({})).await;
    let refused = sender.next_of("phx_reply").await;
    assert_eq!(
        refused["response"]["reason"],
        "ClientJoinRateLimitReached: Too many joins per second"
    );
    assert_eq!(sender.next().await, Err(1000));
    backend.shutdown().await;
}

/// What a handshake is answered with.
async fn knock(backend: &Running, key: &str) -> (u16, String) {
    let url = format!(
        "{}/realtime/v1/websocket?vsn=2.0.0&apikey={key}",
        backend.url()
    );
    let socket = tokio_tungstenite::connect_async(url.replace("http://", "ws://")).await;
    match socket {
        Ok(_) => (101, String::new()),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            (
                response.status().as_u16(),
                String::from_utf8_lossy(body).into_owned(),
            )
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_socket_more_than_allowed_is_refused_and_taken_once_another_has_gone() {
    let limits = Limits {
        sockets: 1,
        ..Limits::default()
    };
    let backend = backend(Config { limits, ..config() }).await;
    let first = clinician(&backend, A).await;
    let key = backend.keys().anon_key().to_owned();
    let refused = (429, r#"{"error":"Too many connected users"}"#.to_owned());
    assert_eq!(knock(&backend, &key).await, refused);
    drop(first);
    let taken = async { while knock(&backend, &key).await.0 != 101 {} };
    tokio::time::timeout(Duration::from_secs(10), taken)
        .await
        .unwrap();
    backend.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_the_sockets_address_for_a_page_learns_what_is_wrong_with_the_key() {
    let backend = backend(config()).await;
    let ask = async |key: &str| {
        let url = format!(
            "{}/realtime/v1/websocket?vsn=2.0.0&apikey={key}",
            backend.url()
        );
        reqwest::get(url).await.unwrap().status().as_u16()
    };
    assert_eq!(ask("not-a-key").await, 401);
    let right = ask(backend.keys().anon_key()).await;
    assert!(
        ![401, 403, 404, 429].contains(&right),
        "{right} would stop a client for good"
    );
    backend.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_five_thousand_rows_reaches_those_who_may_see_it_within_seconds() {
    let backend = backend(config()).await;
    let mut subscribers = [clinician(&backend, A).await, clinician(&backend, B).await];
    for subscriber in &mut subscribers {
        subscriber.join("realtime:burst", on("patients")).await;
    }
    let waiter = {
        let db = backend.db().clone();
        tokio::spawn(async move {
            let mut longest = Duration::ZERO;
            for _ in 0..20 {
                let asked = Instant::now();
                db.run_script("select 1").await.unwrap();
                longest = longest.max(asked.elapsed());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            longest
        })
    };
    let started = Instant::now();
    let insert = format!(
        "insert into patients (id, mrn, clinician_id) select gen_random_uuid(), 'MRN-' || g, \
         (array['{A}', '{B}'])[1 + g % 2]::uuid from generate_series(1, 5000) g"
    );
    backend.db().run_script(&insert).await.unwrap();
    backend.realtime().wake();
    let committed = started.elapsed();
    for (nth, subscriber) in subscribers.iter_mut().enumerate() {
        for g in (1..=5000).filter(|g| g % 2 == nth) {
            let change = subscriber.next_of("postgres_changes").await;
            assert_eq!(
                change["data"]["record"]["mrn"],
                format!("MRN-{g}"),
                "in the order of the statement"
            );
        }
    }
    let arrived = started.elapsed();
    let longest = waiter.await.unwrap();
    println!(
        "5,000 rows: committed after {committed:?}, at both subscribers after {arrived:?}; longest wait for the database {longest:?}"
    );
    // What it takes on a busy machine in a debug build; a quadratic plan or a check a row takes minutes.
    assert!(arrived < Duration::from_secs(30), "{arrived:?}");
    backend.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silenced_feed_answers_heartbeats_and_loses_what_is_committed_meanwhile() {
    let backend = backend(config()).await;
    let mut client = clinician(&backend, A).await;
    client.join("realtime:faults", on("items")).await;
    backend.realtime().silence_feed();
    sql(&backend, "insert into items values (1, 'lost', 1, null)").await;
    assert_eq!(client.so_far().await, []);
    backend.realtime().restore_feed();
    sql(&backend, "insert into items values (2, 'back', 1, null)").await;
    assert_eq!(
        client.next_of("postgres_changes").await["data"]["record"]["body"],
        "back"
    );

    backend.realtime().cut_sockets();
    assert_eq!(client.next().await, Err(1006));
    backend.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_and_columns_are_followed_while_the_server_runs() {
    let backend = backend(config()).await;
    sql(
        &backend,
        "create table later (id bigint primary key, v text); alter publication supabase_realtime add table later",
    )
    .await;
    let mut client = clinician(&backend, A).await;
    client.join("realtime:later", on("later")).await;
    sql(&backend, "insert into later values (1, 'a')").await;
    assert_eq!(
        client.next_of("postgres_changes").await["data"]["record"],
        json!({ "id": 1, "v": "a" })
    );
    sql(
        &backend,
        "alter table later add column w text default 'd'; insert into later values (2, 'b')",
    )
    .await;
    let change = client.next_of("postgres_changes").await;
    assert_eq!(
        change["data"]["record"],
        json!({ "id": 2, "v": "b", "w": "d" })
    );
    assert_eq!(change["data"]["columns"].as_array().unwrap().len(), 3);
    sql(
        &backend,
        "alter publication supabase_realtime drop table later; insert into later values (3, 'c')",
    )
    .await;
    assert_eq!(client.so_far().await, []);
    backend.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trigger_tells_a_private_topic_of_a_row() {
    let backend = backend(config()).await;
    sql(
        &backend,
        "create policy read on realtime.messages for select to authenticated
           using (realtime.topic() = 'ward:' || (auth.jwt() ->> 'sub'));
         create function tell() returns trigger language plpgsql security definer as $$
         begin
           perform realtime.broadcast_changes('ward:' || new.clinician_id, tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
           return null;
         end $$;
         create trigger tell after insert on patients for each row execute function tell()",
    )
    .await;
    let private = json!({ "private": true });
    let mut a = clinician(&backend, A).await;
    a.join(&format!("realtime:ward:{A}"), private.clone()).await;
    let mut b = clinician(&backend, B).await;
    b.send_join(&format!("realtime:ward:{A}"), private).await;
    assert_eq!(b.next_of("phx_reply").await["status"], "error");
    sql(&backend, &format!("insert into patients (id, mrn, clinician_id) values (gen_random_uuid(), 'MRN-1', '{A}')")).await;
    let (_, payload) = a.next_binary().await;
    assert_eq!(payload["record"]["mrn"], "MRN-1");
    assert_eq!(
        (
            &payload["operation"],
            &payload["table"],
            &payload["old_record"]
        ),
        (&json!("INSERT"), &json!("patients"), &json!(null))
    );
    backend.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcast_by_http_needs_a_key_and_for_private_topics_the_right_to_write() {
    let backend = backend(config()).await;
    sql(
        &backend,
        "create policy read on realtime.messages for select to authenticated using (true)",
    )
    .await;
    let mut client = clinician(&backend, A).await;
    client.join("realtime:open", json!({})).await;
    client
        .join("realtime:closed", json!({ "private": true }))
        .await;
    let http = reqwest::Client::new();
    let post = |path: &str, key: Option<String>| {
        let mut request = http
            .post(format!(
                "{}/realtime/v1/api/broadcast/{path}",
                backend.url()
            ))
            .body(r#"{"n":1}"#);
        if let Some(key) = key {
            request = request.header("apikey", key);
        }
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(post("open/events/e", None).await, 401);
    assert_eq!(
        post("open/events/e", Some("nonsense".to_owned())).await,
        401
    );
    let user = token(&backend, "authenticated", A);
    assert_eq!(
        post("closed/events/refused?private=true", Some(user.clone())).await,
        202
    );
    assert_eq!(post("open/events/taken", Some(user)).await, 202);
    let service = backend.keys().service_role_key().to_owned();
    assert_eq!(
        post("closed/events/taken?private=true", Some(service)).await,
        202
    );
    let came: Vec<_> = client
        .so_far()
        .await
        .into_iter()
        .map(|(_, payload)| payload)
        .collect();
    let taken = json!({ "type": "broadcast", "event": "taken", "payload": { "n": 1 } });
    assert_eq!(came, [taken.clone(), taken]);
    backend.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bindings_that_a_database_in_trouble_could_not_take_are_tried_again_until_it_can() {
    let backend = backend(Config {
        subscription_retry: Duration::from_millis(50),
        // Looking for changes would end the trouble below.
        poll_interval: Duration::from_secs(3600),
        ..config()
    })
    .await;
    let mut client = clinician(&backend, A).await;
    // The one connection is left in a transaction that has failed.
    let pool = backend.db().pool();
    sqlx::raw_sql("begin").execute(pool).await.unwrap();
    sqlx::raw_sql("select 1 / 0")
        .execute(pool)
        .await
        .unwrap_err();
    client.send_join("realtime:items", on("items")).await;
    assert_eq!(client.next_of("phx_reply").await["status"], "ok");
    for _ in 0..3 {
        assert_eq!(client.next_of("system").await["status"], "error");
    }
    sqlx::raw_sql("rollback").execute(pool).await.unwrap();
    while client.next_of("system").await["status"] == "error" {}
    sql(&backend, "insert into items values (1, 'heard', 1, null)").await;
    let change = client.next_of("postgres_changes").await;
    assert_eq!(change["data"]["record"]["id"], 1);
    backend.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bindings_that_are_wrong_are_not_tried_again() {
    let subscription_retry = Duration::from_millis(10);
    let backend = backend(Config {
        subscription_retry,
        ..config()
    })
    .await;
    let mut client = clinician(&backend, A).await;
    client.send_join("realtime:nope", on("nope")).await;
    assert_eq!(client.next_of("phx_reply").await["status"], "ok");
    assert_eq!(client.next_of("system").await["status"], "error");
    // Whatever comes later, nothing more is said of the wrong ones.
    client.join("realtime:items", on("items")).await;
    assert_eq!(client.so_far().await, []);
    backend.shutdown().await;
}
