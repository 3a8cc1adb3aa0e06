//! `feed_since` beside many connections: transactions that overlap, commit late, or don't commit; a server that crashes; copies of a
//! database.
//!
//! A history is interleaved by a seed on several connections and replays with it. After each answer, the windows between watermarks must
//! hold exactly what was committed meanwhile, as far as the reader sees or lost it.

use std::collections::{BTreeMap, BTreeSet};

use bedside_backend::Backend;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use super::options;
use super::postgres::Server;

const ADMIN: &str = "00000000-0000-4000-a000-000000000001";
const ONE: &str = "00000000-0000-4000-a000-000000000002";
const TWO: &str = "00000000-0000-4000-a000-000000000003";

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn run(connection: &mut PgConnection, sql: &str) {
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(sql)))
        .await
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
}

/// A server with the project's migrations, in a database that an ordinary role owns.
async fn prepared() -> (Server, String) {
    let server = Server::start().await;
    let url = server.owner("bedside", "createrole").await;
    let backend = Backend::start(options(&url)).await.unwrap();
    backend.shutdown().await;
    (server, url)
}

/// A user who follows the log.
struct Reader {
    user: &'static str,
    connection: PgConnection,
    watermark: Option<String>,
}

impl Reader {
    async fn new(url: &str, user: &'static str) -> Self {
        let mut connection = connect(url).await;
        let claims = json!({ "sub": user, "role": "authenticated" });
        run(
            &mut connection,
            &format!(
                "select set_config('request.jwt.claims', '{claims}', false); set role authenticated"
            ),
        )
        .await;
        Self {
            user,
            connection,
            watermark: None,
        }
    }

    async fn ask(&mut self) -> Value {
        let row = sqlx::query("select public.feed_since($1)")
            .bind(&self.watermark)
            .fetch_one(&mut self.connection)
            .await
            .unwrap();
        let answer: Value = row.get(0);
        self.watermark = Some(answer["watermark"].as_str().unwrap().to_owned());
        answer
    }

    /// The patients of a complete answer: the version that is visible, or `None` for a lost one.
    async fn news(&mut self) -> BTreeMap<String, Option<i64>> {
        let answer = self.ask().await;
        assert_eq!(answer["complete"], json!(true), "{answer}");
        let changes = answer["changes"].as_array().unwrap().iter();
        changes
            .map(|change| {
                assert_eq!(change["table"], "patients", "{change}");
                let version = change["version"].as_i64();
                assert_eq!(version.is_none(), change["lost"] == true, "{change}");
                (change["id"].as_str().unwrap().to_owned(), version)
            })
            .collect()
    }

    async fn reason(&mut self) -> Value {
        self.ask().await["reason"].clone()
    }
}

/// What is known of a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Present {
        version: i64,
        clinician: &'static str,
    },
    /// With the version of its last row.
    Deleted { version: i64 },
}

impl State {
    fn visible_to(self, user: &str) -> Option<i64> {
        match self {
            Self::Present { version, clinician } if user == ADMIN || user == clinician => {
                Some(version)
            }
            Self::Present { .. } | Self::Deleted { .. } => None,
        }
    }
}

/// A statement of a transaction that is still open.
#[derive(Debug, Clone)]
struct Write {
    id: String,
    before: Option<State>,
    after: State,
}

struct Writer {
    connection: PgConnection,
    open: bool,
    /// Whether its transaction reads with one snapshot, so that it fails on rows that changed since its first statement.
    repeats: bool,
    writes: Vec<Write>,
    /// How many writes had happened at each savepoint.
    savepoints: Vec<usize>,
    /// Rows that it has touched since it began, which others leave alone or they would wait.
    locked: BTreeSet<String>,
}

impl Writer {
    async fn new(url: &str) -> Self {
        Self {
            connection: connect(url).await,
            open: false,
            repeats: false,
            writes: Vec::new(),
            savepoints: Vec::new(),
            locked: BTreeSet::new(),
        }
    }

    async fn run(&mut self, sql: &str) {
        run(&mut self.connection, sql).await;
    }

    async fn end(&mut self, sql: &str) -> Vec<Write> {
        self.run(sql).await;
        self.open = false;
        self.savepoints.clear();
        self.locked.clear();
        std::mem::take(&mut self.writes)
    }
}

/// Which rows a statement may touch.
#[derive(Debug, Clone, Copy)]
enum Rows {
    Any,
    OwnOrNew,
}

/// What a reader has to be told next: for each row that changed, whether the reader lost it on the way.
type Pending = BTreeMap<String, bool>;

