//! The feed's previous proof of life, for clients that don't use `feed_since`: a row that counts up and is published.
//! No schedule counts it up any more.

use crate::policies::ward::{Outcome, Person, against_a_rule, on_the_ward};

#[test]
fn a_beat_counts_up_by_one_and_takes_the_time() {
    on_the_ward(|mut ward| async move {
        let before: i64 = ward.fact("select beat from public.feed_heartbeat").await;
        ward.owner("select private.beat_feed(); select private.beat_feed()")
            .await;
        let after: i64 = ward.fact("select beat from public.feed_heartbeat").await;
        assert_eq!(after, before + 2);
        let recent: bool = ward
            .fact("select at between now() and clock_timestamp() from public.feed_heartbeat")
            .await;
        assert!(recent);
    });
}

#[test]
fn the_beat_takes_the_time_whoever_makes_it() {
    on_the_ward(|mut ward| async move {
        ward.owner("update public.feed_heartbeat set beat = beat + 1, at = '1999-01-01'")
            .await;
        let recent: bool = ward
            .fact("select at between now() and clock_timestamp() from public.feed_heartbeat")
            .await;
        assert!(recent);
    });
}

#[test]
fn there_is_one_row_and_never_a_second() {
    on_the_ward(|mut ward| async move {
        let rows: i64 = ward
            .fact("select count(*) from public.feed_heartbeat")
            .await;
        assert_eq!(rows, 1);
        for second in ["id = 2", "id = 0"] {
            let sql = format!("update public.feed_heartbeat set {second}");
            assert_eq!(
                ward.attempt(Person::Service, &sql).await,
                against_a_rule(),
                "{second}"
            );
        }
        let sql = "insert into public.feed_heartbeat default values";
        assert_eq!(
            ward.attempt(Person::Service, sql).await,
            Outcome::Refused("23505".to_owned())
        );
    });
}

/// The last block of the migration that ends the heartbeat.
fn end_of_heartbeat() -> &'static str {
    let migration = include_str!("../../../../supabase/migrations/20261207090000_feed_log.sql");
    let begin = migration.find("do $end_heartbeat$").unwrap();
    &migration[begin..]
}

#[test]
fn without_pg_cron_there_is_no_schedule_to_end() {
    on_the_ward(|mut ward| async move {
        ward.owner(end_of_heartbeat()).await;
    });
}

#[test]
fn with_pg_cron_the_schedule_of_the_beat_ends_and_no_other() {
    on_the_ward(|mut ward| async move {
        // What pg_cron would bring, as far as it is used.
        ward.owner(
            "create schema cron;
             create table cron.job (jobid bigint generated always as identity, jobname text);
             create function cron.unschedule(job_id bigint) returns boolean language sql as
               'delete from cron.job where jobid = $1 returning true';
             set local allow_system_table_mods = on;
             insert into pg_catalog.pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
             values (99999, 'pg_cron', (select oid from pg_roles where rolname = current_user), 'cron'::regnamespace, false, '1.6');
             insert into cron.job (jobname) values ('bedside-feed-heartbeat'), ('bedside-feed-heartbeat-log'), ('backup')",
        )
        .await;
        for _ in 0..2 {
            ward.owner(end_of_heartbeat()).await;
            let jobs: Vec<String> = ward.fact("select array_agg(jobname) from cron.job").await;
            assert_eq!(jobs, ["backup"]);
        }
    });
}
