//! Whether bindings can be subscribed: whether the tables are published, the columns exist and may be read, and the
//! values fit their types. All or none: one wrong binding disables the channel's whole set.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row as _};

use crate::pattern;

use super::binding::{Binding, BindingError};
use super::filters::{Filter, IS_KEYWORDS, MAX_VALUES, Operand, Operator};

/// Why a set of bindings was not subscribed. The texts are the real server's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubscribeError {
    #[error(transparent)]
    Binding(#[from] BindingError),
    #[error(
        "Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the given connect parameters: {0}"
    )]
    NotPublished(String),
    #[error(
        "Unable to subscribe to changes with given parameters. An exception happened so please check your connect parameters: {binding}. Exception: ERROR {code} ({name}) {message}"
    )]
    Refused {
        binding: String,
        code: String,
        name: &'static str,
        message: String,
    },
    #[error("Unable to subscribe to changes: the database did not answer")]
    Database,
}

impl SubscribeError {
    /// Whether the same bindings may be fine later: the database is in trouble, not the bindings.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Binding(_) | Self::NotPublished(_) => false,
            Self::Refused { code, .. } => PASSING.iter().any(|class| code.starts_with(class)),
            Self::Database => true,
        }
    }
}

/// Connections, transactions, resources, operators, the system: PostgreSQL's classes of errors that nobody's SQL causes.
const PASSING: [&str; 8] = ["08", "25", "40", "53", "55", "57", "58", "XX"];

/// A column that a role may read.
struct Readable {
    cast: String,
    text: bool,
}

type Tables = BTreeMap<(String, String), BTreeMap<String, Readable>>;

/// Understands and checks a channel's bindings for `role`.
pub(crate) async fn accept(
    pool: &PgPool,
    role: &str,
    params: &[Value],
) -> Result<Vec<Binding>, SubscribeError> {
    let bindings: Vec<Binding> = params
        .iter()
        .map(Binding::parse)
        .collect::<Result<_, _>>()?;
    let Some(first) = bindings.first() else {
        return Ok(bindings);
    };
    let mut connection = pool.acquire().await.map_err(|_| SubscribeError::Database)?;
    let tables = published(&mut connection, role)
        .await
        .map_err(|error| database(first, &error))?;
    for binding in &bindings {
        check(&mut connection, &tables, binding).await?;
    }
    Ok(bindings)
}

/// The published tables, each with the columns that `role` may read.
async fn published(connection: &mut PgConnection, role: &str) -> Result<Tables, sqlx::Error> {
    let rows = sqlx::query(
        "select p.schemaname::text, p.tablename::text, a.attname::text, format_type(a.atttypid, null),
                t.typcategory = 'S', has_column_privilege($1::text, c.oid, a.attnum, 'select')
         from pg_publication_tables p
         join pg_namespace n on n.nspname = p.schemaname
         join pg_class c on c.relnamespace = n.oid and c.relname = p.tablename
         join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         join pg_type t on t.oid = a.atttypid
         where p.pubname = 'supabase_realtime'",
    )
    .bind(role)
    .fetch_all(connection)
    .await?;
    let mut tables = Tables::new();
    for row in rows {
        let columns = tables
            .entry((row.try_get(0)?, row.try_get(1)?))
            .or_default();
        if row.try_get(5)? {
            columns.insert(
                row.try_get(2)?,
                Readable {
                    cast: row.try_get(3)?,
                    text: row.try_get(4)?,
                },
            );
        }
    }
    Ok(tables)
}

async fn check(
    connection: &mut PgConnection,
    tables: &Tables,
    binding: &Binding,
) -> Result<(), SubscribeError> {
    let matching = matching(tables, binding);
    if matching.is_empty() {
        return Err(SubscribeError::NotPublished(binding.described()));
    }
    for columns in matching {
        for filter in &binding.filters {
            let column = columns.get(&filter.column).ok_or_else(|| {
                raised(
                    binding,
                    format!("invalid column for filter {}", filter.column),
                )
            })?;
            check_filter(connection, binding, filter, column).await?;
        }
        for column in binding.select.iter().flatten() {
            if !columns.contains_key(column) {
                return Err(raised(
                    binding,
                    format!("invalid column for select {column}"),
                ));
            }
        }
    }
    Ok(())
}