struct History {
    random: StdRng,
    seed: u64,
    writers: Vec<Writer>,
    readers: Vec<(Reader, Pending)>,
    committed: BTreeMap<String, State>,
    created: usize,
}

impl History {
    async fn begin(url: &str, seed: u64) -> Self {
        let mut readers = Vec::new();
        for user in [ADMIN, ADMIN, ONE, TWO] {
            let mut reader = Reader::new(url, user).await;
            // The first watermark reaches back to what other histories committed.
            reader.news_of_anything().await;
            readers.push((reader, Pending::new()));
        }
        let mut writers = Vec::new();
        for _ in 0..4 {
            writers.push(Writer::new(url).await);
        }
        Self {
            random: StdRng::seed_from_u64(seed),
            seed,
            writers,
            readers,
            committed: BTreeMap::new(),
            created: 0,
        }
    }

    async fn step(&mut self) {
        match self.random.random_range(0..10) {
            0..=1 => {
                let reader = self.random.random_range(0..self.readers.len());
                self.check(reader).await;
            }
            _ => {
                // The first one ends its transactions rarely, and so holds the snapshots of all back.
                let writer = self.random.random_range(0..self.writers.len());
                self.act(writer).await;
            }
        }
    }

    async fn act(&mut self, index: usize) {
        let ends = self.random.random_range(0..if index == 0 { 40 } else { 6 }) == 0;
        let choice = self.random.random_range(0..10);
        let writer = &mut self.writers[index];
        if !writer.open {
            writer.repeats = choice < 3;
            let isolation = match writer.repeats {
                true => "repeatable read",
                false => "read committed",
            };
            writer
                .run(&format!("begin isolation level {isolation}"))
                .await;
            writer.open = true;
            return self.write(index, Rows::Any).await;
        }
        if ends {
            if choice < 7 {
                let writes = writer.end("commit").await;
                self.commit(writes);
            } else {
                writer.end("rollback").await;
            }
            return;
        }
        match choice {
            0..=1 => {
                let name = writer.savepoints.len();
                writer.run(&format!("savepoint s{name}")).await;
                writer.savepoints.push(writer.writes.len());
            }
            2..=3 if !writer.savepoints.is_empty() => {
                let to = self.random.random_range(0..writer.savepoints.len());
                writer.run(&format!("rollback to savepoint s{to}")).await;
                writer.writes.truncate(writer.savepoints[to]);
                writer.savepoints.truncate(to + 1);
            }
            _ if writer.repeats => self.write(index, Rows::OwnOrNew).await,
            _ => self.write(index, Rows::Any).await,
        }
    }

    /// Writes to a row that no other open transaction has touched.
    async fn write(&mut self, index: usize, rows: Rows) {
        let touched: BTreeSet<&String> = self.writers.iter().flat_map(|w| &w.locked).collect();
        let free: Vec<String> = self
            .committed
            .keys()
            .filter(|id| !touched.contains(id))
            .cloned()
            .collect();
        let own: Vec<String> = self.writers[index].locked.iter().cloned().collect();
        let candidates = match (rows, self.random.random_bool(0.5)) {
            (Rows::Any, true) => free,
            _ => own,
        };
        let clinician = *[ONE, TWO].choose(&mut self.random).unwrap();
        let Some(id) = candidates.choose(&mut self.random).cloned() else {
            self.created += 1;
            let id = format!("{:08x}-0000-4000-a000-{:012x}", self.seed, self.created);
            return self.insert(index, id, clinician, None).await;
        };
        let own_writes = self.writers[index].writes.iter().rev();
        let before = own_writes
            .filter(|write| write.id == id)
            .map(|write| write.after)
            .next()
            .or_else(|| self.committed.get(&id).copied());
        let (version, now) = match before {
            None => return self.insert(index, id, clinician, None).await,
            Some(State::Deleted { version }) => {
                return self.insert(index, id, clinician, Some(version)).await;
            }
            Some(State::Present { version, clinician }) => (version, clinician),
        };
        let (sql, after) = match self.random.random_range(0..4) {
            0 => (
                "delete from public.patients".to_owned(),
                State::Deleted { version },
            ),
            1..=2 => {
                let after = State::Present {
                    version: version + 1,
                    clinician,
                };
                let set = format!("update public.patients set clinician_id = '{clinician}'");
                (set, after)
            }
            _ => {
                let after = State::Present {
                    version: version + 1,
                    clinician: now,
                };
                let set = format!("update public.patients set notes = notes || '{version}'");
                (set, after)
            }
        };
        self.record(
            index,
            &format!("{sql} where id = '{id}'"),
            Write { id, before, after },
        )
        .await;
    }

