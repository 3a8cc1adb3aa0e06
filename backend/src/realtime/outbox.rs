//! The table in which the triggers leave what happened: read and emptied here, in the order of commits.

use sqlx::{PgPool, Row as _};

use super::binding::Operation;
use super::catalog::Epoch;

/// So much is taken at a time: enough that a burst is few round trips, little enough to hold in memory.
const TAKEN: i64 = 10_000;

/// Something that was committed.
#[derive(Debug)]
pub(crate) enum Entry {
    Change(Change),
    /// A row of `realtime.messages`, as JSON text.
    Message(String),
}

/// A row that was inserted, updated or deleted.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) operation: Operation,
    pub(crate) relation: u32,
    /// When its transaction was committed, in UTC with milliseconds.
    pub(crate) committed_at: String,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

/// What was taken, and as of which schema.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) entries: Vec<Entry>,
    pub(crate) epoch: Epoch,
}

impl Taken {
    /// Whether more may be waiting.
    pub(crate) fn is_full(&self) -> bool {
        i64::try_from(self.entries.len()).is_ok_and(|taken| taken >= TAKEN)
    }
}

/// Takes what is there.
///
/// Entries are deleted as they are read, not remembered by number: on a server with many connections a lower number
/// may be committed after a higher one. (As `id in (select ..)` the statement got a plan of quadratic cost after a few
/// runs: 6 s for 5,000 rows.)
pub(crate) async fn take(pool: &PgPool, follows_schema: bool) -> Result<Taken, sqlx::Error> {
    let rows = sqlx::query(
        r#"with taken as (
             delete from realtime.outbox
             where id <= (select max(id) from (select id from realtime.outbox order by id limit $1) first)
             returning id, xid, at, kind, relation, old, new
           )
           select kind::text, relation::int8,
                  to_char(max(at) over (partition by xid) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                  old::text, new::text, (select last_value from realtime.schema_epoch)
           from taken
           order by max(id) over (partition by xid), id"#,
    )
    .bind(TAKEN)
    .fetch_all(pool)
    .await?;
    let mut epoch = Epoch::Unknown;
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        if follows_schema {
            epoch = Epoch::Known(row.try_get(5)?);
        }
        let operation = match row.try_get::<String, _>(0)?.as_str() {
            "I" => Operation::Insert,
            "U" => Operation::Update,
            "D" => Operation::Delete,
            _ => {
                entries.extend(row.try_get::<Option<String>, _>(4)?.map(Entry::Message));
                continue;
            }
        };
        entries.push(Entry::Change(Change {
            operation,
            relation: u32::try_from(row.try_get::<i64, _>(1)?).unwrap_or_default(),
            committed_at: row.try_get(2)?,
            old: row.try_get(3)?,
            new: row.try_get(4)?,
        }));
    }
    Ok(Taken { entries, epoch })
}
