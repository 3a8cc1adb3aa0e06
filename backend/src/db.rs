//! The one door to PostgreSQL.
//!
//! The embedded PostgreSQL has a single connection, so there is a single pool of size one and everybody waits in line
//! for it, first come, first served. The rule that keeps this live: acquire, run one short transaction, release; never
//! hold the connection while waiting for anything but PostgreSQL. A second connection would hang until the first ends.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgPool, Postgres, Transaction};

/// How long one may wait in line before the request fails: the server is stuck, not busy.
const QUEUE_LIMIT: Duration = Duration::from_secs(20);

/// A cloneable handle on the connection.
///
/// ```no_run
/// # async fn example(db: bedside_backend::db::Db) -> Result<(), sqlx::Error> {
/// let mut tx = db.begin().await?;
/// sqlx::query("update public.wards set beds = beds + 1").execute(&mut *tx).await?;
/// tx.commit().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Db {
    pool: PgPool,
}

impl Db {
    /// Connects and proves the connection with a first statement.
    pub(crate) async fn connect(options: PgConnectOptions) -> Result<Self, sqlx::Error> {
        // Statements carry rows and tokens: sqlx must not log them.
        let options = options.disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .min_connections(0)
            .acquire_timeout(QUEUE_LIMIT)
            .idle_timeout(None)
            .max_lifetime(None)
            // The connection is in this process; a ping before each use would cost more than it tells.
            .test_before_acquire(false)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    // As in a Supabase project, so that seeds find what lives in `extensions`.
                    connection
                        .execute(r#"set search_path to "$user", public, extensions"#)
                        .await?;
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self { pool })
    }

    /// Begins a transaction as the owner; dropped without commit, it is rolled back.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin().await
    }

    /// The pool itself, for single statements and for libraries that want one. Its size is one: see the module.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Runs a script of several statements in one transaction.
    pub async fn run_script(&self, sql: &str) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        tx.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
        tx.commit().await
    }

    /// Waits for the transaction in progress, then closes the connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
