//! The feed's proof of life: a row that counts, published, and scheduled where there is something to schedule it with.

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

#[test]
fn without_pg_cron_nothing_is_scheduled() {
    on_the_ward(|mut ward| async move {
        let scheduled: bool = ward.fact("select private.schedule_feed_heartbeat()").await;
        assert!(!scheduled);
    });
}

#[test]
fn with_pg_cron_the_beat_is_scheduled_every_ten_seconds_and_its_log_is_kept_short() {
    on_the_ward(|mut ward| async move {
        // What pg_cron would bring, as far as it is used.
        ward.owner(
            "create schema cron;
             create table cron.job (jobname text primary key, schedule text, command text);
             create function cron.schedule(job_name text, schedule text, command text) returns bigint language sql as
               'insert into cron.job values ($1, $2, $3) on conflict (jobname) do update set schedule = $2, command = $3 returning 1::bigint';
             set local allow_system_table_mods = on;
             insert into pg_catalog.pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
             values (99999, 'pg_cron', (select oid from pg_roles where rolname = current_user), 'cron'::regnamespace, false, '1.6')",
        )
        .await;
        for _ in 0..2 {
            let scheduled: bool = ward.fact("select private.schedule_feed_heartbeat()").await;
            assert!(scheduled);
        }
        let jobs: Vec<String> = ward
            .fact("select array_agg(jobname || ' ' || schedule order by jobname) from cron.job")
            .await;
        assert_eq!(
            jobs,
            [
                "bedside-feed-heartbeat 10 seconds",
                "bedside-feed-heartbeat-log 17 3 * * *"
            ]
        );
    });
}