    async fn insert(
        &mut self,
        index: usize,
        id: String,
        clinician: &'static str,
        deleted: Option<i64>,
    ) {
        let sql = format!(
            "insert into public.patients (id, mrn, first_name, last_name, date_of_birth, ward, clinician_id)
             values ('{id}', '{}', 'Feed', 'Patient', '1970-01-01', 'Surgery', '{clinician}')",
            mrn(&id)
        );
        // Versions go on where the history of a deleted row ends, and the deletion counts as one.
        let version = deleted.map_or(1, |last| last + 2);
        let write = Write {
            id,
            before: deleted.map(|version| State::Deleted { version }),
            after: State::Present { version, clinician },
        };
        self.record(index, &sql, write).await;
    }

    async fn record(&mut self, index: usize, sql: &str, write: Write) {
        let writer = &mut self.writers[index];
        writer.run(sql).await;
        writer.locked.insert(write.id.clone());
        writer.writes.push(write);
    }

    fn commit(&mut self, writes: Vec<Write>) {
        for write in writes {
            for (reader, pending) in &mut self.readers {
                let saw = write
                    .before
                    .is_some_and(|before| before.visible_to(reader.user).is_some());
                let sees = write.after.visible_to(reader.user).is_some();
                // Whoever sees all rows hears of every deletion.
                let deleted = matches!(write.after, State::Deleted { .. }) && reader.user == ADMIN;
                *pending.entry(write.id.clone()).or_default() |= (saw && !sees) || deleted;
            }
            self.committed.insert(write.id, write.after);
        }
    }

    /// Asks, and compares the answer with what was committed since this reader asked last.
    async fn check(&mut self, index: usize) {
        let (reader, pending) = &mut self.readers[index];
        let expected: BTreeMap<String, Option<i64>> = std::mem::take(pending)
            .into_iter()
            .filter_map(|(id, lost)| {
                let version = self.committed[&id].visible_to(reader.user);
                (version.is_some() || lost).then_some((id, version))
            })
            .collect();
        assert_eq!(reader.news().await, expected, "{}", reader.user);
    }

    async fn end(mut self) {
        for index in 0..self.writers.len() {
            let writes = self.writers[index].end("commit").await;
            self.commit(writes);
        }
        for _ in 0..2 {
            for index in 0..self.readers.len() {
                self.check(index).await;
            }
        }
    }
}

impl Reader {
    /// Goes on from here, whatever there was.
    async fn news_of_anything(&mut self) {
        self.ask().await;
        let answer = self.ask().await;
        assert_eq!(answer["complete"], json!(true), "{answer}");
    }
}

fn mrn(id: &str) -> String {
    let digits: String = id.chars().filter(|c| *c != '-').collect();
    format!("H{}-{}", &digits[..8], &digits[24..]).to_uppercase()
}

/// Says how a history that fails is replayed.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("replay with BEDSIDE_FEED_SEED={}", self.0);
        }
    }
}

#[tokio::test]
async fn every_committed_change_is_told_in_exactly_one_window() {
    let seeds: Vec<u64> = match std::env::var("BEDSIDE_FEED_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => {
            let soaks = std::env::var_os("BEDSIDE_SOAK").is_some();
            let count = if soaks { 500 } else { 6 };
            let mut random = rand::rng();
            (0..count)
                .map(|_| u64::from(random.random::<u32>()))
                .collect()
        }
    };
    let (_server, url) = prepared().await;
    for seed in seeds {
        let _replay = Replay(seed);
        let mut history = History::begin(&url, seed).await;
        for _ in 0..200 {
            history.step().await;
        }
        history.end().await;
    }
}

