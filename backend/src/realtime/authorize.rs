//! Rights on private channels: what the policies on `realtime.messages` say about a topic. They are asked the way a
//! row would ask them, in a transaction that is never committed.

use serde_json::Value;
use sqlx::{PgConnection, Row as _};

use super::hub::Viewer;
use super::join::Replay;
use crate::db::Db;

/// What somebody may do in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rights {
    pub(crate) broadcast: bool,
    pub(crate) presence: bool,
}

impl Rights {
    /// On public channels everybody may do everything.
    pub(crate) const ALL: Self = Self {
        broadcast: true,
        presence: true,
    };
}

/// Whether `viewer` may read broadcasts and presence of the private topic. A policy that fails grants nothing.
pub(crate) async fn read_rights(
    db: &Db,
    viewer: &Viewer,
    topic: &str,
) -> Result<Rights, sqlx::Error> {
    let mut tx = db.begin().await?;
    let ids = probes(&mut tx, topic).await?;
    act_as(&mut tx, viewer, topic).await?;
    let seen = sqlx::query_scalar::<_, String>(
        "select extension from realtime.messages where id::text = any ($1)",
    )
    .bind(&ids)
    .fetch_all(&mut *tx)
    .await;
    tx.rollback().await?;
    let seen = seen.unwrap_or_default();
    let may = |extension: &str| seen.iter().any(|found| found == extension);
    Ok(Rights {
        broadcast: may("broadcast"),
        presence: may("presence"),
    })
}

/// Whether `viewer` may send broadcasts and presence to the private topic.
pub(crate) async fn write_rights(
    db: &Db,
    viewer: &Viewer,
    topic: &str,
) -> Result<Rights, sqlx::Error> {
    let mut rights = Rights::default();
    for (extension, right) in [
        ("broadcast", &mut rights.broadcast),
        ("presence", &mut rights.presence),
    ] {
        let mut tx = db.begin().await?;
        act_as(&mut tx, viewer, topic).await?;
        let written = sqlx::query(
            "insert into realtime.messages (topic, extension, private) values ($1, $2, true)",
        )
        .bind(topic)
        .bind(extension)
        .execute(&mut *tx)
        .await;
        *right = written.is_ok();
        tx.rollback().await?;
    }
    Ok(rights)
}

/// One row of each kind for the policies to look at.
async fn probes(connection: &mut PgConnection, topic: &str) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "insert into realtime.messages (topic, extension, private)
         values ($1, 'broadcast', true), ($1, 'presence', true) returning id::text",
    )
    .bind(topic)
    .fetch_all(connection)
    .await
}

/// Takes the role and the claims of `viewer` until the transaction ends.
pub(crate) async fn act_as(
    connection: &mut PgConnection,
    viewer: &Viewer,
    topic: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true),
                set_config('realtime.topic', $3, true)",
    )
    .bind(&viewer.role)
    .bind(viewer.claims.as_ref())
    .bind(topic)
    .execute(connection)
    .await?;
    Ok(())
}

/// Stored messages of a private topic, the newest `limit` of them, oldest first, as payloads of `broadcast`.
pub(crate) async fn replay(
    db: &Db,
    topic: &str,
    replay: Replay,
) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query(
        "select id::text, event, coalesce(payload, '{}')::text from (
           select id, event, payload, inserted_at from realtime.messages
           where topic = $1 and extension = 'broadcast' and private and event is not null
             and inserted_at >= to_timestamp($2::float8 / 1000) at time zone current_setting('timezone')
             and inserted_at > now() - interval '72 hours'
           order by inserted_at desc limit $3
         ) newest order by inserted_at",
    )
    .bind(topic)
    .bind(replay.since_ms as f64)
    .bind(replay.limit)
    .fetch_all(db.pool())
    .await?;
    rows.iter()
        .map(|row| {
            let (id, event, payload): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let (id, event) = (Value::from(id), Value::from(event));
            Ok(format!(
                r#"{{"event":{event},"meta":{{"id":{id},"replayed":true}},"payload":{payload},"type":"broadcast"}}"#
            ))
        })
        .collect()
}
