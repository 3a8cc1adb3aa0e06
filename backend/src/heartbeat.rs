//! The heartbeat of the change feed, where no pg_cron beats it.
//!
//! The migrations bring a function that counts a published row up; a Supabase project calls it by schedule. The embedded
//! PostgreSQL has no scheduler, so the backend calls it. This is its only caller: two would make clients see numbers at
//! half the interval, and a heartbeat that is switched off would go on. What listens to the beat is not known here.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::db::Db;
use crate::realtime::Realtime;

/// A beating heart; it stops when dropped.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    beating: Option<JoinHandle<()>>,
}

impl Heartbeat {
    /// Beats every `period` if the database has something to beat and nothing else beats it.
    pub(crate) async fn start(
        db: Db,
        realtime: Arc<Realtime>,
        period: Option<Duration>,
    ) -> Result<Self, sqlx::Error> {
        let ours: bool = sqlx::query_scalar(
            "select to_regprocedure('private.beat_feed()') is not null \
                and not exists (select from pg_extension where extname = 'pg_cron')",
        )
        .fetch_one(db.pool())
        .await?;
        let beating = period
            .filter(|period| ours && !period.is_zero())
            .map(|period| tokio::spawn(beat(db, realtime, period)));
        Ok(Self { beating })
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        if let Some(beating) = &self.beating {
            beating.abort();
        }
    }
}

async fn beat(db: Db, realtime: Arc<Realtime>, period: Duration) {
    let mut ticks = tokio::time::interval(period);
    // A backend that was asleep owes no beats: a burst of them would prove nothing.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match sqlx::query("select private.beat_feed()")
            .execute(db.pool())
            .await
        {
            Ok(_) => realtime.wake(),
            Err(error) => tracing::warn!(%error, "the feed's heartbeat was skipped"),
        }
    }
}
