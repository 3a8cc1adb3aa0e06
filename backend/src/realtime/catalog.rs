//! What the database says about the tables whose changes are sent: columns, keys, Row Level Security, and which role
//! may read what. Kept until the schema changes; it knows no rows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{PgConnection, Row as _};

use super::row::Column;

/// How long an answer is believed where no event trigger tells of changes.
const BELIEVED: Duration = Duration::from_secs(1);

/// One table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) row_security: bool,
    pub(crate) columns: Vec<Column>,
    /// By role, which columns it may read, in the order of `columns`.
    readable: HashMap<String, Vec<bool>>,
}

impl Table {
    /// The columns that `role` may read.
    pub(crate) fn readable_by(&self, role: &str) -> Vec<&Column> {
        let Some(readable) = self.readable.get(role) else {
            return Vec::new();
        };
        self.columns
            .iter()
            .zip(readable)
            .filter(|(_, readable)| **readable)
            .map(|(column, _)| column)
            .collect()
    }

    pub(crate) fn key(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.key)
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// The tables asked for so far.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    epoch: Option<i64>,
    read_at: Option<Instant>,
    tables: HashMap<u32, Arc<Table>>,
    roles: HashSet<String>,
}

impl Catalog {
    /// The tables with these oids, as of `epoch`; those that are gone are missing.
    pub(crate) async fn tables(
        &mut self,
        connection: &mut PgConnection,
        epoch: Epoch,
        oids: &HashSet<u32>,
        roles: &HashSet<String>,
    ) -> Result<&HashMap<u32, Arc<Table>>, sqlx::Error> {
        let fresh = match epoch {
            Epoch::Known(epoch) => self.epoch == Some(epoch),
            Epoch::Unknown => self.read_at.is_some_and(|at| at.elapsed() < BELIEVED),
        };
        let complete =
            roles.is_subset(&self.roles) && oids.iter().all(|oid| self.tables.contains_key(oid));
        if !(fresh && complete) {
            if !fresh {
                self.tables.clear();
                self.roles.clear();
            }
            self.roles.extend(roles.iter().cloned());
            let wanted: HashSet<u32> = oids.iter().chain(self.tables.keys()).copied().collect();
            self.tables = read(connection, &wanted, &self.roles).await?;
            self.read_at = Some(Instant::now());
            self.epoch = match epoch {
                Epoch::Known(epoch) => Some(epoch),
                Epoch::Unknown => None,
            };
        }
        Ok(&self.tables)
    }
}

/// Which version of the schema is the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Epoch {
    Known(i64),
    /// Nothing counts the changes here.
    Unknown,
}

async fn read(
    connection: &mut PgConnection,
    oids: &HashSet<u32>,
    roles: &HashSet<String>,
) -> Result<HashMap<u32, Arc<Table>>, sqlx::Error> {
    let oids: Vec<i64> = oids.iter().map(|oid| i64::from(*oid)).collect();
    let roles: Vec<String> = roles.iter().cloned().collect();
    let rows = sqlx::query(
        "select c.oid::int8, n.nspname::text, c.relname::text, c.relrowsecurity,
                a.attname::text, t.typname::text, format_type(a.atttypid, null),
                coalesce(a.attnum = any (i.indkey), false),
                array(select case when r.oid is null then false else has_column_privilege(r.oid, c.oid, a.attnum, 'select') end
                      from unnest($2::text[]) with ordinality as wanted (role, nth)
                      left join pg_roles r on r.rolname = wanted.role order by wanted.nth)
         from pg_class c
         join pg_namespace n on n.oid = c.relnamespace
         join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         join pg_type t on t.oid = a.atttypid
         left join pg_index i on i.indrelid = c.oid and i.indisprimary
         where c.oid in (select unnest($1::int8[])::oid)
         order by c.oid, a.attnum",
    )
    .bind(oids)
    .bind(&roles)
    .fetch_all(connection)
    .await?;
    let mut tables: HashMap<u32, Table> = HashMap::new();
    for row in rows {
        let oid = u32::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default();
        let table = match tables.entry(oid) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => entry.insert(Table {
                schema: row.try_get(1)?,
                name: row.try_get(2)?,
                row_security: row.try_get(3)?,
                columns: Vec::new(),
                readable: roles
                    .iter()
                    .map(|role| (role.clone(), Vec::new()))
                    .collect(),
            }),
        };
        table.columns.push(Column {
            name: row.try_get(4)?,
            type_name: row.try_get(5)?,
            cast: row.try_get(6)?,
            key: row.try_get(7)?,
        });
        for (role, readable) in roles.iter().zip(row.try_get::<Vec<bool>, _>(8)?) {
            table
                .readable
                .entry(role.clone())
                .or_default()
                .push(readable);
        }
    }
    Ok(tables
        .into_iter()
        .map(|(oid, table)| (oid, Arc::new(table)))
        .collect())
}