/// The readable columns of each table that the binding names.
fn matching<'a>(tables: &'a Tables, binding: &Binding) -> Vec<&'a BTreeMap<String, Readable>> {
    let fits = |wanted: &str, found: &str| wanted == "*" || wanted == found;
    tables
        .iter()
        .filter(|((schema, table), _)| fits(&binding.schema, schema) && fits(&binding.table, table))
        .map(|(_, columns)| columns)
        .collect()
}

async fn check_filter(
    connection: &mut PgConnection,
    binding: &Binding,
    filter: &Filter,
    column: &Readable,
) -> Result<(), SubscribeError> {
    let cast = &column.cast;
    match (&filter.value, filter.operator) {
        (_, operator) if operator.needs_text() && !column.text => {
            let name = operator.name();
            let message =
                format!("operator {name} requires a text-compatible column type, got {cast}");
            Err(raised(binding, message))
        }
        (Operand::Many(values), _) if values.len() > MAX_VALUES => Err(raised(
            binding,
            format!("too many values for `in` filter. Maximum {MAX_VALUES}"),
        )),
        (Operand::One(value), Operator::Is) => {
            match IS_KEYWORDS
                .iter()
                .any(|keyword| value.eq_ignore_ascii_case(keyword))
            {
                true => Ok(()),
                false => {
                    let message =
                        "invalid value for is filter: must be null, true, false, or unknown";
                    Err(raised(binding, message.to_owned()))
                }
            }
        }
        (Operand::Many(values), _) => {
            // The cast's name is PostgreSQL's own spelling of a type; the values are parameters.
            let sql = AssertSqlSafe(format!("select ($1::text[]::{cast}[])::text"));
            sqlx::query(sql)
                .bind(values)
                .execute(connection)
                .await
                .map_err(|error| database(binding, &error))?;
            Ok(())
        }
        (Operand::One(value), Operator::Match | Operator::Imatch) => {
            let refused = |message| SubscribeError::Refused {
                binding: binding.described(),
                code: pattern::CODE.to_owned(),
                name: condition_name(pattern::CODE),
                message,
            };
            pattern::check(value).map_err(|why| refused(pattern::message(why)))?;
            // A pattern that PostgreSQL can't read would fail for every change, and with it the feed of all.
            sqlx::query("select '' ~ $1")
                .bind(value)
                .execute(connection)
                .await
                .map_err(|error| database(binding, &error))?;
            Ok(())
        }
        (Operand::One(value), _) => {
            let sql = AssertSqlSafe(format!("select ($1::text::{cast})::text"));
            sqlx::query(sql)
                .bind(value)
                .execute(connection)
                .await
                .map_err(|error| database(binding, &error))?;
            Ok(())
        }
    }
}

fn raised(binding: &Binding, message: String) -> SubscribeError {
    SubscribeError::Refused {
        binding: binding.described(),
        code: "P0001".to_owned(),
        name: "raise_exception",
        message,
    }
}

fn database(binding: &Binding, error: &sqlx::Error) -> SubscribeError {
    let Some(error) = error.as_database_error() else {
        return SubscribeError::Database;
    };
    let code = error.code().unwrap_or_default().into_owned();
    SubscribeError::Refused {
        binding: binding.described(),
        name: condition_name(&code),
        code,
        message: error.message().to_owned(),
    }
}

/// PostgreSQL's name for an error code, of those that a cast or a role can cause.
fn condition_name(code: &str) -> &'static str {
    match code {
        "22P02" => "invalid_text_representation",
        "22003" => "numeric_value_out_of_range",
        "22007" => "invalid_datetime_format",
        "22008" => "datetime_field_overflow",
        "22P03" => "invalid_binary_representation",
        "2201B" => "invalid_regular_expression",
        "42704" => "undefined_object",
        "42501" => "insufficient_privilege",
        "42846" => "cannot_coerce",
        _ => "error",
    }
}