/// At full speed there is no order to compare with; but what was committed before a request must have been told after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_that_was_committed_before_a_request_is_missing_after_it() {
    use std::sync::{Arc, Mutex};
    let (_server, url) = prepared().await;
    let mut reader = Reader::new(&url, ADMIN).await;
    reader.news_of_anything().await;
    let committed: Arc<Mutex<BTreeMap<String, i64>>> = Arc::default();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (url, committed) = (url.clone(), Arc::clone(&committed));
            tokio::spawn(async move {
                let mut connection = connect(&url).await;
                let mut random = StdRng::seed_from_u64(writer);
                let id = |row: u64| format!("{writer:08x}-1111-4000-a000-{row:012x}");
                for row in 0..5 {
                    run(
                        &mut connection,
                        &format!(
                            "insert into public.patients (id, mrn, first_name, last_name, date_of_birth, ward)
                             values ('{}', 'P{writer}-{row}', 'Feed', 'Patient', '1970-01-01', 'Surgery')",
                            id(row)
                        ),
                    )
                    .await;
                }
                let mut versions = [1_i64; 5];
                for _ in 0..150 {
                    let row = random.random_range(0..5);
                    let commits = random.random_bool(0.8);
                    let end = if commits { "commit" } else { "rollback" };
                    let id = id(row);
                    run(
                        &mut connection,
                        &format!(
                            "begin; update public.patients set notes = notes || '.' where id = '{id}';
                             select pg_sleep({}); {end}",
                            random.random_range(0.0..0.01)
                        ),
                    )
                    .await;
                    if commits {
                        let version = &mut versions[usize::try_from(row).unwrap()];
                        *version += 1;
                        committed.lock().unwrap().insert(id, *version);
                    }
                }
            })
        })
        .collect();
    let mut told: BTreeMap<String, i64> = BTreeMap::new();
    loop {
        let over = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let before = committed.lock().unwrap().clone();
        for (id, version) in reader.news().await {
            let version = version.expect("an admin loses nothing");
            assert!(told.insert(id, version).is_none_or(|last| last < version));
        }
        for (id, version) in before {
            assert!(
                told.get(&id).is_some_and(|told| *told >= version),
                "{id} {version}"
            );
        }
        if over {
            break;
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_crash_ends_all_watermarks_and_an_orderly_restart_does_not() {
    let (mut server, url) = prepared().await;
    let mut reader = Reader::new(&url, ADMIN).await;
    reader.news_of_anything().await;
    let watermark = reader.watermark.clone();

    server.restart("-INT").await;
    let mut reader = Reader::new(&url, ADMIN).await;
    reader.watermark = watermark;
    assert_eq!(reader.reason().await, Value::Null);
    let watermark = reader.watermark.clone();

    server.restart("-QUIT").await;
    let mut reader = Reader::new(&url, ADMIN).await;
    reader.watermark = watermark;
    assert_eq!(reader.reason().await, json!("other_database"));
    assert_eq!(reader.reason().await, Value::Null);
}

#[tokio::test]
async fn a_watermark_is_not_good_for_a_copy_of_its_database() {
    let (server, url) = prepared().await;
    let mut reader = Reader::new(&url, ADMIN).await;
    reader.news_of_anything().await;
    let watermark = reader.watermark.clone();
    drop(reader);

    server
        .administer("postgres", "create database copy template bedside")
        .await;
    let (other, other_url) = prepared().await;
    // What a dump brings along.
    let source = server.administrator("bedside").await;
    copy_log(source, other.administrator("bedside").await).await;
    for copy in [server.url("bedside", "copy"), other_url] {
        let mut reader = Reader::new(&copy, ADMIN).await;
        reader.watermark.clone_from(&watermark);
        assert_eq!(reader.reason().await, json!("other_database"));
        assert_eq!(reader.reason().await, Value::Null);
    }
}

/// Makes log, start and epoch of one database those of another.
async fn copy_log(mut from: PgConnection, mut to: PgConnection) {
    for table in ["feed_log", "feed_log_start", "feed_epoch"] {
        let rows: Value = sqlx::query_scalar(AssertSqlSafe(format!(
            "select coalesce(jsonb_agg(t), '[]') from private.{table} t"
        )))
        .fetch_one(&mut from)
        .await
        .unwrap();
        run(&mut to, &format!("delete from private.{table}")).await;
        sqlx::query(AssertSqlSafe(format!(
            "insert into private.{table} select * from jsonb_populate_recordset(null::private.{table}, $1)"
        )))
        .bind(rows)
        .execute(&mut to)
        .await
        .unwrap();
    }
}

/// A dump that is restored into the same database leaves its identity, but drops and makes the log anew.
#[tokio::test]
async fn a_log_that_was_made_anew_ends_all_watermarks() {
    let (server, url) = prepared().await;
    let mut reader = Reader::new(&url, ADMIN).await;
    reader.news_of_anything().await;
    server
        .administer(
            "bedside",
            "begin;
             create table private.kept as table private.feed_log;
             drop table private.feed_log;
             alter table private.kept rename to feed_log;
             alter table private.feed_log owner to bedside;
             commit",
        )
        .await;
    assert_eq!(reader.reason().await, json!("other_database"));
}
