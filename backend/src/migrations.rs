//! `supabase/migrations/*.sql` in order, each once, and `seed.sql` once after the first of them.
//!
//! A migration and its record are one transaction, recorded where the Supabase CLI records it, so the CLI can take over
//! a database served with `--database-url`. This module never edits or splits the SQL.

use std::fs;
use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Executor as _};

use crate::db::Db;
use crate::error::StartError;

const RECORD: &str = "
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (
  version text primary key,
  statements text[],
  name text
);
create table if not exists supabase_migrations.seed_files (
  path text primary key,
  hash text not null
);
";

/// What [`apply`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied {
    /// How many migrations ran now.
    pub(crate) migrations: usize,
    /// Whether the seed ran now.
    pub(crate) seeded: bool,
}

/// One migration file, named `<version>_<name>.sql`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Migration {
    version: String,
    name: String,
    file: PathBuf,
}

/// Finds out early that there is nothing to apply: the folder is a wrong one.
pub(crate) fn find(supabase: &Path) -> Result<(), StartError> {
    list(&supabase.join("migrations")).map(drop)
}

/// Applies what has not been applied yet.
pub(crate) async fn apply(db: &Db, supabase: &Path) -> Result<Applied, StartError> {
    let migrations = list(&supabase.join("migrations"))?;
    db.run_script(RECORD)
        .await
        .map_err(StartError::database("preparing the record of migrations"))?;
    let done: Vec<String> =
        sqlx::query_scalar("select version from supabase_migrations.schema_migrations")
            .fetch_all(db.pool())
            .await
            .map_err(StartError::database("reading the record of migrations"))?;
    let mut applied = Applied {
        migrations: 0,
        seeded: false,
    };
    for migration in migrations.iter().filter(|m| !done.contains(&m.version)) {
        run(db, migration).await?;
        applied.migrations += 1;
    }
    applied.seeded = seed(db, &supabase.join("seed.sql")).await?;
    Ok(applied)
}

async fn run(db: &Db, migration: &Migration) -> Result<(), StartError> {
    let sql = read(&migration.file)?;
    let failed = |error| sql_error(&migration.file, &sql, error);
    let mut tx = db.begin().await.map_err(failed)?;
    tx.execute(sqlx::raw_sql(AssertSqlSafe(sql.as_str())))
        .await
        .map_err(failed)?;
    sqlx::query(
        "insert into supabase_migrations.schema_migrations (version, name, statements) values ($1, $2, array[$3])",
    )
    .bind(&migration.version)
    .bind(&migration.name)
    .bind(&sql)
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    tx.commit().await.map_err(failed)
}

/// Runs the seed unless it has run before; no file is no seed.
async fn seed(db: &Db, file: &Path) -> Result<bool, StartError> {
    if !file.is_file() {
        return Ok(false);
    }
    let seeded: bool =
        sqlx::query_scalar("select exists (select from supabase_migrations.seed_files)")
            .fetch_one(db.pool())
            .await
            .map_err(StartError::database("reading the record of seeds"))?;
    if seeded {
        return Ok(false);
    }
    let sql = read(file)?;
    let failed = |error| sql_error(file, &sql, error);
    let mut tx = db.begin().await.map_err(failed)?;
    tx.execute(sqlx::raw_sql(AssertSqlSafe(sql.as_str())))
        .await
        .map_err(failed)?;
    sqlx::query(
        "insert into supabase_migrations.seed_files (path, hash) \
         values ('supabase/seed.sql', encode(sha256(convert_to($1, 'utf8')), 'hex'))",
    )
    .bind(&sql)
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    Ok(true)
}

fn read(file: &Path) -> Result<String, StartError> {
    fs::read_to_string(file).map_err(StartError::file("read", file))
}

/// The migrations of a folder in the order of their versions; files of other names are not migrations.
fn list(folder: &Path) -> Result<Vec<Migration>, StartError> {
    let none = || StartError::NoMigrations(folder.to_owned());
    let mut found: Vec<Migration> = fs::read_dir(folder)
        .map_err(|_| none())?
        .filter_map(Result::ok)
        .filter_map(|entry| parse_name(entry.path()))
        .collect();
    if found.is_empty() {
        return Err(none());
    }
    found.sort_by(|a, b| a.version.cmp(&b.version));
    Ok(found)
}

fn parse_name(file: PathBuf) -> Option<Migration> {
    let stem = file.file_name()?.to_str()?.strip_suffix(".sql")?;
    let (version, name) = stem.split_once('_')?;
    let numbered = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit());
    numbered.then(|| Migration {
        version: version.to_owned(),
        name: name.to_owned(),
        file: file.clone(),
    })
}

/// PostgreSQL's message with the line it points to, which its position alone doesn't tell a person.
fn sql_error(file: &Path, sql: &str, error: sqlx::Error) -> StartError {
    let message = match error.as_database_error() {
        Some(db) => {
            let position = db
                .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
                .and_then(|e| e.position());
            match position {
                Some(sqlx::postgres::PgErrorPosition::Original(at)) => {
                    let line = 1 + sql
                        .chars()
                        .take(at.saturating_sub(1))
                        .filter(|c| *c == '\n')
                        .count();
                    format!("line {line}: {}", db.message())
                }
                _ => db.message().to_owned(),
            }
        }
        None => error.to_string(),
    };
    StartError::Sql {
        file: file.to_owned(),
        message,
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    #[test]
    fn a_migration_is_named_by_digits_and_a_name() {
        let parsed = parse_name(PathBuf::from("m/20260101000000_first_tables.sql")).unwrap();
        assert_eq!(
            (parsed.version.as_str(), parsed.name.as_str()),
            ("20260101000000", "first_tables")
        );
        for other in ["README.md", "x.sql", "_x.sql", "v1_x.sql", "2026_x.sql.bak"] {
            assert_eq!(parse_name(PathBuf::from(other)), None, "{other}");
        }
    }
}
