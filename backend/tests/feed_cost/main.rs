//! What the log of changes costs, in the time of the database: `cargo xtask bench feed`. It only prints: the numbers depend on the
//! machine, and say what to expect of a Supabase project of that size.

// A test program has no caller to give an error to.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used
)]

#[allow(dead_code)]
#[path = "../native/server/postgres.rs"]
mod postgres;

use bedside_backend::{Backend, Database, Options};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};

use postgres::Server;

/// A clinician of the demo data.
const ONE: &str = "00000000-0000-4000-a000-000000000002";
/// Patients besides those of the seed, all of one clinician.
const PATIENTS: u32 = 10_000;
/// Statements in one measurement.
const STATEMENTS: u32 = 2_000;
const ROUNDS: usize = 9;

/// A server with the project's migrations.
async fn prepared() -> Server {
    let server = Server::start().await;
    let options = Options {
        database: Database::Url(server.owner("bedside", "createrole").await),
        ..Options::in_memory(concat!(env!("CARGO_MANIFEST_DIR"), "/../supabase"))
    };
    Backend::start(options).await.unwrap().shutdown().await;
    server
}

async fn run(connection: &mut PgConnection, sql: &str) {
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(sql)))
        .await
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
}

async fn number(connection: &mut PgConnection, sql: &str) -> f64 {
    let row = sqlx::query(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
    row.get(0)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Microseconds of one statement of a loop over rows, with the triggers of the log or without.
async fn per_write(connection: &mut PgConnection, table: &str, set: &str) -> (f64, f64) {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (mode, times) in [("enable", &mut with), ("disable", &mut without)] {
            for event in ["insert", "update", "delete"] {
                run(
                    connection,
                    &format!("alter table public.{table} {mode} trigger feed_log_{event}"),
                )
                .await;
            }
            let sql = format!("select private.time_writes('{table}', $$ {set} $$, {STATEMENTS})");
            times.push(number(connection, &sql).await);
        }
    }
    for event in ["insert", "update", "delete"] {
        run(
            connection,
            &format!("alter table public.{table} enable trigger feed_log_{event}"),
        )
        .await;
    }
    (median(with), median(without))
}

const TIMERS: &str = "
create function private.time_writes(of_table text, changes text, times integer) returns double precision
language plpgsql set search_path = '' as $$
declare
  began timestamptz;
  keys uuid[];
  row_key uuid;
begin
  execute format('select array(select id from public.%I order by id limit %s)', of_table, times) into keys;
  began := clock_timestamp();
  foreach row_key in array keys loop
    execute format('update public.%I set %s where id = $1', of_table, changes) using row_key;
  end loop;
  return extract(epoch from clock_timestamp() - began) * 1e6 / cardinality(keys);
end $$;
create function private.time_reads(watermark text, times integer) returns double precision
language plpgsql set search_path = '' as $$
declare
  began timestamptz := clock_timestamp();
begin
  for n in 1..times loop
    perform public.feed_since(watermark);
  end loop;
  return extract(epoch from clock_timestamp() - began) * 1e3 / times;
end $$;
grant execute on function private.time_reads(text, integer) to authenticated;";

async fn fill(connection: &mut PgConnection) {
    run(connection, "set synchronous_commit = off").await;
    run(connection, TIMERS).await;
    run(
        connection,
        &format!(
            "insert into public.patients (mrn, first_name, last_name, date_of_birth, ward, clinician_id)
             select 'COST-' || n, 'Cost', 'Patient ' || n, '1970-01-01', 'Surgery', '{ONE}' from generate_series(1, {PATIENTS}) n;
             insert into public.form_submissions (patient_id, form_type)
             select id, 'vitals' from public.patients where mrn like 'COST-%'"
        ),
    )
    .await;
    run(connection, "vacuum analyze").await;
}

/// Becomes a clinician with all these patients.
fn as_clinician(sql: &str) -> String {
    format!(
        "begin; select set_config('request.jwt.claims', '{{\"sub\": \"{ONE}\"}}', true); set local role authenticated; {sql}"
    )
}

async fn reads(connection: &mut PgConnection, watermark: &str, times: u32) -> f64 {
    run(connection, &as_clinician("")).await;
    let sql = format!("select private.time_reads('{watermark}', {times})");
    let time = number(connection, &sql).await;
    run(connection, "commit").await;
    time
}

async fn watermark(connection: &mut PgConnection) -> String {
    // Of another database: the answer's watermark is the present and doesn't reach back.
    let sql = "select public.feed_since('0/1:1:') ->> 'watermark'";
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

#[tokio::main]
async fn main() {
    let server = prepared().await;
    let mut admin = server.administrator("bedside").await;
    // The backend's own capture of changes is not there on a Supabase project.
    run(
        &mut admin,
        "drop event trigger if exists realtime_follow_schema;
         do $$ declare t record; begin
           for t in select tgname, tgrelid::regclass as of_table from pg_trigger where tgname like 'realtime_capture%' loop
             execute format('drop trigger %I on %s', t.tgname, t.of_table);
           end loop;
         end $$",
    )
    .await;
    fill(&mut admin).await;

    for (table, set) in [
        ("patients", "notes = clock_timestamp()::text"),
        (
            "form_submissions",
            "answers = jsonb_build_object('pain', clock_timestamp())",
        ),
        ("profiles", "full_name = full_name"),
    ] {
        let (with, without) = per_write(&mut admin, table, set).await;
        println!(
            "{table}: {with:.0} µs per update, {without:.0} without the log: {:+.0}",
            with - without
        );
    }

    run(&mut admin, "truncate private.feed_log").await;
    for part in 0..10 {
        run(
            &mut admin,
            &format!("update public.patients set notes = '{part}' where mrn like 'COST-%'"),
        )
        .await;
    }
    let [rows, heap, index] = [
        "select count(*)::float8 from private.feed_log",
        "select pg_relation_size('private.feed_log')::float8",
        "select pg_relation_size('private.feed_log_by_transaction')::float8",
    ];
    let rows = number(&mut admin, rows).await;
    let megabytes = |bytes: f64| bytes / 1e6 * 100_000.0 / rows;
    println!(
        "100,000 changes: {:.1} MB and {:.1} MB of index",
        megabytes(number(&mut admin, heap).await),
        megabytes(number(&mut admin, index).await),
    );

    // A day of a large hospital, most of it from one transaction, which is the hardest to plan for.
    run(
        &mut admin,
        "insert into private.feed_log (xid, horizon, table_name, key, version, at)
         select '100', '100', 'patients', gen_random_uuid(), 1, now() - interval '25 h' from generate_series(1, 900000)",
    )
    .await;
    run(&mut admin, "vacuum analyze private.feed_log").await;
    let now = watermark(&mut admin).await;
    println!(
        "feed_since, nothing new: {:.2} ms",
        reads(&mut admin, &now, 2000).await
    );
    run(
        &mut admin,
        "update public.patients set notes = 'new'
          where id in (select id from public.patients where mrn like 'COST-%' order by id limit 1000)",
    )
    .await;
    println!(
        "feed_since, 1,000 changes: {:.1} ms",
        reads(&mut admin, &now, 50).await
    );
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = std::time::Instant::now();
        run(&mut admin, "select private.clean_feed_log(5000)").await;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    println!("cleaning 5,000 rows: {:.1} ms", median(times));
}
